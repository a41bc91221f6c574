//! Flags of the commands that change a stack.

use crate::config::{Arch, LogLevel};
use clap::Args;
use std::path::PathBuf;

/// Flags that say what is deployed; the same for `deploy`, `plan` and `local`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What is deployed")]
pub struct Wanted {
    /// Processor architecture of the function [default: arm64; for a local cloud this machine's]
    #[arg(long, value_enum)]
    pub arch: Option<Arch>,
    /// Directory with the function's source, instead of the bundled source
    #[arg(long, value_name = "DIR")]
    pub lambda: Option<PathBuf>,
    /// Memory of the function in MB, 128 to 10240 [default: 256]
    #[arg(long, value_name = "MB")]
    pub memory: Option<u32>,
    /// Timeout of the function in seconds, 1 to 29 [default: 15]
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
    /// Level of the API's execution log [default: info]
    #[arg(long, value_enum)]
    pub log_level: Option<LogLevel>,
    /// Log full payloads in the execution log; they contain private messages
    #[arg(long)]
    pub data_trace: bool,
    /// Requests per second that the stage allows [default: 500]
    #[arg(long, value_name = "RATE")]
    pub throttle_rate: Option<f64>,
    /// Burst of requests that the stage allows [default: 1000]
    #[arg(long, value_name = "COUNT")]
    pub throttle_burst: Option<u32>,
    /// Days to keep logs, a value that CloudWatch offers: 1, 3, 5, 7, 14, 30, ... [default: 14]
    #[arg(long, value_name = "DAYS")]
    pub retention: Option<u32>,
    /// Page origin that may connect, for example `https://chat.example.com`; repeatable [default: any]
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub allowed_origins: Vec<String>,
    /// Tag for every resource; repeatable
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub tags: Vec<String>,
}

/// Flags of `chatctl deploy`.
#[derive(Debug, Clone, Default, Args)]
pub struct Deploy {
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Do not check that the new version works before it is live, nor at the end that the chat answers
    #[arg(long)]
    pub no_prove: bool,
    /// Take over resources that have the chat's names but were not created by chatctl
    #[arg(long)]
    pub adopt: bool,
    /// Apply the plan that `plan --out` wrote, without asking; refuse if anything changed since. Takes the
    /// flags that the plan was made with
    #[arg(long, value_name = "FILE", conflicts_with = "adopt")]
    pub plan: Option<PathBuf>,
    /// Replace or delete the table of this chat, protected or not ours as it may be; its data is lost
    #[arg(long, value_name = "CHAT")]
    pub force: Option<String>,
    /// What is deployed.
    #[command(flatten)]
    pub wanted: Wanted,
}

/// Flags of `chatctl plan`.
#[derive(Debug, Clone, Default, Args)]
pub struct Plan {
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub exit_code: bool,
    /// Plan what `deploy --adopt` would do
    #[arg(long)]
    pub adopt: bool,
    /// Write the plan to this file, for `deploy --plan`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What is deployed.
    #[command(flatten)]
    pub wanted: Wanted,
}

/// Flags of `chatctl rollback`.
#[derive(Debug, Clone, Default, Args)]
pub struct Rollback {
    /// Version to make live, one that `chatctl status` lists [default: the one that was live before]
    #[arg(long, value_name = "VERSION")]
    pub to: Option<u64>,
    /// Do not check that the version works
    #[arg(long)]
    pub no_prove: bool,
}

/// Flags of `chatctl teardown`.
#[derive(Debug, Clone, Default, Args)]
pub struct Teardown {
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Delete this chat although it is protected
    #[arg(long, value_name = "CHAT")]
    pub force: Option<String>,
}
