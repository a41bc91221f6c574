//! What can be typed. Nothing here acts: the flags go to [`crate::config`], the verbs to
//! `commands`. The doc comments are the help texts and the manual pages.
//!
//! Only `main` and `commands` import this module; what the flags mean is defined below it.

use crate::config::{Arch, Input, LOCAL_PORT, LogLevel, Target};
use crate::report::{Color, Output, ReportOptions};
use crate::tail::LogSource;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 plan found changes (with --exit-code), \
64 wrong usage, 130 interrupted.";

/// Deploy a serverless WebSocket chat to AWS, or run the same thing on this machine.
///
/// Start with `chatctl local`: it needs no AWS account.
#[derive(Debug, Parser)]
#[command(name = "chatctl", version, styles = STYLES, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command takes. Order of precedence: flag, environment, chatctl.toml, default.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Name of the chat; every resource carries it [default: chat]
    #[arg(long, global = true, env = "CHATCTL_NAME")]
    pub name: Option<String>,
    /// Name of the API's stage [default: production]
    #[arg(long, global = true, env = "CHATCTL_STAGE")]
    pub stage: Option<String>,
    /// AWS region, such as eu-central-1
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Configuration file [default: chatctl.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", env = "CHATCTL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Talk to the local cloud that `chatctl local` runs, instead of AWS
    #[arg(long, global = true, conflicts_with = "endpoint_url")]
    pub local: bool,
    /// Port of the local cloud
    #[arg(long, global = true, default_value_t = LOCAL_PORT, env = "CHATCTL_PORT")]
    pub port: u16,
    /// Talk to another implementation of the AWS APIs at this URL
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// How results are written to stdout
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// When to use colour; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Say more; twice: every AWS call
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say only what went wrong
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Global {
    /// The flags in the form that the configuration takes, with what is to be deployed.
    pub fn input(&self, wanted: &Wanted) -> Input {
        let wanted = wanted.clone();
        Input {
            config: self.config.clone(),
            name: self.name.clone(),
            stage: self.stage.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
            target: self.target(),
            arch: wanted.arch,
            lambda: wanted.lambda,
            memory: wanted.memory,
            timeout: wanted.timeout,
            log_level: wanted.log_level,
            data_trace: wanted.data_trace,
            throttle_rate: wanted.throttle_rate,
            throttle_burst: wanted.throttle_burst,
            retention: wanted.retention,
            allowed_origins: wanted.allowed_origins,
            tags: wanted.tags,
        }
    }

    /// The flags that say what is written, and how.
    pub fn report(&self) -> ReportOptions {
        ReportOptions {
            output: self.output,
            color: self.color,
            quiet: self.quiet,
            verbose: self.verbose,
        }
    }

    fn target(&self) -> Option<Target> {
        if self.local {
            return Some(Target::Local(self.port));
        }
        self.endpoint_url.clone().map(Target::Endpoint)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the local cloud, deploy the chat to it, serve the chat page and stream the logs
    #[cfg(feature = "local")]
    Local(Local),
    /// Build the Lambda, create or update what differs, prove that the chat works
    Deploy(Deploy),
    /// Show what deploy would change, field by field
    Plan(Plan),
    /// Show the URLs, every resource, and what drifted
    Status,
    /// Show the function's, the API's execution and the access logs as one stream
    Logs(Logs),
    /// Delete everything that deploy made, and prove that nothing is left
    Teardown(Teardown),
    /// Chat from the terminal
    Chat(Chat),
    /// Serve the chat page for a deployed chat
    Open(Open),
    /// Say why it does not work, and what to do
    Doctor,
    /// Write a starting chatctl.toml, or the Lambda's source to own and change
    Init(Init),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// Folder to write them to; without it, the main page goes to stdout
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Flags about what is wanted; the same for `deploy`, `plan` and `local`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What is deployed")]
pub struct Wanted {
    /// Processor of the function [default: arm64; on a local cloud this machine's own]
    #[arg(long, value_enum)]
    pub arch: Option<Arch>,
    /// Folder with the Lambda's source, instead of the bundled one
    #[arg(long, value_name = "DIR")]
    pub lambda: Option<PathBuf>,
    /// Memory of the function, in MB, 128 to 10240 [default: 256]
    #[arg(long, value_name = "MB")]
    pub memory: Option<u32>,
    /// Time-out of the function, in seconds, 1 to 29 [default: 15]
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
    /// Execution logging of the API [default: info]
    #[arg(long, value_enum)]
    pub log_level: Option<LogLevel>,
    /// Log whole payloads in the execution log; they hold private messages
    #[arg(long)]
    pub data_trace: bool,
    /// Requests a second that the stage lets through [default: 500]
    #[arg(long, value_name = "RATE")]
    pub throttle_rate: Option<f64>,
    /// Requests at once that the stage lets through [default: 1000]
    #[arg(long, value_name = "COUNT")]
    pub throttle_burst: Option<u32>,
    /// Days to keep logs; one of CloudWatch's own steps, such as 1, 7, 14, 30 [default: 14]
    #[arg(long, value_name = "DAYS")]
    pub retention: Option<u32>,
    /// Page origin that may connect, such as https://chat.example.com; repeatable [default: any]
    #[arg(long = "allow-origin", value_name = "ORIGIN")]
    pub allowed_origins: Vec<String>,
    /// A tag for every resource; repeatable
    #[arg(long = "tag", value_name = "KEY=VALUE")]
    pub tags: Vec<String>,
}

/// Flags of `chatctl deploy`.
#[derive(Debug, Clone, Default, Args)]
pub struct Deploy {
    /// What is deployed.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Do not prove the chat through its socket at the end
    #[arg(long)]
    pub no_prove: bool,
    /// Take over resources that carry our names but were not made by chatctl, after showing them
    #[arg(long)]
    pub adopt: bool,
}

/// Flags of `chatctl plan`.
#[derive(Debug, Clone, Default, Args)]
pub struct Plan {
    /// What is deployed.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Exit with 2 when there are changes
    #[arg(long)]
    pub exit_code: bool,
    /// Plan as `deploy --adopt` would
    #[arg(long)]
    pub adopt: bool,
}

/// Flags of `chatctl teardown`.
#[derive(Debug, Clone, Default, Args)]
pub struct Teardown {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Flags of `chatctl local`.
#[cfg(feature = "local")]
#[derive(Debug, Clone, Default, Args)]
pub struct Local {
    /// What is deployed.
    #[command(flatten)]
    pub wanted: Wanted,
    /// Keep the local cloud's state in this folder over restarts
    #[arg(long, value_name = "DIR")]
    pub persist: Option<PathBuf>,
    /// Start the empty local cloud and deploy nothing
    #[arg(long)]
    pub no_deploy: bool,
    /// Rebuild and redeploy when the Lambda's source changes; needs --lambda
    #[arg(long, conflicts_with = "no_deploy")]
    pub watch: bool,
    /// Port of the chat page [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub page_port: Option<u16>,
    /// Slow every control-plane call down by so many milliseconds [default: 0]
    #[arg(long, value_name = "MS", help_heading = "Weather")]
    pub latency: Option<u64>,
    /// Milliseconds until a new role or function can be used [default: 100]
    #[arg(long, value_name = "MS", help_heading = "Weather")]
    pub propagation: Option<u64>,
    /// Refuse calls above the control-plane rates of AWS
    #[arg(long, help_heading = "Weather")]
    pub strict_rates: bool,
    /// What goes wrong: [SERVICE[:OPERATION]=]KIND[*TIMES][@CHANCE%]; repeatable. KIND is throttle,
    /// error:STATUS, reset, lost-answer or delay:MS. Such as logs=error:503@20%,
    /// lambda:CreateFunction=lost-answer, execute-api:Message=reset@5%
    #[arg(long = "fault", value_name = "FAULT", help_heading = "Weather")]
    pub faults: Vec<String>,
    /// Begin the dice of faults by chance with this number, to have the same run again
    #[arg(long, value_name = "NUMBER", help_heading = "Weather")]
    pub seed: Option<u64>,
    /// Read weather and faults from a file with the JSON of /_chatctl/weather
    #[arg(long, value_name = "FILE", help_heading = "Weather")]
    pub weather: Option<PathBuf>,
    /// How far the local cloud's clock is ahead, such as 90m or 3days
    #[arg(long, value_name = "TIME", help_heading = "Weather")]
    pub clock_offset: Option<String>,
    /// How many seconds pass on the local cloud's clock in one second [default: 1]
    #[arg(long, value_name = "FACTOR", help_heading = "Weather")]
    pub clock_speed: Option<f64>,
}

/// Flags of `chatctl logs`.
#[derive(Debug, Clone, Default, Args)]
pub struct Logs {
    /// Keep going as new events come
    #[arg(long, short)]
    pub follow: bool,
    /// From when: an age such as 10m or 2h, or a time in RFC 3339 [default: 10m]
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Until when: an age or a time in RFC 3339
    #[arg(long, value_name = "WHEN", conflicts_with = "follow")]
    pub until: Option<String>,
    /// Only events that match this CloudWatch filter pattern
    #[arg(long, value_name = "PATTERN")]
    pub filter: Option<String>,
    /// Only these logs; repeatable [default: all]
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub source: Vec<LogSource>,
    /// Only events whose text matches this regular expression; all lower case: in any case
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,
    /// Only failures and refusals
    #[arg(long)]
    pub errors: bool,
    /// The whole story of one request: API Gateway's lines, the function's, the result
    #[arg(long, value_name = "ID", conflicts_with_all = ["connection", "follow", "filter"])]
    pub request: Option<String>,
    /// Everything of one connection
    #[arg(long, value_name = "ID", conflicts_with = "filter")]
    pub connection: Option<String>,
    /// At most the last so many events of the past
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<usize>,
    /// Times in UTC instead of local time
    #[arg(long)]
    pub utc: bool,
    /// Follow with CloudWatch's Live Tail: faster, but billed by the minute
    #[arg(long, conflicts_with_all = ["since", "until", "request"])]
    pub live: bool,
}

/// Flags of `chatctl chat`.
#[derive(Debug, Clone, Default, Args)]
pub struct Chat {
    /// Your name in the chat
    #[arg(long, short = 'u', value_name = "NAME")]
    pub user: Option<String>,
    /// A WebSocket URL, instead of the deployed chat's
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Flags of `chatctl open`.
#[derive(Debug, Clone, Default, Args)]
pub struct Open {
    /// Port of the chat page [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub page_port: Option<u16>,
    /// A WebSocket URL, instead of the deployed chat's
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Flags of `chatctl init`.
#[derive(Debug, Clone, Default, Args)]
pub struct Init {
    /// Write the Lambda's source to ./lambda and point chatctl.toml to it
    #[arg(long)]
    pub lambda: bool,
    /// Write a CI workflow that deploys
    #[arg(long)]
    pub ci: bool,
}
