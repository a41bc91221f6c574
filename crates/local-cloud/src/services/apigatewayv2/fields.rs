//! The members of each kind of resource, as tables, and the reader that checks a body against them. A member that
//! is not in the table is ignored, as on AWS.

use serde_json::{Map, Value};

use crate::wire::ServiceError;

/// What a member may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Text of at most that many characters.
    Text(usize),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number between the two, both included.
    Whole(i64, i64),
    /// A list of texts.
    Texts,
    /// Texts by name.
    TextMap,
    /// An object that is kept as it is.
    Object,
}

/// A member and its shape.
pub(super) type Field = (&'static str, Shape);

pub(super) const API: &[Field] = &[
    ("name", Shape::Text(128)),
    ("routeSelectionExpression", Shape::Text(128)),
    ("apiKeySelectionExpression", Shape::Text(128)),
    ("description", Shape::Text(1024)),
    ("version", Shape::Text(64)),
    ("disableSchemaValidation", Shape::Flag),
    ("disableExecuteApiEndpoint", Shape::Flag),
    ("ipAddressType", Shape::OneOf(&["ipv4", "dualstack"])),
];

pub(super) const INTEGRATION: &[Field] = &[
    ("connectionId", Shape::Text(1024)),
    ("connectionType", Shape::OneOf(&["INTERNET", "VPC_LINK"])),
    (
        "contentHandlingStrategy",
        Shape::OneOf(&["CONVERT_TO_BINARY", "CONVERT_TO_TEXT"]),
    ),
    ("credentialsArn", Shape::Text(2048)),
    ("description", Shape::Text(1024)),
    ("integrationMethod", Shape::Text(64)),
    (
        "integrationType",
        Shape::OneOf(&["AWS", "HTTP", "MOCK", "HTTP_PROXY", "AWS_PROXY"]),
    ),
    ("integrationUri", Shape::Text(2048)),
    (
        "passthroughBehavior",
        Shape::OneOf(&["WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES"]),
    ),
    ("payloadFormatVersion", Shape::OneOf(&["1.0"])),
    ("requestParameters", Shape::TextMap),
    ("requestTemplates", Shape::TextMap),
    ("templateSelectionExpression", Shape::Text(128)),
    ("timeoutInMillis", Shape::Whole(50, 29_000)),
];

pub(super) const ROUTE: &[Field] = &[
    ("apiKeyRequired", Shape::Flag),
    ("authorizationScopes", Shape::Texts),
    (
        "authorizationType",
        Shape::OneOf(&["NONE", "AWS_IAM", "CUSTOM", "JWT"]),
    ),
    ("authorizerId", Shape::Text(64)),
    ("modelSelectionExpression", Shape::Text(128)),
    ("operationName", Shape::Text(64)),
    ("requestModels", Shape::TextMap),
    ("requestParameters", Shape::Object),
    ("routeKey", Shape::Text(512)),
    ("routeResponseSelectionExpression", Shape::Text(128)),
    ("target", Shape::Text(128)),
];

/// Members for HTTP APIs alone are read elsewhere, to be refused by name.
pub(super) const AUTHORIZER: &[Field] = &[
    ("authorizerCredentialsArn", Shape::Text(2048)),
    ("authorizerType", Shape::Text(64)),
    ("authorizerUri", Shape::Text(2048)),
    ("identitySource", Shape::Texts),
    ("identityValidationExpression", Shape::Text(1024)),
    ("name", Shape::Text(128)),
];

pub(super) const ROUTE_RESPONSE: &[Field] = &[
    ("modelSelectionExpression", Shape::Text(128)),
    ("responseModels", Shape::TextMap),
    ("responseParameters", Shape::Object),
    ("routeResponseKey", Shape::Text(512)),
];

pub(super) const INTEGRATION_RESPONSE: &[Field] = &[
    (
        "contentHandlingStrategy",
        Shape::OneOf(&["CONVERT_TO_BINARY", "CONVERT_TO_TEXT"]),
    ),
    ("integrationResponseKey", Shape::Text(512)),
    ("responseParameters", Shape::TextMap),
    ("responseTemplates", Shape::TextMap),
    ("templateSelectionExpression", Shape::Text(128)),
];

pub(super) const STAGE: &[Field] = &[
    ("autoDeploy", Shape::Flag),
    ("clientCertificateId", Shape::Text(64)),
    ("deploymentId", Shape::Text(64)),
    ("description", Shape::Text(1024)),
];

/// `loggingLevel` may be any text, as on AWS.
pub(super) const ROUTE_SETTINGS: &[Field] = &[
    ("dataTraceEnabled", Shape::Flag),
    ("detailedMetricsEnabled", Shape::Flag),
    ("loggingLevel", Shape::Text(64)),
    ("throttlingBurstLimit", Shape::Whole(0, i32::MAX as i64)),
];

/// The members of `body` that `fields` knows, checked. `null` counts as absent.
pub(super) fn read(
    body: &Map<String, Value>,
    fields: &[Field],
) -> Result<Map<String, Value>, ServiceError> {
    let mut out = Map::new();
    for (name, shape) in fields {
        match body.get(*name) {
            None | Some(Value::Null) => {}
            Some(value) => {
                check(name, *shape, value)?;
                out.insert((*name).to_owned(), value.clone());
            }
        }
    }
    Ok(out)
}

fn check(name: &str, shape: Shape, value: &Value) -> Result<(), ServiceError> {
    let fine = match shape {
        Shape::Text(_) | Shape::OneOf(_) => value.is_string(),
        Shape::Flag => value.is_boolean(),
        Shape::Whole(..) => value.is_i64() || value.is_u64(),
        Shape::Texts => value
            .as_array()
            .is_some_and(|list| list.iter().all(Value::is_string)),
        Shape::TextMap => value
            .as_object()
            .is_some_and(|map| map.values().all(Value::is_string)),
        Shape::Object => value.is_object(),
    };
    if !fine {
        return Err(ServiceError::new(
            400,
            "SerializationException",
            format!("{name} has the wrong type"),
        ));
    }
    within(name, shape, value)
}

fn within(name: &str, shape: Shape, value: &Value) -> Result<(), ServiceError> {
    let text = value.as_str().unwrap_or_default();
    match shape {
        Shape::Text(longest) if text.chars().count() > longest => Err(bad(format!(
            "{} must have at most {longest} characters",
            title(name)
        ))),
        Shape::OneOf(words) if !words.contains(&text) => Err(bad(format!(
            "Invalid value '{text}' for {name}: it must be one of [{}]",
            words.join(", ")
        ))),
        Shape::Whole(least, most) => match value.as_i64() {
            Some(number) if (least..=most).contains(&number) => Ok(()),
            _ if name == "timeoutInMillis" => Err(bad(format!(
                "Timeout should be between {least} ms and {most} ms"
            ))),
            _ => Err(bad(format!(
                "{} must be between {least} and {most}",
                title(name)
            ))),
        },
        _ => Ok(()),
    }
}

/// A `BadRequestException`.
pub(super) fn bad(words: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "BadRequestException", words)
}

fn title(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + characters.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_integration(body: Value) -> Result<Map<String, Value>, ServiceError> {
        read(body.as_object().unwrap(), INTEGRATION)
    }

    #[test]
    fn unknown_members_and_nulls_are_left_out() {
        let read =
            read_integration(json!({"integrationType": "MOCK", "sorcery": 1, "description": null}));
        assert_eq!(
            Value::Object(read.unwrap()),
            json!({"integrationType": "MOCK"})
        );
    }

    #[test]
    fn a_timeout_over_29_seconds_is_refused() {
        assert!(read_integration(json!({"timeoutInMillis": 29000})).is_ok());
        let error = read_integration(json!({"timeoutInMillis": 29001})).unwrap_err();
        assert_eq!(
            error.message,
            "Timeout should be between 50 ms and 29000 ms"
        );
    }

    #[test]
    fn a_wrong_type_is_a_serialization_error() {
        let error = read_integration(json!({"timeoutInMillis": "soon"})).unwrap_err();
        assert_eq!(error.code, "SerializationException");
    }
}
