//! Which of the chat's logs a line is from.

use clap::ValueEnum;
use serde::Serialize;

/// One of the chat's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogSource {
    /// Output of the function and of Lambda.
    Function,
    /// How API Gateway processed each request.
    Execution,
    /// One line per request.
    Access,
}

impl LogSource {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Execution => "execution",
            Self::Access => "access",
        }
    }
}
