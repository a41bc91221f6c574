//! Events in, words out: a live view on a terminal, plain lines elsewhere, JSON lines for programs.
//! All of it goes to stderr; results go to stdout.

use super::live::LiveView;
use super::{Reporter, Style, escape};
use crate::engine::Id;
use crate::engine::event::{Event, EventKind, Upcoming};
use crate::engine::plan::Action;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// How often the live view moves.
const FRAME: Duration = Duration::from_millis(100);

/// Shows the events until the last sender is gone.
pub async fn follow(reporter: Reporter, mut events: UnboundedReceiver<Event>) {
    let _group = reporter.group("Changes");
    if reporter.is_json() {
        while let Some(event) = events.recv().await {
            if let Ok(line) = serde_json::to_string(&event) {
                reporter.note(&line);
            }
        }
    } else if reporter.is_live() {
        live(events).await;
    } else {
        let mut lines = Lines::default();
        while let Some(event) = events.recv().await {
            if let Some(line) = lines.line(&event) {
                reporter.note(&line);
            }
        }
    }
}

async fn live(mut events: UnboundedReceiver<Event>) {
    let mut view = LiveView::new();
    let mut lines = Lines::default();
    let mut frames = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => {
                    let line = lines.line(&event).filter(|_| is_end(&event.kind));
                    view.event(&event, line.as_deref());
                }
                None => break,
            },
            _ = frames.tick() => view.draw(),
        }
    }
    view.clear();
}

/// On the live view only ends stay as lines; what runs is drawn.
fn is_end(what: &EventKind) -> bool {
    matches!(
        what,
        EventKind::Finished { .. }
            | EventKind::Failed { .. }
            | EventKind::Skipped { .. }
            | EventKind::Stopping { .. }
    )
}

/// Plain lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    steps: HashMap<Id, Upcoming>,
}

impl Lines {
    /// The line of an event, if it is worth one.
    pub(super) fn line(&mut self, event: &Event) -> Option<String> {
        match &event.kind {
            EventKind::Began { steps } => {
                self.steps = steps.iter().map(|s| (s.id.clone(), s.clone())).collect();
                None
            }
            EventKind::Started { .. } => None,
            EventKind::Note { id, text } => {
                let line = format!("  … {}: {}", escape(id.as_str()), escape(text));
                Some(Style::Faint.paint(&line))
            }
            EventKind::Named { id, name } => {
                let step = self.steps.get_mut(id)?;
                step.name.clone_from(name);
                None
            }
            EventKind::Finished { id, took } => Some(self.finished(id, *took)),
            // The error itself is reported once, at the end.
            EventKind::Failed { id, .. } => Some(self.failed(id)),
            EventKind::Skipped { id, because } => {
                let line = format!("  · {id} skipped, because {because} failed");
                Some(Style::Faint.paint(&line))
            }
            EventKind::Stopping { running } => Some(format!(
                "  stopping: nothing new starts, {running} running end; Ctrl-C again drops them"
            )),
        }
    }

    fn failed(&self, id: &Id) -> String {
        let doing = self.steps.get(id).map_or("", |step| step.action.doing());
        let mark = Style::Error.paint("✗");
        format!("  {mark} {doing} {id} failed")
    }

    fn finished(&self, id: &Id, took: Duration) -> String {
        let (action, name) = match self.steps.get(id) {
            Some(step) => (step.action, step.name.as_str()),
            None => (Action::Keep, ""),
        };
        let glyph = super::plan::style(action).paint(&action.glyph().to_string());
        let took = Style::Faint.paint(&format!("({})", spelled(took)));
        let (id, name) = (escape(id.as_str()), escape(name));
        format!("  {glyph} {} {id} {name} {took}", action.done())
    }
}

/// `40 ms`, `0.4 s`, `12 s`, `2 min 3 s`.
pub(super) fn spelled(time: Duration) -> String {
    match time.as_secs() {
        0 if time.as_millis() < 100 => format!("{} ms", time.as_millis()),
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
