//! Tags, reserved concurrency and the account's settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Cloud;
use super::super::wire::{Fault, Request};
use super::{Answer, Name, body, invalid};

/// The account's limit, and how much of it must stay free of reservations.
const ACCOUNT_LIMIT: u32 = 1000;
const LEAST_UNRESERVED: u32 = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Tags {
    tags: BTreeMap<String, String>,
}

pub(super) fn tag(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let Tags { tags } = body(request)?;
    let tags = checked_tags(tags)?;
    cloud.functions.with(cloud, &name, |function| {
        function.tags.extend(tags);
        if function.tags.len() > 50 {
            return Err(invalid("The number of tags exceeds the limit of 50."));
        }
        Ok((204, Value::Null))
    })
}

pub(super) fn untag(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let keys = request
        .params()
        .into_iter()
        .filter(|(name, _)| name == "tagKeys");
    let keys: Vec<String> = keys.map(|(_, key)| key).collect();
    cloud.functions.with(cloud, &name, |function| {
        keys.iter().for_each(|key| drop(function.tags.remove(key)));
        Ok((204, Value::Null))
    })
}

pub(super) fn list_tags(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    cloud.functions.with(cloud, &name, |function| {
        Ok((200, json!({ "Tags": function.tags })))
    })
}

/// At most 50, keys up to 128 characters and not AWS's own, values up to 256.
pub(super) fn checked_tags(
    tags: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Fault> {
    let wrong = |key: &str, value: &str| {
        key.is_empty()
            || key.chars().count() > 128
            || value.chars().count() > 256
            || key.to_ascii_lowercase().starts_with("aws:")
    };
    match tags.iter().find(|(key, value)| wrong(key, value)) {
        Some((key, _)) => Err(invalid(format!("The tag '{key}' is not valid."))),
        None if tags.len() > 50 => Err(invalid("The number of tags exceeds the limit of 50.")),
        None => Ok(tags),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Concurrency {
    reserved_concurrent_executions: u32,
}

pub(super) fn put_concurrency(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let Concurrency {
        reserved_concurrent_executions: wanted,
    } = body(request)?;
    let others: u32 = {
        let all = cloud.functions.lock();
        let others = all.iter().filter(|(other, _)| **other != name.function);
        others.filter_map(|(_, function)| function.reserved).sum()
    };
    if others.saturating_add(wanted) > ACCOUNT_LIMIT - LEAST_UNRESERVED {
        return Err(invalid(format!(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
        )));
    }
    cloud.functions.with(cloud, &name, |function| {
        function.reserved = Some(wanted);
        Ok((200, json!({ "ReservedConcurrentExecutions": wanted })))
    })
}

pub(super) fn get_concurrency(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    cloud.functions.with(cloud, &name, |function| {
        let shape = match function.reserved {
            Some(reserved) => json!({ "ReservedConcurrentExecutions": reserved }),
            None => json!({}),
        };
        Ok((200, shape))
    })
}

pub(super) fn delete_concurrency(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    cloud.functions.with(cloud, &name, |function| {
        function.reserved = None;
        Ok((204, Value::Null))
    })
}

pub(super) fn account(cloud: &Cloud) -> (u16, Value) {
    let all = cloud.functions.lock();
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
