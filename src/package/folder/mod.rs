//! A function that is not a Rust package: a folder whose files are the function, perhaps after a command
//! of its own made some of them.

mod command;
mod files;

pub(super) use command::run;
pub use files::Files;

use super::SourceDigest;

/// The digest of these files, and of the command that makes something of them.
pub(super) fn digest(files: &Files, command: Option<&str>) -> SourceDigest {
    let start = command.map(|command| format!("build {command}\n"));
    SourceDigest::of_files(&start.unwrap_or_default(), &files.names_and_contents())
}
