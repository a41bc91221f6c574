//! The fixed rates of API Gateway's control plane, if the conditions turn them on.
//!
//! All calls together: 10 a second with a burst of 40. UpdateAccount: one in 20 s. CreateDeployment:
//! one in 5 s. Both APIs, v1 and v2, share them. They run on the cloud's clock.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::shared::Shared;
use crate::wire::ServiceError;

/// Buckets by name: tokens left, and when they were counted.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: Mutex<HashMap<&'static str, (f64, i64)>>,
}

impl Rates {
    /// Takes one call from the shared bucket and from the operation's own, if it has one.
    pub(crate) fn take(
        &self,
        shared: &Shared,
        own: Option<(&'static str, f64)>,
    ) -> Result<(), ServiceError> {
        if !shared.conditions.now().control_plane.control_rates {
            return Ok(());
        }
        let now_ms = shared.clock.now_ms();
        let shared = self.take_from("all", 10.0, 40.0, now_ms);
        let own = own.is_none_or(|(name, rate)| self.take_from(name, rate, 1.0, now_ms));
        if shared && own {
            return Ok(());
        }
        Err(ServiceError::new(
            429,
            "TooManyRequestsException",
            "Too Many Requests",
        ))
    }

    fn take_from(&self, name: &'static str, rate: f64, burst: f64, now_ms: i64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, counted_ms) = buckets.entry(name).or_insert((burst, now_ms));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two calls")]
        let gained = (now_ms - *counted_ms) as f64 / 1000.0 * rate;
        (*left, *counted_ms) = ((*left + gained).min(burst), now_ms);
        let enough = *left >= 1.0;
        if enough {
            *left -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_with_time() {
        let rates = Rates::default();
        assert!(rates.take_from("account", 0.05, 1.0, 0));
        assert!(!rates.take_from("account", 0.05, 1.0, 16_000));
        assert!(rates.take_from("account", 0.05, 1.0, 40_000));
    }
}
