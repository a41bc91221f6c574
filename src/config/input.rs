//! What was given on the command line, as plain values.

use super::chat_flags::ChatFlags;
use super::settings::{Arch, LogLevel, Target};
use std::path::PathBuf;

/// What was given on the command line; nothing where a flag was left out.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// The environment of the file.
    pub env: Option<String>,
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

impl Input {
    /// The flags that lead another command to the chat that is meant, before the settings are known.
    pub fn chat_flags(&self) -> ChatFlags {
        let target = self.target.as_ref().unwrap_or(&Target::Aws);
        self.chosen().at(target)
    }

    /// The same without the flags of the target.
    pub(super) fn chosen(&self) -> ChatFlags {
        ChatFlags::default()
            .with_config(self.config.as_deref())
            .with("--env", self.env.as_deref())
            .with("--name", self.name.as_deref())
            .with("--stage", self.stage.as_deref())
            .with("--region", self.region.as_deref())
            .with("--profile", self.profile.as_deref())
    }
}
