//! What a running step may use: the run's context, progress notes, and the rate limits.

use super::event::{EventKind, Events};
use super::pace::{Cost, Pace};
use super::resource::Id;
use super::wait::Waits;
use crate::error::{Error, Result};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Given to a step while it runs. `C` is the resources' own context.
#[derive(Debug)]
pub struct StepContext<C> {
    id: Id,
    run: Arc<C>,
    events: Events,
    pace: Arc<Pace>,
}

impl<C> Clone for StepContext<C> {
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            run: Arc::clone(&self.run),
            events: self.events.clone(),
            pace: Arc::clone(&self.pace),
        }
    }
}

impl<C> StepContext<C> {
    pub(super) fn new(id: Id, run: Arc<C>, events: Events, pace: Arc<Pace>) -> Self {
        Self {
            id,
            run,
            events,
            pace,
        }
    }

    /// The context that all steps of the run share.
    pub fn run(&self) -> &C {
        &self.run
    }

    /// Says what the step does or waits for.
    pub fn note(&self, text: impl Into<String>) {
        self.events.send(EventKind::Note {
            id: self.id.clone(),
            text: text.into(),
        });
    }

    /// Says what the step's thing is called, where the plan could not know it yet.
    pub fn named(&self, name: &str) {
        self.events.send(EventKind::Named {
            id: self.id.clone(),
            name: name.to_owned(),
        });
    }

    /// Takes tokens of a known limit, and waits for them if there are none.
    pub async fn pace(&self, cost: Cost) {
        let wait = self.pace.take(cost);
        if !wait.is_zero() {
            let (name, seconds) = (cost.of.name, cost.of.every.as_secs_f32());
            self.note(format!(
                "waiting for the rate limit of {name} (1 in {seconds} s)"
            ));
            tokio::time::sleep(wait).await;
        }
    }

    /// Looks until `look` sees it, with growing waits. `what` completes "waiting for …".
    ///
    /// # Errors
    /// What `look` fails with, or that `limit` is over.
    pub async fn until<T, F, Fut>(&self, what: &str, limit: Duration, mut look: F) -> Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<Option<T>>> + Send,
    {
        let mut waits = Waits::until(limit);
        let mut said = false;
        loop {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            if !said {
                self.note(format!("waiting for {what}"));
                said = true;
            }
            if !waits.again().await {
                let seconds = limit.as_secs();
                return Err(
                    Error::failed(format!("gave up waiting for {what} after {seconds} s"))
                        .hint("run the same command again: it goes on where this one stopped"),
                );
            }
        }
    }
}
