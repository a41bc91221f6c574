//! Carries a plan out, while somebody may watch and may ask to stop.

use crate::engine::apply::{Outcome, apply};
use crate::engine::event::Events;
use crate::engine::plan::Plan;
use crate::engine::{Stop, event};
use crate::error::{Error, Result};
use crate::report::{Reporter, progress};
use crate::resources::{Kind, World};
use crate::signals;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Turns signals into requests to stop, as long as it lives: the first starts nothing new, the second
/// drops what runs.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The request.
    pub(crate) stop: Stop,
    task: JoinHandle<()>,
}

impl Listener {
    /// Begins to listen.
    pub(crate) fn begin() -> Self {
        let stop = Stop::default();
        let (handler, asked) = (signals::handle(2), stop.clone());
        let task = tokio::spawn(async move {
            for times in 1..=2 {
                handler.received(times).await;
                asked.ask();
            }
            std::future::pending::<()>().await;
        });
        Self { stop, task }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Does what the plan says and shows what happens.
///
/// # Errors
/// A step failed, or the user asked to stop. `again` is the command that goes on.
pub(crate) async fn carry_out(
    plan: &Plan<Kind>,
    world: &Arc<World>,
    reporter: &Reporter,
    stop: &Stop,
    again: &str,
) -> Result<Outcome> {
    let (events, receiver) = Events::channel();
    let watcher = tokio::spawn(progress::follow(*reporter, receiver));
    let outcome = apply(plan, world, &events, stop).await;
    drop::<event::Events>(events);
    // The watcher ends with the last sender; if it broke, what was done is still true.
    let _ = watcher.await;
    verdict(outcome, stop, reporter, again)
}

/// One cause is told once, however many steps met it.
fn verdict(outcome: Outcome, stop: &Stop, reporter: &Reporter, again: &str) -> Result<Outcome> {
    if outcome.is_complete() {
        return Ok(outcome);
    }
    let (done, left) = (outcome.done.len(), outcome.left.len());
    if stop.is_asked() {
        return Err(Error::interrupted(format!(
            "stopped: {done} steps are done, {left} were not begun"
        ))
        .hint(format!("`{again}` goes on from here")));
    }
    let mut told: Vec<Error> = Vec::new();
    let mut again_told = 0;
    for (_, error) in outcome.failed {
        // Six steps that meet one dead network are one story.
        if told.iter().any(|known| known.causes() == error.causes()) {
            again_told += 1;
        } else {
            told.push(error);
        }
    }
    if again_told > 0 {
        reporter.note(&format!(
            "{again_told} more steps failed for the same reason"
        ));
    }
    let last = told.pop();
    told.iter().for_each(|error| reporter.error(error));
    let skipped = outcome.skipped.len();
    if skipped > 0 {
        reporter.note(&format!("{skipped} steps that needed it were skipped"));
    }
    let last = last.unwrap_or_else(|| Error::failed("some steps were not begun"));
    Err(last.hint(format!(
        "nothing is rolled back: `{again}` goes on from here"
    )))
}
