//! Which service and operation of AWS a request means.
//!
//! One port carries every service, so the protocol itself has to tell them apart: the `X-Amz-Target` header, the
//! path, or the `Action` of a form.

use http::{HeaderMap, Method};

use super::foreign;
use crate::data_plane::Target;
use crate::{operations, wire};

/// The operation of `@connections` that a request to a stage means.
pub(super) fn management_name(method: &Method, target: &Target) -> String {
    match (
        method,
        wire::decode(&target.rest).starts_with("@connections/"),
    ) {
        (&Method::POST, true) => "PostToConnection".to_owned(),
        (&Method::GET, true) => "GetConnection".to_owned(),
        (&Method::DELETE, true) => "DeleteConnection".to_owned(),
        _ => format!("{method} /{}", target.rest),
    }
}

/// The service, by AWS's endpoint prefix, and the operation.
pub(super) fn name(
    method: &Method,
    uri: &http::Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> (&'static str, String) {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let unnamed = || format!("{method} {path}");
    if let Some(target) = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
    {
        let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
        let service = match prefix {
            "DynamoDB_20120810" => "dynamodb",
            "Logs_20140328" => "logs",
            _ => return ("unknown", operation.to_owned()),
        };
        return (service, operation.to_owned());
    }
    if path.starts_with("/_chatctl/") {
        return ("chatctl", unnamed());
    }
    if foreign::is_foreign(headers, query) {
        let action = form_action(body).map(|(_, action)| action);
        return ("unknown", action.unwrap_or_else(unnamed));
    }
    if let Some((service, operation)) = operations::rest(method, path, query) {
        return (service, operation.to_owned());
    }
    match operations::service(path) {
        Some(service) => (service, unnamed()),
        None => form_action(body).unwrap_or(("unknown", unnamed())),
    }
}

/// IAM and STS are told apart by the version of their API.
fn form_action(body: &[u8]) -> Option<(&'static str, String)> {
    let form = wire::parse_form(std::str::from_utf8(body).ok()?);
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let service = match field("Version")?.as_str() {
        "2010-05-08" => "iam",
        "2011-06-15" => "sts",
        _ => "unknown",
    };
    Some((service, field("Action")?))
}
