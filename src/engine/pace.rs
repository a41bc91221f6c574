//! Rate limits that are known beforehand, as token buckets. A step takes its tokens before it
//! starts, so the limit is kept instead of found out by being refused. A bucket starts full: a
//! single deploy is not slowed by a limit that it does not reach.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A published rate limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// What is limited, for people: `UpdateAccount`.
    pub name: &'static str,
    /// One more token comes after this long.
    pub every: Duration,
    /// This many can be taken at once.
    pub burst: u32,
}

/// Tokens of a limit that a step needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Of which limit.
    pub of: Limit,
    /// How many.
    pub tokens: u32,
}

/// The buckets of this run.
#[derive(Debug, Default)]
pub struct Pace {
    /// For each limit, the moment at which its bucket is full again.
    full_at: Mutex<HashMap<&'static str, Instant>>,
}

impl Pace {
    /// Takes the tokens now and says how long to wait before using them.
    pub fn take(&self, cost: Cost) -> Duration {
        self.take_at(cost, Instant::now())
    }

    fn take_at(&self, Cost { of, tokens }: Cost, now: Instant) -> Duration {
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = all.entry(of.name).or_insert(now);
        *full_at = (*full_at).max(now) + of.every * tokens;
        let allowed_debt = of.every * of.burst;
        full_at.saturating_duration_since(now + allowed_debt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOW: Limit = Limit {
        name: "slow",
        every: Duration::from_secs(5),
        burst: 1,
    };

    #[test]
    fn a_full_bucket_costs_no_wait() {
        let burst = Limit {
            name: "burst",
            every: Duration::from_millis(100),
            burst: 40,
        };
        let pace = Pace::default();
        let now = Instant::now();
        let waits: Vec<_> = (0..40)
            .map(|_| {
                pace.take_at(
                    Cost {
                        of: burst,
                        tokens: 1,
                    },
                    now,
                )
            })
            .collect();
        assert!(waits.iter().all(Duration::is_zero));
        let next = pace.take_at(
            Cost {
                of: burst,
                tokens: 1,
            },
            now,
        );
        assert_eq!(next, Duration::from_millis(100));
    }

    #[test]
    fn the_second_taker_waits_for_its_turn() {
        let pace = Pace::default();
        let now = Instant::now();
        let cost = Cost {
            of: SLOW,
            tokens: 1,
        };
        assert_eq!(pace.take_at(cost, now), Duration::ZERO);
        assert_eq!(pace.take_at(cost, now), Duration::from_secs(5));
        assert_eq!(
            pace.take_at(cost, now + Duration::from_secs(5)),
            Duration::from_secs(5)
        );
    }

    #[test]
    fn time_refills_the_bucket() {
        let pace = Pace::default();
        let now = Instant::now();
        let cost = Cost {
            of: SLOW,
            tokens: 1,
        };
        pace.take_at(cost, now);
        assert_eq!(
            pace.take_at(cost, now + Duration::from_secs(6)),
            Duration::ZERO
        );
    }
}
