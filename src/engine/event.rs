//! What happens, as data. The engine says nothing to a terminal: `report/` makes words of these.

use super::plan::Action;
use super::resource::Id;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something that happened, and when.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Seconds since the run began.
    #[serde(serialize_with = "seconds")]
    #[cfg_attr(test, schemars(with = "f64"))]
    pub at: Duration,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum EventKind {
    /// The steps that will run, with what each waits for.
    Began {
        /// In the plan's order.
        steps: Vec<Upcoming>,
    },
    /// A step runs.
    Started {
        /// Which.
        id: Id,
    },
    /// A running step says what it waits for or does.
    Note {
        /// Which.
        id: Id,
        /// A few words.
        text: String,
    },
    /// A running step knows by now what its thing is called.
    Named {
        /// Which.
        id: Id,
        /// AWS's name of the thing.
        name: String,
    },
    /// A step is done.
    Finished {
        /// Which.
        id: Id,
        /// How long it ran, in seconds.
        #[serde(serialize_with = "seconds")]
        #[cfg_attr(test, schemars(with = "f64"))]
        took: Duration,
    },
    /// A step failed.
    Failed {
        /// Which.
        id: Id,
        /// What went wrong, as one line.
        error: String,
    },
    /// A step will not run, because another failed.
    Skipped {
        /// Which.
        id: Id,
        /// The step that failed.
        because: Id,
    },
    /// Nothing new starts; what runs comes to its end.
    Stopping {
        /// How many steps still run.
        running: usize,
    },
}

/// A step that will run.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Upcoming {
    /// Which.
    pub id: Id,
    /// AWS's name of the thing.
    pub name: String,
    /// What will be done.
    pub action: Action,
    /// What it waits for, with the reason in words.
    pub after: Vec<(Id, String)>,
}

/// The sending side: cheap to clone, never blocks, and does not mind if nobody listens.
#[derive(Debug, Clone)]
pub struct Events {
    began: Instant,
    to: UnboundedSender<Event>,
}

impl Events {
    /// A channel whose clock starts now.
    pub fn channel() -> (Self, UnboundedReceiver<Event>) {
        let (to, from) = unbounded_channel();
        let began = Instant::now();
        (Self { began, to }, from)
    }

    /// Says that something happened.
    pub fn send(&self, kind: EventKind) {
        let at = self.began.elapsed();
        let _ = self.to.send(Event { at, kind });
    }
}

fn seconds<S: serde::Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}
