//! Waiting for a condition: short waits that grow, with jitter, up to a limit. Never a fixed sleep.

use std::time::{Duration, Instant};

/// How the waits grow.
#[derive(Debug, Clone)]
pub struct Waits {
    next: Duration,
    longest: Duration,
    deadline: Instant,
}

impl Waits {
    /// From a tenth of a second up to five, for `limit` in total.
    pub fn until(limit: Duration) -> Self {
        Self::growing(Duration::from_millis(100), Duration::from_secs(5), limit)
    }

    /// From `first` up to `longest`, for `limit` in total.
    pub fn growing(first: Duration, longest: Duration, limit: Duration) -> Self {
        Self {
            next: first,
            longest,
            deadline: Instant::now() + limit,
        }
    }

    /// Waits once more, or says that the limit is over.
    pub async fn again(&mut self) -> bool {
        match self.next() {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                true
            }
            None => false,
        }
    }
}

impl Iterator for Waits {
    type Item = Duration;

    /// Between half and all of the grown wait, so that two who wait do not meet again and again.
    fn next(&mut self) -> Option<Duration> {
        let left = self.deadline.checked_duration_since(Instant::now())?;
        if left.is_zero() {
            return None;
        }
        let wait = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = self.next.mul_f64(1.6).min(self.longest);
        Some(wait.min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_the_longest() {
        let longest = Duration::from_millis(800);
        let waits = Waits::growing(Duration::from_millis(100), longest, Duration::from_secs(60));
        let all: Vec<_> = waits.take(20).collect();
        assert!(all[0] <= Duration::from_millis(100));
        assert!(all.iter().all(|wait| *wait <= longest));
        assert!(all[19] >= longest / 2);
    }

    #[test]
    fn a_limit_that_is_over_ends_the_waiting() {
        assert_eq!(Waits::until(Duration::ZERO).next(), None);
    }
}
