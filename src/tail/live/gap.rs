//! What came while no session was open, read with FilterLogEvents.
//!
//! A session sees what comes in after it was opened, so the gap is read once the next one runs. It is
//! read twice: FilterLogEvents may show an event some seconds later than a session would have.

use super::super::event::{Group, LogEvent, TailItem};
use super::super::pace::Pacer;
use super::super::reader::{Page, Reader};
use super::super::{TailOptions, Timing};
use crate::error::Result;
use aws_sdk_cloudwatchlogs::Client;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// How often the gap is read.
const LOOKS: u32 = 2;

pub(super) struct Gap {
    /// Each group, and from when on it has to be read.
    groups: Vec<(Group, i64)>,
    from: i64,
    due: Instant,
    looks: u32,
}

impl Gap {
    /// The groups are read from `from`, those that are `new` from `started`.
    pub(super) fn new(groups: &[Group], new: &[Group], from: i64, started: i64) -> Self {
        let since = |group: &Group| {
            let is_new = new.iter().any(|new| new.name == group.name);
            if is_new { started } else { from }
        };
        Self {
            groups: groups
                .iter()
                .map(|group| (group.clone(), since(group)))
                .collect(),
            from,
            due: Instant::now(),
            looks: LOOKS,
        }
    }

    /// When to read next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// How far back it reads the groups that were there before.
    pub(super) fn from(&self) -> i64 {
        self.from
    }

    /// Whether it has to be read once more.
    pub(super) fn is_open(&self) -> bool {
        self.looks > 0
    }

    /// Reads all groups to their ends. If a group does not answer in time, the read has to be
    /// repeated.
    pub(super) async fn look(
        &mut self,
        client: &Client,
        options: &TailOptions,
        pacer: &Arc<Pacer>,
        out: &Sender<Result<TailItem>>,
    ) -> Result<Vec<LogEvent>> {
        let mut found = Vec::new();
        let mut whole = true;
        for (group, since) in &self.groups {
            let options = TailOptions {
                since: *since,
                ..options.clone()
            };
            let mut reader = Reader::new(client, group.clone(), &options, Arc::clone(pacer));
            whole &= read(&mut reader, &options.timing, &mut found, out).await?;
        }
        if whole {
            self.looks -= 1;
        }
        self.due = Instant::now() + options.timing.glance;
        Ok(found)
    }
}

/// False when it could not be read to its end.
async fn read(
    reader: &mut Reader,
    timing: &Timing,
    found: &mut Vec<LogEvent>,
    out: &Sender<Result<TailItem>>,
) -> Result<bool> {
    loop {
        match reader.page_within(timing.patience, out).await? {
            Page::Events { events, more } => {
                found.extend(events);
                if !more {
                    return Ok(true);
                }
            }
            // Deleted or no permission: another read would not change that.
            Page::Missing | Page::Denied => return Ok(true),
            Page::Later => return Ok(false),
        }
    }
}
