//! Stages: a deployment and its settings.
//!
//! Log settings are checked in AWS's order: the access log's format, then the account's role, then the
//! destination. //! A limit of 0 that is sent is kept, and blocks every call.
//!
//! Uncertain: a log level without throttles keeps the account's own limits here, as a capture shows;
//! other reports say that AWS makes absent limits 0, as the condition `zeroes_absent_throttles` does.

use http::Method;
use serde_json::{Map, Value, json};

use super::call::{ApiCall, ApiResult, quota};
use super::deployments::{self, no_stage};
use super::fields::{self, bad};
use super::live::group_of;
use super::view::{View, text};
use super::{Api, Stage, tags};
use crate::wire::ServiceError;

const STAGE_QUOTA: usize = 10;
/// Uncertain: API Gateway's model says 1,024 characters, the guide 3 KB. The smaller one is safe with
/// both.
const FORMAT_LIMIT: usize = 1024;

/// Begins v2's messages about a format.
const FORMAT_ERRORS: &str = "The following errors are found in Access Log Format: ";

pub(super) async fn stages(call: &ApiCall<'_>, api_id: &str, rest: &[&str]) -> ApiResult {
    let apis = call.apis;
    match (call.method, rest) {
        (&Method::GET, []) => {
            let items = apis.with(api_id, |api| {
                Ok(api
                    .stages
                    .values()
                    .map(|stage| Value::Object(stage.view.clone()))
                    .collect())
            })?;
            call.page(items)
        }
        (&Method::GET, [name]) => apis.with(api_id, |api| {
            let stage = api.stages.get(*name).ok_or_else(|| no_stage(name))?;
            Ok((200, stage.view.clone().into()))
        }),
        (&Method::POST, []) => change(call, api_id, |api| create(call, api)).await,
        (&Method::PATCH, [name]) => change(call, api_id, |api| update(call, api, name)).await,
        (&Method::DELETE, [name]) => {
            let answer = change(call, api_id, |api| {
                api.stages.remove(*name).ok_or_else(|| no_stage(name))?;
                Ok((204, json!(null)))
            })
            .await?;
            call.apis.connections.close_all(api_id, Some(name));
            Ok(answer)
        }
        (&Method::DELETE, [name, "accesslogsettings"]) => {
            edit(call, api_id, name, |view| {
                view.remove("accessLogSettings");
            })
            .await
        }
        (&Method::DELETE, [name, "routesettings", key]) => {
            edit(call, api_id, name, |view| {
                if let Some(settings) = view.get_mut("routeSettings").and_then(Value::as_object_mut)
                {
                    settings.remove(*key);
                }
            })
            .await
        }
        _ => Err(call.not_here()),
    }
}

async fn change(
    call: &ApiCall<'_>,
    api_id: &str,
    work: impl FnOnce(&mut Api) -> ApiResult,
) -> ApiResult {
    let _writing = call.apis.write(api_id).await?;
    call.apis.change(api_id, false, work)
}

async fn edit(
    call: &ApiCall<'_>,
    api: &str,
    name: &str,
    work: impl FnOnce(&mut View),
) -> ApiResult {
    change(call, api, |api| {
        let stage = api.stages.get_mut(name).ok_or_else(|| no_stage(name))?;
        work(&mut stage.view);
        stage
            .view
            .insert("lastUpdatedDate".to_owned(), call.now().into());
        Ok((204, json!(null)))
    })
    .await
}

fn create(call: &ApiCall<'_>, api: &mut Api) -> ApiResult {
    let name = call
        .body
        .get("stageName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 128 || !name.chars().all(fine) {
        return Err(bad("Stage name only allows a-zA-Z0-9_-"));
    }
    if api.stages.contains_key(name) {
        return Err(ServiceError::new(
            409,
            "ConflictException",
            "Stage already exists",
        ));
    }
    if api.stages.len() >= STAGE_QUOTA {
        return Err(quota("Stages"));
    }
    let mut view = View::new();
    view.insert("autoDeploy".to_owned(), false.into());
    view.insert("createdDate".to_owned(), call.now().into());
    view.insert("defaultRouteSettings".to_owned(), default_settings().into());
    view.insert("lastUpdatedDate".to_owned(), call.now().into());
    view.insert("routeSettings".to_owned(), json!({}));
    view.insert("stageName".to_owned(), name.into());
    view.insert("stageVariables".to_owned(), json!({}));
    view.insert("tags".to_owned(), tags::read(&call.body)?.into());
    apply(call, api, &mut view)?;
    store(call, api, name, view, 201)
}

fn update(call: &ApiCall<'_>, api: &mut Api, name: &str) -> ApiResult {
    let mut view = api
        .stages
        .get(name)
        .ok_or_else(|| no_stage(name))?
        .view
        .clone();
    apply(call, api, &mut view)?;
    view.insert("lastUpdatedDate".to_owned(), call.now().into());
    store(call, api, name, view, 200)
}

/// Stores the stage, deploys it if it has `autoDeploy`, and shows it.
fn store(call: &ApiCall<'_>, api: &mut Api, name: &str, view: View, status: u16) -> ApiResult {
    let turned_on = view.get("autoDeploy") == Some(&Value::Bool(true))
        && api
            .stages
            .get(name)
            .and_then(|old| old.view.get("autoDeploy"))
            != Some(&Value::Bool(true));
    api.stages.insert(name.to_owned(), Stage { view });
    if turned_on {
        deployments::automatically(api, call.apis.shared.clock.now_ms());
    }
    Ok((status, api.stages[name].view.clone().into()))
}

/// Applies the body to the stage, with every check.
fn apply(call: &ApiCall<'_>, api: &Api, view: &mut View) -> Result<(), ServiceError> {
    let body = fields::read(&call.body, fields::STAGE)?;
    if let Some(id) = body.get("deploymentId").and_then(Value::as_str) {
        // As CDK users met it (go-to-k/cdk-real-drift #667). Uncertain: whether one call may switch auto-deploy
        // off and name a deployment; here it takes two.
        let automatic = |of: &View| of.get("autoDeploy") == Some(&Value::Bool(true));
        if automatic(&body) || automatic(view) {
            return Err(bad(
                "Deployment ID cannot be set on this stage because AutoDeploy is enabled",
            ));
        }
        deployments::deployment(api, id)?;
    }
    view.extend(body);
    variables(call, view)?;
    if let Some(settings) = object(call, "defaultRouteSettings")? {
        let merged = merge_settings(call, view.get("defaultRouteSettings"), &settings)?;
        view.insert("defaultRouteSettings".to_owned(), merged.into());
    }
    route_settings(call, view)?;
    let access_log = access_log(call, view)?;
    let logs = access_log || asks_for_logging(call);
    if logs && call.apis.account.logging_role().is_none() {
        return Err(bad(
            "CloudWatch Logs role ARN must be set in account settings to enable logging",
        ));
    }
    if access_log {
        destination_exists(call, view)
    } else {
        Ok(())
    }
}

/// Variables merge; an empty value removes one, and an empty map changes nothing.
fn variables(call: &ApiCall<'_>, view: &mut View) -> Result<(), ServiceError> {
    let Some(new) = object(call, "stageVariables")? else {
        return Ok(());
    };
    let mut merged = view
        .get("stageVariables")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (name, value) in new {
        let Some(value) = value.as_str() else {
            return Err(ServiceError::new(
                400,
                "SerializationException",
                "stage variables must be strings",
            ));
        };
        if value.is_empty() {
            merged.remove(&name);
        } else {
            check_variable(&name, value)?;
            merged.insert(name, value.into());
        }
    }
    view.insert("stageVariables".to_owned(), merged.into());
    Ok(())
}

fn check_variable(name: &str, value: &str) -> Result<(), ServiceError> {
    let name_fine = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let value_fine = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c));
    if name_fine && value_fine && value.len() <= 512 {
        return Ok(());
    }
    Err(bad(format!(
        "Stage variable {name} is invalid: names match [A-Za-z0-9_]+, values [A-Za-z0-9-._~:/?#&=,]+ up to 512 characters"
    )))
}

fn route_settings(call: &ApiCall<'_>, view: &mut View) -> Result<(), ServiceError> {
    let Some(new) = object(call, "routeSettings")? else {
        return Ok(());
    };
    let mut all = view
        .get("routeSettings")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (key, settings) in new {
        let Some(settings) = settings.as_object() else {
            return Err(ServiceError::new(
                400,
                "SerializationException",
                "routeSettings must hold objects",
            ));
        };
        let merged = merge_settings(call, all.get(&key), settings)?;
        all.insert(key, merged.into());
    }
    view.insert("routeSettings".to_owned(), all.into());
    Ok(())
}

fn default_settings() -> View {
    let settings =
        json!({"dataTraceEnabled": false, "detailedMetricsEnabled": false, "loggingLevel": "OFF"});
    settings.as_object().cloned().unwrap_or_default()
}

fn merge_settings(
    call: &ApiCall<'_>,
    old: Option<&Value>,
    new: &Map<String, Value>,
) -> Result<View, ServiceError> {
    let mut merged = old
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_else(default_settings);
    merged.extend(fields::read(new, fields::ROUTE_SETTINGS)?);
    // AWS takes any word here, `DEBUG` for one, and stores it as OFF.
    if !matches!(text(&merged, "loggingLevel"), "ERROR" | "INFO") {
        merged.insert("loggingLevel".to_owned(), "OFF".into());
    }
    match new.get("throttlingRateLimit") {
        None | Some(Value::Null) => {}
        Some(rate) if rate.as_f64().is_some_and(|rate| rate >= 0.0) => {
            merged.insert("throttlingRateLimit".to_owned(), rate.clone());
        }
        Some(_) => return Err(bad("ThrottlingRateLimit must be a number of at least 0")),
    }
    if call
        .apis
        .shared
        .conditions
        .now()
        .control_plane
        .zeroes_absent_throttles
    {
        merged
            .entry("throttlingBurstLimit")
            .or_insert_with(|| 0.into());
        merged
            .entry("throttlingRateLimit")
            .or_insert_with(|| 0.0.into());
    }
    Ok(merged)
}

/// Whether the body turns execution logs on anywhere.
fn asks_for_logging(call: &ApiCall<'_>) -> bool {
    let on = |settings: &Value| {
        matches!(
            settings.get("loggingLevel").and_then(Value::as_str),
            Some("ERROR" | "INFO")
        )
    };
    let routes = call.body.get("routeSettings").and_then(Value::as_object);
    call.body.get("defaultRouteSettings").is_some_and(on)
        || routes.is_some_and(|routes| routes.values().any(on))
}

/// Reads `accessLogSettings`; true if there are any to check further.
fn access_log(call: &ApiCall<'_>, view: &mut View) -> Result<bool, ServiceError> {
    let Some(settings) = object(call, "accessLogSettings")? else {
        return Ok(false);
    };
    let destination = text(&settings, "destinationArn").to_owned();
    let format = text(&settings, "format").to_owned();
    if destination.is_empty() && format.is_empty() {
        return Ok(false);
    }
    if destination.is_empty() || format.is_empty() {
        return Err(bad(
            "Access Log value missing. Expected destinationArn and format.",
        ));
    }
    check_format(&format)?;
    view.insert(
        "accessLogSettings".to_owned(),
        json!({"destinationArn": destination, "format": format}),
    );
    Ok(true)
}

fn check_format(format: &str) -> Result<(), ServiceError> {
    if format.contains(['\n', '\r']) {
        return Err(bad(format!(
            "{FORMAT_ERRORS}Access Log format must be single line: '{format}'"
        )));
    }
    let names_request = ["$context.", "${context."].into_iter().any(|begin| {
        ["requestId", "extendedRequestId"]
            .into_iter()
            .any(|name| format.contains(&format!("{begin}{name}")))
    });
    if !names_request {
        return Err(bad(format!(
            "{FORMAT_ERRORS}Access Log format must include either $context.requestId or $context.extendedRequestId : '{format}'"
        )));
    }
    if format.chars().count() > FORMAT_LIMIT {
        return Err(bad(format!(
            "{FORMAT_ERRORS}Access Log format must have at most {FORMAT_LIMIT} characters"
        )));
    }
    Ok(())
}

fn destination_exists(call: &ApiCall<'_>, view: &View) -> Result<(), ServiceError> {
    let settings = view.get("accessLogSettings").and_then(Value::as_object);
    let arn = settings
        .map(|settings| text(settings, "destinationArn"))
        .unwrap_or_default();
    let here = format!(
        "arn:aws:logs:{}:{}:log-group:",
        call.apis.shared.region, call.apis.shared.account_id
    );
    if !arn.starts_with(&here) {
        return Err(bad(format!(
            "Invalid ARN specified in the request. ARNs must start with 'arn:': '{arn}' is no log group of this region"
        )));
    }
    if call.apis.logs.has_group(group_of(arn)) {
        return Ok(());
    }
    let words = format!("Cannot enable logging. LogDestination: {arn} does not exist");
    Err(super::missing(words))
}

fn object(call: &ApiCall<'_>, name: &str) -> Result<Option<Map<String, Value>>, ServiceError> {
    match call.body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object.clone())),
        Some(_) => Err(ServiceError::new(
            400,
            "SerializationException",
            format!("{name} must be an object"),
        )),
    }
}
