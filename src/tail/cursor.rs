//! Where to read next in one group, and what of the answer is new.
//!
//! An event can become visible up to `overlap` after its own time, while a sweep that began at `P`
//! has shown everything that was visible at `P`. So the next deep sweep begins at `P - overlap`:
//! whatever it misses was visible before `P`, and was shown. Two things make it less simple:
//!
//! - Our clock may run ahead of AWS's. An event that is read at `S` on our clock happened before `S`
//!   on AWS's, so AWS's clock is behind ours by at most `S` less the event's own time. `P` is brought
//!   back by the least such difference that was seen. It moves on with our clock, so a group that went
//!   quiet is passed one overlap after its last burst was read, and not read again.
//! - Reading the whole overlap every time would cost a busy group ten pages a second. Most new
//!   events are young, so the reads in between look back only a short time; the deep sweep every few
//!   seconds is what guarantees completeness.

use super::event::LogEvent;
use super::seen::{CAPACITY, Seen};
use super::{Timing, millis};

/// A deep sweep pauses this many times its own length, so that a flood leaves time for new events.
const DEEP_SHARE: i64 = 4;

/// What a sweep covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Glance,
    Deep,
}

#[derive(Debug)]
struct Sweep {
    depth: Depth,
    began: i64,
}

/// The state of reading one group. Times are epoch milliseconds.
#[derive(Debug)]
pub(crate) struct Cursor {
    seen: Seen,
    overlap: i64,
    glance: i64,
    deep_every: i64,
    /// The pause between two deep sweeps, longer when they take long.
    deep_pause: i64,
    /// Where the next deep sweep begins.
    deep_from: i64,
    /// Where the next glance begins.
    glance_from: i64,
    last_deep: Option<i64>,
    newest: Option<i64>,
    /// AWS's clock less ours is at least this; nothing before the first event.
    offset: Option<i64>,
    /// The newest event of the running sweep.
    newest_of_sweep: Option<i64>,
    sweep: Option<Sweep>,
    crowded: bool,
}

impl Cursor {
    pub(crate) fn new(since: i64, timing: &Timing) -> Self {
        Self::with_capacity(since, timing, CAPACITY)
    }

    fn with_capacity(since: i64, timing: &Timing, capacity: usize) -> Self {
        Self {
            seen: Seen::new(since, capacity),
            overlap: millis(timing.overlap),
            glance: millis(timing.glance).min(millis(timing.overlap)),
            deep_every: millis(timing.deep_every),
            deep_pause: millis(timing.deep_every),
            deep_from: since,
            glance_from: since,
            last_deep: None,
            newest: None,
            offset: None,
            newest_of_sweep: None,
            sweep: None,
            crowded: false,
        }
    }

    /// Begins a sweep and returns the time to read from.
    pub(crate) fn begin(&mut self, now: i64) -> i64 {
        let deep = self
            .last_deep
            .is_none_or(|last| now.saturating_sub(last) >= self.deep_pause);
        let (depth, from) = if deep {
            (Depth::Deep, self.deep_from)
        } else {
            (Depth::Glance, self.glance_from)
        };
        self.sweep = Some(Sweep { depth, began: now });
        from.max(self.seen.floor())
    }

    /// What of one page was not given out yet, in the page's order.
    pub(crate) fn take_new(&mut self, mut page: Vec<LogEvent>) -> Vec<LogEvent> {
        page.retain(|event| {
            // AWS always sends an id. Should another implementation not, equal lines of one
            // millisecond count as one.
            let made_up;
            let id = match &event.id {
                Some(id) => id,
                None => {
                    made_up = format!("{}\n{}", event.stream, event.message);
                    &made_up
                }
            };
            self.seen.first_time(event.timestamp, id)
        });
        let newest = page.iter().map(|event| event.timestamp).max();
        self.newest = self.newest.max(newest);
        self.newest_of_sweep = self.newest_of_sweep.max(newest);
        self.crowded |= self.seen.shrink();
        page
    }

    /// Ends a sweep that read all its pages. A sweep that failed halfway is simply begun again.
    pub(crate) fn finish(&mut self, now: i64) {
        let Some(sweep) = self.sweep.take() else {
            return;
        };
        let newest = self.newest_of_sweep.take();
        self.offset = self
            .offset
            .max(newest.map(|newest| newest.saturating_sub(now)));
        let Some(offset) = self.offset else {
            // Nothing ever came: any time since the beginning is still possible.
            self.last_deep = Some(sweep.began);
            return;
        };
        let took = now.saturating_sub(sweep.began).max(0);
        let anchor = sweep.began.saturating_add(offset.min(0));
        self.glance_from = self.glance_from.max(anchor - self.glance);
        if sweep.depth == Depth::Deep {
            self.last_deep = Some(sweep.began);
            self.deep_pause = self.deep_every.max(took.saturating_mul(DEEP_SHARE));
            self.deep_from = self.deep_from.max(anchor - self.overlap);
            self.seen.forget_before(self.deep_from);
        }
    }

    /// Time of the newest event so far: an interrupted sweep can go on shortly before it.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// Once after ids had to be forgotten early.
    pub(crate) fn take_crowded(&mut self) -> bool {
        std::mem::take(&mut self.crowded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::LogSource;
    use proptest::prelude::*;
    use std::collections::HashSet;
    use std::time::Duration;

    const TIMING: Timing = Timing {
        overlap: Duration::from_secs(60),
        deep_every: Duration::from_secs(10),
        glance: Duration::from_secs(5),
        ..Timing::AWS
    };

    fn event(id: usize, timestamp: i64) -> LogEvent {
        LogEvent {
            id: Some(id.to_string()),
            ingested: timestamp,
            ..LogEvent::sample(LogSource::Function, timestamp, "")
        }
    }

    #[test]
    fn a_group_that_stays_empty_is_read_from_the_beginning_each_time() {
        let mut cursor = Cursor::new(1_000, &TIMING);
        for now in [100_000, 101_000, 120_000] {
            assert_eq!(cursor.begin(now), 1_000);
            cursor.finish(now);
        }
    }

    #[test]
    fn looks_in_between_go_back_only_a_glance() {
        let mut cursor = Cursor::new(0, &TIMING);
        cursor.begin(1_000_000);
        cursor.take_new(vec![event(1, 1_000_000)]);
        cursor.finish(1_000_000);
        assert_eq!(cursor.begin(1_001_000), 995_000);
        cursor.finish(1_001_000);
        assert_eq!(cursor.begin(1_010_000), 940_000);
    }

    #[test]
    fn a_clock_that_runs_ahead_loses_nothing() {
        let mut cursor = Cursor::new(0, &TIMING);
        // AWS's time is 500 s behind ours.
        cursor.begin(1_000_000);
        cursor.take_new(vec![event(1, 500_000)]);
        cursor.finish(1_002_000);
        assert_eq!(cursor.begin(1_020_000), 500_000 - 2_000 - 60_000);
    }

    #[test]
    fn a_group_that_went_quiet_is_not_read_again_for_ever() {
        let mut cursor = Cursor::new(0, &TIMING);
        cursor.begin(1_000_000);
        cursor.take_new((0..1_000).map(|n| event(n, 990_000)).collect());
        cursor.finish(1_000_500);
        let reads = (1..=60).map(|n| 1_000_000 + n * 10_000);
        let again = reads.filter(|now| {
            let from = cursor.begin(*now);
            cursor.finish(*now);
            from <= 990_000
        });
        assert!(again.count() < 9, "the overlap, and no more");
    }

    /// Events (time, delay until visible) against sweeps at any moments, each reading at most what
    /// is visible at its begin, by a clock that is ahead of AWS's: everything comes out, once.
    fn simulate(events: &[(i64, i64)], pauses: &[i64], ahead: i64) -> Vec<usize> {
        let mut cursor = Cursor::new(0, &TIMING);
        let mut out = Vec::new();
        let mut now = 0;
        let end = events.iter().map(|(t, d)| t + d).max().unwrap_or(0) + 30_000;
        let mut pauses = pauses.iter().cycle();
        while now < end {
            let from = cursor.begin(now + ahead);
            let page = events
                .iter()
                .enumerate()
                .filter(|(_, (time, delay))| *time >= from && time + delay <= now)
                .map(|(id, (time, _))| event(id, *time))
                .collect();
            out.extend(
                cursor
                    .take_new(page)
                    .iter()
                    .filter_map(|event| event.id.as_deref()?.parse::<usize>().ok()),
            );
            let pause = pauses.next().copied().unwrap_or(1_000);
            // A sweep takes up to half of the pause.
            cursor.finish(now + ahead + pause / 2);
            now += pause;
        }
        out
    }

    proptest! {
        #[test]
        fn events_up_to_thirty_seconds_late_come_exactly_once(
            events in proptest::collection::vec((0i64..300_000, 0i64..30_000), 0..200),
            pauses in proptest::collection::vec(100i64..8_000, 1..20),
            ahead in 0i64..600_000,
        ) {
            let out = simulate(&events, &pauses, ahead);
            let unique: HashSet<_> = out.iter().copied().collect();
            prop_assert_eq!(unique.len(), out.len(), "something came twice");
            prop_assert_eq!(unique.len(), events.len(), "something was lost");
        }
    }

    #[test]
    fn memory_is_bounded_by_the_overlap() {
        let mut cursor = Cursor::new(0, &TIMING);
        for round in 0..100i64 {
            let now = round * 10_000;
            cursor.begin(now);
            let page = (0..50)
                .map(|n| event(usize::try_from(round * 50 + n).unwrap(), now - n))
                .collect();
            cursor.take_new(page);
            cursor.finish(now);
        }
        assert!(cursor.seen.len() <= 50 * 8, "{}", cursor.seen.len());
    }

    #[test]
    fn a_flood_is_said_once() {
        let mut cursor = Cursor::with_capacity(0, &TIMING, 100);
        cursor.begin(1_000);
        cursor.take_new((0..500).map(|n| event(n, 900)).collect());
        assert!(cursor.take_crowded());
        assert!(!cursor.take_crowded());
    }
}
