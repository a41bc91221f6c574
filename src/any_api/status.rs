//! `chatctl status --api ID`: what an API is made of, as a document.

use super::ApiFacts;
use super::called::{Caller, integration_of};
use super::checks;
use super::facts::{Function, Group, Stage};
use crate::doctor::facts::Route;
use crate::doctor::{Look, Verdict};
use crate::naming::names::socket_url;
use crate::tail::LogSource;
use serde::Serialize;

/// An API that anybody may have made, as it is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiStatus {
    /// AWS's id.
    pub api_id: String,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// The chat that chatctl made it for, such as `chat/production`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat: Option<String>,
    /// How a route is chosen.
    pub route_selection_expression: String,
    /// Its stages, each with its URL.
    pub stages: Vec<StageView>,
    /// Its routes, and where they lead.
    pub routes: Vec<RouteView>,
    /// The functions that it calls.
    pub functions: Vec<FunctionView>,
    /// The log groups of the stages and the functions.
    pub log_groups: Vec<GroupView>,
    /// Whether API Gateway can write logs in this account and region.
    pub logging: LoggingView,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// A stage.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StageView {
    /// Its name.
    pub name: String,
    /// Where clients connect.
    pub url: String,
    /// The deployment that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<String>,
    /// Changes of the API are deployed to it at once.
    pub auto_deploy: bool,
    /// Level of the execution log: `OFF`, `ERROR` or `INFO`.
    pub log_level: String,
    /// Whole payloads stand in the execution log.
    pub data_trace: bool,
    /// ARN of where the access log goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_log: Option<String>,
    /// Requests a second; the account's limit without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_rate: Option<f64>,
    /// Requests at once; the account's limit without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle_burst: Option<i32>,
}

/// A route.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RouteView {
    /// Its key.
    pub key: String,
    /// `NONE` or who is let in.
    pub authorization: String,
    /// Id of its integration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_id: Option<String>,
    /// `AWS_PROXY` or another type; nothing if the integration is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_type: Option<String>,
    /// What the integration calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration_uri: Option<String>,
    /// ARNs of the functions behind it: one for each stage if a stage variable names it.
    pub functions: Vec<String>,
}

/// A function.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FunctionView {
    /// Its name.
    pub name: String,
    /// Its ARN as the API calls it, with the version or the alias.
    pub arn: String,
    /// `Active` or another state; nothing if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// It does not exist.
    pub missing: bool,
    /// Its runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Its log group.
    pub log_group: String,
}

/// A log group.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GroupView {
    /// Which log.
    pub source: LogSource,
    /// The function or the stage that writes it.
    pub of: String,
    /// Its name.
    pub name: String,
    /// Whether it exists; nothing if that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// Days that events are kept; for ever without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<i32>,
    /// Time of the newest event, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_event: Option<i64>,
}

/// Whether API Gateway can write logs.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoggingView {
    /// ARN of the account's CloudWatch Logs role, if one is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// It works; nothing if that could not be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub works: Option<bool>,
    /// What was found: one sentence.
    pub what: String,
}

impl ApiStatus {
    /// The document of what was read.
    pub fn of(facts: &ApiFacts) -> Self {
        let (api, place) = (&facts.api, &facts.place);
        let stages = facts.stages.there().into_iter().flatten();
        let routes = facts.routes.there().into_iter().flatten();
        let chat = api.chat.as_ref();
        Self {
            api_id: api.id.clone(),
            name: api.name.clone(),
            region: place.region.clone(),
            account: place.account_id.clone(),
            chat: chat.map(|(name, stage)| format!("{name}/{stage}")),
            route_selection_expression: api.selection.clone(),
            stages: stages.map(|one| stage(one, facts)).collect(),
            routes: routes.map(|one| route(one, facts)).collect(),
            functions: facts.functions.iter().map(function).collect(),
            log_groups: facts.groups.iter().map(group).collect(),
            logging: logging(facts),
            unread: unread(facts),
        }
    }
}

fn stage(stage: &Stage, facts: &ApiFacts) -> StageView {
    let now = &stage.settings;
    StageView {
        name: stage.name.clone(),
        url: socket_url(&facts.place, &facts.api.id, &stage.name),
        deployment_id: now.deployment.clone(),
        auto_deploy: stage.auto_deploy,
        log_level: match stage.logs() {
            true => now.logging.clone(),
            false => "OFF".into(),
        },
        data_trace: now.data_trace,
        access_log: now.access_group.clone(),
        throttle_rate: now.rate,
        throttle_burst: now.burst,
    }
}

fn route(route: &Route, facts: &ApiFacts) -> RouteView {
    let integrations = facts
        .integrations
        .there()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let integration = integration_of(route, integrations);
    let target = route.target.as_deref();
    let is_its = |caller: &Caller| *caller == Caller::Route(route.key.clone());
    let calls = facts
        .calls()
        .into_iter()
        .filter(|call| is_its(&call.caller));
    let mut functions: Vec<_> = calls
        .filter_map(|call| Some(call.function.ok()?.arn))
        .collect();
    functions.sort();
    functions.dedup();
    RouteView {
        key: route.key.clone(),
        authorization: route.authorization.clone(),
        integration_id: target.map(|text| text.trim_start_matches("integrations/").to_owned()),
        integration_type: integration.map(|one| one.kind.clone()),
        integration_uri: integration.map(|one| one.uri.clone()),
        functions,
    }
}

fn function(function: &Function) -> FunctionView {
    let found = function.look.there();
    FunctionView {
        name: function.called.name.clone(),
        arn: function.called.arn.clone(),
        state: found.map(|found| found.state.clone()),
        missing: function.look == Look::Missing,
        runtime: found.and_then(|found| found.runtime.clone()),
        log_group: function.group(),
    }
}

fn group(group: &Group) -> GroupView {
    let state = group.look.there();
    GroupView {
        source: group.source,
        of: group.of.clone(),
        name: group.name.clone(),
        exists: match &group.look {
            Look::There(_) => Some(true),
            Look::Missing => Some(false),
            Look::Unseen(_) | Look::Unasked => None,
        },
        retention_days: state.and_then(|state| state.retention),
        last_event: state.and_then(|state| state.last_event),
    }
}

fn logging(facts: &ApiFacts) -> LoggingView {
    let finding = checks::account(facts);
    LoggingView {
        role_arn: facts.account_role.there().map(|role| role.arn.clone()),
        works: match finding.verdict {
            Verdict::Good => Some(true),
            Verdict::Skipped => None,
            Verdict::Warning | Verdict::Failure => Some(false),
        },
        what: finding.what,
    }
}

fn unread(facts: &ApiFacts) -> Vec<String> {
    fn why<T>(what: &str, look: &Look<T>) -> Option<String> {
        match look {
            Look::Unseen(why) => Some(format!("{what}: {why}")),
            _ => None,
        }
    }
    let parts = [
        why("the stages", &facts.stages),
        why("the routes", &facts.routes),
        why("the integrations", &facts.integrations),
        why("the authorizers", &facts.authorizers),
    ];
    let functions = facts.functions.iter();
    let functions =
        functions.filter_map(|one| why(&format!("the function {}", one.called.name), &one.look));
    let groups = facts.groups.iter();
    let groups = groups.filter_map(|one| why(&format!("the log group {}", one.name), &one.look));
    parts
        .into_iter()
        .flatten()
        .chain(functions)
        .chain(groups)
        .collect()
}
