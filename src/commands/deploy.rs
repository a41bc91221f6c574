//! `chatctl deploy`: settings, wanted, read, plan, confirm, package, apply, prove, finish.

use super::Context;
use super::carry_out::{Listener, carry_out};
use super::survey::Survey;
use crate::aws::Clients;
use crate::cli;
use crate::config::Settings;
use crate::engine::Stop;
use crate::engine::plan::{Action, Plan, Step};
use crate::error::{Error, Result};
use crate::package::{self, Artifact};
use crate::prove::{self, Proof};
use crate::report::building::Building;
use crate::report::plan::PlanView;
use crate::report::{Reporter, Style};
use crate::resources::{self, Kind, World};
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// What goes on where this stopped.
const AGAIN: &str = "chatctl deploy";

/// How a deploy goes about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// Do not ask.
    pub yes: bool,
    /// Do not prove the chat at the end.
    pub no_prove: bool,
    /// Take over what is not ours.
    pub adopt: bool,
    /// Do not list what will be done: it is told while it happens.
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
    /// Where.
    pub region: String,
    /// Whose.
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

/// Runs the command.
///
/// # Errors
/// Anything that keeps the chat from being live.
pub async fn run(context: &Context, args: &cli::Deploy) -> Result<ExitCode> {
    let reporter = &context.reporter;
    let settings = context.settings(&args.wanted)?;
    let how = How {
        yes: args.yes,
        no_prove: args.no_prove,
        adopt: args.adopt,
        no_plan: false,
    };
    let deployed = deploy(&settings, how, reporter).await?;
    if reporter.is_json() {
        reporter.document(&deployed)?;
    } else {
        reporter.result(&deployed.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the stack what the settings say, and says where it is.
///
/// # Errors
/// Anything that keeps the chat from being live.
pub async fn deploy(settings: &Settings, how: How, reporter: &Reporter) -> Result<Deployed> {
    let clients = Clients::connect(settings).await?;
    deploy_with(clients, settings, None, how, reporter).await
}

/// The same with clients that are there already, and with a function that may be built already.
///
/// # Errors
/// Anything that keeps the chat from being live.
pub async fn deploy_with(
    clients: Clients,
    settings: &Settings,
    built: Option<Artifact>,
    how: How,
    reporter: &Reporter,
) -> Result<Deployed> {
    let began = Instant::now();
    let digest = match &built {
        Some(artifact) => artifact.source_digest.clone(),
        None => package::digest(settings)?,
    };
    let survey = Survey::converge(settings, clients, &digest, how.adopt).await?;
    if let Some(artifact) = built {
        survey.world.set_artifact(artifact);
    }
    if !how.adopt {
        survey.plan.require_ours()?;
    }
    let view = PlanView::of(&survey.plan);
    let mut proof = None;
    if !survey.plan.is_empty() {
        confirm(&view, settings, how, reporter)?;
        proof = change(&survey, settings, how, reporter).await?;
    }
    let took = began.elapsed().as_secs_f64();
    deployed(&survey, view, proof, took)
}

async fn change(
    survey: &Survey,
    settings: &Settings,
    how: How,
    reporter: &Reporter,
) -> Result<Option<Proof>> {
    let Survey { world, plan } = survey;
    let listener = Listener::begin();
    if needs_code(plan) && world.artifact().is_err() {
        world.set_artifact(built(settings, reporter, &listener.stop).await?);
    }
    carry_out(plan, world, reporter, &listener.stop, AGAIN).await?;
    tidy(plan, world, reporter, &listener.stop).await?;
    if how.no_prove {
        return Ok(None);
    }
    proven(world, settings, reporter, &listener.stop)
        .await
        .map(Some)
}

/// The function, unless somebody asks to stop: then the compiler stops too.
async fn built(settings: &Settings, reporter: &Reporter, stop: &Stop) -> Result<Artifact> {
    let building = Building::new(*reporter);
    let step = |step: &package::Step<'_>| building.step(step);
    tokio::select! {
        artifact = package::build(settings, &step) => artifact,
        _ = stop.beyond(0) => Err(Error::interrupted("stopped while the function was being built")
            .hint("nothing was changed")),
    }
}

/// A create call whose caller was killed can come into effect after this run looked for it. A run
/// that made something that AWS would make twice looks once more at its end.
async fn tidy(
    plan: &Plan<Kind>,
    world: &Arc<World>,
    reporter: &Reporter,
    stop: &Stop,
) -> Result<()> {
    let twice = ["api", "integration", "deployment"];
    let made = |step: &Step<Kind>| step.runs() && twice.contains(&step.id.as_str());
    if !plan.steps.iter().any(made) {
        return Ok(());
    }
    world.look_again().await?;
    let strays = resources::strays(world, false).await?;
    if strays.is_empty() {
        return Ok(());
    }
    let late = Plan::converge(Vec::new(), strays, world);
    carry_out(&late, world, reporter, stop, AGAIN)
        .await
        .map(drop)
}

async fn proven(
    world: &Arc<World>,
    settings: &Settings,
    reporter: &Reporter,
    stop: &Stop,
) -> Result<Proof> {
    let url = world.names.socket_url(&world.api_made()?);
    let origin = settings.function.allowed_origins.first();
    let flags = settings.chat_flags();
    let note = |text: &str| reporter.note(&Style::Faint.paint(&format!("  … {text}")));
    tokio::select! {
        proof = prove::prove(&url, origin.map(String::as_str), &flags, note) => proof,
        _ = stop.beyond(0) => Err(Error::interrupted("stopped before the chat was proved")
            .hint("everything is deployed; `chatctl deploy` run again says so")),
    }
}

/// The plan is shown before it is asked about, and also when nobody is asked.
fn confirm(view: &PlanView, settings: &Settings, how: How, reporter: &Reporter) -> Result<()> {
    if !reporter.is_json() && !how.no_plan {
        reporter.note(&view.text(reporter.verbosity() > 0));
    }
    let summary = view.summary.text();
    let question = format!("{}/{}: {summary}. Go ahead?", settings.name, settings.stage);
    if how.yes || reporter.confirm(&question)? {
        return Ok(());
    }
    Err(Error::failed("nothing was changed: the answer was no"))
}

/// The function has to be built if its code, or the whole function, is not there.
fn needs_code(plan: &Plan<Kind>) -> bool {
    let Some(step) = plan.step("function") else {
        return false;
    };
    let code = |path: &str| path == "code" || path == "architecture";
    match step.action {
        Action::Create | Action::Replace => true,
        Action::Update => step.differences.iter().any(|d| code(&d.path)),
        Action::Keep | Action::Delete => false,
    }
}

fn deployed(
    survey: &Survey,
    plan: PlanView,
    proof: Option<Proof>,
    seconds: f64,
) -> Result<Deployed> {
    let names = &survey.world.names;
    let api_id = survey.world.api_made()?;
    Ok(Deployed {
        name: names.stack.clone(),
        stage: names.stage.clone(),
        region: names.place().region.clone(),
        account: names.place().account_id.clone(),
        url: names.socket_url(&api_id),
        changed: !survey.plan.is_empty(),
        proved_in_seconds: proof.map(|proof| proof.took.as_secs_f64()),
        plan,
        api_id,
        seconds,
    })
}

impl Deployed {
    fn text(&self) -> String {
        let who = format!("{}/{}", self.name, self.stage);
        let seconds = format!("{:.1} s", self.seconds);
        let what = match (self.changed, self.proved_in_seconds) {
            (false, _) => format!("{who} is up to date: nothing was changed ({seconds})"),
            (true, Some(_)) => format!("{who} is live and answers ({seconds})"),
            (true, None) => format!("{who} is deployed ({seconds})"),
        };
        format!("{what}\n{}", Style::Strong.paint(&self.url))
    }
}
