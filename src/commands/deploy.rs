//! `chatctl deploy`: makes the stack what the settings say, and proves that the chat answers.

use super::Context;
use crate::aws::Clients;
use crate::cli;
use crate::deployer::{self, DeployOptions, SavedPlan};
use crate::error::{Error, Result};
use crate::package::HostBuild;
use crate::report::{self, markdown};
use std::path::Path;
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Anything that keeps the chat from being live.
pub(super) async fn run(context: &Context, args: &cli::Deploy) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&args.wanted)?;
    let saved = args.plan.as_deref().map(read_plan).transpose()?;
    let options = DeployOptions {
        yes: args.yes,
        no_prove: args.no_prove,
        adopt: args.adopt,
        no_plan: false,
        force: args.force.as_deref(),
        plan: saved.as_ref(),
    };
    let clients = Clients::connect(&settings).await?;
    let deployed = deployer::deploy(clients, &settings, &HostBuild, options, reporter).await?;
    let changed = deployed.changed.to_string();
    reporter.outputs(&[
        ("url", &deployed.url),
        ("api-id", &deployed.api_id),
        ("changed", &changed),
    ])?;
    reporter.summary(|| markdown::deployed(&deployed))?;
    if reporter.is_json() {
        reporter.document(&deployed)?;
    } else {
        reporter.result(&report::deployer::deployed(&deployed))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_plan(path: &Path) -> Result<SavedPlan> {
    let text = fs_err::read(path)
        .map_err(|error| Error::usage("the plan cannot be read").because(error))?;
    SavedPlan::from_text(&String::from_utf8_lossy(&text), path)
}
