//! `chatctl plan`: what deploy would change, field by field. Changes nothing.

use super::Context;
use crate::aws::Clients;
use crate::cli;
use crate::deployer::Assessment;
use crate::engine::view::PlanView;
use crate::error::Result;
use crate::package;
use crate::report::plan::{summary, text};
use std::process::ExitCode;

/// What `--exit-code` ends with when there are changes.
const CHANGES: u8 = 2;

/// Runs the command.
///
/// # Errors
/// What is there cannot be read, or is not ours.
pub(super) async fn run(context: &Context, args: &cli::Plan) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&args.wanted)?;
    let clients = Clients::connect(&settings).await?;
    let digest = package::digest(&settings)?;
    let assessment = Assessment::for_deploy(&settings, clients, &digest, args.adopt).await?;
    if !args.adopt {
        assessment.require_ours(&settings)?;
    }
    let view = PlanView::of(&assessment.plan);
    if reporter.is_json() {
        reporter.document(&view)?;
    } else {
        let verbose = reporter.verbosity() > 0;
        let shown = match assessment.plan.is_empty() && !verbose {
            true => view.remarked(),
            false => view,
        };
        if !shown.resources.is_empty() {
            reporter.result(&text(&shown, verbose))?;
        }
        let summary = summary(shown.summary);
        reporter.result(&match summary.as_str() {
            "" => format!("{}/{} is up to date", settings.name, settings.stage),
            summary => format!("{}/{}: {summary}", settings.name, settings.stage),
        })?;
    }
    Ok(match args.exit_code && !assessment.plan.is_empty() {
        true => ExitCode::from(CHANGES),
        false => ExitCode::SUCCESS,
    })
}
