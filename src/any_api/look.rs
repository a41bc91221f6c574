//! Reads an API and what it calls, side by side. It changes nothing.

use super::AwsCli;
use super::called::FunctionRef;
use super::facts::{Api, ApiFacts, Authorizer, Deployment, Function, Group, RoleRights, Stage};
use crate::aws::{Clients, explain};
use crate::chat_api::PAGE;
use crate::config::Settings;
use crate::doctor::Look;
use crate::doctor::facts::{Integration, Route};
use crate::doctor::look::{self, seen};
use crate::error::{Error, Result};
use crate::naming::rights::{Right, Task, on};
use crate::tail::LogSource;
use aws_sdk_apigatewayv2::types as sdk;
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The rights to read any API with `--api`, its functions and its logs.
pub const RIGHTS: &[Right] = &[
    Right::for_tasks(&[Task::Api], "apigateway:GET", on::apis),
    Right::for_tasks(&[Task::Api], "apigateway:GET", on::api),
    Right::for_tasks(&[Task::Api], "apigateway:GET", on::api_account),
    Right::for_tasks(&[Task::Api], "lambda:GetFunction", on::any_function),
    Right::for_tasks(&[Task::Api], "lambda:GetPolicy", on::any_function),
    Right::for_tasks(&[Task::Api], "lambda:GetAccountSettings", on::anything),
    Right::for_tasks(&[Task::Api], "iam:GetRole", on::any_role),
    Right::for_tasks(&[Task::Api], "iam:GetRolePolicy", on::any_role),
    Right::for_tasks(&[Task::Api], "iam:ListRolePolicies", on::any_role),
    Right::for_tasks(&[Task::Api], "iam:ListAttachedRolePolicies", on::any_role),
    Right::for_tasks(&[Task::Api], "iam:GetPolicy", on::any_policy),
    Right::for_tasks(&[Task::Api], "iam:GetPolicyVersion", on::any_policy),
    Right::for_tasks(&[Task::Api], "logs:DescribeLogGroups", on::anything),
    Right::for_tasks(&[Task::Api], "logs:DescribeLogStreams", on::any_log_group),
    Right::for_tasks(&[Task::Api], "logs:FilterLogEvents", on::any_log_group),
    Right::for_tasks(&[Task::Api], "logs:StartLiveTail", on::any_log_group),
];

/// Which stages are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// All of them.
    All,
    /// This one.
    Named(&'a str),
    /// The only one that there is.
    Only,
}

/// Looks at all of the API.
///
/// # Errors
/// The stage that is asked for is not there, or which one is meant is not clear.
pub async fn look(
    clients: &Clients,
    settings: &Settings,
    api: Api,
    which: Which<'_>,
) -> Result<ApiFacts> {
    let (stages, routes, integrations, authorizers, deployments, account_role, concurrency) = tokio::join!(
        stages(clients, &api.id),
        routes(clients, &api.id),
        integrations(clients, &api.id),
        authorizers(clients, &api.id),
        deployments(clients, &api.id),
        look::roles::account(clients),
        look::function::concurrency(clients),
    );
    let mut facts = ApiFacts {
        stages: chosen(stages, which, &api)?,
        place: clients.place.clone(),
        aws: AwsCli::new(settings, &clients.place.region),
        flags: settings.chat_flags().of_api(&api.id),
        functions: Vec::new(),
        roles: BTreeMap::new(),
        groups: Vec::new(),
        api,
        routes,
        integrations,
        authorizers,
        deployments,
        account_role,
        concurrency,
    };
    let calls = facts.calls().into_iter();
    let called: BTreeSet<FunctionRef> = calls.filter_map(|call| call.function.ok()).collect();
    facts.functions = join_all(called.into_iter().map(|one| function(clients, one))).await;
    (facts.roles, facts.groups) = tokio::join!(roles(clients, &facts), groups(clients, &facts));
    Ok(facts)
}

fn chosen(stages: Look<Vec<Stage>>, which: Which<'_>, api: &Api) -> Result<Look<Vec<Stage>>> {
    let mut all = match (stages, which) {
        (Look::There(all), _) => all,
        (stages, Which::All) => return Ok(stages),
        (Look::Unseen(why), _) => {
            return Err(
                Error::failed(format!("cannot list the stages of {}", api.id)).because_of(why),
            );
        }
        (stages, _) => return Ok(stages),
    };
    let names: Vec<_> = all.iter().map(|stage| stage.name.clone()).collect();
    let there = format!("its stages: {}", names.join(", "));
    let (id, name) = (&api.id, &api.name);
    match which {
        Which::Named(wanted) => all.retain(|stage| stage.name == wanted),
        Which::Only if all.len() > 1 => {
            return Err(
                Error::usage(format!("the API {id} ({name}) has {} stages", all.len()))
                    .hint(format!("--stage says which one is meant; {there}")),
            );
        }
        Which::All | Which::Only => {}
    }
    match (which, all.is_empty()) {
        (Which::Named(wanted), true) if names.is_empty() => {
            Err(no_stage(api, wanted).hint("the API has no stage at all, so no client can connect"))
        }
        (Which::Named(wanted), true) => Err(no_stage(api, wanted).hint(there)),
        _ => Ok(Look::There(all)),
    }
}

fn no_stage(api: &Api, wanted: &str) -> Error {
    Error::failed(format!(
        "the API {} ({}) has no stage {wanted}",
        api.id, api.name
    ))
}

/// Every item of a list that API Gateway gives page by page and in no order, as a look.
macro_rules! list {
    ($action:literal, $call:expr, $take:expr, $order:expr) => {{
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let call = $call.max_results(PAGE).set_next_token(token);
            match seen($action, call.send().await, |page| page) {
                Look::There(page) => {
                    all.extend(page.items.unwrap_or_default().into_iter().map($take));
                    token = page.next_token.filter(|token| !token.is_empty());
                }
                Look::Unseen(why) => break Look::Unseen(why),
                Look::Missing | Look::Unasked => break Look::Missing,
            }
            if token.is_none() {
                all.sort_by_key($order);
                break Look::There(all);
            }
        }
    }};
}

async fn stages(clients: &Clients, api: &str) -> Look<Vec<Stage>> {
    let call = || clients.apigatewayv2.get_stages().api_id(api);
    let name = |one: &Stage| one.name.clone();
    list!("list the stages", call(), stage, name)
}

fn stage(found: sdk::Stage) -> Stage {
    let settings = look::gateway::settings(
        found.default_route_settings(),
        found.route_settings(),
        found.access_log_settings(),
    );
    Stage {
        settings: crate::doctor::facts::Stage {
            deployment: found.deployment_id.filter(|id| !id.is_empty()),
            ..settings
        },
        name: found.stage_name.unwrap_or_default(),
        auto_deploy: found.auto_deploy.unwrap_or_default(),
        message: found.last_deployment_status_message,
        variables: found
            .stage_variables
            .unwrap_or_default()
            .into_iter()
            .collect(),
    }
}

async fn routes(clients: &Clients, api: &str) -> Look<Vec<Route>> {
    let call = || clients.apigatewayv2.get_routes().api_id(api);
    let key = |one: &Route| one.key.clone();
    list!("list the routes", call(), look::gateway::route, key)
}

async fn integrations(clients: &Clients, api: &str) -> Look<Vec<Integration>> {
    let call = || clients.apigatewayv2.get_integrations().api_id(api);
    let id = |one: &Integration| one.id.clone();
    list!(
        "list the integrations",
        call(),
        look::gateway::integration,
        id
    )
}

async fn authorizers(clients: &Clients, api: &str) -> Look<Vec<Authorizer>> {
    let call = || clients.apigatewayv2.get_authorizers().api_id(api);
    let id = |one: &Authorizer| one.id.clone();
    list!("list the authorizers", call(), authorizer, id)
}

fn authorizer(found: sdk::Authorizer) -> Authorizer {
    let credentials = found.authorizer_credentials_arn;
    Authorizer {
        id: found.authorizer_id.unwrap_or_default(),
        name: found.name.unwrap_or_default(),
        uri: found.authorizer_uri.unwrap_or_default(),
        credentials: credentials.filter(|arn| !arn.is_empty()),
    }
}

async fn deployments(clients: &Clients, api: &str) -> Look<Vec<Deployment>> {
    let call = || clients.apigatewayv2.get_deployments().api_id(api);
    let age = |one: &Deployment| one.created;
    list!("list the deployments", call(), deployment, age)
}

fn deployment(found: sdk::Deployment) -> Deployment {
    let status = found.deployment_status.as_ref();
    let status = status.map_or("DEPLOYED", sdk::DeploymentStatus::as_str);
    let created = found.created_date.and_then(|date| date.to_millis().ok());
    Deployment {
        status: status.to_owned(),
        id: found.deployment_id.unwrap_or_default(),
        message: found.deployment_status_message,
        created: created.unwrap_or_default(),
    }
}

/// A function of another account or region is not looked at.
async fn function(clients: &Clients, called: FunctionRef) -> Function {
    let place = &clients.place;
    if (&called.account, &called.region) != (&place.account_id, &place.region) {
        let why = format!("it is in account {}, {}", called.account, called.region);
        return Function {
            look: Look::Unseen(why.clone()),
            policy: Look::Unseen(why),
            called,
        };
    }
    let (name, qualifier) = (&called.name, &called.qualifier);
    let function = clients.lambda.get_function().function_name(name);
    let policy = clients.lambda.get_policy().function_name(name);
    let (function, policy) = tokio::join!(
        function.set_qualifier(qualifier.clone()).send(),
        policy.set_qualifier(qualifier.clone()).send(),
    );
    Function {
        look: seen("read the function", function, look::function::function),
        policy: seen(
            "read the function's policy",
            policy,
            look::function::document,
        ),
        called,
    }
}

async fn roles(clients: &Clients, facts: &ApiFacts) -> BTreeMap<String, Look<RoleRights>> {
    let functions = facts.functions.iter().filter_map(|one| one.look.there());
    let arns: BTreeSet<String> = functions.map(|one| one.role.clone()).collect();
    let looks = arns.into_iter().map(|arn| async move {
        let look = role(clients, arn.rsplit('/').next().unwrap_or(&arn)).await;
        (arn, look)
    });
    join_all(looks).await.into_iter().collect()
}

async fn role(clients: &Clients, name: &str) -> Look<RoleRights> {
    let role = match look::roles::role(clients, name).await {
        Look::There(role) => role,
        Look::Missing => return Look::Missing,
        Look::Unseen(why) => return Look::Unseen(why),
        Look::Unasked => return Look::Unasked,
    };
    let attached = join_all(role.attached.iter().map(|arn| policy(clients, arn))).await;
    let attached = attached.into_iter().collect::<Result<Vec<_>>>();
    Look::There(RoleRights {
        attached: match attached {
            Ok(documents) => Look::There(documents),
            Err(error) => Look::Unseen(error.to_string()),
        },
        role,
    })
}

/// The document of a managed policy that holds now.
async fn policy(clients: &Clients, arn: &str) -> Result<Value> {
    let found = clients.iam.get_policy().policy_arn(arn).send().await;
    let found = found.map_err(|error| explain(&format!("read the policy {arn}"), error))?;
    let version = found.policy.and_then(|policy| policy.default_version_id);
    let read = clients.iam.get_policy_version().policy_arn(arn);
    let read = read.set_version_id(version).send().await;
    let read = read.map_err(|error| explain(&format!("read the policy {arn}"), error))?;
    let version = read
        .policy_version
        .unwrap_or_else(|| aws_sdk_iam::types::PolicyVersion::builder().build());
    Ok(look::roles::document(version.document()))
}

async fn groups(clients: &Clients, facts: &ApiFacts) -> Vec<Group> {
    let mut names: Vec<(LogSource, String, String)> = Vec::new();
    for function in facts
        .functions
        .iter()
        .filter(|one| one.look != Look::Missing)
    {
        let group = function.group();
        if !names.iter().any(|(_, _, name)| *name == group) {
            names.push((LogSource::Function, function.called.name.clone(), group));
        }
    }
    for stage in facts.stages.there().into_iter().flatten() {
        let execution = stage.execution_group(&facts.api.id);
        names.push((LogSource::Execution, stage.name.clone(), execution));
        if let Some(access) = stage.access_group() {
            names.push((LogSource::Access, stage.name.clone(), access.to_owned()));
        }
    }
    let looks = names.into_iter().map(|(source, of, name)| async move {
        let look = look::logs::group(clients, &name).await;
        Group {
            source,
            of,
            name,
            look,
        }
    });
    join_all(looks).await
}
