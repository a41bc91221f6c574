//! `chatctl plan`: what deploy would change, field by field. Changes nothing.

use super::Context;
use super::survey::Survey;
use crate::aws::Clients;
use crate::cli;
use crate::error::Result;
use crate::package;
use crate::report::plan::PlanView;
use std::process::ExitCode;

/// What `--exit-code` ends with when there are changes.
const CHANGES: u8 = 2;

/// Runs the command.
///
/// # Errors
/// What is there cannot be read, or is not ours.
pub async fn run(context: &Context, args: &cli::Plan) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&args.wanted)?;
    let digest = package::digest(&settings)?;
    let clients = Clients::connect(&settings).await?;
    let survey = Survey::converge(&settings, clients, &digest, args.adopt).await?;
    if !args.adopt {
        survey.plan.require_ours()?;
    }
    let view = PlanView::of(&survey.plan);
    if reporter.is_json() {
        reporter.document(&view)?;
    } else {
        reporter.result(&view.text(reporter.verbosity() > 0))?;
        let summary = view.summary.text();
        reporter.result(&match summary.as_str() {
            "" => format!("{}/{} is up to date", settings.name, settings.stage),
            summary => format!("{}/{}: {summary}", settings.name, settings.stage),
        })?;
    }
    Ok(match args.exit_code && !survey.plan.is_empty() {
        true => ExitCode::from(CHANGES),
        false => ExitCode::SUCCESS,
    })
}
