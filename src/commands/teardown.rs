//! `chatctl teardown`: deletes the stack, and looks whether it is gone.

use super::Context;
use crate::aws::Clients;
use crate::cli;
use crate::deployer::{self, TeardownOptions};
use crate::error::Result;
use crate::report;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Something could not be deleted, or is still there.
pub(super) async fn run(context: &Context, args: &cli::Teardown) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&cli::Wanted::default())?;
    let options = TeardownOptions {
        yes: args.yes,
        force: args.force.as_deref(),
    };
    let clients = Clients::connect(&settings).await?;
    let gone = deployer::teardown(clients, &settings, options, reporter).await?;
    if reporter.is_json() {
        reporter.document(&gone)?;
    } else {
        reporter.result(&report::deployer::gone(&gone))?;
    }
    Ok(ExitCode::SUCCESS)
}
