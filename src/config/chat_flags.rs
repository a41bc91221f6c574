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
    flags: Vec<String>,
}

impl ChatFlags {
    /// Adds a flag if it was given.
    #[must_use]
    pub(super) fn with(mut self, flag: &str, value: Option<&str>) -> Self {
        let value = value.map(|value| format!("{flag} {}", shell_word(value)));
        self.flags.extend(value);
        self
    }

    /// Adds the configuration file if one was named.
    #[must_use]
    pub(super) fn with_config(self, config: Option<&Path>) -> Self {
        let config = config.map(|path| path.display().to_string());
        self.with("--config", config.as_deref())
    }

    /// Adds the flags that mean this cloud.
    #[must_use]
    pub fn at(mut self, target: &Target) -> Self {
        if let Target::Local(_) = target {
            self.flags.push("--local".to_owned());
        }
        match target {
            Target::Aws | Target::Local(LOCAL_PORT) => self,
            Target::Local(port) => self.with("--port", Some(&port.to_string())),
            Target::Endpoint(url) => self.with("--endpoint-url", Some(url)),
        }
    }

    /// The command that does `verb` to the same chat: `chatctl deploy --name x --local --port 4600`.
    /// `verb` may carry flags of its own.
    pub fn command(&self, verb: &str) -> String {
        // `chatctl local` is that cloud and need not be told to talk to it.
        let is_local = verb.split(' ').next() == Some("local");
        let flags = self
            .flags
            .iter()
            .filter(|flag| !is_local || *flag != "--local");
        flags.fold(format!("chatctl {verb}"), |command, flag| {
            format!("{command} {flag}")
        })
    }
}

/// The value as one word of a shell.
fn shell_word(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}
