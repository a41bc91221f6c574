//! A function that is not a Rust package: a folder whose files are the function, perhaps after a command
//! of its own made some of them.

mod command;
mod files;

pub use files::Files;

use super::{AGAIN, Progress, SourceDigest};
use crate::error::Result;
use std::path::Path;

/// The digest of what the command works on, and of the command.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn digest_of_source(folder: &Path, command: &str) -> Result<SourceDigest> {
    Ok(Files::source(folder)?.digest(&format!("build {command}\n")))
}

/// Runs the command, and says what it worked on. A save meanwhile, or a lock file that the command itself
/// brings up to date, makes what it built a mixture: it is run again.
///
/// # Errors
/// The command fails, or the folder cannot be read.
pub(super) async fn build(
    folder: &Path,
    command: &str,
    progress: Progress<'_>,
) -> Result<SourceDigest> {
    let mut digest = digest_of_source(folder, command)?;
    for _ in 0..AGAIN {
        command::run(command, folder, progress).await?;
        let now = digest_of_source(folder, command)?;
        if now == digest {
            break;
        }
        digest = now;
    }
    Ok(digest)
}
