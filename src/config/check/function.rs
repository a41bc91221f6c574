//! `[function]`: what Lambda and IAM would refuse.

use super::{Checked, ensure};
use crate::config::{FunctionSettings, PROVIDED, Statement};

/// Lambda refuses these with "contains reserved keys" (Lambda guide, environment variables). Others
/// that begin with `AWS_` or `LAMBDA_` may be set, such as `AWS_LAMBDA_EXEC_WRAPPER`.
const RESERVED_ENVIRONMENT: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Checks every value of `[function]`.
pub(super) fn check(f: &FunctionSettings) -> Checked {
    name(f.name.as_deref())?;
    runtime(&f.runtime)?;
    handler(&f.handler)?;
    ensure(
        (128..=10_240).contains(&f.memory),
        "function.memory",
        "--memory",
        || format!("{} MB is not a memory size that Lambda takes", f.memory),
        "128 to 10240",
    )?;
    ensure(
        (1..=29).contains(&f.timeout),
        "function.timeout",
        "--timeout",
        || format!("{} s cannot work", f.timeout),
        "1 to 29: API Gateway waits for no integration longer than 29 seconds",
    )?;
    ensure(
        f.keep_versions >= 2,
        "function.keep-versions",
        "",
        || format!("{} versions are too few to keep", f.keep_versions),
        "2 or more: the live version, and the one that a rollback goes back to",
    )?;
    ensure(
        ["trace", "debug", "info", "warn", "error"].contains(&f.log_level.as_str()),
        "function.log-level",
        "",
        || format!("{:?} is not a log level", f.log_level),
        "one of trace, debug, info, warn, error",
    )?;
    f.environment
        .keys()
        .try_for_each(|key| environment_key(key).map_err(|problem| problem.of_entry(key)))?;
    f.allow.iter().try_for_each(statement)?;
    f.allowed_origins
        .iter()
        .try_for_each(|origin| allowed_origin(origin))
}

fn environment_key(key: &str) -> Checked {
    let shape = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.len() >= 2
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    ensure(
        shape && !RESERVED_ENVIRONMENT.contains(&key),
        "function.environment",
        "",
        || format!("Lambda does not let a function set {key:?}"),
        "choose another key: letters, digits and _, not one that Lambda sets itself",
    )?;
    ensure(
        !key.starts_with("CHAT_"),
        "function.environment",
        "",
        || format!("{key:?} is set by chatctl itself"),
        "keys that begin with CHAT_ belong to the bundled chat function",
    )
}

fn allowed_origin(origin: &str) -> Checked {
    let host = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    ensure(
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ',', ' ', '*'])),
        "function.allowed-origins",
        "--allow-origin",
        || format!("{origin:?} is not an origin"),
        "scheme and host, no path and no wildcard, such as https://chat.example.com",
    )
}

fn name(name: Option<&str>) -> Checked {
    let name = name.unwrap_or("x");
    let fine = (1..=64).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let message = || format!("{name:?} is not a function name that Lambda takes");
    ensure(
        fine,
        "function.name",
        "",
        message,
        "1 to 64 of a-z, A-Z, 0-9, - and _",
    )
}

/// The shape of a runtime: new versions need no release of ours.
fn runtime(runtime: &str) -> Checked {
    let numbered = |prefix: &str, suffix: &str| {
        let number = runtime
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(suffix));
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let known = numbered("nodejs", ".x") || numbered("python3.", "") || runtime == PROVIDED;
    ensure(
        known,
        "function.runtime",
        "",
        || format!("{runtime:?} is not a runtime that chatctl deploys"),
        "nodejs22.x, nodejs24.x, python3.13 and other versions of the two, or provided.al2023",
    )
}

/// At most 128 characters without spaces (Lambda API, CreateFunction).
fn handler(handler: &str) -> Checked {
    let fine = (1..=128).contains(&handler.len()) && !handler.contains(char::is_whitespace);
    ensure(
        fine,
        "function.handler",
        "",
        || format!("{handler:?} is not a handler that Lambda takes"),
        "the file without its ending, and the function in it, such as index.handler",
    )
}

fn statement(statement: &Statement) -> Checked {
    let action = |action: &String| {
        let parts = action.split_once(':');
        action == "*"
            || parts.is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
    };
    let wrong = statement.actions.iter().find(|one| !action(one));
    ensure(
        !statement.actions.is_empty() && wrong.is_none(),
        "function.allow",
        "",
        || match wrong {
            Some(wrong) => format!("{wrong:?} is not an action of IAM"),
            None => "a statement without actions allows nothing".into(),
        },
        "such as actions = [\"s3:GetObject\"]",
    )?;
    let resource = |text: &String| text == "*" || text.starts_with("arn:");
    let wrong = statement.resources.iter().find(|one| !resource(one));
    ensure(
        !statement.resources.is_empty() && wrong.is_none(),
        "function.allow",
        "",
        || match wrong {
            Some(wrong) => format!("{wrong:?} is not an ARN"),
            None => "a statement without resources allows nothing".into(),
        },
        "such as resources = [\"arn:aws:s3:::my-bucket/*\"]",
    )
}
