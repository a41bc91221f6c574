//! What can be typed. Nothing here acts: the flags go to [`crate::config`], the verbs to
//! `commands`. The doc comments are the help texts and the manual pages.
//!
//! Only `main` and `commands` import this module; what the flags mean is defined below it.

mod changing;
mod complete;
mod examples;
#[cfg(feature = "local")]
mod local;
mod looking;
mod setting_up;

pub use changing::{Deploy, Plan, Rollback, Teardown, Wanted};
#[cfg(feature = "local")]
pub use local::Local;
pub use looking::{AnyApi, Chat, List, Logs, Open};
pub use setting_up::{CiSystem, Init, InitTemplate, PipelineKind, Policy};

use crate::config::{GitHubActions, Input, LOCAL_PORT, Target};
use crate::report::{Color, OutputFormat, ReportOptions};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "Exit codes: 0 success, 1 failure, 2 plan found changes (with --exit-code), \
64 invalid usage; stopped by a signal: 130 SIGINT (Ctrl-C), 143 SIGTERM, 129 SIGHUP. `local` and `open` \
run until a signal stops them and then exit with 0.";

/// Deploy a serverless WebSocket chat to AWS, or run the same chat on this machine.
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
    /// Name of the chat, part of every resource's name [default: chat]
    #[arg(long, global = true, env = "CHATCTL_NAME", add = complete::names())]
    pub name: Option<String>,
    /// Name of the API's stage [default: production]
    #[arg(long, global = true, env = "CHATCTL_STAGE", add = complete::stages())]
    pub stage: Option<String>,
    /// AWS region, for example eu-central-1
    #[arg(long, global = true)]
    pub region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, global = true)]
    pub profile: Option<String>,
    /// Configuration file [default: chatctl.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "CHATCTL_CONFIG")]
    pub config: Option<PathBuf>,
    /// Environment of the configuration file: [env.NAME] over the common part
    #[arg(long, global = true, value_name = "NAME", env = "CHATCTL_ENV", add = complete::environments())]
    pub env: Option<String>,
    /// Use the local cloud that `chatctl local` runs, and its region, instead of AWS
    #[arg(long, global = true, conflicts_with = "endpoint_url")]
    pub local: bool,
    /// Port of the local cloud
    #[arg(long, global = true, default_value_t = LOCAL_PORT, env = "CHATCTL_PORT")]
    pub port: u16,
    /// Use another implementation of the AWS APIs, at this URL
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Format of the results on stdout
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Text)]
    pub output: OutputFormat,
    /// When to use colour; NO_COLOR is respected
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Show more; -vv also shows chatctl's trace events
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Show only results and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Global {
    /// The flags in the form that the configuration takes, with what is to be deployed.
    pub fn input(&self, wanted: &Wanted) -> Input {
        let wanted = wanted.clone();
        Input {
            config: self.config.clone(),
            env: self.env.clone(),
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
            github: GitHubActions::of_environment().is_some(),
        }
    }

    fn target(&self) -> Option<Target> {
        if self.local {
            return Some(Target::Local(self.port));
        }
        self.endpoint_url.clone().map(Target::Endpoint)
    }
}

/// The form that a command line asks for, also if it cannot be parsed.
pub fn output_format(arguments: impl Iterator<Item = OsString>) -> OutputFormat {
    let mut output = OutputFormat::Text;
    let mut is_value = false;
    for argument in arguments.skip(1) {
        let Some(argument) = argument.to_str() else {
            is_value = false;
            continue;
        };
        let value = match argument.strip_prefix("--output=") {
            None if is_value => Some(argument),
            value => value,
        };
        if let Some(value) = value {
            output = OutputFormat::from_str(value, false).unwrap_or(output);
        }
        is_value = argument == "--output";
    }
    output
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the local cloud, deploy the chat to it, serve the chat page and stream the logs
    #[cfg(feature = "local")]
    #[command(after_help = examples::LOCAL)]
    Local(Local),
    /// Build the function, create or update what differs, check that the chat answers
    #[command(after_help = examples::DEPLOY)]
    Deploy(Deploy),
    /// Show what deploy would change, field by field
    #[command(after_help = examples::PLAN)]
    Plan(Plan),
    /// Show the URL, every resource, and what differs from the configuration
    #[command(after_help = examples::STATUS)]
    Status(AnyApi),
    /// List the chats of a region, or of all regions
    #[command(after_help = examples::LIST)]
    List(List),
    /// Show the function's log, the API's execution log and its access log as one stream
    #[command(after_help = examples::LOGS)]
    Logs(Logs),
    /// Make the version live that was live before the last deploy
    #[command(after_help = examples::ROLLBACK)]
    Rollback(Rollback),
    /// Delete everything that deploy created, and check that nothing is left
    #[command(after_help = examples::TEARDOWN)]
    Teardown(Teardown),
    /// Chat from the terminal, or from a script on stdin
    ///
    /// A script is sent line by line, each after the answer to the one before, and below the chat's rate of
    /// 10 messages in 10 s.
    ///
    /// Exit codes: 0 success, 1 there is no connection; and for a script also 1 when anything was refused, could
    /// not be sent or got no answer within 10 s. `--once` is a script of one line.
    #[command(after_help = examples::CHAT)]
    Chat(Chat),
    /// Serve the chat page for a deployed chat
    #[command(after_help = examples::OPEN)]
    Open(Open),
    /// Find out why the chat or its logs do not work, and what to do
    #[command(after_help = examples::DOCTOR)]
    Doctor(AnyApi),
    /// Print the least IAM policy that a command needs, or a role for a pipeline
    ///
    /// The policy is limited to the names, the region and the account of the chat. It goes to stdout, how to use
    /// it to stderr. With --role github, stdout is the pair of AWS CLI commands that make the role.
    #[command(after_help = examples::POLICY)]
    Policy(Policy),
    /// Write a chatctl.toml to start with, a function of your own, or a CI workflow
    #[command(after_help = examples::INIT)]
    Init(Init),
    /// Print a shell completion script
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Shell to complete for
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    #[command(after_help = examples::MAN)]
    Man {
        /// Directory to write to; without it, the main page is written to stdout
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests;
