//! What a running step may use: the run's context, progress notes, and the rate limits.

use super::event::{EventKind, Events};
use super::pace::{Cost, Pace};
use super::resource::Id;
use super::wait::Waits;
use crate::error::{Error, Result};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long something that was just made may be invisible.
const VISIBLE_WITHIN: Duration = Duration::from_secs(10);

/// What one look at a thing shows that a step has made or found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look<T> {
    /// It is not there.
    Missing,
    /// It is there, and not as far as it has to be.
    NotYet,
    /// It is.
    Ready(T),
}

/// Tells what is not visible yet from what somebody deleted.
#[derive(Debug)]
struct Presence {
    began: Instant,
    seen: bool,
    misses: u32,
}

impl Presence {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            seen: false,
            misses: 0,
        }
    }

    /// It was there and is missing twice in a row, or it never appeared.
    fn is_deleted<T>(&mut self, look: &Look<T>) -> bool {
        if !matches!(look, Look::Missing) {
            self.seen = true;
            self.misses = 0;
            return false;
        }
        self.misses += 1;
        self.misses > 1 && (self.seen || self.began.elapsed() > VISIBLE_WITHIN)
    }
}

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

    /// Looks at a thing of this run until it is ready, and gives up at once when somebody deleted it.
    /// `what` is the thing, `state` what it shall do: "the table", "to become active".
    ///
    /// # Errors
    /// What `look` fails with, that `limit` is over, or that the thing was deleted.
    pub async fn until_ready<T, F, Fut>(
        &self,
        what: &str,
        state: &str,
        limit: Duration,
        mut look: F,
    ) -> Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<Look<T>>> + Send,
        T: Send,
    {
        let presence = Mutex::new(Presence::new());
        let attempt = || {
            let (look, presence) = (look(), &presence);
            async move {
                let look = look.await?;
                let mut presence = presence.lock().unwrap_or_else(PoisonError::into_inner);
                if presence.is_deleted(&look) {
                    return Err(deleted(what));
                }
                Ok(match look {
                    Look::Ready(seen) => Some(seen),
                    Look::Missing | Look::NotYet => None,
                })
            }
        };
        self.until(&format!("{what} {state}"), limit, attempt).await
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

/// What this run made, or found, is gone by somebody else's doing.
pub fn deleted(what: &str) -> Error {
    Error::failed(format!(
        "{what} was deleted by somebody while this run used it"
    ))
    .hint("a teardown or another tool is at work on the same stack; run this again when it is done")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_and_is_missing_twice_was_deleted() {
        let mut presence = Presence::new();
        let looks = [
            Look::Missing,
            Look::Missing,
            Look::NotYet,
            Look::Missing,
            Look::Missing,
        ];
        let deleted = looks.map(|look: Look<()>| presence.is_deleted(&look));
        assert_eq!(deleted, [false, false, false, false, true]);
    }

    #[test]
    fn what_never_appears_was_deleted_too() {
        let mut presence = Presence::new();
        presence.began -= VISIBLE_WITHIN * 2;
        assert!(!presence.is_deleted(&Look::<()>::Missing));
        assert!(presence.is_deleted(&Look::<()>::Missing));
    }
}
