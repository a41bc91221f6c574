//! The rates of API Gateway's control plane, fixed for each account and region. None is adjustable,
//! and the SDK's own retries are over long before the slower ones let a call through.

use crate::engine::pace::Limit;
use std::time::Duration;

/// API Gateway refuses concurrent changes within one API.
pub(super) const GATEWAY_LANE: &str = "the API";

/// All control-plane calls together: 10 a second, 40 at once.
pub(super) const CONTROL: Limit = Limit {
    name: "API Gateway",
    every: Duration::from_millis(100),
    burst: 40,
};

/// CreateDeployment: one in 5 seconds.
pub(super) const DEPLOYMENTS: Limit = Limit {
    name: "CreateDeployment",
    every: Duration::from_secs(5),
    burst: 1,
};

/// UpdateAccount: one in 20 seconds.
pub(super) const ACCOUNT: Limit = Limit {
    name: "UpdateAccount",
    every: Duration::from_secs(20),
    burst: 1,
};
