//! `chatctl teardown`: a plan against an empty stack, and then the proof that it is empty.

use super::Context;
use super::carry_out::{Listener, carry_out};
use super::survey::{Survey, plan_teardown, reopened};
use crate::aws::Clients;
use crate::cli;
use crate::config::Settings;
use crate::engine::plan::{Action, Plan};
use crate::engine::wait::Waits;
use crate::engine::{Id, Resource};
use crate::error::{Error, Result};
use crate::report::plan::PlanView;
use crate::report::{Reporter, Style};
use crate::resources::{Kind, World, log_group};
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Late lines of a deleted writer come within seconds; after this much quiet nobody writes.
const QUIET_LOOKS: u32 = 2;

/// What a teardown did, and what it looked for afterwards.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gone {
    /// The chat's name.
    pub name: String,
    /// The stage.
    pub stage: String,
    /// Where.
    pub region: String,
    /// What was planned.
    pub plan: PlanView,
    /// What was looked for at the end, and is not there.
    pub checked: Vec<Checked>,
    /// What is still there, and why.
    pub stayed: Vec<Checked>,
}

/// One thing that was looked for.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The id inside the stack.
    pub id: Id,
    /// AWS's name of it.
    pub name: String,
    /// Why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Something could not be deleted, or is still there.
pub async fn run(context: &Context, args: &cli::Teardown) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&cli::Wanted::default())?;
    let clients = Clients::connect(&settings).await?;
    let gone = teardown_with(clients, &settings, args.yes, reporter).await?;
    if reporter.is_json() {
        reporter.document(&gone)?;
    } else {
        reporter.result(&gone.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Deletes the stack, and looks for it afterwards.
///
/// # Errors
/// Something could not be deleted, or is still there.
pub async fn teardown_with(
    clients: Clients,
    settings: &Settings,
    yes: bool,
    reporter: &Reporter,
) -> Result<Gone> {
    let Survey { world, plan } = Survey::teardown(settings, clients).await?;
    let view = PlanView::of(&plan);
    if !plan.is_empty() {
        confirm(&view, settings, yes, reporter)?;
        let listener = Listener::begin();
        carry_out(&plan, &world, reporter, &listener.stop, "chatctl teardown").await?;
        sweep(&plan, &world, reporter).await?;
    }
    proof(settings, &plan, view, &world).await
}

fn confirm(view: &PlanView, settings: &Settings, yes: bool, reporter: &Reporter) -> Result<()> {
    if !reporter.is_json() {
        reporter.note(&view.text(false));
    }
    let summary = view.summary.text();
    let question = format!("{}/{}: {summary}. Go ahead?", settings.name, settings.stage);
    if yes || reporter.confirm(&question)? {
        return Ok(());
    }
    Err(Error::failed("nothing was deleted: the answer was no"))
}

/// Looks again for log groups that a late writer brought back, until it has been quiet twice.
async fn sweep(plan: &Plan<Kind>, world: &World, reporter: &Reporter) -> Result<()> {
    let names: Vec<String> = plan
        .changes()
        .filter(|step| step.action == Action::Delete)
        .filter_map(|step| match &step.found {
            Some(Kind::LogGroup(group)) => Some(group.name.clone()),
            _ => None,
        })
        .collect();
    let (first, longest) = match world.names.place().endpoint_url {
        Some(_) => (Duration::from_millis(50), Duration::from_millis(500)),
        None => (Duration::from_secs(2), Duration::from_secs(5)),
    };
    let mut waits = Waits::growing(first, longest, Duration::from_secs(60));
    let mut quiet = 0;
    while quiet < QUIET_LOOKS {
        let swept = log_group::sweep(world, &names).await?;
        quiet = if swept.is_empty() { quiet + 1 } else { 0 };
        for name in swept {
            reporter.note(&format!(
                "  - {name} was written to once more, and deleted once more"
            ));
        }
        if quiet < QUIET_LOOKS && !waits.again().await {
            return Err(
                Error::failed("somebody keeps writing to a log group of this chat")
                    .hint("`chatctl teardown` run again in a minute deletes it"),
            );
        }
    }
    Ok(())
}

/// Looks for everything once more, with fresh eyes.
async fn proof(
    settings: &Settings,
    plan: &Plan<Kind>,
    view: PlanView,
    world: &Arc<World>,
) -> Result<Gone> {
    let fresh = reopened(settings, world).await?;
    let left = plan_teardown(settings, &fresh).await?;
    if let Some(step) = left.changes().next() {
        return Err(
            Error::failed(format!("{} {} is still there", step.id, step.name))
                .hint("`chatctl teardown` run again deletes it"),
        );
    }
    let stayed: Vec<Checked> = left
        .steps
        .into_iter()
        .map(|step| Checked {
            id: step.id,
            name: step.name,
            why: step.stays,
        })
        .collect();
    let place = world.names.place();
    Ok(Gone {
        name: settings.name.clone(),
        stage: settings.stage.clone(),
        region: place.region.clone(),
        checked: checked(settings, plan, &fresh, &stayed),
        plan: view,
        stayed,
    })
}

/// What was looked for by its name, and what was deleted under a name that only AWS knew.
fn checked(
    settings: &Settings,
    plan: &Plan<Kind>,
    world: &World,
    stayed: &[Checked],
) -> Vec<Checked> {
    let of = crate::stack::Wanted {
        settings,
        digest: None,
        with_logging_role: true,
    };
    let looked_for = crate::stack::wanted(&of, world);
    let looked_for = looked_for.iter().map(|kind| (kind.id(), kind.name()));
    let name = |id: &Id, name: String| plan.step(id.as_str()).map_or(name, |s| s.name.clone());
    let mut all: Vec<Checked> = looked_for
        .filter(|(id, _)| !stayed.iter().any(|one| one.id == *id))
        .map(|(id, wanted)| Checked {
            name: name(&id, wanted),
            why: None,
            id,
        })
        .collect();
    let deleted = plan.changes().filter(|step| step.action == Action::Delete);
    for step in deleted {
        if !all.iter().any(|one| one.id == step.id) {
            all.push(Checked {
                id: step.id.clone(),
                name: step.name.clone(),
                why: None,
            });
        }
    }
    all
}

impl Gone {
    fn text(&self) -> String {
        let who = format!("{}/{}", self.name, self.stage);
        let mut lines = Vec::new();
        for one in &self.checked {
            let line = format!("  ✓ {:20}  {} is not there", one.id, one.name);
            lines.push(Style::Faint.paint(&line));
        }
        for one in &self.stayed {
            let why = one.why.as_deref().unwrap_or_default();
            lines.push(format!("  = {:20}  {} stays: {why}", one.id, one.name));
        }
        let changed = self.plan.summary.delete > 0;
        let head = if changed { "is gone" } else { "is not there" };
        let (count, region) = (self.checked.len(), &self.region);
        lines.push(format!(
            "{who} {head}: {count} things looked for in {region}, none left"
        ));
        lines.join("\n")
    }
}
