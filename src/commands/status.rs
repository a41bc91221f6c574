//! `chatctl status`: the URL, every resource, and what drifted from the settings; or what any API is made of.

use super::{Context, any_api};
use crate::any_api::{ApiFacts, ApiStatus};
use crate::aws::Clients;
use crate::cli;
use crate::deployer;
use crate::error::Result;
use crate::report::{self, Reporter};
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// What is there cannot be read.
pub(super) async fn run(context: &Context, args: &cli::AnyApi) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&cli::Wanted::default())?;
    let clients = Clients::connect(&settings).await?;
    if let Some(api) = args.named(context, &settings, &clients) {
        return of_api(reporter, &api.read().await?);
    }
    let status = deployer::status(clients.clone(), &settings).await?;
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
        if let Some(other) = any_api::instead(&clients, &settings, "status").await {
            let command = other.mend.unwrap_or_default();
            reporter.hint(&format!("{}; `{command}` reads one", other.what));
        }
    } else if !status.up_to_date {
        reporter.hint(&format!(
            "`{}` puts right what differs (~) or is missing (+)",
            settings.command("deploy")
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// What an API that anybody may have made is.
fn of_api(reporter: &Reporter, facts: &ApiFacts) -> Result<ExitCode> {
    let status = ApiStatus::of(facts);
    if reporter.is_json() {
        reporter.document(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    reporter.result(&report::any_api::status(&status))?;
    report::any_api::unread(reporter, &status);
    reporter.hint(&format!(
        "`{}` says what is wrong with it, `{}` shows its logs",
        facts.command("doctor"),
        facts.command("logs")
    ));
    Ok(ExitCode::SUCCESS)
}
