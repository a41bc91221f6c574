//! What comes out of the tail: events, and now and then a notice about the reading itself.

use super::groups::Finder;
use crate::naming::names::API_UNKNOWN;
use crate::tail::LogSource;
use std::sync::Arc;
use std::time::Duration;

/// A log group to read.
#[derive(Debug, Clone)]
pub struct Group {
    /// Which of the chat's logs it is.
    pub source: LogSource,
    /// Its name in CloudWatch; with [`API_UNKNOWN`] in it as long as the API is not known.
    pub name: Arc<str>,
    /// Looks up the name of the group whose name contains the API's id.
    pub finder: Option<Finder>,
}

impl Group {
    /// Whether the name is a name yet.
    pub fn is_known(&self) -> bool {
        !self.name.contains(API_UNKNOWN)
    }
}

/// One event of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// CloudWatch's id: 56 decimal digits, the same whenever the event is read again. Live tail has
    /// none.
    pub id: Option<String>,
    /// Which log.
    pub source: LogSource,
    /// Name of the group.
    pub group: Arc<str>,
    /// Name of the stream: for a function, one execution environment.
    pub stream: Arc<str>,
    /// When it happened, epoch milliseconds.
    pub timestamp: i64,
    /// When CloudWatch took it, epoch milliseconds.
    pub ingested: i64,
    /// The text as it was written.
    pub message: String,
    /// A younger event was already shown.
    pub late: bool,
}

#[cfg(test)]
impl LogEvent {
    /// An event for tests.
    pub(super) fn sample(source: LogSource, timestamp: i64, message: &str) -> Self {
        Self {
            id: None,
            source,
            group: "g".into(),
            stream: "s".into(),
            timestamp,
            ingested: 0,
            message: message.into(),
            late: false,
        }
    }
}

/// What the tail produces.
#[derive(Debug, Clone)]
pub enum TailItem {
    /// The next event.
    Event(LogEvent),
    /// All past events are out; the next ones are new.
    CaughtUp,
    /// Something about the reading itself.
    Notice(TailNotice),
}

/// Something about the reading itself, sent once each time it becomes true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailNotice {
    /// The group does not exist (yet).
    Missing {
        /// Which log.
        source: LogSource,
        /// Name of the group.
        group: Arc<str>,
    },
    /// A group that was missing, denied or unreachable can be read again.
    Back {
        /// Which log.
        source: LogSource,
        /// Name of the group.
        group: Arc<str>,
    },
    /// No permission to read the group.
    Denied {
        /// Which log.
        source: LogSource,
        /// Name of the group.
        group: Arc<str>,
        /// AWS's message.
        said: String,
    },
    /// CloudWatch Logs does not answer, or fails; it is retried.
    Unreachable {
        /// Which log.
        source: LogSource,
        /// Name of the group.
        group: Arc<str>,
        /// What happened.
        said: String,
    },
    /// The group held the others back up to the limit: they continue without it, and its remaining
    /// events are shown late.
    LeftBehind {
        /// Which log.
        source: LogSource,
        /// How long it was waited for.
        after: Duration,
    },
    /// CloudWatch Logs throttled the calls; they are made less often now.
    Throttled {
        /// Calls per second from now on.
        rate: u32,
    },
    /// More events arrived within the overlap than are remembered: late ones may be missed.
    Crowded {
        /// Which log.
        source: LogSource,
        /// Name of the group.
        group: Arc<str>,
    },
    /// Something about a live session.
    Live(LiveNotice),
}

/// Something about a live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveNotice {
    /// Live tail shows a sample: more than 500 events a second match.
    Sampled,
    /// Live tail shows everything again.
    SampledNoMore {
        /// How long lines were left out.
        after: Duration,
    },
    /// The live session ended (three hours is its limit) and was opened again; what came in between
    /// follows.
    Renewed {
        /// Why it ended.
        why: String,
    },
    /// The live session cannot be opened again at the moment.
    Down {
        /// What happened.
        said: String,
    },
}
