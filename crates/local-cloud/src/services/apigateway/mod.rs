//! API Gateway v1, as far as the account's logging role needs it: the account settings themselves, and
//! the REST APIs of the region, of which the local cloud has none.
//!
//! UpdateAccount really tries the role, as AWS does: it must exist, have propagated, trust API
//! Gateway, and be allowed to write logs anywhere. A good role leaves `/aws/apigateway/welcome` behind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Cloud;
use crate::services::iam::Principal;
use crate::wire::{Request, Response, ServiceError};

/// What the managed policy allows, and what API Gateway tries.
const NEEDED: [&str; 7] = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
    "logs:GetLogEvents",
    "logs:FilterLogEvents",
];

/// The account's settings in this region.
#[derive(Debug, Default)]
pub(crate) struct Account {
    settings: Mutex<Settings>,
    /// Whether the role works, and until when that is believed.
    believed: Mutex<Option<(i64, bool)>>,
}

/// For so many milliseconds it is not asked again whether the logging role works: every message and
/// every post asks, and it takes a look at nine rights.
const BELIEVED_MILLIS: i64 = 50;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Settings {
    logging_role: Option<String>,
}

impl Account {
    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The role that API Gateway writes logs with, if one is set.
    pub(crate) fn logging_role(&self) -> Option<String> {
        self.lock().logging_role.clone()
    }

    /// Whether API Gateway can write logs by now: the role is set and still works. One that was
    /// deleted after it was set silences every API of the region, without an error anywhere.
    pub(crate) fn logging_works(&self, cloud: &Cloud) -> bool {
        let now_ms = cloud.clock.now_ms();
        let mut believed = self.believed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until_ms, works)) = *believed
            && now_ms < until_ms
        {
            return works;
        }
        let works = self
            .logging_role()
            .is_some_and(|role| role_works(cloud, &role));
        *believed = Some((now_ms + BELIEVED_MILLIS, works));
        works
    }

    fn set_logging_role(&self, role: Option<String>) {
        self.lock().logging_role = role;
        *self.believed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Everything, for `--persist`.
    pub(crate) fn snapshot(&self) -> Value {
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    /// Takes a snapshot back.
    pub(crate) fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        *self.lock() = serde_json::from_value(snapshot)?;
        Ok(())
    }
}

pub(crate) async fn serve(cloud: &Arc<Cloud>, request: Request) -> Response {
    let response = match answer(cloud, &request) {
        Ok(body) => Response::rest(200, &body),
        Err(mut fault) => {
            if fault.code == "AccessDeniedException" {
                fault.status = 403;
            }
            let throttled = fault.code == "TooManyRequestsException";
            let response = fault.rest();
            if throttled {
                response.with("retry-after", "20")
            } else {
                response
            }
        }
    };
    response.identified(&request.request_id)
}

fn answer(cloud: &Cloud, request: &Request) -> Result<Value, ServiceError> {
    let caller = cloud.iam.admit(cloud, request)?;
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let resource = format!("arn:aws:apigateway:{}::/{}", cloud.region, path.join("/"));
    let action = format!("apigateway:{}", request.method);
    cloud
        .iam
        .authorize(cloud, &caller, &action, &resource, &[])?;
    let updates = request.method == Method::PATCH;
    cloud
        .apis
        .rates
        .take(cloud, updates.then_some(("UpdateAccount", 0.05)))?;
    match (&request.method, path.as_slice()) {
        (&Method::GET, ["account"]) => Ok(view(cloud)),
        (&Method::PATCH, ["account"]) => update(cloud, &caller, request),
        (&Method::GET, ["restapis"]) => Ok(json!({ "item": [] })),
        _ => Err(ServiceError::not_here(request.service, &request.operation)),
    }
}

fn view(cloud: &Cloud) -> Value {
    let mut view = json!({
        "apiKeyVersion": "4",
        "features": ["UsagePlans"],
        "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
    });
    if let Some(role) = cloud.account.logging_role() {
        view["cloudwatchRoleArn"] = role.into();
    }
    view
}

fn update(cloud: &Cloud, caller: &Principal, request: &Request) -> Result<Value, ServiceError> {
    let body = request.json()?;
    let operations = body
        .get("patchOperations")
        .and_then(Value::as_array)
        .cloned();
    for operation in operations.unwrap_or_default() {
        let member = |name: &str| {
            operation
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        match (member("op"), member("path")) {
            ("replace" | "add" | "remove", "/cloudwatchRoleArn") => {
                let value = if member("op") == "remove" {
                    ""
                } else {
                    member("value")
                };
                if !value.is_empty() {
                    let service = "apigateway.amazonaws.com";
                    cloud.iam.may_pass(cloud, caller, value, service)?;
                }
                set_role(cloud, value)?;
            }
            (_, path) => {
                return Err(bad(&format!(
                    "Invalid patch path  '{path}' specified for op '{}'. Must be one of: [/cloudwatchRoleArn]",
                    member("op")
                )));
            }
        }
    }
    Ok(view(cloud))
}

/// Uncertain: an empty value or none resets, as recent captures of AWS show; formerly it was called
/// malformed.
fn set_role(cloud: &Cloud, role: &str) -> Result<(), ServiceError> {
    if role.is_empty() {
        cloud.account.set_logging_role(None);
        return Ok(());
    }
    let parts: Vec<_> = role.splitn(6, ':').collect();
    if parts.len() != 6 || parts[0] != "arn" || parts[2] != "iam" || !parts[5].starts_with("role/")
    {
        return Err(bad("Role ARN is not well formed"));
    }
    if parts[4] != cloud.account_id {
        return Err(bad("Cross-account pass role is not allowed."));
    }
    if !role_works(cloud, role) {
        return Err(bad(
            "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add the required role policy.",
        ));
    }
    cloud.logs.ensure_group(cloud, "/aws/apigateway/welcome");
    let line = (
        cloud.clock.now_ms(),
        "Cloudwatch logs enabled for API Gateway".to_owned(),
    );
    cloud.logs.put(
        cloud,
        "/aws/apigateway/welcome",
        &"0".repeat(32),
        vec![line],
    );
    cloud.account.set_logging_role(Some(role.to_owned()));
    Ok(())
}

/// A policy on certain log groups only is too narrow for AWS (seen in one report; the documented
/// policy has `*`), so what is asked is the right to `*` itself.
fn role_works(cloud: &Cloud, role: &str) -> bool {
    cloud.iam.assumable(cloud, role, "apigateway.amazonaws.com")
        && NEEDED
            .iter()
            .all(|action| cloud.iam.role_allows(cloud, role, action, "*"))
}

fn bad(words: &str) -> ServiceError {
    ServiceError::new(400, "BadRequestException", words)
}
