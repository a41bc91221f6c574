//! Carries a plan out, while somebody may watch and may ask to stop.

use super::ui::{Notice, Ui};
use crate::engine::Stop;
use crate::engine::apply::{Outcome, apply};
use crate::engine::event::{self, Events};
use crate::engine::plan::Plan;
use crate::error::{Error, Result};
use crate::resources::{Kind, RunContext};
use crate::signals;
use std::ops::Deref;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Turns signals into requests to stop, as long as it lives: the first starts nothing new, the second
/// drops what runs.
#[derive(Debug)]
pub(super) struct Listener {
    stop: Stop,
    task: JoinHandle<()>,
}

impl Listener {
    /// Begins to listen.
    pub(super) fn begin() -> Self {
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

impl Deref for Listener {
    type Target = Stop;

    fn deref(&self) -> &Stop {
        &self.stop
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Does what the plan says and shows what happens. `again` is the command that continues.
///
/// # Errors
/// A step failed, or the user asked to stop.
pub(super) async fn execute(
    plan: &Plan<Kind>,
    run: &Arc<RunContext>,
    ui: &impl Ui,
    stop: &Stop,
    again: &str,
) -> Result<()> {
    if plan.is_empty() {
        return Ok(());
    }
    let (events, receiver) = Events::channel();
    let watcher = tokio::spawn(ui.follow(receiver));
    let outcome = apply(plan, run, &events, stop).await;
    drop::<event::Events>(events);
    // The watcher ends with the last sender; if it broke, what was done is still true.
    let _ = watcher.await;
    verdict(outcome, stop, ui, again)
}

/// One cause is told once, however many steps met it.
fn verdict(outcome: Outcome, stop: &Stop, ui: &impl Ui, again: &str) -> Result<()> {
    if outcome.is_complete() {
        return Ok(());
    }
    let (done, left) = (outcome.done.len(), outcome.left.len());
    if stop.is_asked() {
        return Err(Error::interrupted(format!(
            "stopped: {done} steps are done, {left} were not begun"
        ))
        .hint(format!("`{again}` goes on from here")));
    }
    let (mut told, same_cause) = distinct(outcome.failed);
    if same_cause > 0 {
        ui.notice(Notice::SameCause(same_cause));
    }
    let last = told.pop();
    for error in &told {
        ui.notice(Notice::AlsoFailed(error));
    }
    if !outcome.skipped.is_empty() {
        ui.notice(Notice::Skipped(outcome.skipped.len()));
    }
    let last = last.unwrap_or_else(|| Error::failed("some steps were not begun"));
    let hint = match last.is_lasting() {
        true => format!("mend it, then run `{again}`; what is done stays done"),
        false => format!("nothing is rolled back: `{again}` goes on from here"),
    };
    Err(last.hint(hint))
}

/// The failures with different causes, and how many more there were: six steps that meet one dead
/// network failed once.
fn distinct<T>(failed: Vec<(T, Error)>) -> (Vec<Error>, usize) {
    let mut told: Vec<Error> = Vec::new();
    let mut same_cause = 0;
    for (_, error) in failed {
        if told.iter().any(|known| known.causes() == error.causes()) {
            same_cause += 1;
        } else {
            told.push(error);
        }
    }
    (told, same_cause)
}
