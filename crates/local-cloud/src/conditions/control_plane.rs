//! How strict and how slow the control planes are: the part of the conditions that they read.

use serde::{Deserialize, Serialize};

/// The control planes' conditions. Every field has a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ControlPlane {
    /// Milliseconds that one write to an API Gateway API takes; a second write meanwhile is refused
    /// with AWS's ConflictException.
    pub mutation_millis: u64,
    /// Whether API Gateway's fixed control-plane rates hold: 10 calls a second with a burst of 40,
    /// UpdateAccount once in 20 s, CreateDeployment once in 5 s.
    pub control_rates: bool,
    /// Milliseconds for which the old and the new deployment of a stage answer in turn.
    pub deployment_lag_millis: u64,
    /// Whether route settings without throttles get limits of 0, as some deployments on AWS report.
    pub zeroes_absent_throttles: bool,
    /// Milliseconds until an ingested log event can be read.
    pub log_delay_millis: u64,
    /// How many empty pages FilterLogEvents answers before each page with events.
    pub empty_log_pages: u32,
    /// Whether FilterLogEvents answers with an empty page and, however often it is asked with it, always
    /// the same token.
    pub repeated_log_tokens: bool,
    /// Milliseconds after which a line of an execution log can come when its API was deleted with logging
    /// on; the log group comes back then.
    pub late_log_millis: u64,
    /// Milliseconds for which a change of a table's tags locks them: another change, and the deletion of the
    /// table, are refused meanwhile.
    pub tag_lock_millis: u64,
    /// Milliseconds for which an expired item stays in its table.
    pub ttl_lag_millis: u64,
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self {
            mutation_millis: 5,
            control_rates: false,
            deployment_lag_millis: 0,
            zeroes_absent_throttles: false,
            log_delay_millis: 0,
            empty_log_pages: 0,
            repeated_log_tokens: false,
            late_log_millis: 150,
            tag_lock_millis: 1700,
            ttl_lag_millis: 10 * 60 * 1000,
        }
    }
}
