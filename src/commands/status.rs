//! `chatctl status`: the URL, every resource, and what drifted from the settings.

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
/// What is there cannot be read.
pub(super) async fn run(context: &Context) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&cli::Wanted::default())?;
    let clients = Clients::connect(&settings).await?;
    let status = deployer::status(clients, &settings).await?;
    if reporter.is_json() {
        reporter.document(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    reporter.result(&report::deployer::status(&status))?;
    if !status.deployed {
        reporter.hint(&format!(
            "`{}` deploys it; --name, --stage and --region say which chat is meant",
            settings.command("deploy")
        ));
    } else if !status.up_to_date {
        reporter.hint(&format!(
            "`{}` puts right what differs (~) or is missing (+)",
            settings.command("deploy")
        ));
    }
    Ok(ExitCode::SUCCESS)
}
