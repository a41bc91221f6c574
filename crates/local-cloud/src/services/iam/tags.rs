//! Tags of roles and policies: how they are checked, merged and shown.

use std::collections::BTreeMap;

use super::call::invalid;
use crate::wire::{ServiceError, element};

/// Each tag as a member of an XML list.
pub(super) fn rows(tags: &BTreeMap<String, String>) -> Vec<String> {
    tags.iter()
        .map(|(key, value)| {
            format!(
                "<member>{}{}</member>",
                element("Key", key),
                element("Value", value)
            )
        })
        .collect()
}

/// The quota of a role's tags.
pub(super) const OF_ROLE: &str = "TagsPerRole";
/// The quota of a policy's tags.
pub(super) const OF_POLICY: &str = "TagsPerPolicy";

/// A role or policy has at most 50, which `quota` names. Keys of roles are unique whatever their case; those of
/// policies are not.
pub(super) fn merged(
    old: &BTreeMap<String, String>,
    new: Vec<(String, String)>,
    quota: &str,
) -> Result<BTreeMap<String, String>, ServiceError> {
    too_many(new.len(), "tags")?;
    let fold = |key: &str| match quota {
        OF_ROLE => key.to_lowercase(),
        _ => key.to_owned(),
    };
    let mut folded: Vec<_> = new.iter().map(|(key, _)| fold(key)).collect();
    folded.sort_unstable();
    if folded.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ServiceError::new(
            400,
            "InvalidInput",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ));
    }
    let mut tags = old.clone();
    for (key, value) in new {
        check(&key, &value)?;
        tags.retain(|known, _| fold(known) != fold(&key));
        tags.insert(key, value);
    }
    if tags.len() > 50 {
        let words = format!("Cannot exceed quota for {quota}: 50");
        return Err(ServiceError::new(409, "LimitExceeded", words));
    }
    Ok(tags)
}

/// One call carries at most 50 tags or keys.
fn too_many(count: usize, field: &str) -> Result<(), ServiceError> {
    if count <= 50 {
        return Ok(());
    }
    Err(invalid(&format!(
        "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length less than or equal to 50."
    )))
}

pub(super) fn check_keys(keys: &[String]) -> Result<(), ServiceError> {
    too_many(keys.len(), "tagKeys")?;
    let fine = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    for (index, key) in keys.iter().enumerate() {
        let rule = if key.chars().count() > 128 {
            "Member must have length less than or equal to 128."
        } else if !key.chars().all(fine) {
            "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"
        } else {
            continue;
        };
        return Err(invalid(&format!(
            "1 validation error detected: Value '{key}' at 'tagKeys.{}.member' failed to satisfy constraint: {rule}",
            index + 1
        )));
    }
    Ok(())
}

fn check(key: &str, value: &str) -> Result<(), ServiceError> {
    let problem = |field: &str, text: &str, longest: usize| {
        invalid(&format!(
            "1 validation error detected: Value '{text}' at '{field}' failed to satisfy constraint: Member must have length less than or equal to {longest}."
        ))
    };
    if key.to_ascii_lowercase().starts_with("aws:") {
        let words = "Tag keys beginning with aws: are reserved for system use.";
        return Err(ServiceError::new(400, "InvalidInput", words));
    }
    if key.trim().is_empty() {
        return Err(invalid(&format!(
            "1 validation error detected: Value '{key}' at 'tags.1.member.key' failed to satisfy constraint: Member must not be blank"
        )));
    }
    if key.chars().count() > 128 {
        return Err(problem("tags.1.member.key", key, 128));
    }
    if value.chars().count() > 256 {
        return Err(problem("tags.1.member.value", value, 256));
    }
    let fine = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    if !key.chars().all(fine) || !value.chars().all(fine) {
        return Err(invalid(&format!(
            "1 validation error detected: Value '{key}' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\p{{L}}\\p{{Z}}\\p{{N}}_.:/=+\\-@]+"
        )));
    }
    Ok(())
}
