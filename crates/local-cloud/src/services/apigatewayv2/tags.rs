//! Tags of APIs and stages. Their ARNs carry no account id: `arn:aws:apigateway:{region}::/apis/{id}`.

use http::Method;
use serde_json::{Map, Value, json};

use super::call::{ApiCall, ApiResult};
use super::fields::bad;
use super::view::View;
use super::{lock, missing};
use crate::wire::ServiceError;

pub(super) fn tags(call: &ApiCall<'_>, arn: &str) -> ApiResult {
    match *call.method {
        Method::GET => with_tags(call, arn, |tags| Ok((200, json!({ "tags": tags })))),
        Method::POST => {
            let new = read(&call.body)?;
            with_tags(call, arn, |tags| {
                tags.extend(new);
                if tags.len() > 50 {
                    return Err(bad("The number of tags exceeds the limit of 50"));
                }
                Ok((201, json!({})))
            })
        }
        Method::DELETE => {
            let params = call.request.params();
            let keys: Vec<_> = params
                .iter()
                .filter(|(name, _)| name == "tagKeys")
                .map(|(_, key)| key)
                .collect();
            with_tags(call, arn, |tags| {
                tags.retain(|key, _| !keys.contains(&key));
                Ok((204, Value::Null))
            })
        }
        _ => Err(call.not_here()),
    }
}

/// The `tags` of a create or TagResource body.
pub(super) fn read(body: &Map<String, Value>) -> Result<Map<String, Value>, ServiceError> {
    let tags = match body.get("tags") {
        None | Some(Value::Null) => return Ok(Map::new()),
        Some(Value::Object(tags)) => tags,
        Some(_) => {
            return Err(ServiceError::new(
                400,
                "SerializationException",
                "tags must be an object",
            ));
        }
    };
    for (key, value) in tags {
        let Some(value) = value.as_str() else {
            return Err(ServiceError::new(
                400,
                "SerializationException",
                "tag values must be strings",
            ));
        };
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(bad(
                "Invalid tag: a key has 1 to 128 characters, a value at most 256",
            ));
        }
        if key.to_lowercase().starts_with("aws:") {
            return Err(bad("Invalid tag key: the prefix aws: is reserved"));
        }
    }
    if tags.len() > 50 {
        return Err(bad("The number of tags exceeds the limit of 50"));
    }
    Ok(tags.clone())
}

fn with_tags(
    call: &ApiCall<'_>,
    arn: &str,
    work: impl FnOnce(&mut Map<String, Value>) -> ApiResult,
) -> ApiResult {
    let none = || missing(format!("Invalid resource ARN specified: {arn}"));
    let prefix = format!("arn:aws:apigateway:{}::/apis/", call.apis.shared.region);
    let path = arn
        .strip_prefix(&prefix)
        .ok_or_else(|| bad(format!("Invalid ARN specified in the request: {arn}")))?;
    let mut state = lock(&call.apis.state);
    let (id, rest) = path.split_once('/').unwrap_or((path, ""));
    let api = state.apis.get_mut(id).ok_or_else(none)?;
    let view: &mut View = match rest.strip_prefix("stages/") {
        None if rest.is_empty() => &mut api.view,
        Some(name) => &mut api.stages.get_mut(name).ok_or_else(none)?.view,
        None => return Err(none()),
    };
    let tags = view.entry("tags").or_insert_with(|| json!({}));
    let answer = work(tags.as_object_mut().ok_or_else(none)?);
    // An API without tags has no such member; a stage has an empty one.
    if rest.is_empty() && view.get("tags") == Some(&json!({})) {
        view.remove("tags");
    }
    answer
}
