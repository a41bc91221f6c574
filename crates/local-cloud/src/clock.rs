//! Time that can be turned forward, and made to run faster.
//!
//! The clock shows the system's time plus an offset that only grows, and can run at another speed. Every long wait
//! waits for a moment on this clock, so ten idle minutes pass at once when a test turns it. Short
//! waits that belong to the network or to processes (integration time-outs, latency) use real time
//! instead: turning the clock must not make a healthy function time out.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// The local cloud's clock.
#[derive(Debug)]
pub struct Clock {
    hand: RwLock<Hand>,
    turned: watch::Sender<()>,
}

/// What the clock showed at a moment of the system's time, and how fast it has run since.
#[derive(Debug, Clone, Copy)]
struct Hand {
    real_ms: i64,
    shown_ms: i64,
    speed: f64,
}

impl Default for Clock {
    fn default() -> Self {
        let real_ms = real_ms();
        let hand = Hand {
            real_ms,
            shown_ms: real_ms,
            speed: 1.0,
        };
        Self {
            hand: RwLock::new(hand),
            turned: watch::Sender::new(()),
        }
    }
}

impl Hand {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "milliseconds of centuries fit in 53 bits, and a cast to an integer saturates"
    )]
    fn at(self, real_ms: i64) -> i64 {
        let since = real_ms.saturating_sub(self.real_ms);
        self.shown_ms
            .saturating_add((since as f64 * self.speed) as i64)
            .min(Clock::END_MS)
    }
}

impl Clock {
    /// The slowest and the fastest that it can run.
    pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=100_000.0;

    /// The year 9000, where it stops: years of five digits are no timestamps to most programs, and what is made
    /// now may expire centuries later.
    pub const END_MS: i64 = 221_845_392_000_000;

    /// Milliseconds since 1970 on this clock.
    pub fn now_ms(&self) -> i64 {
        self.hand().at(real_ms())
    }

    /// The same moment as a timestamp that can be formatted.
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.now_ms()).unwrap_or(jiff::Timestamp::MAX)
    }

    /// How many seconds pass on it in one real second.
    pub fn speed(&self) -> f64 {
        self.hand().speed
    }

    /// How far it is ahead of the system's.
    pub fn ahead_ms(&self) -> i64 {
        let real = real_ms();
        self.hand().at(real) - real
    }

    /// Turns the clock forward, at most to [`Clock::END_MS`]; whatever waits for a moment that has passed by then
    /// goes on.
    pub fn turn(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.set(|hand| hand.shown_ms = hand.shown_ms.saturating_add(by));
    }

    /// Makes it run at another speed from now on; one outside of [`Clock::SPEEDS`] becomes the
    /// nearest inside.
    pub fn set_speed(&self, speed: f64) {
        let speed = speed.clamp(*Self::SPEEDS.start(), *Self::SPEEDS.end());
        self.set(|hand| hand.speed = speed);
    }

    fn set(&self, change: impl FnOnce(&mut Hand)) {
        let mut hand = self.hand.write().unwrap_or_else(PoisonError::into_inner);
        let real_ms = real_ms();
        *hand = Hand {
            real_ms,
            shown_ms: hand.at(real_ms),
            speed: hand.speed,
        };
        change(&mut hand);
        hand.shown_ms = hand.shown_ms.min(Self::END_MS);
        drop(hand);
        self.turned.send_replace(());
    }

    fn hand(&self) -> Hand {
        *self.hand.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this clock shows `moment_ms`.
    pub async fn sleep_until(&self, moment_ms: i64) {
        let mut turned = self.turned.subscribe();
        loop {
            let left = moment_ms.saturating_sub(self.now_ms());
            if left <= 0 {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(self.real(left)) => {}
                _ = turned.changed() => {}
            }
        }
    }

    /// How long so many of this clock's milliseconds take; at least a millisecond, so that a wait on a fast
    /// clock does not spin.
    #[expect(clippy::cast_precision_loss, reason = "see `Hand::at`")]
    fn real(&self, left_ms: i64) -> Duration {
        let seconds = left_ms as f64 / 1000.0 / self.speed();
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(Duration::MAX)
            .clamp(Duration::from_millis(1), Duration::from_secs(86_400))
    }
}

fn real_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wakes_after(change: impl FnOnce(&Clock)) {
        let clock = std::sync::Arc::new(Clock::default());
        let until = clock.now_ms() + 600_000;
        let sleeper = tokio::spawn({
            let clock = std::sync::Arc::clone(&clock);
            async move { clock.sleep_until(until).await }
        });
        change(&clock);
        let woke = tokio::time::timeout(Duration::from_secs(60), sleeper).await;
        assert!(woke.is_ok(), "the sleeper did not see the clock change");
        assert!(clock.now_ms() >= until);
    }

    #[tokio::test]
    async fn turning_the_clock_wakes_a_sleeper_at_once() {
        wakes_after(|clock| clock.turn(Duration::from_secs(601))).await;
    }

    #[tokio::test]
    async fn ten_minutes_pass_soon_on_a_fast_clock() {
        wakes_after(|clock| clock.set_speed(100_000.0)).await;
    }

    #[test]
    fn it_stops_at_its_end_however_far_it_is_turned() {
        let clock = Clock::default();
        clock.turn(Duration::MAX);
        clock.turn(Duration::from_millis(u64::MAX));
        clock.set_speed(100_000.0);
        assert_eq!(clock.now_ms(), Clock::END_MS);
        assert_eq!(clock.now().to_string(), "9000-01-01T00:00:00Z");
    }

    #[test]
    fn a_change_of_speed_does_not_move_the_hands() {
        let clock = Clock::default();
        clock.turn(Duration::from_secs(3600));
        let before = clock.ahead_ms();
        assert!((3_600_000..3_700_000).contains(&before));
        clock.set_speed(0.0);
        assert_eq!(clock.speed(), 0.01);
        clock.set_speed(1.0);
        assert!((before - 60_000..=before).contains(&clock.ahead_ms()));
    }
}
