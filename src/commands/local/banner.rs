//! What `chatctl local` says when it is ready, and what to try next.

use crate::commands::Context;
use crate::commands::deploy::Deployed;
use crate::error::Result;
use crate::report::Style;
use serde_json::json;

/// Who speaks, and where the local cloud is.
pub(super) struct Banner<'a> {
    /// The way to speak.
    pub(super) context: &'a Context,
    /// `http://127.0.0.1:PORT`.
    pub(super) endpoint: &'a str,
    /// The port in it.
    pub(super) port: u16,
}

impl Banner<'_> {
    /// An empty local cloud.
    pub(super) fn empty(&self) -> Result<()> {
        let reporter = &self.context.reporter;
        if reporter.is_json() {
            return reporter.line(&json!({ "endpoint": self.endpoint }));
        }
        reporter.result(&format!(
            "the local cloud is at {}\n\n  {}\n  {}\n\n{}",
            Style::Strong.paint(self.endpoint),
            format_args!("export AWS_ENDPOINT_URL={}", self.endpoint),
            "export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1",
            "With these the AWS CLI and every SDK talk to it. Ctrl-C ends it."
        ))
    }

    /// A deployed chat.
    pub(super) fn ready(&self, deployed: &Deployed, page: &str) -> Result<()> {
        let reporter = &self.context.reporter;
        if reporter.is_json() {
            return reporter.line(&json!({
                "endpoint": self.endpoint,
                "url": deployed.url,
                "page": page,
            }));
        }
        let flag = self.flags(deployed);
        reporter.result(&format!(
            "\nthe chat is live on this machine\n\n  page       {}\n  WebSocket  {}\n  AWS APIs   {}\n\n\
             Open the page in two windows, or try in a second shell:\n\n  \
             chatctl chat{flag} --user Alice\n  \
             chatctl status{flag}\n  \
             chatctl deploy{flag}\n\n\
             The logs follow. Ctrl-C ends everything.\n",
            Style::Strong.paint(page),
            Style::Strong.paint(&deployed.url),
            self.endpoint,
        ))
    }

    /// The flags that make another `chatctl` mean this chat.
    fn flags(&self, deployed: &Deployed) -> String {
        let mut flags = " --local".to_owned();
        if self.port != 4510 {
            flags.push_str(&format!(" --port {}", self.port));
        }
        if deployed.name != "chat" {
            flags.push_str(&format!(" --name {}", deployed.name));
        }
        if deployed.stage != "production" {
            flags.push_str(&format!(" --stage {}", deployed.stage));
        }
        flags
    }
}
