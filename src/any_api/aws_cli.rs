//! Commands of the AWS CLI that lead to the same account, region and cloud.

use crate::config::{Settings, shell_word};

/// Writes commands of the AWS CLI.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsCli {
    flags: String,
}

impl AwsCli {
    /// For the cloud that the settings mean.
    pub fn new(settings: &Settings, region: &str) -> Self {
        let flag = |flag: &str, value: &str| format!(" {flag} {}", shell_word(value));
        let profile = settings.profile.as_deref();
        let endpoint = settings.target.endpoint_url();
        let mut flags = flag("--region", region);
        flags.extend(profile.map(|name| flag("--profile", name)));
        flags.extend(endpoint.map(|url| flag("--endpoint-url", &url)));
        Self { flags }
    }

    /// `lambda get-function …` as a whole command.
    pub fn command(&self, command: &str) -> String {
        format!("aws {command}{}", self.flags)
    }

    /// One command after the other, each if the one before went well.
    pub fn commands(&self, commands: &[String]) -> String {
        let all: Vec<_> = commands.iter().map(|one| self.command(one)).collect();
        all.join(" && ")
    }
}
