//! What `chatctl local` says when it is ready, and what to try next.

use super::documents::LocalDocument;
use super::{Reporter, Style};
use crate::config::ChatFlags;
use crate::error::Result;
use std::path::PathBuf;

/// What is shown of a running local cloud.
#[derive(Debug, Clone)]
pub struct LocalBanner {
    /// Where its APIs are.
    pub endpoint: String,
    /// Its region.
    pub region: String,
    /// The seed of its random faults.
    pub seed: u64,
    /// The faults it was started with, as they were given.
    pub faults: Vec<String>,
    /// Some of them strike at random.
    pub random_faults: bool,
    /// Where the state is kept.
    pub persist: Option<PathBuf>,
    /// The flags that lead another command to the chat on it.
    pub flags: ChatFlags,
}

impl LocalBanner {
    /// An empty local cloud is ready. With --quiet only its URL is written.
    ///
    /// # Errors
    /// The reader went away.
    pub fn empty(&self, reporter: &Reporter) -> Result<()> {
        let Self {
            endpoint,
            region,
            seed,
            ..
        } = self;
        if reporter.is_json() {
            return reporter.line(&LocalDocument {
                endpoint,
                url: None,
                page: None,
                seed: *seed,
            });
        }
        if reporter.is_quiet() {
            return reporter.result(endpoint);
        }
        reporter.result(&format!(
            "the local cloud is at {}\n\n  \
             export AWS_ENDPOINT_URL={endpoint}\n  \
             export AWS_REGION={region} AWS_DEFAULT_REGION={region}\n  \
             export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n\n\
             With these the AWS CLI and every SDK talk to it; the keys can be any.\n\
             `{}` deploys the chat to it.\n{}\
             Ctrl-C ends it.\n",
            Style::Strong.paint(endpoint),
            self.flags.command("deploy"),
            self.notes(),
        ))
    }

    /// The chat at `url`, with its page, is ready. With --quiet only `url` is written.
    ///
    /// # Errors
    /// The reader went away.
    pub fn ready(&self, reporter: &Reporter, url: &str, page: &str) -> Result<()> {
        let Self { endpoint, seed, .. } = self;
        if reporter.is_json() {
            return reporter.line(&LocalDocument {
                endpoint,
                url: Some(url),
                page: Some(page),
                seed: *seed,
            });
        }
        if reporter.is_quiet() {
            return reporter.result(url);
        }
        reporter.result(&format!(
            "\nthe chat is live on this machine\n\n  \
             page       {}\n  WebSocket  {}\n  AWS APIs   {endpoint}\n\n\
             Open the page in two windows, or try in a second shell:\n\n  {}\n  {}\n  {}\n\n\
             {}The logs follow. Ctrl-C ends everything.\n",
            Style::Strong.paint(page),
            Style::Strong.paint(url),
            self.flags.command("chat --user Alice"),
            self.flags.command("status"),
            self.flags.command("deploy"),
            self.notes(),
        ))
    }

    /// Lines about what is not as usual, each with its line end.
    fn notes(&self) -> String {
        let mut notes = String::new();
        if !self.faults.is_empty() {
            notes.push_str(&format!("Faults: {}.\n", self.faults.join(", ")));
        }
        if self.random_faults {
            let seed = self.seed;
            notes.push_str(&format!(
                "Random faults use --seed {seed}, which gives the same run again.\n"
            ));
        }
        if let Some(folder) = &self.persist {
            notes.push_str(&format!("The state is kept in {}.\n", folder.display()));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_name_what_is_not_as_usual() {
        let mut banner = LocalBanner {
            endpoint: String::new(),
            region: String::new(),
            seed: 7,
            faults: Vec::new(),
            random_faults: false,
            persist: None,
            flags: ChatFlags::default(),
        };
        assert_eq!(banner.notes(), "");
        banner.faults = vec!["dynamodb=throttle@10%".into()];
        banner.random_faults = true;
        banner.persist = Some("state".into());
        insta::assert_snapshot!(banner.notes(), @"
        Faults: dynamodb=throttle@10%.
        Random faults use --seed 7, which gives the same run again.
        The state is kept in state.
        ");
    }
}
