//! How often CloudWatch Logs may be called.
//!
//! FilterLogEvents has a quota per account and region, from 5 to 25 calls a second, shared with
//! everyone else who reads logs there. All groups of one tail share one [`Pacer`], which stays below
//! that rate from the start instead of learning it by being refused; a refusal still halves the rate,
//! and success raises it again slowly.

use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// The part of the quota that is used; the rest is left to others.
const SHARE: f64 = 0.8;
/// The lowest rate, however often calls are throttled.
const SLOWEST: f64 = 0.2;

/// Calls of FilterLogEvents a second that AWS grants in `region`.
pub fn filter_rate(region: &str) -> f64 {
    match region {
        "us-east-1" => 25.0,
        "ap-northeast-3" | "ap-southeast-3" | "ca-west-1" | "eu-central-1" | "il-central-1" => 5.0,
        _ => 10.0,
    }
}

/// Limits calls to a rate that adapts.
#[derive(Debug)]
pub struct Pacer {
    ceiling: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: f64,
    next: Instant,
}

impl Pacer {
    /// For AWS in `region`.
    pub fn for_region(region: &str) -> Self {
        Self::new(filter_rate(region) * SHARE)
    }

    /// For a cloud on this machine, which has no quota unless it simulates one.
    pub fn near() -> Self {
        Self::new(500.0)
    }

    fn new(ceiling: f64) -> Self {
        Self {
            ceiling,
            state: Mutex::new(State {
                rate: ceiling,
                next: Instant::now(),
            }),
        }
    }

    /// Waits for the next turn.
    pub async fn turn(&self) {
        let at = self.book(Instant::now());
        tokio::time::sleep_until(at).await;
    }

    /// A call was throttled: half the rate, at once. Returns the new rate.
    pub fn refused(&self) -> f64 {
        let mut state = self.lock();
        state.rate = (state.rate / 2.0).max(SLOWEST);
        // Jitter, so that two tails that were throttled together do not retry together.
        let pause = (1.0 + fastrand::f64()) / state.rate;
        state.next = state
            .next
            .max(Instant::now() + Duration::from_secs_f64(pause));
        state.rate
    }

    /// A call succeeded: raises the rate by a twentieth of the ceiling.
    pub fn answered(&self) {
        let mut state = self.lock();
        state.rate = (state.rate + self.ceiling / 20.0).min(self.ceiling);
    }

    fn book(&self, now: Instant) -> Instant {
        let mut state = self.lock();
        let at = state.next.max(now);
        state.next = at + Duration::from_secs_f64(1.0 / state.rate);
        at
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing panics while holding it; a poisoned rate is still a rate.
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_a_rate_apart() {
        let pacer = Pacer::new(10.0);
        let now = Instant::now() + Duration::from_secs(1);
        let first = pacer.book(now);
        let second = pacer.book(now);
        assert_eq!(first, now);
        assert_eq!((second - first).as_millis(), 100);
    }

    #[test]
    fn each_region_is_asked_less_often_than_it_allows() {
        for (region, allowed) in [
            ("us-east-1", 25.0),
            ("eu-central-1", 5.0),
            ("ca-west-1", 5.0),
            ("eu-west-1", 10.0),
        ] {
            let rate = Pacer::for_region(region).lock().rate;
            assert!((rate - allowed * SHARE).abs() < 1e-9, "{region}: {rate}");
        }
    }

    #[test]
    fn a_refusal_halves_the_rate_and_success_wins_it_back() {
        let pacer = Pacer::for_region("eu-central-1");
        assert!((pacer.refused() - 2.0).abs() < 1e-9);
        assert!((pacer.refused() - 1.0).abs() < 1e-9);
        for _ in 0..20 {
            pacer.answered();
        }
        assert!((pacer.lock().rate - 4.0).abs() < 1e-9);
    }

    #[test]
    fn the_rate_never_falls_to_nothing() {
        let pacer = Pacer::new(5.0);
        for _ in 0..50 {
            pacer.refused();
        }
        assert!(pacer.lock().rate >= SLOWEST);
    }
}
