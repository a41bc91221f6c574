//! How a local cloud is started.

use std::path::PathBuf;
use std::time::Duration;

use crate::conditions::{Conditions, Fault};

/// How a local cloud is started; [`Options::default`] is what tests want.
#[derive(Debug, Clone)]
pub struct Options {
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// The only region that exists.
    pub region: String,
    /// The only account.
    pub account_id: String,
    /// Where functions are unpacked; a fresh temporary folder if `None`.
    pub state_dir: Option<PathBuf>,
    /// Keeps the state in this folder over restarts; nothing is kept if `None`.
    pub persist: Option<PathBuf>,
    /// Delays, limits and strictness at the start.
    pub conditions: Conditions,
    /// Faults that are planned at the start.
    pub faults: Vec<Fault>,
    /// How far the clock is ahead at the start.
    pub clock_ahead: Duration,
    /// How many seconds pass on the clock in one real second.
    pub clock_speed: f64,
    /// Where functions' processes look for programs, after Lambda's own folders: a `PATH`.
    pub search_path: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            state_dir: None,
            persist: None,
            conditions: Conditions::default(),
            faults: Vec::new(),
            clock_ahead: Duration::ZERO,
            clock_speed: 1.0,
            search_path: std::env::var("PATH").unwrap_or_default(),
        }
    }
}
