//! The merge against groups that answer slowly, late or not at all.

use super::*;
use proptest::prelude::*;

const TIMING: Timing = Timing {
    settle: Duration::from_secs(2),
    patience: Duration::from_secs(8),
    ..Timing::AWS
};

fn event(source: LogSource, timestamp: i64) -> LogEvent {
    LogEvent::sample(source, timestamp, "")
}

fn times(events: &[LogEvent]) -> Vec<i64> {
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

#[test]
fn a_clock_of_aws_that_is_far_ahead_of_ours_does_not_change_the_order() {
    let start = Instant::now();
    let mut merge = Merge::new(2, &TIMING);
    let ahead = |source, timestamp| LogEvent {
        ingested: 7_203_000,
        ..event(source, timestamp)
    };
    let access = vec![ahead(LogSource::Access, 7_202_000)];
    merge.push(access, start, 1_000);
    let function = [7_203_000, 7_201_000].map(|time| ahead(LogSource::Function, time));
    merge.push(function.into(), start + second(1), 2_000);
    let out = merge.drain();
    assert_eq!(times(&out), [7_201_000, 7_202_000, 7_203_000]);
    assert!(out.iter().all(|event| !event.late));
}

/// A group whose sweeps begin at `sweeps`, each taking `takes` ms, read against events that are
/// visible at once: what each sweep shows is what was not shown before.
struct Simulated {
    events: Vec<i64>,
    shown: usize,
}

impl Simulated {
    fn sweep(&mut self, began: i64) -> Vec<LogEvent> {
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
