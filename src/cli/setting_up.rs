//! Flags of the commands that write what a project and its pipelines need.

use crate::naming::rights::Task;
use clap::{Args, ValueEnum};

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
