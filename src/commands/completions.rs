//! `chatctl completions SHELL`: the completion script, to stdout. The script asks `chatctl` itself what
//! can stand at the cursor, so it also completes names that only this folder or the local cloud knows.

use super::Context;
use crate::error::{Error, Result};
use clap_complete::Shell;
use clap_complete::env::Shells;
use std::process::ExitCode;

/// Prints the script.
///
/// # Errors
/// The reader went away.
pub(super) fn run(context: &Context, shell: Shell) -> Result<ExitCode> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells.completer(&name);
    let completer =
        completer.ok_or_else(|| Error::usage(format!("there are no completions for {name}")))?;
    let mut script = Vec::new();
    completer.write_registration("COMPLETE", "chatctl", "chatctl", "chatctl", &mut script)?;
    context.reporter.raw(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
