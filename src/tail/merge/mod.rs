//! Puts the events of several groups into one order.
//!
//! Sorting needs waiting. Each group has a watermark: the moment at which its last complete sweep
//! began, for whatever was visible then was read. An event is held until the watermark of every
//! group lies `settle` behind the event's own arrival. So what becomes visible within `settle` of its
//! own time is never out of order: an older event than the held one was visible before that moment,
//! in whichever group. That holds however slowly or faultily a group answers, and because arrivals
//! and sweeps are both moments on our own clock, it holds when that clock is wrong, too.
//!
//! A group that does not answer may hold the others back for `patience`. Then it is left behind,
//! with a notice, and waited for again as soon as one of its sweeps is complete. A group without
//! permission is not waited for at all.
//!
//! Order is by timestamp; at equal milliseconds the execution log comes before the function and the
//! access log last, as a request goes; within a group the order of arrival stays. A timestamp that lies
//! far after the event's own arrival at CloudWatch counts as that arrival, or one broken clock would make
//! everything after it late. The arrival is a time of AWS's clock, so our own may be wrong.

use super::event::LogEvent;
use super::{Timing, millis};
use crate::tail::LogSource;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Timestamps further ahead of the event's arrival than this are taken as the arrival.
const FUTURE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time: i64,
    rank: u8,
    sequence: u64,
}

#[derive(Debug)]
struct Batch {
    arrived: Instant,
    /// Until when a group that fails is waited for.
    until: Instant,
    newest: i64,
    /// From before the follow began.
    past: bool,
}

/// How far one group was read.
#[derive(Debug)]
struct Lane {
    /// When its last complete sweep began.
    read_to: Option<Instant>,
    /// Whether the others wait for it.
    waited_for: bool,
}

impl Lane {
    fn is_short_of(&self, moment: Instant) -> bool {
        self.waited_for && self.read_to.is_none_or(|read_to| read_to < moment)
    }
}

/// Holds events back until they can be given out in order.
#[derive(Debug)]
pub(crate) struct Merge {
    held: BTreeMap<Key, LogEvent>,
    batches: VecDeque<Batch>,
    lanes: Vec<Lane>,
    /// Groups that were left behind, without a notice so far.
    left_behind: Vec<usize>,
    settle: Duration,
    patience: Duration,
    /// Everything up to here can be released.
    open: i64,
    given: Option<i64>,
    sequence: u64,
}

impl Merge {
    pub(crate) fn new(groups: usize, timing: &Timing) -> Self {
        Self {
            held: BTreeMap::new(),
            batches: VecDeque::new(),
            lanes: std::iter::repeat_with(|| Lane {
                read_to: None,
                waited_for: true,
            })
            .take(groups)
            .collect(),
            left_behind: Vec::new(),
            settle: timing.settle,
            patience: timing.patience.max(timing.settle),
            open: i64::MIN,
            given: None,
            sequence: 0,
        }
    }

    /// Adds events. `now` is the time of arrival, `wall` the same in epoch milliseconds.
    pub(crate) fn push(&mut self, events: Vec<LogEvent>, now: Instant, wall: i64) {
        let mut newest = None;
        for event in events {
            let time = sorted_at(&event, wall);
            newest = newest.max(Some(time));
            let key = Key {
                time,
                rank: rank(event.source),
                sequence: self.sequence,
            };
            self.sequence += 1;
            self.held.insert(key, event);
        }
        if let Some(newest) = newest {
            self.batches.push_back(Batch {
                arrived: now,
                until: now + self.patience,
                newest,
                past: false,
            });
        }
    }

    /// A sweep of `group` that began at `began` read all its pages.
    pub(crate) fn swept(&mut self, group: usize, began: Instant) {
        if let Some(lane) = self.lanes.get_mut(group) {
            lane.read_to = Some(began);
            lane.waited_for = true;
        }
    }

    /// The group cannot be read for now: it is not waited for until it was swept.
    pub(crate) fn absent(&mut self, group: usize) {
        if let Some(lane) = self.lanes.get_mut(group) {
            lane.waited_for = false;
        }
    }

    /// The output was busy for so long and kept the groups from reading: that time does not count
    /// towards their limit.
    pub(crate) fn pardon(&mut self, busy: Duration) {
        for batch in &mut self.batches {
            batch.until += busy;
        }
    }

    /// What is held now counts as past.
    pub(crate) fn mark_past(&mut self) {
        for batch in &mut self.batches {
            batch.past = true;
        }
    }

    /// Whether everything that was marked as past is out.
    pub(crate) fn past_is_out(&self) -> bool {
        self.batches.front().is_none_or(|batch| !batch.past)
    }

    /// While following: what waited long enough, in order.
    pub(crate) fn settled(&mut self, now: Instant) -> Vec<LogEvent> {
        while let Some(batch) = self.batches.front() {
            let moment = batch.arrived + self.settle;
            let is_late = now >= batch.until;
            if now < moment || (!is_late && self.is_short_of(moment)) {
                break;
            }
            self.open = self.open.max(batch.newest);
            self.batches.pop_front();
            self.leave_behind(moment);
        }
        self.give(self.open.saturating_add(1))
    }

    /// The groups that were left behind since the last call.
    pub(crate) fn take_left_behind(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.left_behind)
    }

    /// When [`Self::settled`] has something next, if no sweep ends before.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let batch = self.batches.front()?;
        let moment = batch.arrived + self.settle;
        Some(if self.is_short_of(moment) {
            batch.until
        } else {
            moment
        })
    }

    /// While reading the past: everything before `time`, which no group can go behind any more.
    pub(crate) fn before(&mut self, time: i64) -> Vec<LogEvent> {
        self.give(time)
    }

    /// Everything that is left.
    pub(crate) fn drain(&mut self) -> Vec<LogEvent> {
        self.batches.clear();
        self.give(i64::MAX)
    }

    fn is_short_of(&self, moment: Instant) -> bool {
        self.lanes.iter().any(|lane| lane.is_short_of(moment))
    }

    /// Stops waiting for the groups that have not been read up to `moment`.
    fn leave_behind(&mut self, moment: Instant) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if lane.is_short_of(moment) {
                lane.waited_for = false;
                self.left_behind.push(index);
            }
        }
    }

    fn give(&mut self, before: i64) -> Vec<LogEvent> {
        let edge = Key {
            time: before,
            rank: 0,
            sequence: 0,
        };
        let rest = self.held.split_off(&edge);
        let ready = std::mem::replace(&mut self.held, rest);
        ready
            .into_iter()
            .map(|(key, mut event)| {
                event.late = self.given.is_some_and(|given| key.time < given);
                self.given = self.given.max(Some(key.time));
                event
            })
            .collect()
    }
}

/// The time by which the event is sorted. An implementation that does not say when it took an event is
/// believed to have taken it by now.
fn sorted_at(event: &LogEvent, wall: i64) -> i64 {
    let arrived = match event.ingested {
        ..=0 => wall,
        ingested => ingested,
    };
    if event.timestamp > arrived.saturating_add(millis(FUTURE)) {
        arrived
    } else {
        event.timestamp
    }
}

fn rank(source: LogSource) -> u8 {
    match source {
        LogSource::Execution => 0,
        LogSource::Function => 1,
        LogSource::Access => 2,
    }
}

#[cfg(test)]
mod tests;
