//! The deployer: makes the stack what the settings say, or deletes it.
//!
//! | file | what it does |
//! |---|---|
//! | `assessment` | what is there, what is wanted, and the plan between them |
//! | `execute` | carries a plan out, and says what failed, once |
//! | `last_look` | compares what is there after a deploy with what is wanted |
//! | `status` | what is deployed, and what drifted |
//! | `teardown` | deletes everything, and looks whether it is gone |
//! | `ui` | what is shown and asked meanwhile; `report/` implements it |

mod assessment;
mod execute;
mod last_look;
mod status;
mod teardown;
mod ui;

pub use assessment::Assessment;
pub use status::{Status, status};
pub use teardown::{Checked, Gone, teardown};
pub use ui::{Notice, Proposal, Purpose, Ui};

use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::Stop;
use crate::engine::plan::{Action, Plan};
use crate::engine::view::PlanView;
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::package::Build;
use crate::prove::{self, Proof};
use crate::resources::Kind;
use execute::{Listener, execute};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How a deploy goes about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeployOptions {
    /// Do not ask.
    pub yes: bool,
    /// Do not prove the chat at the end.
    pub no_prove: bool,
    /// Take over what is not ours.
    pub adopt: bool,
    /// Do not show the plan: what is done is told while it happens.
    pub no_plan: bool,
}

/// What is live after a deploy.
#[derive(Debug, Clone, Serialize)]
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
    options: DeployOptions,
    ui: &impl Ui,
) -> Result<Deployed> {
    let began = Instant::now();
    let digest = build.digest(settings)?;
    let assessment = Assessment::for_deploy(settings, clients, &digest, options.adopt).await?;
    if !options.adopt {
        assessment.require_ours(settings)?;
    }
    let view = PlanView::of(&assessment.plan);
    let mut proof = None;
    if !assessment.plan.is_empty() {
        agree(settings, &assessment, &view, options, ui)?;
        let stop = Listener::begin();
        provide_code(&assessment, settings, build, ui, &stop).await?;
        let again = settings.command("deploy");
        execute(&assessment.plan, assessment.run(), ui, &stop, &again).await?;
        let last_look = last_look::last_look(&assessment, settings, &digest, ui, &stop);
        let proven = prove(&assessment, settings, options, ui, &stop);
        let (looked, proven) = tokio::join!(last_look, proven);
        looked?;
        proof = proven?;
    }
    deployed(&assessment, view, proof, began.elapsed())
}

/// The plan is shown before it is asked about, and also when nobody is asked.
fn agree(
    settings: &Settings,
    assessment: &Assessment,
    plan: &PlanView,
    options: DeployOptions,
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
    if options.yes || ui.confirm(&proposal)? {
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

async fn prove(
    assessment: &Assessment,
    settings: &Settings,
    options: DeployOptions,
    ui: &impl Ui,
    stop: &Stop,
) -> Result<Option<Proof>> {
    if options.no_prove {
        return Ok(None);
    }
    let url = socket_url(assessment)?;
    let origin = settings.function.allowed_origins.first();
    let flags = settings.chat_flags();
    let note = |text: &str| ui.notice(Notice::NotLiveYet(text));
    tokio::select! {
        proof = prove::prove(&url, origin.map(String::as_str), &flags, note) => proof.map(Some),
        _ = stop.beyond(0) => Err(Error::interrupted("stopped before the chat was proved")
            .hint(format!(
                "everything is deployed; `{}` run again says so",
                settings.command("deploy")
            ))),
    }
}

fn socket_url(assessment: &Assessment) -> Result<String> {
    let api = assessment.stack.outputs.api.get()?;
    Ok(assessment.run().names.socket_url(&api))
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
        changed: !assessment.plan.is_empty(),
        proved_in_seconds: proof.map(|proof| proof.took.as_secs_f64()),
        plan,
        seconds: took.as_secs_f64(),
    })
}
