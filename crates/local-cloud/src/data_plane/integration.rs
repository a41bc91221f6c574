//! The integration of a route: the call of a Lambda function, and what its answer must look like.
//!
//! A proxy answer is an object with an integer `statusCode` and no member that API Gateway does not know: one
//! extra member makes it malformed.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde_json::Value;

use super::events::execute_arn;
use super::reply::{Reply, body_of, substituted};
use super::{Gateway, http, mock};
use crate::services::apigatewayv2::{LiveIntegration, LiveStage};
use crate::services::lambda::{InvokeRefusal, invoke_for_gateway};

/// Why an integration gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// API Gateway may not invoke the function, or there is none.
    NotPermitted,
    /// The function is throttled or not active.
    Unavailable,
    /// The function failed, or its answer is malformed.
    BadAnswer,
    /// Nothing within the integration's time-out.
    TimedOut,
    /// The integration is misconfigured.
    Misconfigured,
}

/// A call of an integration: its answer, and what the log says of it.
#[derive(Debug)]
pub(super) struct IntegrationCall {
    pub(super) result: Result<Reply, Failure>,
    pub(super) latency: Duration,
    /// The function's own request id.
    pub(super) endpoint_request_id: Option<String>,
    /// For the execution log.
    pub(super) detail: String,
    /// What the function answered, for data trace only.
    pub(super) payload: Bytes,
}

/// Calls the integration of a route with an event.
pub(super) async fn call(
    gateway: &Gateway,
    stage: &LiveStage,
    route_key: &str,
    integration: &LiveIntegration,
    event: &Value,
) -> IntegrationCall {
    let began = std::time::Instant::now();
    let mut called = IntegrationCall {
        result: Err(Failure::Misconfigured),
        latency: Duration::ZERO,
        endpoint_request_id: None,
        detail: String::new(),
        payload: Bytes::new(),
    };
    // The function goes on after the integration's time-out, as on AWS.
    let limit = Duration::from_millis(integration.timeout_millis.clamp(50, 29_000));
    match integration.integration_type.as_str() {
        "MOCK" => {
            let reply = mock::answer(&integration.custom, body_of(event));
            called.take_reply(reply, Failure::Misconfigured, mock::NO_STATUS);
        }
        "HTTP" | "HTTP_PROXY" => {
            let asking = http::send(&gateway.http, stage, integration, event);
            match tokio::time::timeout(limit, asking).await {
                Ok(reply) => called.take_reply(reply, Failure::BadAnswer, http::NO_ANSWER),
                Err(_) => called.give_up(),
            }
        }
        _ => {
            let source = execute_arn(&gateway.shared, stage, route_key);
            let asking = lambda(gateway, stage, &source, integration, event);
            match tokio::time::timeout(limit, asking).await {
                Ok(answer) => called.take(answer),
                Err(_) => called.give_up(),
            }
        }
    }
    called.latency = began.elapsed();
    called
}

async fn lambda(
    gateway: &Gateway,
    stage: &LiveStage,
    source: &str,
    integration: &LiveIntegration,
    event: &Value,
) -> Result<(String, crate::runtime::InvocationResult), InvokeRefusal> {
    let function = function_arn(stage, &integration.uri).ok_or(InvokeRefusal::NotPermitted)?;
    let role = integration.credentials_arn.as_deref();
    invoke_for_gateway(
        &gateway.functions,
        &function,
        source,
        role,
        event.to_string().into(),
    )
    .await
}

impl IntegrationCall {
    fn take_reply(&mut self, reply: Option<Reply>, failure: Failure, detail: &str) {
        if reply.is_none() {
            detail.clone_into(&mut self.detail);
        }
        self.result = reply.ok_or(failure);
    }

    fn give_up(&mut self) {
        self.result = Err(Failure::TimedOut);
        "Endpoint request timed out".clone_into(&mut self.detail);
    }

    fn take(&mut self, answer: Result<(String, crate::runtime::InvocationResult), InvokeRefusal>) {
        match answer {
            Err(InvokeRefusal::NotPermitted) => {
                self.result = Err(Failure::NotPermitted);
                self.detail =
                    "Execution failed due to configuration error: Invalid permissions on Lambda function"
                        .to_owned();
            }
            Err(InvokeRefusal::Throttled) => {
                self.result = Err(Failure::Unavailable);
                self.detail = "Lambda invocation failed with status: 429".to_owned();
            }
            Err(InvokeRefusal::NotActive) => {
                self.result = Err(Failure::Unavailable);
                self.detail = "Lambda invocation failed with status: 409".to_owned();
            }
            Err(InvokeRefusal::NotDecrypted) => {
                self.result = Err(Failure::Unavailable);
                self.detail = "Lambda invocation failed with status: 502".to_owned();
            }
            Ok((request_id, outcome)) => {
                self.endpoint_request_id = Some(request_id);
                self.result = if outcome.failed {
                    None
                } else {
                    read(&outcome.payload)
                }
                .ok_or(Failure::BadAnswer);
                if outcome.failed {
                    self.detail =
                        function_error(&outcome.payload, self.endpoint_request_id.as_deref());
                } else if self.result.is_err() {
                    self.detail =
                        "Execution failed due to configuration error: Malformed Lambda proxy response"
                            .to_owned();
                }
                self.payload = outcome.payload;
            }
        }
    }
}

/// A function's own error, as the execution log writes it.
fn function_error(payload: &[u8], request_id: Option<&str>) -> String {
    let error: Value = serde_json::from_slice(payload).unwrap_or_default();
    let message = error
        .get("errorMessage")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let id = request_id.unwrap_or_default();
    format!(
        "Lambda execution failed with status 200 due to customer function error: {message}. Lambda request id: {id}"
    )
}

/// The function in `arn:aws:apigateway:…:lambda:path/2015-03-31/functions/{arn}/invocations`.
pub(super) fn function_arn(stage: &LiveStage, uri: &str) -> Option<String> {
    let arn = uri
        .split_once("/functions/")?
        .1
        .strip_suffix("/invocations")?;
    Some(substituted(stage, arn))
}

/// A proxy answer, or `None` if it is malformed.
///
/// Uncertain: the documents for WebSocket APIs do not say what `isBase64Encoded` does to a reply. The
/// body is decoded, as for REST APIs; what is not base64 is malformed, and bytes that are no text
/// arrive as U+FFFD, as they do through `@connections`.
fn read(payload: &[u8]) -> Option<Reply> {
    const KNOWN: [&str; 5] = [
        "statusCode",
        "body",
        "headers",
        "multiValueHeaders",
        "isBase64Encoded",
    ];
    let answer: Value = serde_json::from_slice(payload).ok()?;
    let answer = answer.as_object()?;
    if !answer.keys().all(|key| KNOWN.contains(&key.as_str())) {
        return None;
    }
    let status = match answer.get("statusCode")? {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let body = match answer.get("body") {
        None | Some(Value::Null) => None,
        Some(Value::String(body)) => Some(body.clone()),
        Some(_) => return None,
    };
    let body = match (answer.get("isBase64Encoded"), body) {
        (Some(Value::Bool(true)), Some(body)) => {
            let decoded = BASE64_STANDARD.decode(body).ok()?;
            Some(String::from_utf8_lossy(&decoded).into_owned())
        }
        (_, body) => body,
    };
    let status = u16::try_from(status)
        .ok()
        .filter(|status| (100..=599).contains(status))?;
    Some(Reply {
        status,
        body,
        headers: headers(answer)?,
    })
}

fn headers(answer: &serde_json::Map<String, Value>) -> Option<Vec<(String, String)>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let mut headers = Vec::new();
    match answer.get("headers") {
        None | Some(Value::Null) => {}
        Some(Value::Object(singles)) => {
            for (name, value) in singles {
                headers.push((name.clone(), text(value)?));
            }
        }
        Some(_) => return None,
    }
    match answer.get("multiValueHeaders") {
        None | Some(Value::Null) => {}
        Some(Value::Object(multiples)) => {
            for (name, values) in multiples {
                for value in values.as_array()? {
                    headers.push((name.clone(), text(value)?));
                }
            }
        }
        Some(_) => return None,
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extra_key_makes_an_answer_malformed() {
        assert!(read(br#"{"statusCode":200}"#).is_some());
        assert_eq!(read(br#"{"statusCode":200,"extra":1}"#), None);
    }

    #[test]
    fn a_status_may_be_a_number_in_text_but_nothing_else() {
        assert_eq!(
            read(br#"{"statusCode":"201","body":"x"}"#).unwrap().status,
            201
        );
        assert_eq!(read(br#"{"statusCode":200.5}"#), None);
        assert_eq!(read(br#"{"body":"x"}"#), None);
        assert_eq!(read(b"null"), None);
        assert_eq!(read(br#""ok""#), None);
    }

    #[test]
    fn a_body_in_base64_is_decoded() {
        let body = |answer: &[u8]| read(answer).and_then(|reply| reply.body);
        let encoded = br#"{"statusCode":200,"body":"Z3LDvMOfZQ==","isBase64Encoded":true}"#;
        assert_eq!(body(encoded).as_deref(), Some("grüße"));
        let none = br#"{"statusCode":200,"body":"not base64!","isBase64Encoded":true}"#;
        assert_eq!(read(none), None);
    }

    #[test]
    fn a_body_must_be_text() {
        assert_eq!(read(br#"{"statusCode":200,"body":{"a":1}}"#), None);
        assert_eq!(
            read(br#"{"statusCode":200,"body":null}"#).unwrap().body,
            None
        );
    }
}
