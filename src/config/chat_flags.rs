//! The flags that lead another command to the same chat. Every command that chatctl suggests is
//! written here, so that no hint leads to another chat than the one it speaks of.

use super::settings::Target;
use std::path::Path;

/// The port of the local cloud, unless `--port` names another.
pub const LOCAL_PORT: u16 = 4510;

/// The flags by which the user chose a chat. What stands in `chatctl.toml` needs none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatFlags {
    /// Each flag with its value, as a shell takes it.
    chosen: Vec<String>,
    target: Vec<String>,
}

impl ChatFlags {
    /// Adds a flag if it was given.
    #[must_use]
    pub(super) fn with(mut self, flag: &str, value: Option<&str>) -> Self {
        self.chosen.extend(value.map(|value| given(flag, value)));
        self
    }

    /// Adds the configuration file if one was named.
    #[must_use]
    pub(super) fn with_config(self, config: Option<&Path>) -> Self {
        let config = config.map(|path| path.display().to_string());
        self.with("--config", config.as_deref())
    }

    /// Whether a flag was given.
    pub fn has(&self, flag: &str) -> bool {
        let is_it = |given: &String| given.split(' ').next() == Some(flag);
        self.chosen.iter().any(is_it)
    }

    /// The same chat on this cloud.
    #[must_use]
    pub fn at(mut self, target: &Target) -> Self {
        let local = || "--local".to_owned();
        self.target = match target {
            Target::Aws => Vec::new(),
            Target::Local(LOCAL_PORT) => vec![local()],
            Target::Local(port) => vec![local(), given("--port", &port.to_string())],
            Target::Endpoint(url) => vec![given("--endpoint-url", url)],
        };
        self
    }

    /// The API with this id, in place of the chat.
    #[must_use]
    pub fn of_api(self, id: &str) -> Self {
        self.with("--api", Some(id))
    }

    /// The command that does `verb` to the same chat: `chatctl deploy --name x --local --port 4600`.
    /// `verb` may carry flags of its own.
    pub fn command(&self, verb: &str) -> String {
        let target = self
            .target
            .iter()
            .filter(|flag| match verb.split(' ').next() {
                // It is that cloud itself.
                Some("local") => *flag != "--local",
                // It writes files and calls no cloud.
                Some("init") => false,
                _ => true,
            });
        let flags = self.chosen.iter().chain(target);
        flags.fold(format!("chatctl {verb}"), |command, flag| {
            format!("{command} {flag}")
        })
    }
}

fn given(flag: &str, value: &str) -> String {
    format!("{flag} {}", shell_word(value))
}

/// The value as one word of a shell.
pub fn shell_word(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}
