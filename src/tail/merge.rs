//! Puts the events of several groups into one order.
//!
//! Sorting needs waiting: an event is held until every group was asked again (`swept`) at least
//! `settle` after it came, because CloudWatch shows the groups' lines with different delays. So an
//! event that becomes visible within `settle` is never out of order. A group that does not answer is
//! waited for `patience` at most. Waiting counts from an event's arrival on
//! our own clock, never from its timestamp, so that a wrong clock cannot hold the stream up.
//!
//! Order is by timestamp; at equal milliseconds the execution log comes before the function and the
//! access log last, as a request goes; within a group the order of arrival stays. A timestamp far in
//! our future counts as "just now", or one broken clock would make everything after it late.

use super::event::Event;
use super::{Timing, millis};
use crate::cli::LogSource;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Timestamps further ahead than this are taken as the time of arrival.
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
    newest: i64,
}

/// Holds events back until they can be given out in order.
#[derive(Debug)]
pub(crate) struct Merge {
    held: BTreeMap<Key, Event>,
    batches: VecDeque<Batch>,
    /// When the last complete sweep of each group began.
    swept: Vec<Option<Instant>>,
    settle: Duration,
    patience: Duration,
    /// Everything up to here may go.
    open: i64,
    given: Option<i64>,
    sequence: u64,
}

impl Merge {
    pub(crate) fn new(groups: usize, timing: &Timing) -> Self {
        Self {
            held: BTreeMap::new(),
            batches: VecDeque::new(),
            swept: vec![None; groups],
            settle: timing.settle,
            patience: timing.patience.max(timing.settle),
            open: i64::MIN,
            given: None,
            sequence: 0,
        }
    }

    /// Takes events in. `now` is the moment of arrival, `wall` the same in epoch milliseconds.
    pub(crate) fn push(&mut self, events: Vec<Event>, now: Instant, wall: i64) {
        let latest = wall.saturating_add(millis(FUTURE));
        let mut newest = None;
        for event in events {
            let time = if event.timestamp > latest {
                wall
            } else {
                event.timestamp
            };
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
                newest,
            });
        }
    }

    /// A sweep of `group` that began at `began` read all its pages.
    pub(crate) fn swept(&mut self, group: usize, began: Instant) {
        if let Some(slot) = self.swept.get_mut(group) {
            *slot = Some(began);
        }
    }

    /// While following: what waited long enough, in order.
    pub(crate) fn settled(&mut self, now: Instant) -> Vec<Event> {
        while let Some(batch) = self.batches.front() {
            if now < self.due(batch) {
                break;
            }
            self.open = self.open.max(batch.newest);
            self.batches.pop_front();
        }
        self.give(self.open.saturating_add(1))
    }

    /// When [`Self::settled`] has something next.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.batches.front().map(|batch| self.due(batch))
    }

    /// While reading the past: everything before `time`, which no group can go behind any more.
    pub(crate) fn before(&mut self, time: i64) -> Vec<Event> {
        self.give(time)
    }

    /// Everything that is left.
    pub(crate) fn drain(&mut self) -> Vec<Event> {
        self.batches.clear();
        self.give(i64::MAX)
    }

    fn due(&self, batch: &Batch) -> Instant {
        let asked_all = self
            .swept
            .iter()
            .all(|began| began.is_some_and(|began| began >= batch.arrived));
        batch.arrived
            + if asked_all {
                self.settle
            } else {
                self.patience
            }
    }

    fn give(&mut self, before: i64) -> Vec<Event> {
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

fn rank(source: LogSource) -> u8 {
    match source {
        LogSource::Execution => 0,
        LogSource::Function => 1,
        LogSource::Access => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIMING: Timing = Timing {
        settle: Duration::from_secs(2),
        patience: Duration::from_secs(8),
        ..Timing::AWS
    };

    fn event(source: LogSource, timestamp: i64) -> Event {
        Event {
            id: None,
            source,
            group: "g".into(),
            stream: "s".into(),
            timestamp,
            ingested: 0,
            message: String::new(),
            late: false,
        }
    }

    fn times(events: &[Event]) -> Vec<i64> {
        events.iter().map(|event| event.timestamp).collect()
    }

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn an_event_waits_for_every_group_and_for_the_settle_time() {
        let start = Instant::now();
        let mut merge = Merge::new(2, &TIMING);
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        merge.swept(0, start + second(1));
        assert!(merge.settled(start + second(3)).is_empty());
        merge.swept(0, start + second(2));
        assert!(merge.settled(start + second(3)).is_empty());
        merge.push(vec![event(LogSource::Access, 40)], start + second(3), 103);
        merge.swept(1, start + second(3));
        assert_eq!(times(&merge.settled(start + second(3))), [40, 50]);
    }

    #[test]
    fn a_silent_group_is_waited_for_only_so_long() {
        let start = Instant::now();
        let mut merge = Merge::new(2, &TIMING);
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        assert_eq!(merge.next_due(), Some(start + second(8)));
        assert_eq!(times(&merge.settled(start + second(8))), [50]);
    }

    #[test]
    fn a_late_event_goes_out_at_once_and_says_so() {
        let start = Instant::now();
        let mut merge = Merge::new(1, &TIMING);
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        assert!(!merge.settled(start + second(8))[0].late);
        merge.push(vec![event(LogSource::Function, 20)], start + second(9), 109);
        let late = merge.settled(start + second(9));
        assert_eq!(times(&late), [20]);
        assert!(late[0].late);
    }

    #[test]
    fn equal_times_go_as_a_request_goes_and_keep_each_groups_order() {
        let mut merge = Merge::new(3, &TIMING);
        let mut first = event(LogSource::Function, 7);
        first.message = "first".into();
        let events = vec![
            event(LogSource::Access, 7),
            first,
            event(LogSource::Execution, 7),
            event(LogSource::Function, 7),
        ];
        merge.push(events, Instant::now(), 10);
        let out = merge.drain();
        let order: Vec<_> = out.iter().map(|event| event.source).collect();
        assert_eq!(
            order,
            [
                LogSource::Execution,
                LogSource::Function,
                LogSource::Function,
                LogSource::Access
            ]
        );
        assert_eq!(out[1].message, "first");
    }

    #[test]
    fn one_clock_in_the_future_does_not_make_the_rest_late() {
        let start = Instant::now();
        let mut merge = Merge::new(1, &TIMING);
        merge.push(vec![event(LogSource::Function, 9_000_000)], start, 1_000);
        assert_eq!(merge.settled(start + second(8)).len(), 1);
        merge.push(
            vec![event(LogSource::Function, 9_000)],
            start + second(9),
            10_000,
        );
        assert!(!merge.settled(start + second(20))[0].late);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_only_late_events_break_the_order(
            batches in proptest::collection::vec(
                (0usize..3, 0u64..3_000, proptest::collection::vec(0i64..20_000, 0..20)), 0..40),
        ) {
            let start = Instant::now();
            let mut merge = Merge::new(3, &TIMING);
            let (mut elapsed, mut pushed, mut out) = (0, 0, Vec::new());
            for (group, pause, stamps) in batches {
                elapsed += pause;
                let now = start + Duration::from_millis(elapsed);
                pushed += stamps.len();
                merge.push(stamps.iter().map(|t| event(LogSource::Access, *t)).collect(), now, 50_000);
                merge.swept(group, now);
                out.extend(merge.settled(now));
            }
            out.extend(merge.drain());
            prop_assert_eq!(out.len(), pushed);
            let mut newest = i64::MIN;
            for event in &out {
                prop_assert_eq!(event.late, event.timestamp < newest);
                newest = newest.max(event.timestamp);
            }
        }
    }
}
