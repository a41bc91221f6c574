//! What can be typed. Nothing here acts: the flags go to [`crate::config`], the verbs to
//! `commands`. The doc comments are the help texts and the manual pages.
//!
//! Only `main` and `commands` import this module; what the flags mean is defined below it.

mod complete;
mod examples;

use crate::config::{Arch, GitHubActions, Input, LOCAL_PORT, LogLevel, Target};
use crate::naming::rights::Task;
use crate::report::{Color, OutputFormat, ReportOptions};
use crate::tail::LogSource;
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

/// Not a doc comment: rustdoc would take the brackets for links.
#[cfg(feature = "local")]
const FAULT_HELP: &str = "Inject a fault: [SERVICE[:OPERATION]=]KIND[*TIMES][@CHANCE%]; repeatable. \
KIND is throttle, error:STATUS, error:STATUS:CODE, reset, lost-answer, empty-answer, delay:MS or hang. \
Examples: logs=error:503@20%, iam:CreateRole=error:409:LimitExceeded, lambda:CreateFunction=lost-answer, execute-api:Message=reset@5%";

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
    /// Replace the table of this chat although it is protected, or not ours; its data is lost
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

/// Flags of `chatctl local`.
#[cfg(feature = "local")]
#[derive(Debug, Clone, Default, Args)]
pub struct Local {
    /// Keep the local cloud's state in this directory across restarts
    #[arg(long, value_name = "DIR")]
    pub persist: Option<PathBuf>,
    /// Start an empty local cloud and deploy nothing
    #[arg(long)]
    pub no_deploy: bool,
    /// Rebuild and redeploy when the function's source changes; needs --lambda
    #[arg(long, conflicts_with = "no_deploy")]
    pub watch: bool,
    /// Port of the chat page [default: the one after --port, or a free one]
    #[arg(long, value_name = "PORT")]
    pub page_port: Option<u16>,
    /// Delay of every control-plane call in milliseconds [default: 0]
    #[arg(long, value_name = "MS", help_heading = "Faults and conditions")]
    pub latency: Option<u64>,
    /// Delay until a new role or function can be used, in milliseconds [default: 100]
    #[arg(long, value_name = "MS", help_heading = "Faults and conditions")]
    pub propagation: Option<u64>,
    /// Enforce the control-plane rate limits of AWS
    #[arg(long, help_heading = "Faults and conditions")]
    pub strict_rates: bool,
    /// Faults to inject.
    #[arg(long = "fault", value_name = "FAULT", help = FAULT_HELP, help_heading = "Faults and conditions")]
    pub faults: Vec<String>,
    /// Seed for random faults; the same seed gives the same faults
    #[arg(long, value_name = "NUMBER", help_heading = "Faults and conditions")]
    pub seed: Option<u64>,
    /// File with conditions and faults, in the JSON format of /_chatctl/weather
    #[arg(
        long,
        value_name = "FILE",
        alias = "weather",
        help_heading = "Faults and conditions"
    )]
    pub conditions: Option<PathBuf>,
    /// Set the local cloud's clock ahead by this time, for example 90m or 3days
    #[arg(long, value_name = "TIME", help_heading = "Faults and conditions")]
    pub clock_offset: Option<String>,
    /// Speed of the local cloud's clock; 60 makes a minute pass in a second [default: 1]
    #[arg(long, value_name = "FACTOR", help_heading = "Faults and conditions")]
    pub clock_speed: Option<f64>,
    /// What is deployed.
    #[command(flatten)]
    pub wanted: Wanted,
}

/// Flags of `chatctl list`.
#[derive(Debug, Clone, Default, Args)]
pub struct List {
    /// Ask every region of the partition, side by side
    #[arg(long)]
    pub all_regions: bool,
    /// Compare each chat with its settings, where the configuration file here has them
    #[arg(long)]
    pub drift: bool,
}

/// Flags of `chatctl policy`.
#[derive(Debug, Clone, Args)]
pub struct Policy {
    /// What the policy is for; several are put together [default: deploy]
    #[arg(value_enum, value_name = "COMMAND")]
    pub tasks: Vec<Task>,
    /// Account that the policy is for; asks AWS without it and without `account` in chatctl.toml
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Print a role for pipelines of this kind, with its trust policy
    #[arg(long, value_enum, requires = "repo")]
    pub role: Option<PipelineKind>,
    /// GitHub repository whose jobs may take the role on
    #[arg(long, value_name = "OWNER/NAME", requires = "role")]
    pub repo: Option<String>,
    /// Branch whose jobs may take the role on
    #[arg(long, default_value = "main", requires = "role")]
    pub branch: String,
    /// GitHub environment whose jobs may take the role on, instead of a branch's
    #[arg(
        long,
        value_name = "NAME",
        requires = "role",
        conflicts_with = "branch"
    )]
    pub github_environment: Option<String>,
}

/// Where pipelines run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PipelineKind {
    /// GitHub Actions, through OpenID Connect: no stored keys.
    Github,
}

/// The flag that names an API in place of the chat.
#[derive(Debug, Clone, Default, Args)]
pub struct AnyApi {
    /// Read the WebSocket API with this ID, whoever made it, instead of the chat's. Nothing is changed. --stage
    /// says which of its stages is meant, and --name does not count
    #[arg(long, value_name = "ID", add = complete::apis())]
    pub api: Option<String>,
}

/// Flags of `chatctl logs`.
#[derive(Debug, Clone, Default, Args)]
pub struct Logs {
    /// Another API than the chat's.
    #[command(flatten)]
    pub any_api: AnyApi,
    /// Keep showing new events as they arrive
    #[arg(long, short)]
    pub follow: bool,
    /// Start: an age such as 10m or 2h, or a time in RFC 3339 [default: 10m; with --request 1h]
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// End: an age or a time in RFC 3339
    #[arg(long, value_name = "WHEN", conflicts_with = "follow")]
    pub until: Option<String>,
    /// Only events that match this CloudWatch filter pattern
    #[arg(long, value_name = "PATTERN")]
    pub filter: Option<String>,
    /// Only this log; repeatable [default: all]
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub source: Vec<LogSource>,
    /// Only events that match this regular expression; case-insensitive if it is all lower case
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,
    /// Only errors and warnings
    #[arg(long)]
    pub errors: bool,
    /// All events of one request, by API Gateway's or Lambda's request ID
    #[arg(long, value_name = "ID", conflicts_with_all = ["connection", "follow", "filter"])]
    pub request: Option<String>,
    /// All events of one connection
    #[arg(long, value_name = "ID", conflicts_with = "filter")]
    pub connection: Option<String>,
    /// At most this many past events, the latest ones
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<usize>,
    /// Show times in UTC instead of local time
    #[arg(long)]
    pub utc: bool,
    /// Follow with CloudWatch Live Tail: faster, but billed per minute
    #[arg(long, conflicts_with_all = ["since", "until", "request"])]
    pub live: bool,
}

/// Flags of `chatctl chat`.
#[derive(Debug, Clone, Default, Args)]
pub struct Chat {
    /// Your name in the chat
    #[arg(long, short = 'u', value_name = "NAME")]
    pub user: Option<String>,
    /// Send this one line, as it would be typed, wait for its answer, and leave
    #[arg(long, value_name = "LINE", requires = "user")]
    pub once: Option<String>,
    /// WebSocket URL to connect to, instead of the deployed chat's
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Flags of `chatctl open`.
#[derive(Debug, Clone, Default, Args)]
pub struct Open {
    /// Port of the chat page [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub page_port: Option<u16>,
    /// WebSocket URL to connect to, instead of the deployed chat's
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Flags of `chatctl init`.
#[derive(Debug, Clone, Default, Args)]
pub struct Init {
    /// Write the function's source to ./lambda and set it in chatctl.toml
    #[arg(long)]
    pub lambda: bool,
    /// Write a small function of this kind, and the configuration that deploys it
    #[arg(long, value_enum, value_name = "KIND", conflicts_with = "lambda")]
    pub template: Option<InitTemplate>,
    /// Write the files of this CI system: plans for review, previews, deploys [default: github]
    #[arg(
        long,
        value_enum,
        value_name = "SYSTEM",
        num_args = 0..=1,
        default_missing_value = "github"
    )]
    pub ci: Option<CiSystem>,
}

/// A function to start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InitTemplate {
    /// The chat, in Rust: names, public and private messages
    Chat,
    /// An echo, in Node.js, without a table
    Echo,
    /// A room in which everybody hears everybody, in Node.js with the AWS SDK
    Node,
    /// The same room, in Python with boto3
    Python,
    /// An echo, in Rust, without a table
    RustMinimal,
}

/// A CI system that chatctl writes files for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CiSystem {
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
}

#[cfg(test)]
mod tests;
