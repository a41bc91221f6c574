//! Flags of `chatctl local`.

use super::Wanted;
use clap::Args;
use std::path::PathBuf;

/// Not a doc comment: rustdoc would take the brackets for links.
const FAULT_HELP: &str = "Inject a fault: [SERVICE[:OPERATION]=]KIND[*TIMES][@CHANCE%]; repeatable. \
KIND is throttle, error:STATUS, error:STATUS:CODE, reset, lost-answer, empty-answer, delay:MS or hang. \
Examples: logs=error:503@20%, iam:CreateRole=error:409:LimitExceeded, lambda:CreateFunction=lost-answer, execute-api:Message=reset@5%";

/// Flags of `chatctl local`.
#[derive(Debug, Clone, Default, Args)]
pub struct Local {
    /// Keep the local cloud's state in this directory across restarts
    #[arg(long, value_name = "DIR")]
    pub persist: Option<PathBuf>,
    /// Start an empty local cloud and deploy nothing
    #[arg(long)]
    pub no_deploy: bool,
    /// Rebuild and redeploy when the function's source changes; needs a source of your own
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
