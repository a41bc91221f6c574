//! Deletes the stack, and looks for it afterwards.

use super::Assessment;
use super::execute::{Listener, execute};
use super::guard;
use super::ui::{Notice, Proposal, Purpose, Ui};
use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::plan::{Action, Plan, Step};
use crate::engine::view::PlanView;
use crate::engine::{Id, Resource};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::resources::{Kind, RunContext, log_group};
use serde::Serialize;
use std::time::{Duration, Instant};

/// How long log groups are watched after their writers are gone. Lines of API Gateway's execution log
/// were seen up to 9 seconds late.
const WATCHED_ON_AWS: Duration = Duration::from_secs(20);
/// The same where the cloud is on this machine.
const WATCHED_ELSEWHERE: Duration = Duration::from_millis(500);
/// After this a log group that comes back has another writer than the deleted ones.
const LATE_LINES_END: Duration = Duration::from_secs(60);

/// How a teardown goes about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TeardownOptions<'a> {
    /// Do not ask.
    pub yes: bool,
    /// The chat that is deleted although it is protected.
    pub force: Option<&'a str>,
}

/// What a teardown did, and what it looked for afterwards.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Gone {
    /// The chat's name.
    pub name: String,
    /// The stage.
    pub stage: String,
    /// Its region.
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Checked {
    /// The id inside the stack.
    pub id: Id,
    /// AWS's name of it.
    pub name: String,
    /// Why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Deletes the stack, and looks for it afterwards.
///
/// # Errors
/// Something could not be deleted, or is still there.
pub async fn teardown(
    clients: Clients,
    settings: &Settings,
    options: TeardownOptions<'_>,
    ui: &impl Ui,
) -> Result<Gone> {
    guard::require_this_chat(settings, options.force)?;
    let assessment = Assessment::for_teardown(settings, clients).await?;
    let view = PlanView::of(&assessment.plan);
    if !assessment.plan.is_empty() {
        guard::before_teardown(&assessment.plan, settings, options.force)?;
        agree(settings, &assessment, &view, options.yes, ui)?;
        let stop = Listener::begin();
        let again = settings.command("teardown");
        execute(&assessment.plan, assessment.run(), ui, &stop, &again).await?;
        delete_late_log_groups(&assessment.plan, assessment.run(), ui, &again).await?;
    }
    verify(settings, &assessment, view).await
}

fn agree(
    settings: &Settings,
    assessment: &Assessment,
    plan: &PlanView,
    yes: bool,
    ui: &impl Ui,
) -> Result<()> {
    let proposal = Proposal {
        purpose: Purpose::Teardown,
        name: &settings.name,
        stage: &settings.stage,
        place: assessment.run().names.place(),
        plan,
    };
    ui.show(&proposal);
    if yes || ui.confirm(&proposal)? {
        return Ok(());
    }
    Err(Error::failed("nothing was deleted: the answer was no"))
}

/// Watches for log groups that a late line brings back, until none came back for a while.
async fn delete_late_log_groups(
    plan: &Plan<Kind>,
    run: &RunContext,
    ui: &impl Ui,
    again: &str,
) -> Result<()> {
    let names = deleted_log_groups(plan);
    let (interval, watched) = match run.names.place().endpoint_url {
        Some(_) => (Duration::from_millis(50), WATCHED_ELSEWHERE),
        None => (Duration::from_secs(2), WATCHED_ON_AWS),
    };
    if names.is_empty() {
        return Ok(());
    }
    ui.notice(Notice::WatchingLogGroups(watched));
    let limit = Instant::now() + LATE_LINES_END;
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < watched {
        tokio::time::sleep(interval).await;
        for name in log_group::delete_again(run, &names).await? {
            ui.notice(Notice::LogGroupDeletedAgain(&name));
            quiet_since = Instant::now();
        }
        if quiet_since > limit {
            return Err(
                Error::failed("somebody keeps writing to a log group of this chat")
                    .hint(format!("`{again}` run again in a minute deletes it")),
            );
        }
    }
    Ok(())
}

fn deleted_log_groups(plan: &Plan<Kind>) -> Vec<String> {
    let deleted = plan.changes().filter(|step| step.action == Action::Delete);
    let groups = deleted.filter_map(|step| match &step.found {
        Some(Kind::LogGroup(group)) => Some(group.name.clone()),
        _ => None,
    });
    groups.collect()
}

/// Looks for everything once more; nothing that was read before is believed.
async fn verify(settings: &Settings, before: &Assessment, view: PlanView) -> Result<Gone> {
    let clients = before.run().clients.clone();
    let after = Assessment::for_teardown(settings, clients).await?;
    if let Some(step) = after.plan.changes().find(|step| !is_put_back(step, before)) {
        return Err(
            Error::failed(format!("{} {} is still there", step.id, step.name)).hint(format!(
                "`{}` run again deletes it",
                settings.command("teardown")
            )),
        );
    }
    let stayed = stayed(&after.plan, before);
    Ok(Gone {
        name: settings.name.clone(),
        stage: settings.stage.clone(),
        region: after.run().names.place().region.clone(),
        checked: checked(&before.plan, &after, &stayed),
        plan: view,
        stayed,
    })
}

/// What all stacks of the region share can be back already: another stack needs it.
fn is_put_back(step: &Step<Kind>, before: &Assessment) -> bool {
    let shared = [ids::LOGGING_ROLE, ids::ACCOUNT_LOGGING].contains(&step.id.as_str());
    let deleted = before.plan.step(step.id.as_str());
    shared && deleted.is_none_or(|step| step.action == Action::Delete)
}

fn stayed(plan: &Plan<Kind>, before: &Assessment) -> Vec<Checked> {
    let put_back = |step: &Step<Kind>| {
        let put_back = is_put_back(step, before) && step.stays.is_none();
        put_back.then(|| "another stack of the region put it back".to_owned())
    };
    let left = plan.steps.iter().map(|step| Checked {
        id: step.id.clone(),
        name: step.name.clone(),
        why: step.stays.clone().or_else(|| put_back(step)),
    });
    left.collect()
}

/// What was looked for by its name, and what was deleted under a name that only AWS knew.
fn checked(plan: &Plan<Kind>, after: &Assessment, stayed: &[Checked]) -> Vec<Checked> {
    let looked_for = after.stack.resources.iter();
    let looked_for = looked_for.map(|kind| (kind.id(), kind.name()));
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
