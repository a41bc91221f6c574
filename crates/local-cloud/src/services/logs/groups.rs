//! Log groups: creation and deletion, retention, tags.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{LogsCall, LogsResult, constraint, group_name, page};
use super::{Group, invalid};
use crate::wire::{ServiceError, has_tags};

/// The numbers of days that the service accepts.
const RETENTIONS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// What groups that are found by a pattern do not show.
const LEFT_OUT: [&str; 3] = [
    "storedBytes",
    "deletionProtectionEnabled",
    "bearerTokenAuthenticationEnabled",
];

pub(super) fn create(call: &LogsCall<'_>) -> LogsResult {
    let name = call.group()?;
    call.allowed(&name, "")?;
    if name.starts_with("aws/") {
        return Err(invalid(
            "Log groups starting with AWS/ are reserved for AWS.",
        ));
    }
    if has_tags(call.body.get("tags")) {
        call.allowed_on_group("TagResource", &name)?;
    }
    let tags = read_tags(call.body.get("tags"))?;
    let class = call.text("logGroupClass").unwrap_or("STANDARD");
    if !matches!(class, "STANDARD" | "INFREQUENT_ACCESS" | "DELIVERY") {
        return Err(constraint(
            &format!("Value '{class}' at 'logGroupClass'"),
            "Member must satisfy enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY]",
        ));
    }
    let mut state = call.logs.lock();
    if state.groups.contains_key(&name) {
        return Err(ServiceError::new(
            400,
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ));
    }
    let mut group = Group::new(call.now_ms());
    group.tags = tags;
    group.class = class.to_owned();
    group.kms_key = call.text("kmsKeyId").map(str::to_owned);
    group.deletion_protected = call.flag("deletionProtectionEnabled");
    state.groups.insert(name, group);
    Ok(json!({}))
}

pub(super) fn delete(call: &LogsCall<'_>) -> LogsResult {
    let name = call.group()?;
    call.allowed(&name, "")?;
    let mut state = call.logs.lock();
    if state.group(&name)?.deletion_protected {
        return Err(ServiceError::new(
            400,
            "OperationAbortedException",
            "The log group cannot be deleted because deletion protection is enabled.",
        ));
    }
    state.groups.remove(&name);
    Ok(json!({}))
}

pub(super) fn describe(call: &LogsCall<'_>) -> LogsResult {
    call.allowed("", "")?;
    let (prefix, pattern) = (
        call.text("logGroupNamePrefix"),
        call.text("logGroupNamePattern"),
    );
    if prefix.is_some() && pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let folded = pattern.map(str::to_lowercase);
    let identifiers = call.texts("logGroupIdentifiers");
    let wanted = |name: &str| {
        prefix.is_none_or(|prefix| name.starts_with(prefix))
            && folded
                .as_ref()
                .is_none_or(|pattern| name.to_lowercase().contains(pattern))
            && (identifiers.is_empty() || identifiers.iter().any(|id| group_name(id) == name))
    };
    let state = call.logs.lock();
    let rows = state
        .groups
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, group)| {
            let mut view = view(call, name, group);
            // As recorded: what is found by a pattern comes with less.
            if let Some(view) = view.as_object_mut().filter(|_| pattern.is_some()) {
                view.retain(|member, _| !LEFT_OUT.contains(&member.as_str()));
            }
            (name.clone(), view)
        });
    page(call, "logGroups", 50, rows.collect())
}

/// `arn` ends in `:*`, `logGroupArn` does not.
fn view(call: &LogsCall<'_>, name: &str, group: &Group) -> Value {
    let arn = call.arn(name);
    let mut view = json!({
        "logGroupName": name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": format!("{arn}:*"),
        "logGroupArn": arn,
        "storedBytes": group.stored_bytes,
        "logGroupClass": group.class,
        "deletionProtectionEnabled": group.deletion_protected,
        "bearerTokenAuthenticationEnabled": false,
    });
    if let Some(days) = group.retention_days {
        view["retentionInDays"] = days.into();
    }
    if let Some(key) = &group.kms_key {
        view["kmsKeyId"] = key.as_str().into();
    }
    view
}

pub(super) fn put_retention(call: &LogsCall<'_>) -> LogsResult {
    let name = call.group()?;
    call.allowed(&name, "")?;
    let days = call
        .whole("retentionInDays")?
        .ok_or_else(|| constraint("Value null at 'retentionInDays'", "Member must not be null"))?;
    if !RETENTIONS.contains(&days) {
        let valid: Vec<_> = RETENTIONS.iter().map(i64::to_string).collect();
        return Err(constraint(
            &format!("Value '{days}' at 'retentionInDays'"),
            &format!("Member must satisfy enum value set: [{}]", valid.join(", ")),
        ));
    }
    call.logs.lock().group_mut(&name)?.retention_days = Some(days);
    Ok(json!({}))
}

pub(super) fn delete_retention(call: &LogsCall<'_>) -> LogsResult {
    let name = call.group()?;
    call.allowed(&name, "")?;
    call.logs.lock().group_mut(&name)?.retention_days = None;
    Ok(json!({}))
}

pub(super) fn tag(call: &LogsCall<'_>, member: &str) -> LogsResult {
    let new = read_tags(call.body.get("tags"))?;
    with_tags(call, member, |tags| {
        tags.extend(new);
        if tags.len() > 50 {
            return Err(ServiceError::new(
                400,
                "TooManyTagsException",
                "A resource can have no more than 50 tags.",
            ));
        }
        Ok(json!({}))
    })
}

pub(super) fn untag(call: &LogsCall<'_>, member: &str, keys: &str) -> LogsResult {
    let keys = call.texts(keys);
    with_tags(call, member, |tags| {
        tags.retain(|key, _| !keys.contains(key));
        Ok(json!({}))
    })
}

pub(super) fn list_tags(call: &LogsCall<'_>, member: &str) -> LogsResult {
    with_tags(call, member, |tags| Ok(json!({ "tags": tags })))
}

/// The tags of the group that `member` names, by name or by ARN without `:*`.
fn with_tags(
    call: &LogsCall<'_>,
    member: &str,
    work: impl FnOnce(&mut BTreeMap<String, String>) -> LogsResult,
) -> LogsResult {
    let identifier = call.required(member)?;
    let name = group_name(identifier).to_owned();
    match member {
        "resourceArn" => call.allowed_on_group(call.operation, &name)?,
        _ => call.allowed(&name, "")?,
    }
    if member == "resourceArn" && identifier.trim_end_matches(":*") != call.arn(&name) {
        return Err(invalid(format!(
            "The specified resource ARN {identifier} is invalid"
        )));
    }
    let mut state = call.logs.lock();
    work(&mut state.group_mut(&name)?.tags)
}

fn read_tags(tags: Option<&Value>) -> Result<BTreeMap<String, String>, ServiceError> {
    let Some(tags) = tags.and_then(Value::as_object) else {
        return Ok(BTreeMap::new());
    };
    let mut read = BTreeMap::new();
    for (key, value) in tags {
        let value = value.as_str().unwrap_or_default();
        let long = key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256;
        if long || key.to_lowercase().starts_with("aws:") {
            return Err(invalid(format!(
                "Tag key {key} is invalid: keys have 1 to 128 characters and no prefix aws:, values at most 256"
            )));
        }
        read.insert(key.clone(), value.to_owned());
    }
    if read.len() > 50 {
        return Err(invalid("A resource can have no more than 50 tags."));
    }
    Ok(read)
}
