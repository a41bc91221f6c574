//! What was given on the command line, as plain values.

use super::settings::{Arch, LogLevel, Target};
use std::path::PathBuf;

/// What was given on the command line; nothing where a flag was left out.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Name of the chat.
    pub name: Option<String>,
    /// Name of the stage.
    pub stage: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Another cloud than AWS; its URL is not checked yet.
    pub target: Option<Target>,
    /// Processor.
    pub arch: Option<Arch>,
    /// Folder with the function's source.
    pub lambda: Option<PathBuf>,
    /// MB.
    pub memory: Option<u32>,
    /// Seconds.
    pub timeout: Option<u32>,
    /// Execution logging.
    pub log_level: Option<LogLevel>,
    /// Whole payloads in the execution log.
    pub data_trace: bool,
    /// Requests a second.
    pub throttle_rate: Option<f64>,
    /// Burst of requests.
    pub throttle_burst: Option<u32>,
    /// Days to keep logs.
    pub retention: Option<u32>,
    /// Page origins that may connect.
    pub allowed_origins: Vec<String>,
    /// Tags, each `KEY=VALUE`.
    pub tags: Vec<String>,
}
