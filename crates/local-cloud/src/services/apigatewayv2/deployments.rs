//! Deployments: snapshots of an API, made on demand or by a stage with `autoDeploy`.

use http::Method;
use serde_json::{Value, json};

use super::call::{ApiCall, ApiResult, fresh_id};
use super::fields::bad;
use super::live::Snapshot;
use super::view::{View, text};
use super::{Api, Deployment, Stage, missing};
use crate::wire::{ServiceError, iso8601};

pub(super) async fn deployments(call: &ApiCall<'_>, api_id: &str, rest: &[&str]) -> ApiResult {
    let apis = call.apis;
    match (call.method, rest) {
        (&Method::GET, []) => {
            let items = apis.with(api_id, |api| Ok(newest_first(api)))?;
            call.page(items)
        }
        (&Method::GET, [id]) => apis.with(api_id, |api| {
            Ok((200, deployment(api, id)?.view.clone().into()))
        }),
        (&Method::POST, []) => {
            let _writing = apis.write(api_id).await?;
            apis.change(api_id, false, |api| create(call, api))
        }
        (&Method::PATCH, [id]) => {
            let _writing = apis.write(api_id).await?;
            apis.change(api_id, false, |api| {
                let description = call.body.get("description").and_then(Value::as_str);
                let view = &mut api
                    .deployments
                    .get_mut(*id)
                    .ok_or_else(|| no_deployment(id))?
                    .view;
                if let Some(description) = description {
                    view.insert("description".to_owned(), description.into());
                }
                Ok((200, view.clone().into()))
            })
        }
        (&Method::DELETE, [id]) => {
            let _writing = apis.write(api_id).await?;
            apis.change(api_id, false, |api| delete(api, id))
        }
        _ => Err(call.not_here()),
    }
}

fn newest_first(api: &Api) -> Vec<Value> {
    let mut all: Vec<_> = api.deployments.values().collect();
    all.sort_by_key(|deployment| std::cmp::Reverse(deployment.created_ms));
    all.into_iter()
        .map(|deployment| Value::Object(deployment.view.clone()))
        .collect()
}

fn create(call: &ApiCall<'_>, api: &mut Api) -> ApiResult {
    let description = call.body.get("description").and_then(Value::as_str);
    let stage = call
        .body
        .get("stageName")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    if api.routes.is_empty() {
        return Err(bad(
            "At least one route is required before deploying the Api",
        ));
    }
    if let Some(name) = stage {
        let stage = api.stages.get(name).ok_or_else(|| no_stage(name))?;
        if is_automatic(stage) {
            return Err(bad(
                "Deployments cannot be created for a stage that has autoDeploy enabled",
            ));
        }
    }
    let now_ms = call.apis.shared.clock.now_ms();
    let view = add(api, now_ms, false, description);
    if let Some(stage) = stage.and_then(|name| api.stages.get_mut(name)) {
        stage.view.insert(
            "deploymentId".to_owned(),
            text(&view, "deploymentId").into(),
        );
        stage
            .view
            .insert("lastUpdatedDate".to_owned(), iso8601(now_ms).into());
    }
    Ok((201, view.into()))
}

/// Takes a snapshot. A deployment is done at once; the delay until every front end serves it is
/// made in `live`.
fn add(api: &mut Api, now_ms: i64, automatic: bool, description: Option<&str>) -> View {
    let id = fresh_id(6, |id| api.deployments.contains_key(id));
    let mut view = View::new();
    view.insert("autoDeployed".to_owned(), automatic.into());
    view.insert("createdDate".to_owned(), iso8601(now_ms).into());
    view.insert("deploymentId".to_owned(), id.clone().into());
    view.insert("deploymentStatus".to_owned(), "DEPLOYED".into());
    if let Some(description) = description {
        view.insert("description".to_owned(), description.into());
    }
    let snapshot = Snapshot::take(api);
    let deployment = Deployment {
        view: view.clone(),
        created_ms: now_ms,
        snapshot,
    };
    api.deployments.insert(id, deployment);
    view
}

/// Stages with `autoDeploy` get a deployment after every change. A failure is no error: it is
/// shown in `lastDeploymentStatusMessage`.
pub(super) fn automatically(api: &mut Api, now_ms: i64) {
    let names: Vec<_> = api
        .stages
        .iter()
        .filter(|(_, stage)| is_automatic(stage))
        .map(|(name, _)| name.clone())
        .collect();
    if names.is_empty() {
        return;
    }
    let (id, message) = if api.routes.is_empty() {
        (
            None,
            "Deployment attempt failed: Unable to deploy API because no routes exist in this API"
                .to_owned(),
        )
    } else {
        let view = add(
            api,
            now_ms,
            true,
            Some("Automatic deployment triggered by changes to the Api configuration"),
        );
        let id = text(&view, "deploymentId").to_owned();
        let message = format!("Successfully deployed stage with deployment ID '{id}'");
        (Some(id), message)
    };
    for (_, Stage { view: stage }) in api
        .stages
        .iter_mut()
        .filter(|(name, _)| names.contains(name))
    {
        stage.insert(
            "lastDeploymentStatusMessage".to_owned(),
            message.clone().into(),
        );
        if let Some(id) = &id {
            stage.insert("deploymentId".to_owned(), id.clone().into());
        }
    }
}

fn is_automatic(stage: &Stage) -> bool {
    stage.view.get("autoDeploy") == Some(&Value::Bool(true))
}

fn delete(api: &mut Api, id: &str) -> ApiResult {
    deployment(api, id)?;
    if api
        .stages
        .values()
        .any(|stage| text(&stage.view, "deploymentId") == id)
    {
        // Uncertain: message and code are v1's; v2's are not recorded.
        return Err(bad(
            "Active stages pointing to this deployment must be moved or deleted",
        ));
    }
    api.deployments.remove(id);
    Ok((204, json!(null)))
}

pub(super) fn deployment<'a>(api: &'a Api, id: &str) -> Result<&'a Deployment, ServiceError> {
    api.deployments.get(id).ok_or_else(|| no_deployment(id))
}

/// Uncertain: AWS's messages are recorded for APIs, routes and authorizers only; these follow v1's.
fn no_deployment(id: &str) -> ServiceError {
    missing(format!("Invalid Deployment identifier specified {id}"))
}

/// Uncertain: as above.
pub(super) fn no_stage(name: &str) -> ServiceError {
    missing(format!("Invalid stage identifier specified {name}"))
}
