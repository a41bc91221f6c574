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
//! which is said, and waited for again as soon as one of its sweeps is complete. A group that we may
//! not read is not waited for at all.
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
    held: BTreeMap<Key, Event>,
    batches: VecDeque<Batch>,
    lanes: Vec<Lane>,
    /// Groups that were left behind, and nobody said so yet.
    left_behind: Vec<usize>,
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

    /// The group cannot be read for now: nobody waits for it until it was swept.
    pub(crate) fn absent(&mut self, group: usize) {
        if let Some(lane) = self.lanes.get_mut(group) {
            lane.waited_for = false;
        }
    }

    /// Whoever takes the events was busy for so long, and the groups had to wait: that is no failure
    /// of theirs.
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
    pub(crate) fn settled(&mut self, now: Instant) -> Vec<Event> {
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
    pub(crate) fn before(&mut self, time: i64) -> Vec<Event> {
        self.give(time)
    }

    /// Everything that is left.
    pub(crate) fn drain(&mut self) -> Vec<Event> {
        self.batches.clear();
        self.give(i64::MAX)
    }

    fn is_short_of(&self, moment: Instant) -> bool {
        self.lanes.iter().any(|lane| lane.is_short_of(moment))
    }

    /// Waits no longer for the groups that have not been read up to `moment`.
    fn leave_behind(&mut self, moment: Instant) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if lane.is_short_of(moment) {
                lane.waited_for = false;
                self.left_behind.push(index);
            }
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
    fn an_event_waits_until_every_group_was_read_up_to_the_settle_time() {
        let start = Instant::now();
        let mut merge = Merge::new(2, &TIMING);
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        merge.swept(0, start + second(2));
        // The other group was asked too early to have shown everything from before the event.
        merge.swept(1, start + second(1));
        assert!(merge.settled(start + second(5)).is_empty());
        merge.push(vec![event(LogSource::Access, 40)], start + second(5), 105);
        merge.swept(1, start + second(5));
        assert_eq!(times(&merge.settled(start + second(5))), [40, 50]);
    }

    #[test]
    fn a_silent_group_is_waited_for_only_so_long_and_that_is_said_once() {
        let start = Instant::now();
        let mut merge = Merge::new(2, &TIMING);
        merge.swept(0, start + second(3));
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        assert_eq!(merge.next_due(), Some(start + second(8)));
        assert!(merge.settled(start + second(7)).is_empty());
        assert_eq!(times(&merge.settled(start + second(8))), [50]);
        assert_eq!(merge.take_left_behind(), [1]);
        // From now on nobody waits for it …
        merge.push(vec![event(LogSource::Function, 60)], start + second(8), 108);
        merge.swept(0, start + second(10));
        assert_eq!(times(&merge.settled(start + second(10))), [60]);
        assert!(merge.take_left_behind().is_empty());
        // … until it was read again.
        merge.swept(1, start + second(11));
        merge.push(
            vec![event(LogSource::Function, 70)],
            start + second(11),
            111,
        );
        merge.swept(0, start + second(13));
        assert!(merge.settled(start + second(13)).is_empty());
    }

    #[test]
    fn a_group_that_may_not_be_read_holds_nobody_back() {
        let start = Instant::now();
        let mut merge = Merge::new(2, &TIMING);
        merge.absent(1);
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        merge.swept(0, start + second(2));
        assert_eq!(times(&merge.settled(start + second(2))), [50]);
        assert!(merge.take_left_behind().is_empty());
    }

    #[test]
    fn a_slow_reader_of_ours_is_not_the_groups_failure() {
        let start = Instant::now();
        let mut merge = Merge::new(1, &TIMING);
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        merge.pardon(second(60));
        assert!(merge.settled(start + second(60)).is_empty());
        merge.swept(0, start + second(61));
        assert_eq!(merge.settled(start + second(61)).len(), 1);
        assert!(merge.take_left_behind().is_empty());
    }

    #[test]
    fn the_past_is_out_when_its_last_page_is() {
        let start = Instant::now();
        let mut merge = Merge::new(1, &TIMING);
        merge.push(vec![event(LogSource::Function, 50)], start, 100);
        merge.mark_past();
        merge.push(vec![event(LogSource::Function, 60)], start + second(1), 101);
        merge.swept(0, start + second(2));
        assert!(!merge.past_is_out());
        assert_eq!(times(&merge.settled(start + second(2))), [50]);
        assert!(merge.past_is_out());
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

    /// A group whose sweeps begin at `sweeps`, each taking `takes` ms, read against events that are
    /// visible at once: what each sweep shows is what was not shown before.
    struct Simulated {
        events: Vec<i64>,
        shown: usize,
    }

    impl Simulated {
        fn sweep(&mut self, began: i64) -> Vec<Event> {
            let visible = self.events.iter().filter(|time| **time <= began).count();
            let new = self.events[self.shown..visible.max(self.shown)].to_vec();
            self.shown = self.shown.max(visible);
            new.into_iter()
                .map(|time| event(LogSource::Access, time))
                .collect()
        }
    }

    proptest! {
        #[test]
        fn what_is_visible_at_once_is_in_order_however_slowly_each_group_answers(
            groups in proptest::collection::vec(
                (proptest::collection::vec(0i64..20_000, 0..60),
                 proptest::collection::vec(1i64..2_900, 1..12)), 1..4),
        ) {
            let start = Instant::now();
            let at = |ms: i64| start + Duration::from_millis(u64::try_from(ms).unwrap());
            let mut merge = Merge::new(groups.len(), &TIMING);
            // What happens when: a sweep of a group began, or ended.
            let mut steps = Vec::new();
            let mut simulated = Vec::new();
            for (group, (mut events, takes)) in groups.into_iter().enumerate() {
                events.sort_unstable();
                simulated.push(Simulated { events, shown: 0 });
                let (mut now, mut takes) = (0, takes.into_iter().cycle());
                while now < 40_000 {
                    let ends = now + takes.next().unwrap();
                    steps.push((ends, group, now));
                    now = ends;
                }
            }
            steps.sort_unstable();
            let total: usize = simulated.iter().map(|group| group.events.len()).sum();
            let mut out = Vec::new();
            for (ends, group, began) in steps {
                merge.push(simulated[group].sweep(began), at(ends), ends);
                merge.swept(group, at(began));
                out.extend(merge.settled(at(ends)));
            }
            out.extend(merge.drain());
            prop_assert!(merge.take_left_behind().is_empty());
            prop_assert_eq!(out.len(), total);
            prop_assert!(out.iter().all(|event| !event.late));
            prop_assert!(times(&out).is_sorted());
        }
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
