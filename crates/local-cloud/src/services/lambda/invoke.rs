//! Invoke: by SDKs, and by API Gateway with the function's resource policy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde_json::Value;

use super::{Function, Functions, Name, Revision, conflict, not_found, user_error};
use crate::runtime::{FunctionSpec, Invocation, InvocationResult, LogFormat};
use crate::wire::{Request, Response, ServiceError};

/// Synchronous and asynchronous payloads.
const SYNC_LIMIT: usize = 6 * 1024 * 1024;
const ASYNC_LIMIT: usize = 1024 * 1024;
/// An asynchronous invocation that fails is tried twice more, after a minute and after two.
const RETRIES_AFTER: [i64; 2] = [60_000, 120_000];

/// Why API Gateway got no answer from a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvokeRefusal {
    /// The function's policy does not allow this API, or the function does not exist.
    NotPermitted,
    /// Too many invocations at once.
    Throttled,
    /// The function is not active.
    NotActive,
    /// The function's variables cannot be decrypted.
    NotDecrypted,
}

/// What to run and how it is called.
struct Found {
    spec: Arc<FunctionSpec>,
    invoked_arn: String,
}

impl Found {
    fn invocation(&self, request_id: String, payload: Bytes) -> Invocation {
        Invocation {
            request_id,
            payload,
            invoked_arn: self.invoked_arn.clone(),
            client_context: None,
            wants_log: false,
        }
    }
}

/// Runs the function for a route of API Gateway.
pub(crate) async fn invoke_for_gateway(
    functions: &Functions,
    function_arn: &str,
    source_arn: &str,
    role: Option<&str>,
    payload: Bytes,
) -> Result<(String, InvocationResult), InvokeRefusal> {
    let name = Name::parse(&functions.shared, function_arn, None)
        .map_err(|_| InvokeRefusal::NotPermitted)?;
    let found = functions.with(&name, |function| {
        let by_policy = || {
            let (version, service) = (name.qualifier.as_deref(), "apigateway.amazonaws.com");
            function.allows(version, service, source_arn, &functions.shared.account_id)
        };
        // With a role, the role's policies decide instead of the function's.
        let permitted = match role {
            Some(role) => {
                functions.iam.assumable(role, "apigateway.amazonaws.com")
                    && functions
                        .iam
                        .role_allows(role, "lambda:InvokeFunction", function_arn)
            }
            None => by_policy(),
        };
        if permitted {
            Ok(find(functions, function, &name))
        } else {
            Ok(Err(not_found(&functions.shared, &name)))
        }
    });
    let found = found
        .and_then(|found| found)
        .map_err(|error| match error.status {
            409 => InvokeRefusal::NotActive,
            502 => InvokeRefusal::NotDecrypted,
            _ => InvokeRefusal::NotPermitted,
        })?;
    let slot =
        ConcurrencySlot::take(functions, &found.spec).map_err(|_| InvokeRefusal::Throttled)?;
    let request_id = uuid::Uuid::new_v4().to_string();
    let invocation = found.invocation(request_id.clone(), payload);
    let outcome = functions.environments.invoke(found.spec, invocation).await;
    drop(slot);
    Ok((request_id, outcome))
}

/// The Invoke operation.
pub(super) async fn serve(functions: &Arc<Functions>, request: Request) -> Response {
    let id = request.request_id.clone();
    match invoke(functions, request).await {
        Ok(response) => response,
        Err(error) => error.rest(),
    }
    .identified(&id)
}

async fn invoke(functions: &Arc<Functions>, request: Request) -> Result<Response, ServiceError> {
    let name = Name::of(&functions.shared, &request)?;
    let kind = request
        .header("x-amz-invocation-type")
        .unwrap_or("RequestResponse")
        .to_owned();
    let limit = if kind == "Event" {
        ASYNC_LIMIT
    } else {
        SYNC_LIMIT
    };
    if request.body.len() > limit {
        let words =
            format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        return Err(user_error(413, "RequestTooLargeException", words));
    }
    let payload = if request.body.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        request.body.clone()
    };
    serde_json::from_slice::<Value>(&payload).map_err(|error| {
        let words = format!(
            "Could not parse request body into json: Could not parse payload into json: {error}"
        );
        user_error(400, "InvalidRequestContentException", words)
    })?;
    let found = functions
        .with(&name, |function| Ok(find(functions, function, &name)))
        .and_then(|found| found)
        .map_err(|error| with_version(functions, &name, error))?;
    match kind.as_str() {
        "DryRun" => Ok(Response::empty(http::StatusCode::NO_CONTENT)),
        "Event" => {
            tokio::spawn(in_background(
                Arc::clone(functions),
                name,
                request.request_id,
                payload,
            ));
            Ok(Response::empty(http::StatusCode::ACCEPTED))
        }
        "RequestResponse" => wait(functions, &request, found, payload).await,
        other => Err(super::validation(
            "invocationType",
            other,
            "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
        )),
    }
}

/// Invoke's errors name the version, also where the caller named none.
fn with_version(functions: &Functions, name: &Name, error: ServiceError) -> ServiceError {
    if error.status != 404 || name.qualifier.is_some() {
        return error;
    }
    let latest = Name {
        qualifier: Some("$LATEST".to_owned()),
        ..name.clone()
    };
    not_found(&functions.shared, &latest)
}

async fn wait(
    functions: &Functions,
    request: &Request,
    found: Found,
    payload: Bytes,
) -> Result<Response, ServiceError> {
    let slot = ConcurrencySlot::take(functions, &found.spec).map_err(throttled)?;
    let tail = request.header("x-amz-log-type") == Some("Tail");
    let context = request
        .header("x-amz-client-context")
        .and_then(|text| String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok());
    let version = found.spec.version.clone();
    let invocation = Invocation {
        client_context: context,
        wants_log: tail,
        ..found.invocation(request.request_id.clone(), payload)
    };
    let outcome = functions.environments.invoke(found.spec, invocation).await;
    drop(slot);
    let mut response = Response::empty(http::StatusCode::OK)
        .with("content-type", "application/json")
        .with("x-amz-executed-version", &version);
    if outcome.failed {
        response = response.with("x-amz-function-error", "Unhandled");
    }
    if tail {
        response = response.with("x-amz-log-result", &BASE64_STANDARD.encode(&outcome.log));
    }
    response.body = outcome.payload;
    Ok(response)
}

/// An `Event` invocation, with Lambda's own two retries.
async fn in_background(functions: Arc<Functions>, name: Name, id: String, payload: Bytes) {
    for pause in [None].into_iter().chain(RETRIES_AFTER.map(Some)) {
        if let Some(pause) = pause {
            let until = functions.now_ms() + pause;
            tokio::select! {
                () = functions.shared.clock.sleep_until(until) => {}
                () = functions.shared.stopping.cancelled() => return,
            }
        }
        let found = functions
            .with(&name, |function| Ok(find(&functions, function, &name)))
            .and_then(|found| found);
        let Ok(found) = found else { return };
        let invocation = found.invocation(id.clone(), payload.clone());
        let run = functions.environments.invoke(found.spec, invocation);
        if !run.await.failed {
            return;
        }
    }
}

fn find(functions: &Functions, function: &Function, name: &Name) -> Result<Found, ServiceError> {
    let now = functions.now_ms();
    if function.is_pending(now) {
        return Err(conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        ));
    }
    let version = function.drawn_version(name.qualifier.as_deref().unwrap_or("$LATEST"));
    let revision = function
        .at(version, now)
        .ok_or_else(|| not_found(&functions.shared, name))?;
    if now < revision.active_at {
        return Err(conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending",
        ));
    }
    if !revision.configuration.can_be_decrypted(&functions.iam) {
        return Err(not_decrypted());
    }
    let spec = Arc::new(spec(functions, function, version, revision));
    let invoked_arn = name.arn(&functions.shared);
    Ok(Found { spec, invoked_arn })
}

/// The words as users report them (terraform-provider-aws #9703), without a space after "Exception".
///
/// Uncertain: whether an environment that was started before the role was made again goes on working; here no
/// invocation does.
fn not_decrypted() -> ServiceError {
    const WORDS: &str = "Lambda was unable to decrypt the environment variables because KMS access was denied. Please check the function's KMS key settings. KMS Exception: AccessDeniedExceptionKMS Message: The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.";
    user_error(502, "KMSAccessDeniedException", WORDS)
}

fn spec(
    functions: &Functions,
    function: &Function,
    version: &str,
    revision: &Revision,
) -> FunctionSpec {
    let configuration = &revision.configuration;
    let logging = &configuration.logging;
    FunctionSpec {
        name: configuration.name.clone(),
        function_arn: functions.arn(&configuration.name),
        version: version.to_owned(),
        generation: revision.revision_id.clone(),
        handler: configuration.handler.clone(),
        role_arn: configuration.role.clone(),
        memory: configuration.memory,
        timeout: Duration::from_secs(u64::from(configuration.timeout)),
        variables: configuration.variables.clone().unwrap_or_default(),
        code: revision.code.code(),
        log_format: match logging.log_format.as_deref() {
            Some("JSON") => LogFormat::Json,
            _ => LogFormat::Text,
        },
        log_group: logging
            .log_group
            .clone()
            .unwrap_or_else(|| format!("/aws/lambda/{}", configuration.name)),
        log_level: logging.application_log_level.clone(),
        system_level: logging.system_log_level.clone(),
        reserved: function.reserved,
        running: function.running(),
    }
}

/// One of the concurrent executions of function and account; released when dropped.
struct ConcurrencySlot<'a> {
    account: &'a AtomicUsize,
    function: Arc<AtomicUsize>,
}

impl<'a> ConcurrencySlot<'a> {
    /// Takes one, or says which limit is reached.
    fn take(functions: &'a Functions, spec: &FunctionSpec) -> Result<Self, &'static str> {
        let slot = Self {
            account: &functions.running,
            function: Arc::clone(&spec.running),
        };
        let account = slot.account.fetch_add(1, Ordering::AcqRel);
        let function = slot.function.fetch_add(1, Ordering::AcqRel);
        // Dropping the slot releases both.
        if spec
            .reserved
            .is_some_and(|limit| function >= usize::try_from(limit).unwrap_or(usize::MAX))
        {
            return Err("ReservedFunctionConcurrentInvocationLimitExceeded");
        }
        if account >= functions.shared.conditions.now().concurrent_executions {
            return Err("ConcurrentInvocationLimitExceeded");
        }
        Ok(slot)
    }
}

impl Drop for ConcurrencySlot<'_> {
    fn drop(&mut self) {
        self.account.fetch_sub(1, Ordering::AcqRel);
        self.function.fetch_sub(1, Ordering::AcqRel);
    }
}

fn throttled(reason: &'static str) -> ServiceError {
    user_error(429, "TooManyRequestsException", "Rate Exceeded.").with("Reason", reason)
}
