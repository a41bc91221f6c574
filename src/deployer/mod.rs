//! The deployer: makes the stack what the settings say, or deletes it.
//!
//! | file | what it does |
//! |---|---|
//! | `assessment` | what is there, what is wanted, and the plan between them |
//! | `guard` | refuses what would lose data by mistake |
//! | `execute` | carries a plan out, and says what failed, once |
//! | `list` | every chat of a region |
//! | `live` | proves the chat, and puts the version before back if it does not answer |
//! | `rollback` | makes the version live that was live before |
//! | `last_look` | compares what is there after a deploy with what is wanted |
//! | `saved_plan` | a plan in a file, and whether it still fits |
//! | `status` | what is deployed, and what drifted |
//! | `teardown` | deletes everything, and looks whether it is gone |
//! | `ui` | what is shown and asked meanwhile; `report/` implements it |

mod adoption;
mod assessment;
mod execute;
mod guard;
mod last_look;
mod list;
mod live;
mod rollback;
mod saved_plan;
mod status;
mod teardown;
mod ui;

pub use adoption::{Adoption, Part};
pub use assessment::Assessment;
pub use list::{Drift, Listed, Listing, Unread, list};
pub use rollback::{RolledBack, rollback};
pub use saved_plan::SavedPlan;
pub use status::{StackNames, Status, VersionView, status};
pub use teardown::{Checked, Gone, TeardownOptions, teardown};
pub use ui::{Notice, Proposal, Purpose, Ui};

use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::Stop;
use crate::engine::plan::{Action, Plan};
use crate::engine::view::PlanView;
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::package::{Build, SourceDigest};
use crate::prove::Proof;
use crate::resources::{Kind, RunContext};
use execute::{Listener, execute};
use live::Done;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How a deploy goes about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeployOptions<'a> {
    /// Do not ask.
    pub yes: bool,
    /// Do not prove the chat at the end.
    pub no_prove: bool,
    /// Take over what is not ours.
    pub adopt: bool,
    /// Do not show the plan: what is done is told while it happens.
    pub no_plan: bool,
    /// The chat whose data may be lost although it is protected or not ours.
    pub force: Option<&'a str>,
    /// Carry out this plan and no other; it decides whether to take over.
    pub plan: Option<&'a SavedPlan>,
}

/// What is live after a deploy.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// The chat's name.
    pub name: String,
    /// The stage.
    pub stage: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// Where clients connect.
    pub url: String,
    /// AWS's id of the API.
    pub api_id: String,
    /// The version of the function that is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Something was changed.
    pub changed: bool,
    /// What was planned.
    pub plan: PlanView,
    /// Seconds until the chat answered; nothing if it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proved_in_seconds: Option<f64>,
    /// Seconds of the whole deploy.
    pub seconds: f64,
}

/// Makes the stack what the settings say, and says where it is.
///
/// # Errors
/// Anything that keeps the chat from being live.
pub async fn deploy(
    clients: Clients,
    settings: &Settings,
    build: &impl Build,
    options: DeployOptions<'_>,
    ui: &impl Ui,
) -> Result<Deployed> {
    let began = Instant::now();
    guard::require_this_chat(settings, options.force)?;
    if let Some(saved) = options.plan {
        saved.require_target(settings, &clients.place)?;
    }
    let digest = build.digest(settings)?;
    let adopt = options.plan.map_or(options.adopt, SavedPlan::adopts);
    let run = RunContext::new(clients, settings, adopt).proving(settings, options.no_prove);
    let assessment = Assessment::for_deploy(settings, run, &digest).await?;
    if !adopt {
        assessment.require_ours(settings)?;
    }
    if let Some(saved) = options.plan {
        let now = saved.again(&assessment, settings, &digest);
        saved.require_unmoved(&now, settings)?;
    }
    let view = PlanView::of(&assessment.plan);
    if assessment.plan.is_empty() {
        return deployed(&assessment, view, None, began.elapsed());
    }
    guard::before_deploy(&assessment.plan, settings, options.force)?;
    agree(settings, &assessment, &view, options, ui)?;
    let stop = Listener::begin();
    provide_code(&assessment, settings, build, ui, &stop).await?;
    let built = assessment.stack.outputs.code.known();
    let digest = built.map_or(digest, |built| built.source_digest);
    let moved = move_to_the_alias(&assessment, settings, &digest, ui, &stop).await?;
    let assessment = moved.unwrap_or(assessment);
    let again = settings.command("deploy");
    execute(&assessment.plan, assessment.run(), ui, &stop, &again).await?;
    let done = Done::of(&assessment, settings);
    let prove = async {
        match options.no_prove {
            true => Ok(None),
            false => done.prove(ui, &stop).await.map(Some),
        }
    };
    let last_look = last_look::last_look(&assessment, settings, &digest, ui, &stop);
    let (looked, proof) = tokio::join!(last_look, prove);
    let proof = proof?;
    looked?;
    deployed(&assessment, view, proof, began.elapsed())
}

/// A stack of a former release is moved to the alias before its function changes; what is left to do
/// after that, if anything was.
async fn move_to_the_alias(
    assessment: &Assessment,
    settings: &Settings,
    digest: &SourceDigest,
    ui: &impl Ui,
    stop: &Stop,
) -> Result<Option<Assessment>> {
    let Some(plan) = assessment.way_to_the_alias() else {
        return Ok(None);
    };
    let again = settings.command("deploy");
    execute(&plan, assessment.run(), ui, stop, &again).await?;
    let left = assessment.again(settings, digest).await?;
    if let Some(code) = assessment.stack.outputs.code.known() {
        left.stack.outputs.code.set(code);
    }
    Ok(Some(left))
}

/// The plan is shown before it is asked about, and also when nobody is asked.
fn agree(
    settings: &Settings,
    assessment: &Assessment,
    plan: &PlanView,
    options: DeployOptions<'_>,
    ui: &impl Ui,
) -> Result<()> {
    let proposal = Proposal {
        purpose: Purpose::Deploy,
        name: &settings.name,
        stage: &settings.stage,
        place: assessment.run().names.place(),
        plan,
    };
    if !options.no_plan {
        ui.show(&proposal);
    }
    if options.yes || options.plan.is_some() || ui.confirm(&proposal)? {
        return Ok(());
    }
    Err(Error::failed("nothing was changed: the answer was no"))
}

/// Builds the function if the plan uploads it, unless somebody asks to stop: then the compiler stops
/// too.
async fn provide_code(
    assessment: &Assessment,
    settings: &Settings,
    build: &impl Build,
    ui: &impl Ui,
    stop: &Stop,
) -> Result<()> {
    if !needs_code(&assessment.plan) {
        return Ok(());
    }
    let progress = ui.building();
    let artifact = tokio::select! {
        artifact = build.build(settings, &progress) => artifact?,
        _ = stop.beyond(0) => {
            return Err(Error::interrupted("stopped while the function was being built")
                .hint("nothing was changed"));
        }
    };
    assessment.stack.outputs.code.set(artifact);
    Ok(())
}

/// The code is uploaded if it, or the whole function, is not there.
fn needs_code(plan: &Plan<Kind>) -> bool {
    let Some(step) = plan.step(ids::FUNCTION) else {
        return false;
    };
    let code = |path: &str| path == "code" || path == "architecture";
    match step.action {
        Action::Create | Action::Replace => true,
        Action::Update => step.differences.iter().any(|d| code(&d.path)),
        Action::Keep | Action::Delete => false,
    }
}

fn socket_url(assessment: &Assessment) -> Result<String> {
    let api = assessment.stack.outputs.api.get()?;
    Ok(assessment.run().names.socket_url(&api))
}

fn live_version(assessment: &Assessment) -> Option<String> {
    let made = assessment.stack.outputs.live_version.known();
    let found = assessment.observed.versions.live.as_ref();
    made.map(|version| version.0)
        .or_else(|| found.map(|live| live.version.clone()))
}

fn deployed(
    assessment: &Assessment,
    plan: PlanView,
    proof: Option<Proof>,
    took: Duration,
) -> Result<Deployed> {
    let names = &assessment.run().names;
    Ok(Deployed {
        name: names.stack.clone(),
        stage: names.stage.clone(),
        region: names.place().region.clone(),
        account: names.place().account_id.clone(),
        url: socket_url(assessment)?,
        api_id: assessment.stack.outputs.api.get()?.0,
        version: live_version(assessment),
        changed: !assessment.plan.is_empty(),
        proved_in_seconds: proof.map(|proof| proof.took.as_secs_f64()),
        plan,
        seconds: took.as_secs_f64(),
    })
}
