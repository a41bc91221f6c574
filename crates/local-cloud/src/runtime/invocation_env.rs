//! What Lambda gives a process: its environment variables at the start, and the headers of each invocation.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::protocol::Delivery;
use super::{Environments, FunctionSpec, Invocation, LogFormat};
use crate::services::iam::Credentials;

/// Where tracers send their datagrams. Nothing listens there: a trace that is not sampled is not sent.
const TRACES: &str = "127.0.0.1";

/// What differs from one environment of a function to the next.
pub(super) struct InstanceSettings<'a> {
    pub(super) task_root: String,
    pub(super) tmp: String,
    pub(super) runtime_api: String,
    pub(super) log_stream: &'a str,
    pub(super) credentials: &'a Credentials,
}

/// Lambda's variables, then the function's own. Paths are those of this machine: there is no `/var/task`, so a
/// function has to use `LAMBDA_TASK_ROOT` (or its working folder), which AWS sets too, and `TMPDIR` instead of
/// `/tmp`, which it would share with its other environments. `AWS_ENDPOINT_URL` is this cloud unless the function
/// sets it, so that any SDK in the function finds the services.
pub(super) fn variables(
    environments: &Environments,
    spec: &FunctionSpec,
    place: &InstanceSettings<'_>,
) -> Vec<(String, String)> {
    let root = &place.task_root;
    let path = &environments.host.search_path;
    let mut variables = vec![
        ("_HANDLER", spec.handler.clone()),
        ("LAMBDA_TASK_ROOT", root.clone()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("AWS_REGION", environments.shared.region.clone()),
        ("AWS_DEFAULT_REGION", environments.shared.region.clone()),
        ("AWS_ACCESS_KEY_ID", place.credentials.access_key_id.clone()),
        (
            "AWS_SECRET_ACCESS_KEY",
            place.credentials.secret_access_key.clone(),
        ),
        ("AWS_SESSION_TOKEN", place.credentials.session_token.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", spec.version.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", spec.log_group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", place.log_stream.to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_RUNTIME_API", place.runtime_api.clone()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
        ("AWS_XRAY_DAEMON_ADDRESS", format!("{TRACES}:2000")),
        ("_AWS_XRAY_DAEMON_ADDRESS", TRACES.to_owned()),
        ("_AWS_XRAY_DAEMON_PORT", "2000".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        (
            "PATH",
            format!("/usr/local/bin:/usr/bin:/bin:/opt/bin:{path}"),
        ),
        ("LD_LIBRARY_PATH", format!("{root}:{root}/lib:/opt/lib")),
        ("TMPDIR", place.tmp.clone()),
        ("AWS_ENDPOINT_URL", environments.shared.endpoint.clone()),
    ];
    if spec.log_format == LogFormat::Json {
        let level = spec.log_level.clone().unwrap_or_else(|| "INFO".to_owned());
        variables.push(("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()));
        variables.push(("AWS_LAMBDA_LOG_LEVEL", level));
    }
    let own = |name: &str| spec.variables.contains_key(name);
    let given = variables.into_iter().filter(|(name, _)| !own(name));
    let given = given.map(|(name, value)| (name.to_owned(), value));
    given.chain(spec.variables.clone()).collect()
}

/// One invocation as the runtime gets it.
pub(super) fn delivery(spec: &FunctionSpec, invocation: Invocation) -> Delivery {
    let mut headers = vec![
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", deadline_ms(spec).to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            invocation.invoked_arn,
        ),
        ("lambda-runtime-trace-id", trace_id()),
        ("content-type", "application/json".to_owned()),
    ];
    if let Some(context) = invocation.client_context {
        headers.push(("lambda-runtime-client-context", context));
    }
    let payload = invocation.payload;
    Delivery { headers, payload }
}

/// The event that tells an extension of an invocation.
pub(super) fn invoke_event(spec: &FunctionSpec, id: &str, invoked_arn: &str) -> Value {
    json!({
        "eventType": "INVOKE",
        "deadlineMs": deadline_ms(spec),
        "requestId": id,
        "invokedFunctionArn": invoked_arn,
        "tracing": { "type": "X-Amzn-Trace-Id", "value": trace_id() },
    })
}

/// By the system's clock, because the process compares it with that.
fn deadline_ms(spec: &FunctionSpec) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from((now + spec.timeout).as_millis()).unwrap_or(u64::MAX)
}

fn trace_id() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (root, parent) = (fastrand::u128(..) >> 32, fastrand::u64(..));
    format!("Root=1-{seconds:08x}-{root:024x};Parent={parent:016x};Sampled=0")
}
