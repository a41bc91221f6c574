//! Which events were shown lately, when they carry no id.
//!
//! Live tail sends events without ids, FilterLogEvents reads the same ones with them. Where the two
//! overlap, an event is known by its group, stream, time and text. Equal lines of one millisecond do
//! happen, so they are counted: the third one is new when two were shown.

use super::super::event::LogEvent;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// An event's time and a digest of the rest.
type Sign = (i64, u128);

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    shown: u32,
    /// Shown by a look, so that the session may still bring it.
    ahead: u32,
}

/// The events shown since some time.
#[derive(Debug, Default)]
pub(super) struct Recent {
    counts: BTreeMap<Sign, Count>,
}

impl Recent {
    /// Whether an event of the session is to be shown: not if a look was faster.
    pub(super) fn is_new_of_session(&mut self, event: &LogEvent) -> bool {
        let count = self.counts.entry(sign(event)).or_default();
        if count.ahead > 0 {
            count.ahead -= 1;
            return false;
        }
        count.shown += 1;
        true
    }

    /// What of one whole look back was not shown yet.
    pub(super) fn new_of_look(&mut self, events: Vec<LogEvent>) -> Vec<LogEvent> {
        let mut looked: HashMap<Sign, u32> = HashMap::new();
        let mut new = events;
        new.retain(|event| {
            let sign = sign(event);
            let seen = looked.entry(sign).or_default();
            *seen += 1;
            let count = self.counts.entry(sign).or_default();
            let is_new = *seen > count.shown;
            if is_new {
                count.shown += 1;
                count.ahead += 1;
            }
            is_new
        });
        new
    }

    /// Forgets what happened before `time`: no look goes back that far any more.
    pub(super) fn forget_before(&mut self, time: i64) {
        self.counts = self.counts.split_off(&(time, 0));
    }
}

fn sign(event: &LogEvent) -> Sign {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        let text = event.message.trim_end_matches('\n');
        (salt, &event.group, &event.stream, text).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    (event.timestamp, half(0) << 64 | half(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::LogSource;
    use proptest::prelude::*;

    fn event(timestamp: i64, message: &str) -> LogEvent {
        LogEvent::sample(LogSource::Function, timestamp, message)
    }

    #[test]
    fn equal_lines_of_one_millisecond_are_counted() {
        let mut recent = Recent::default();
        assert!(recent.is_new_of_session(&event(1, "x")));
        assert!(recent.is_new_of_session(&event(1, "x")));
        let three = vec![event(1, "x"), event(1, "x\n"), event(1, "x")];
        assert_eq!(recent.new_of_look(three.clone()).len(), 1);
        assert!(recent.new_of_look(three).is_empty());
        // The third one, which the session brings later.
        assert!(!recent.is_new_of_session(&event(1, "x")));
        assert!(recent.is_new_of_session(&event(1, "x")));
    }

    #[test]
    fn another_stream_or_group_is_another_event() {
        let mut recent = Recent::default();
        let mut other = event(1, "x");
        assert!(recent.is_new_of_session(&other));
        other.stream = "t".into();
        assert_eq!(recent.new_of_look(vec![other.clone()]).len(), 1);
        other.group = "h".into();
        assert_eq!(recent.new_of_look(vec![other]).len(), 1);
    }

    #[test]
    fn what_is_forgotten_is_forgotten_by_time() {
        let mut recent = Recent::default();
        recent.is_new_of_session(&event(1, "x"));
        recent.is_new_of_session(&event(2, "x"));
        recent.forget_before(2);
        assert_eq!(recent.counts.len(), 1);
    }

    proptest! {
        /// One session is cut at `cut`, the next opens at `open`; looks follow, then the rest of the
        /// session. Each event comes once, whichever of the two brings it first.
        #[test]
        fn every_event_of_a_gap_comes_once(
            times in proptest::collection::vec(0i64..1_000, 0..200),
            (cut, open) in (0i64..1_000).prop_flat_map(|cut| (Just(cut), cut..1_000)),
            looks in proptest::collection::vec(0i64..1_200, 1..4),
        ) {
            let mut times = times;
            times.sort_unstable();
            let all: Vec<_> = times.iter().map(|time| event(*time, &format!("{}", time % 3))).collect();
            let between = |from: i64, to: i64| {
                all.iter().filter(move |event| from <= event.timestamp && event.timestamp < to)
            };
            let mut recent = Recent::default();
            let mut out = between(0, cut).filter(|event| recent.is_new_of_session(event)).count();
            let mut looks: Vec<_> = looks.into_iter().map(|look| look.max(open)).collect();
            looks.sort_unstable();
            let mut live = open;
            for look in looks {
                out += recent.new_of_look(between(0, look).cloned().collect()).len();
                out += between(live, look).filter(|event| recent.is_new_of_session(event)).count();
                live = look;
            }
            out += between(live, 2_000).filter(|event| recent.is_new_of_session(event)).count();
            let mut looked = recent.new_of_look(between(0, 2_000).cloned().collect());
            out += looked.len();
            looked.clear();
            prop_assert_eq!(out, all.len());
        }
    }
}
