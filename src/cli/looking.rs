//! Flags of the commands that only look, and of the chat.

use super::complete;
use crate::tail::LogSource;
use clap::Args;

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
