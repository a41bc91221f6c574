//! Token buckets: for new connections and requests of the account, and for routes of a stage.
//!
//! The account's bucket is one for messages and `@connections` calls together.
//!
//! Uncertain: whether a handshake takes from it too is not documented; here new connections have
//! only the bucket of their own quota.
//!
//! A rate or burst of 0 lets nothing through: tools that set log levels without throttles can leave zeros on the
//! stage, and then every handshake gets 429.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::conditions::Conditions;
use crate::services::apigatewayv2::LiveStage;

/// Every bucket.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Throttles {
    /// Whether the account's rate allows one more connection.
    pub(crate) fn connection(&self, conditions: &Conditions) -> bool {
        let rate = conditions.connections_per_second;
        self.take("connections", rate, rate)
    }

    /// Whether the account's rate allows one more message or `@connections` call.
    pub(crate) fn request(&self, conditions: &Conditions) -> bool {
        let (rate, burst) = (conditions.requests_per_second, conditions.requests_burst);
        self.take("requests", rate, burst)
    }

    /// Whether the stage and the route allow one more message.
    pub(crate) fn route(&self, stage: &LiveStage, route_key: &str) -> bool {
        let own = stage.route_settings.get(route_key);
        let rate = own.and_then(|own| own.rate).or(stage.default_settings.rate);
        let burst = own
            .and_then(|own| own.burst)
            .or(stage.default_settings.burst);
        if rate.is_none() && burst.is_none() {
            return true;
        }
        let burst = burst.map_or(f64::INFINITY, |burst| {
            f64::from(i32::try_from(burst).unwrap_or(i32::MAX))
        });
        let name = format!("{}/{}/{route_key}", stage.api_id, stage.stage);
        self.take(&name, rate.unwrap_or(f64::INFINITY), burst)
    }

    fn take(&self, name: &str, rate: f64, burst: f64) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || Bucket {
            rate,
            burst,
            tokens: burst,
            filled: Instant::now(),
        };
        if !buckets.contains_key(name) {
            buckets.insert(name.to_owned(), full());
        }
        let Some(bucket) = buckets.get_mut(name) else {
            return true;
        };
        if bucket.rate.to_bits() != rate.to_bits() || bucket.burst.to_bits() != burst.to_bits() {
            *bucket = full();
        }
        bucket.take()
    }
}

impl Bucket {
    fn take(&mut self) -> bool {
        if self.rate <= 0.0 {
            return false;
        }
        let now = Instant::now();
        let gained = self.rate * now.duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_decides() {
        let throttles = Throttles::default();
        let passed = (0..10).filter(|_| throttles.take("a", 0.001, 3.0)).count();
        assert_eq!(passed, 3);
        assert!(
            throttles.take("a", 1000.0, 1.0),
            "new settings begin with a full bucket"
        );
    }

    #[test]
    fn a_rate_or_burst_of_zero_lets_nothing_through() {
        let throttles = Throttles::default();
        assert!(!throttles.take("a", 0.0, 100.0));
        assert!(!throttles.take("b", 100.0, 0.0));
    }
}
