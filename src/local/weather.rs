//! Faults and delays on demand, and the list of every control-plane call.

use std::sync::RwLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How the local cloud behaves apart from faults. Every field has a calm default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Weather {
    /// Milliseconds until a new role can be assumed and a new function is active.
    pub propagation_millis: u64,
    /// Milliseconds added to every control-plane call.
    pub latency_millis: u64,
    /// How strict and how slow the control planes are.
    pub control_plane: super::ControlPlane,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            propagation_millis: 100,
            latency_millis: 0,
            control_plane: super::ControlPlane::default(),
        }
    }
}

/// The weather now.
#[derive(Debug)]
pub(crate) struct Sky {
    weather: RwLock<Weather>,
}

impl Sky {
    pub(crate) fn new(weather: Weather) -> Self {
        Self {
            weather: RwLock::new(weather),
        }
    }

    /// The weather at this moment.
    pub(crate) fn now(&self) -> Weather {
        self.weather
            .read()
            .map(|weather| weather.clone())
            .unwrap_or_default()
    }

    /// How long eventual consistency takes.
    pub(crate) fn propagation(&self) -> Duration {
        Duration::from_millis(self.now().propagation_millis)
    }
}
