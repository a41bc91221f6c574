//! What is deployed, and what drifted from the settings.

use super::Assessment;
use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::plan::Action;
use crate::engine::view::PlanView;
use crate::error::Result;
use crate::naming::{Names, ids};
use crate::package;
use crate::resources::RunContext;
use crate::resources::versions::{Published, Versions};
use serde::Serialize;

/// A stack as it is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The chat's name.
    pub name: String,
    /// The stage.
    pub stage: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// The API, the function and the stage are there and ours.
    pub deployed: bool,
    /// A deploy would change nothing.
    pub up_to_date: bool,
    /// Where clients connect, if it is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// AWS's id of the API, if it is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_id: Option<String>,
    /// What other tools call the parts by.
    pub names: StackNames,
    /// The published versions of the function, the newest first.
    pub versions: Vec<VersionView>,
    /// Every resource, and what a deploy would do to it.
    pub resources: PlanView,
}

/// Names and ARNs of a stack's parts, whether they are there or not.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StackNames {
    /// The function.
    pub function: String,
    /// Its ARN.
    pub function_arn: String,
    /// ARN of the alias that the API calls.
    pub live_arn: String,
    /// ARN of the function's role.
    pub role_arn: String,
    /// The table, if the function uses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_arn: Option<String>,
    /// The function's log group.
    pub function_log_group: String,
    /// The stage's access log group.
    pub access_log_group: String,
    /// The stage's execution log group, if the API is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_log_group: Option<String>,
}

impl StackNames {
    fn of(settings: &Settings, names: &Names, api: Option<&str>) -> Self {
        let has_table = settings.table.is_some();
        Self {
            function: names.function.clone(),
            function_arn: names.function_arn(),
            live_arn: names.live_arn(),
            role_arn: names.role_arn(&names.role()),
            table: has_table.then(|| names.table.clone()),
            table_arn: has_table.then(|| names.table_arn()),
            function_log_group: names.function_group(),
            access_log_group: names.access_group(),
            execution_log_group: api.map(|api| names.execution_group(api)),
        }
    }
}

/// A published version of the function.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// Its number.
    pub version: u64,
    /// The API calls it.
    pub live: bool,
    /// It was live before, and `chatctl rollback` goes back to it.
    pub former: bool,
    /// The digest of the source that it was built from.
    pub source: String,
    /// When it was published, such as `2026-09-25T00:22:22.506+0000`.
    pub published: String,
    /// Who published it: the last part of an ARN, such as `user/alice`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The published versions, the newest first.
pub(super) fn versions(all: &Versions) -> Vec<VersionView> {
    let is = |one: &Published, other: Option<&Published>| {
        other.is_some_and(|other| other.number == one.number)
    };
    let former = all.way_back().ok();
    let view = |one: &Published| VersionView {
        version: one.number,
        live: is(one, all.live_version()),
        former: is(one, former),
        source: one.code.clone(),
        published: one.at.clone(),
        by: one.by.clone(),
    };
    all.published.iter().rev().map(view).collect()
}

/// Looks at the stack.
///
/// # Errors
/// What is there cannot be read.
pub async fn status(clients: Clients, settings: &Settings) -> Result<Status> {
    let digest = package::digest(settings)?;
    let run = RunContext::new(clients, settings, false);
    let assessment = Assessment::for_deploy(settings, run, &digest).await?;
    let Assessment { plan, stack, .. } = &assessment;
    let names = &assessment.run().names;
    let there = |id: &&str| {
        plan.step(id)
            .is_some_and(|step| step.action != Action::Create && step.foreign.is_none())
    };
    let deployed = [ids::API, ids::FUNCTION, ids::STAGE].iter().all(there);
    let api = stack.outputs.api.known().filter(|_| deployed);
    let place = names.place();
    Ok(Status {
        name: settings.name.clone(),
        stage: settings.stage.clone(),
        region: place.region.clone(),
        account: place.account_id.clone(),
        up_to_date: plan.is_empty(),
        url: api.as_ref().map(|api| names.socket_url(api)),
        names: StackNames::of(settings, names, api.as_deref()),
        api_id: api.map(|api| api.0),
        versions: versions(&assessment.observed.versions),
        resources: PlanView::of(plan),
        deployed,
    })
}
