//! What a request to `/_chatctl/…` says, and how it is refused.

use http::Method;
use serde_json::{Map, Value};

use crate::wire::{Request, ServiceError};

/// The method; `POST` counts as `PATCH`.
pub(super) fn verb(method: &Method) -> &str {
    match *method {
        Method::POST => "PATCH",
        _ => method.as_str(),
    }
}

/// The body as any JSON.
pub(super) fn any(request: &Request) -> Result<Value, ServiceError> {
    serde_json::from_slice(&request.body)
        .map_err(|error| unusable(format!("the body is not JSON: {error}")))
}

/// The body as a JSON object.
pub(super) fn object(request: &Request) -> Result<Map<String, Value>, ServiceError> {
    match any(request)? {
        Value::Object(members) => Ok(members),
        _ => Err(unusable("the body is a JSON object".to_owned())),
    }
}

/// The request cannot be used.
pub(super) fn unusable(words: String) -> ServiceError {
    ServiceError::new(400, "BadRequestException", words)
}

/// There is no such thing.
pub(super) fn missing(words: String) -> ServiceError {
    ServiceError::new(404, "NotFoundException", words)
}

/// There is no such path.
pub(super) fn nothing(request: &Request) -> ServiceError {
    let (method, path) = (&request.method, &request.path);
    missing(format!(
        "there is no {method} {path} here; there are health, conditions, faults, clock, connections and calls"
    ))
}
