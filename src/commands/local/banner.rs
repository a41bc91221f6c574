//! What `chatctl local` says when it is ready, and what to try next.

use crate::cli;
use crate::commands::Context;
use crate::deployer::Deployed;
use crate::error::Result;
use crate::report::Style;
use chatctl_local_cloud::LocalCloud;
use serde_json::json;

/// Who speaks, and of which local cloud.
pub(super) struct Banner<'a> {
    context: &'a Context,
    flags: &'a cli::Local,
    cloud: &'a LocalCloud,
}

impl<'a> Banner<'a> {
    pub(super) fn new(context: &'a Context, flags: &'a cli::Local, cloud: &'a LocalCloud) -> Self {
        Self {
            context,
            flags,
            cloud,
        }
    }

    /// An empty local cloud.
    pub(super) fn empty(&self) -> Result<()> {
        let reporter = &self.context.reporter;
        let endpoint = self.cloud.endpoint();
        if reporter.is_json() {
            return reporter.line(&json!({ "endpoint": endpoint, "seed": self.cloud.seed() }));
        }
        let region = self.cloud.region();
        reporter.result(&format!(
            "the local cloud is at {}\n\n  \
             export AWS_ENDPOINT_URL={endpoint}\n  \
             export AWS_REGION={region} AWS_DEFAULT_REGION={region}\n  \
             export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n\n\
             With these the AWS CLI and every SDK talk to it; the keys can be any.\n\
             `chatctl deploy{}` deploys the chat to it.\n{}\
             Ctrl-C ends it.\n",
            Style::Strong.paint(endpoint),
            self.flag(),
            self.notes(),
        ))
    }

    /// A deployed chat.
    pub(super) fn ready(&self, deployed: &Deployed, page: &str) -> Result<()> {
        let reporter = &self.context.reporter;
        let endpoint = self.cloud.endpoint();
        if reporter.is_json() {
            return reporter.line(&json!({
                "endpoint": endpoint,
                "url": deployed.url,
                "page": page,
                "seed": self.cloud.seed(),
            }));
        }
        let flags = self.flags_for(deployed);
        reporter.result(&format!(
            "\nthe chat is live on this machine\n\n  \
             page       {}\n  WebSocket  {}\n  AWS APIs   {endpoint}\n\n\
             Open the page in two windows, or try in a second shell:\n\n  \
             chatctl chat{flags} --user Alice\n  \
             chatctl status{flags}\n  \
             chatctl deploy{flags}\n\n\
             {}The logs follow. Ctrl-C ends everything.\n",
            Style::Strong.paint(page),
            Style::Strong.paint(&deployed.url),
            self.notes(),
        ))
    }

    /// Lines about what is not as usual, each with its line end.
    fn notes(&self) -> String {
        let mut notes = String::new();
        let faults = self.cloud.faults();
        if !faults.is_empty() {
            let list: Vec<_> = faults.iter().map(ToString::to_string).collect();
            notes.push_str(&format!("Faults to come: {}.\n", list.join(", ")));
        }
        if faults.iter().any(|fault| fault.probability.is_some()) {
            notes.push_str(&format!(
                "Their dice began with --seed {}, which gives the same run again.\n",
                self.cloud.seed()
            ));
        }
        if let Some(folder) = &self.flags.persist {
            notes.push_str(&format!("The state is kept in {}.\n", folder.display()));
        }
        notes
    }

    /// The flag that makes another `chatctl` mean this local cloud.
    fn flag(&self) -> String {
        match self.cloud.addr().port() {
            4510 => " --local".to_owned(),
            port => format!(" --local --port {port}"),
        }
    }

    /// The flags that make another `chatctl` mean this chat.
    fn flags_for(&self, deployed: &Deployed) -> String {
        let mut flags = self.flag();
        if deployed.name != "chat" {
            flags.push_str(&format!(" --name {}", deployed.name));
        }
        if deployed.stage != "production" {
            flags.push_str(&format!(" --stage {}", deployed.stage));
        }
        flags
    }
}
