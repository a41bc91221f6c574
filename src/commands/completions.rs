//! `chatctl completions SHELL`: the completion script, to stdout.

use super::Context;
use crate::cli::Cli;
use crate::error::Result;
use clap::CommandFactory;
use clap_complete::Shell;
use std::process::ExitCode;

/// Prints the script.
///
/// # Errors
/// The reader went away.
pub(super) fn run(context: &Context, shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chatctl", &mut script);
    context.reporter.raw(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
