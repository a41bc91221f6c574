//! API Gateway v1, as far as the account's logging role needs it: the account settings themselves, and
//! the REST APIs of the region, of which the local cloud has none.
//!
//! UpdateAccount tests the role, as AWS does: it must exist, have propagated, trust API Gateway, and be allowed to
//! write logs anywhere. If it works, API Gateway makes the log group `/aws/apigateway/welcome`.

mod rates;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::persist::Persistent;
use crate::services::iam::{Iam, Principal};
use crate::services::logs::Logs;
use crate::shared::Shared;
use crate::wire::{Request, Response, ServiceError};

pub(crate) use rates::Rates;

/// The rights of the managed policy, which API Gateway tests.
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
#[derive(Debug)]
pub(crate) struct Account {
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    /// The rates of both control planes, v1 and v2.
    pub(crate) rates: Rates,
    settings: Mutex<Settings>,
    /// Whether the role works, and until when that is not tested again.
    works: Mutex<Option<(i64, bool)>>,
}

/// For so many milliseconds the test of the logging role is not repeated: every message and every post needs it,
/// and it evaluates nine policies.
const WORKS_MILLIS: i64 = 50;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Settings {
    logging_role: Option<String>,
}

impl Account {
    pub(crate) fn new(shared: &Arc<Shared>, iam: &Arc<Iam>, logs: &Arc<Logs>) -> Self {
        Self {
            shared: Arc::clone(shared),
            iam: Arc::clone(iam),
            logs: Arc::clone(logs),
            rates: Rates::default(),
            settings: Mutex::default(),
            works: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The role that API Gateway writes logs with, if one is set.
    pub(crate) fn logging_role(&self) -> Option<String> {
        self.lock().logging_role.clone()
    }

    /// Whether API Gateway can write logs by now: the role is set and still works. If it was deleted after it
    /// was set, no API of the region writes logs any more, and no error says so.
    pub(crate) fn logging_works(&self) -> bool {
        let now_ms = self.shared.clock.now_ms();
        let mut cached = self.cached();
        if let Some((until_ms, works)) = *cached
            && now_ms < until_ms
        {
            return works;
        }
        let role = self.logging_role();
        let works = role.is_some_and(|role| role_works(self, &role));
        *cached = Some((now_ms + WORKS_MILLIS, works));
        works
    }

    fn set_logging_role(&self, role: Option<String>) {
        self.lock().logging_role = role;
        *self.cached() = None;
    }

    fn cached(&self) -> MutexGuard<'_, Option<(i64, bool)>> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Persistent for Account {
    fn snapshot(&self) -> Value {
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        *self.lock() = serde_json::from_value(snapshot)?;
        Ok(())
    }
}

impl Account {
    /// Answers a request.
    pub(crate) fn serve(&self, request: &Request) -> Response {
        let response = match answer(self, request) {
            Ok(body) => Response::rest(200, &body),
            Err(error) if error.code == "TooManyRequestsException" => {
                error.rest().with("retry-after", "20")
            }
            Err(mut error) => {
                if error.code == "AccessDeniedException" {
                    error.status = 403;
                }
                error.rest()
            }
        };
        response.identified(&request.request_id)
    }
}

fn answer(account: &Account, request: &Request) -> Result<Value, ServiceError> {
    let caller = account.iam.admit(request)?;
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(String::as_str).collect();
    let resource = format!(
        "arn:aws:apigateway:{}::/{}",
        account.shared.region,
        path.join("/")
    );
    let action = format!("apigateway:{}", request.method);
    account.iam.authorize(&caller, &action, &resource, &[])?;
    let updates = request.method == Method::PATCH;
    account
        .rates
        .take(&account.shared, updates.then_some(("UpdateAccount", 0.05)))?;
    match (&request.method, path.as_slice()) {
        (&Method::GET, ["account"]) => Ok(view(account)),
        (&Method::PATCH, ["account"]) => update(account, &caller, request),
        (&Method::GET, ["restapis"]) => Ok(json!({ "item": [] })),
        _ => Err(ServiceError::not_here(request.service, &request.operation)),
    }
}

fn view(account: &Account) -> Value {
    let mut view = json!({
        "apiKeyVersion": "4",
        "features": ["UsagePlans"],
        "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
    });
    if let Some(role) = account.logging_role() {
        view["cloudwatchRoleArn"] = role.into();
    }
    view
}

fn update(account: &Account, caller: &Principal, request: &Request) -> Result<Value, ServiceError> {
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
                    account.iam.may_pass(caller, value, service)?;
                }
                set_role(account, value)?;
            }
            (_, path) => {
                return Err(bad(&format!(
                    "Invalid patch path  '{path}' specified for op '{}'. Must be one of: [/cloudwatchRoleArn]",
                    member("op")
                )));
            }
        }
    }
    Ok(view(account))
}

/// Uncertain: an empty value or none resets, as recent captures of AWS show; formerly it was called
/// malformed.
fn set_role(account: &Account, role: &str) -> Result<(), ServiceError> {
    if role.is_empty() {
        account.set_logging_role(None);
        return Ok(());
    }
    let parts: Vec<_> = role.splitn(6, ':').collect();
    if parts.len() != 6 || parts[0] != "arn" || parts[2] != "iam" || !parts[5].starts_with("role/")
    {
        return Err(bad("Role ARN is not well formed"));
    }
    if parts[4] != account.shared.account_id {
        return Err(bad("Cross-account pass role is not allowed."));
    }
    if !role_works(account, role) {
        return Err(bad(
            "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add the required role policy.",
        ));
    }
    account.logs.ensure_group("/aws/apigateway/welcome");
    let line = (
        account.shared.clock.now_ms(),
        "Cloudwatch logs enabled for API Gateway".to_owned(),
    );
    account
        .logs
        .put("/aws/apigateway/welcome", &"0".repeat(32), vec![line]);
    account.set_logging_role(Some(role.to_owned()));
    Ok(())
}

/// A policy on certain log groups only is too narrow for AWS (seen in one report; the documented
/// policy has `*`), so the right to `*` itself is needed.
fn role_works(account: &Account, role: &str) -> bool {
    account.iam.assumable(role, "apigateway.amazonaws.com")
        && NEEDED
            .iter()
            .all(|action| account.iam.role_allows(role, action, "*"))
}

fn bad(words: &str) -> ServiceError {
    ServiceError::new(400, "BadRequestException", words)
}
