//! Tags, reserved concurrency and the account's settings.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Functions, LambdaResult, Name, body, invalid, missing, null, validation};
use crate::wire::{Request, ServiceError};

/// The account's limit, and how much of it must stay free of reservations.
const ACCOUNT_LIMIT: u32 = 1000;
const LEAST_UNRESERVED: u32 = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Tags {
    tags: BTreeMap<String, String>,
}

pub(super) fn tag(functions: &Functions, request: &Request) -> LambdaResult {
    let name = tagged(functions, request)?;
    let Tags { tags } = body(request)?;
    if tags.is_empty() {
        return Err(invalid(
            "An error occurred and the request cannot be processed.",
        ));
    }
    let tags = checked_tags(tags)?;
    functions.with(&name, |function| {
        let mut merged = function.tags.clone();
        merged.extend(tags);
        function.tags = checked_tags(merged)?;
        function.touch();
        Ok((204, Value::Null))
    })
}

pub(super) fn untag(functions: &Functions, request: &Request) -> LambdaResult {
    let name = tagged(functions, request)?;
    let keys = request
        .params()
        .into_iter()
        .filter(|(name, _)| name == "tagKeys");
    let keys: Vec<String> = keys.map(|(_, key)| key).collect();
    if keys.is_empty() {
        return Err(null("tagKeys"));
    }
    functions.with(&name, |function| {
        keys.iter().for_each(|key| drop(function.tags.remove(key)));
        function.touch();
        Ok((204, Value::Null))
    })
}

pub(super) fn list_tags(functions: &Functions, request: &Request) -> LambdaResult {
    let name = tagged(functions, request)?;
    functions.with(&name, |function| {
        Ok((200, json!({ "Tags": function.tags })))
    })
}

/// Only whole functions have tags, and they are named by their ARN.
fn tagged(functions: &Functions, request: &Request) -> Result<Name, ServiceError> {
    let segments = request.segments();
    let arn = segments.get(2).map(String::as_str).unwrap_or_default();
    if !arn.starts_with("arn:") || !arn.contains(":function:") {
        let rule = "Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)";
        return Err(validation("resource", arn, rule));
    }
    let name = Name::of(&functions.shared, request)?;
    match name.qualifier {
        Some(_) => Err(invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        )),
        None => Ok(name),
    }
}

/// At most 50, keys up to 128 characters and not AWS's own, values up to 256.
pub(super) fn checked_tags(
    tags: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ServiceError> {
    let wrong = |key: &str, value: &str| {
        key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || key.to_ascii_lowercase().starts_with("aws:")
    };
    match tags.iter().find(|(key, value)| wrong(key, value)) {
        // Uncertain: AWS's message is not known; the limits are documented.
        Some((key, _)) => Err(invalid(format!("The tag '{key}' is not valid."))),
        None if tags.len() > 50 => Err(invalid("Number of tags exceeds resource tag limit.")),
        None => Ok(tags),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Concurrency {
    reserved_concurrent_executions: u32,
}

/// The whole function that the path names: neither a version nor an alias.
fn unqualified(functions: &Functions, request: &Request) -> Result<Name, ServiceError> {
    let name = Name::of(&functions.shared, request)?;
    match name.qualifier {
        Some(_) => Err(invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.",
        )),
        None => Ok(name),
    }
}

pub(super) fn put_concurrency(functions: &Functions, request: &Request) -> LambdaResult {
    let name = unqualified(functions, request)?;
    must_have_latest(functions, &name)?;
    let Concurrency {
        reserved_concurrent_executions: wanted,
    } = body(request)?;
    let others: u32 = {
        let all = functions.lock();
        let others = all.iter().filter(|(other, _)| **other != name.function);
        others.filter_map(|(_, function)| function.reserved).sum()
    };
    if others.saturating_add(wanted) > ACCOUNT_LIMIT - LEAST_UNRESERVED {
        return Err(invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
        )));
    }
    functions.with(&name, |function| {
        function.reserved = Some(wanted);
        function.touch();
        Ok((200, json!({ "ReservedConcurrentExecutions": wanted })))
    })
}

/// A change of the concurrency of a missing function names its version.
fn must_have_latest(functions: &Functions, name: &Name) -> Result<(), ServiceError> {
    if functions.lock().contains_key(&name.function) {
        return Ok(());
    }
    let arn = functions.arn(&name.function);
    Err(missing(format!("Function not found: {arn}:$LATEST")))
}

pub(super) fn get_concurrency(functions: &Functions, request: &Request) -> LambdaResult {
    let name = unqualified(functions, request)?;
    functions.with(&name, |function| {
        let shape = match function.reserved {
            Some(reserved) => json!({ "ReservedConcurrentExecutions": reserved }),
            None => json!({}),
        };
        Ok((200, shape))
    })
}

pub(super) fn delete_concurrency(functions: &Functions, request: &Request) -> LambdaResult {
    let name = unqualified(functions, request)?;
    must_have_latest(functions, &name)?;
    functions.with(&name, |function| {
        function.reserved = None;
        function.touch();
        Ok((204, Value::Null))
    })
}

pub(super) fn account(functions: &Functions) -> (u16, Value) {
    let all = functions.lock();
    let reserved: u32 = all.values().filter_map(|function| function.reserved).sum();
    let size: usize = all
        .values()
        .map(|function| function.latest.code.size())
        .sum();
    let shape = json!({
        "AccountLimit": {
            "TotalCodeSize": 80_530_636_800_u64, "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800, "ConcurrentExecutions": ACCOUNT_LIMIT,
            "UnreservedConcurrentExecutions": ACCOUNT_LIMIT - reserved,
        },
        "AccountUsage": { "TotalCodeSize": size, "FunctionCount": all.len() },
    });
    (200, shape)
}
