//! Time that tests can turn forward.
//!
//! The clock runs with the system's, plus an offset that only grows. Whoever waits, waits for a
//! moment on this clock, so that ten idle minutes pass at once when a test turns it. Short waits that
//! belong to the network or to processes (integration time-outs, latency) use real time instead:
//! turning the clock must not make a healthy function time out.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// The local cloud's clock.
#[derive(Debug)]
pub struct Clock {
    offset_ms: AtomicI64,
    turned: watch::Sender<()>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            offset_ms: AtomicI64::new(0),
            turned: watch::Sender::new(()),
        }
    }
}

impl Clock {
    /// Milliseconds since 1970 on this clock.
    pub fn now_ms(&self) -> i64 {
        let real = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let real = i64::try_from(real.as_millis()).unwrap_or(i64::MAX);
        real.saturating_add(self.offset_ms.load(Ordering::Acquire))
    }

    /// The same moment as a timestamp that can be formatted.
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.now_ms()).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Turns the clock forward and wakes everybody who waits on it.
    pub fn turn(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.offset_ms.fetch_add(by, Ordering::AcqRel);
        self.turned.send_replace(());
    }

    /// Waits until this clock shows `moment_ms`.
    pub async fn sleep_until(&self, moment_ms: i64) {
        let mut turned = self.turned.subscribe();
        loop {
            let left = moment_ms.saturating_sub(self.now_ms());
            let Ok(left) = u64::try_from(left) else {
                return;
            };
            if left == 0 {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left)) => {}
                _ = turned.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turning_the_clock_wakes_a_sleeper_at_once() {
        let clock = std::sync::Arc::new(Clock::default());
        let until = clock.now_ms() + 600_000;
        let sleeper = tokio::spawn({
            let clock = std::sync::Arc::clone(&clock);
            async move { clock.sleep_until(until).await }
        });
        clock.turn(Duration::from_secs(601));
        let woke = tokio::time::timeout(Duration::from_secs(5), sleeper).await;
        assert!(woke.is_ok(), "the sleeper did not see the clock turn");
    }
}
