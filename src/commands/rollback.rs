//! `chatctl rollback`: makes the version live that was live before.

use super::Context;
use crate::aws::Clients;
use crate::cli;
use crate::deployer;
use crate::error::Result;
use crate::report;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// There is no such version, or it does not work.
pub(super) async fn run(context: &Context, args: &cli::Rollback) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&cli::Wanted::default())?;
    let clients = Clients::connect(&settings).await?;
    let done = deployer::rollback(clients, &settings, args.to, args.no_prove, reporter).await?;
    if reporter.is_json() {
        reporter.document(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    reporter.result(&report::deployer::rolled_back(&done))?;
    if done.changed {
        reporter.hint(&format!(
            "`{}` makes the newest source live again: mend that first",
            settings.command("deploy")
        ));
    }
    Ok(ExitCode::SUCCESS)
}
