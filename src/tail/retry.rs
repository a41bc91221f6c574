//! How long a call may take, and how long to wait after one that failed.
//!
//! Some calls are never answered. A limit that suits the slowest page would make every such call hold the
//! other groups until they go on without this one. So the limit follows what the group's calls take, and
//! doubles with each call that was given up.

use super::Timing;
use std::time::Duration;

/// No call is waited for longer; CloudWatch itself gives up earlier.
const LONGEST_CALL: Duration = Duration::from_secs(30);
/// The limit is at least so many times what the last call took.
const ROOM: u32 = 4;
/// The longest pause is so many times the first one.
const LONG: u32 = 10;
/// After [`LONG_AFTER`] failures in a row it is so many times the first one.
const VERY_LONG: u32 = 50;
const LONG_AFTER: u32 = 20;

/// The limit and the pauses of one group's calls.
#[derive(Debug)]
pub(super) struct Retry {
    /// The least limit.
    answer: Duration,
    first_pause: Duration,
    limit: Duration,
}

impl Retry {
    pub(super) fn new(timing: &Timing) -> Self {
        Self {
            answer: timing.answer,
            first_pause: timing.retry_pause,
            limit: timing.answer,
        }
    }

    /// How long the next call may take.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// A call was answered after so long.
    pub(super) fn answered(&mut self, took: Duration) {
        self.limit = (took * ROOM).clamp(self.answer, LONGEST_CALL.max(self.answer));
    }

    /// A call was not answered within the limit.
    pub(super) fn gave_up(&mut self) {
        self.limit = (self.limit * 2).min(LONGEST_CALL.max(self.answer));
    }

    /// The pause after so many failures in a row: doubled each time, with jitter. It stays short for a
    /// while, so that a group is tried often while the others wait for it.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let most = if failures > LONG_AFTER {
            VERY_LONG
        } else {
            LONG
        };
        let times = (1 << failures.saturating_sub(1).min(7)).min(most);
        (self.first_pause * times).mul_f64(0.5 + fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn two_calls_in_a_row_may_hang_before_the_others_go_on() {
        let mut retry = Retry::new(&Timing::AWS);
        let mut waited = Duration::ZERO;
        for failures in 1..=2 {
            waited += retry.limit() + Timing::AWS.retry_pause * (1 << failures);
            retry.gave_up();
        }
        assert!(waited < Timing::AWS.patience * 2 / 3, "{waited:?}");
    }

    #[test]
    fn the_limit_follows_what_the_calls_take() {
        let mut retry = Retry::new(&Timing::AWS);
        for limit in [5, 10, 20, 30, 30] {
            assert_eq!(retry.limit(), second(limit));
            retry.gave_up();
        }
        retry.answered(second(6));
        assert_eq!(retry.limit(), second(24));
        retry.answered(Duration::from_millis(20));
        assert_eq!(retry.limit(), second(5));
        retry.answered(second(25));
        assert_eq!(retry.limit(), second(30));
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        let retry = Retry::new(&Timing::AWS);
        for (failures, base) in [(1, 200), (2, 400), (4, 1_600), (9, 2_000), (21, 10_000)] {
            let pause = retry.pause(failures).as_millis();
            assert!(
                (base / 2..base * 3 / 2).contains(&pause),
                "{failures}: {pause}"
            );
        }
    }
}
