//! From what was typed, the environment and `chatctl.toml` to [`Settings`]: what is meant.
//!
//! Everything after this module sees only `Settings`. It is also the only module that reads the
//! environment. Precedence: flag, environment, file, default.

mod chat_flags;
mod check;
mod environment;
mod environments;
mod file;
mod function;
mod input;
mod malformed;
mod nearest;
mod parts;
mod settings;
mod tables;
mod template;

pub use chat_flags::{ChatFlags, LOCAL_PORT, shell_word};
pub(crate) use check::is_account;
pub(crate) use environment::local_port;
pub use environment::{GitHubActions, cache_dir, has_keys_in_environment};
pub(crate) use environment::{ca_bundle, cargo_home, is_dumb_terminal};
pub use file::{FileConfig, Loaded, NamesHere, names_here};
pub use function::{FunctionCode, FunctionSettings, PROVIDED, Statement};
pub use input::Input;
pub(crate) use nearest::nearest;
pub use parts::{ConnectSettings, Exchange, Key, ProveSettings, RouteSettings, TableSettings};
pub(crate) use settings::host_arch;
pub use settings::{Arch, Authorization, GatewaySettings, KeyType, LogLevel, Settings, Target};
pub use template::{StackValue, Template};

#[cfg(test)]
mod tests;
