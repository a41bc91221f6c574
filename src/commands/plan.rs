//! `chatctl plan`: what deploy would change, field by field. Changes nothing.

use super::{Context, any_api, write};
use crate::aws::Clients;
use crate::cli;
use crate::config::shell_word;
use crate::deployer::{Adoption, Assessment, SavedPlan};
use crate::engine::view::PlanView;
use crate::error::Result;
use crate::package;
use crate::report::documents::PlanDocument;
use crate::report::markdown;
use crate::report::plan::{self, summary, text};
use crate::resources::RunContext;
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
    let run = RunContext::new(clients, &settings, args.adopt);
    let assessment = Assessment::for_deploy(&settings, run, &digest).await?;
    if !args.adopt {
        assessment.require_ours(&settings)?;
    }
    if let Some(path) = &args.out {
        let saved = SavedPlan::new(&assessment, &settings, &digest);
        write::private_file(path, saved.to_text()?.as_bytes())?;
    }
    let view = PlanView::of(&assessment.plan);
    let adoption = args.adopt.then(|| Adoption::of(&assessment));
    let changed = (!assessment.plan.is_empty()).to_string();
    reporter.outputs(&[("changed", &changed)])?;
    reporter.summary(|| {
        let names = &assessment.run().names;
        let stack = format!("{}/{}", names.stack, names.stage);
        markdown::planned(&stack, &names.place().region, &view)
    })?;
    if reporter.is_json() {
        let adoption = adoption.as_ref();
        reporter.document(&PlanDocument {
            plan: &view,
            adoption,
        })?;
    } else {
        let verbose = reporter.verbosity() > 0;
        let shown = match assessment.plan.is_empty() && !verbose {
            true => view.remarked(),
            false => view,
        };
        if !shown.resources.is_empty() {
            reporter.result(&text(&shown, verbose))?;
        }
        if let Some(adoption) = adoption.filter(|adoption| !adoption.is_empty()) {
            reporter.result(&plan::adoption(&adoption))?;
        }
        let summary = summary(shown.summary);
        reporter.result(&match summary.as_str() {
            "" => format!("{}/{} is up to date", settings.name, settings.stage),
            summary => format!("{}/{}: {summary}", settings.name, settings.stage),
        })?;
    }
    if args.adopt && assessment.observed.gateway.api.is_none() {
        any_api::name_to_adopt(reporter, assessment.run(), &settings).await;
    }
    if let Some(path) = &args.out {
        let verb = format!("deploy --plan {}", shell_word(&path.to_string_lossy()));
        reporter.hint(&format!(
            "`{}` applies this plan, or refuses if anything changes until then",
            settings.command(&verb)
        ));
    }
    Ok(match args.exit_code && !assessment.plan.is_empty() {
        true => ExitCode::from(CHANGES),
        false => ExitCode::SUCCESS,
    })
}
