//! What every service and the data plane share: where the cloud is, its clock and conditions, the signal to
//! stop, and the marks of what has changed.
//!
//! No service is reachable from here. Each service holds this and the services that it calls, so calls go in
//! one direction only, and no two services can wait for each other's lock.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::conditions::ConditionsState;
use crate::persist::{Changes, Persistent};

/// The account and region, and what their services have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The only region.
    pub(crate) region: String,
    /// The only account.
    pub(crate) account_id: String,
    /// `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
    /// Time that tests can turn forward.
    pub(crate) clock: Clock,
    /// Faults, delays and the list of calls.
    pub(crate) conditions: ConditionsState,
    /// Cancelled when the cloud ends.
    pub(crate) stopping: CancellationToken,
    /// Which parts of the state have to be saved.
    pub(crate) changes: Arc<Changes>,
}

impl Shared {
    /// Changes up to this moment have propagated.
    pub(crate) fn visible_ms(&self) -> i64 {
        self.clock.now_ms().saturating_sub(self.propagation_ms())
    }

    /// When something that is changed now has taken effect everywhere.
    pub(crate) fn propagated_at(&self) -> i64 {
        self.clock.now_ms().saturating_add(self.propagation_ms())
    }

    /// How long eventual consistency takes.
    pub(crate) fn propagation_ms(&self) -> i64 {
        let millis = self.conditions.now().propagation_millis;
        i64::try_from(millis).unwrap_or(i64::MAX / 4)
    }
}

/// Of all this only the clock's offset is kept.
impl Persistent for Shared {
    fn snapshot(&self) -> Value {
        json!({ "aheadMillis": self.clock.ahead_ms() })
    }

    /// What was written must not lie in the future now.
    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        let ahead = snapshot["aheadMillis"].as_u64().unwrap_or_default();
        self.clock.turn(Duration::from_millis(ahead));
        Ok(())
    }
}
