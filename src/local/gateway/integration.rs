//! The call of the function behind a route, and what its answer must look like.
//!
//! A proxy answer is an object with a whole `statusCode` and nothing that API Gateway does not know.
//! One extra key makes it malformed, although the function did everything else right.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::super::Cloud;
use super::super::apigatewayv2::{LiveIntegration, LiveStage};
use super::super::lambda::{Refusal, invoke_for_gateway};

/// What a well-formed answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Option<String>,
    pub(super) headers: Vec<(String, String)>,
}

/// How it went wrong.
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
    /// The route leads nowhere that the local cloud can call.
    Unsupported,
}

/// A call that was made: how it ended, and for the log what it was.
#[derive(Debug)]
pub(super) struct Called {
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
    cloud: &Arc<Cloud>,
    stage: &LiveStage,
    route_key: &str,
    integration: &LiveIntegration,
    event: &Value,
) -> Called {
    let began = std::time::Instant::now();
    let mut called = Called {
        result: Err(Failure::Unsupported),
        latency: Duration::ZERO,
        endpoint_request_id: None,
        detail: String::new(),
        payload: Bytes::new(),
    };
    let function = function_arn(stage, &integration.uri);
    if let (Some(function), "AWS_PROXY") = (function, integration.integration_type.as_str()) {
        let source = source_arn(cloud, stage, route_key);
        let role = integration.credentials_arn.as_deref();
        let invoking =
            invoke_for_gateway(cloud, &function, &source, role, event.to_string().into());
        // The invocation goes on after the integration has given up on it: nobody stops it on AWS.
        let limit = Duration::from_millis(integration.timeout_millis.clamp(50, 29_000));
        match tokio::time::timeout(limit, invoking).await {
            Ok(answer) => called.take(answer),
            Err(_) => {
                called.result = Err(Failure::TimedOut);
                called.detail = "Endpoint request timed out".to_owned();
            }
        }
    } else {
        called.detail = format!(
            "integration {} is not part of the local cloud",
            integration.uri
        );
    }
    called.latency = began.elapsed();
    called
}

impl Called {
    fn take(&mut self, answer: Result<(String, super::super::runtime::Outcome), Refusal>) {
        match answer {
            Err(Refusal::NotPermitted) => {
                self.result = Err(Failure::NotPermitted);
                self.detail =
                    "Execution failed due to configuration error: Invalid permissions on Lambda function"
                        .to_owned();
            }
            Err(Refusal::Throttled) => {
                self.result = Err(Failure::Unavailable);
                self.detail = "Lambda invocation failed with status: 429".to_owned();
            }
            Err(Refusal::NotActive) => {
                self.result = Err(Failure::Unavailable);
                self.detail = "Lambda invocation failed with status: 409".to_owned();
            }
            Ok((request_id, outcome)) => {
                self.endpoint_request_id = Some(request_id);
                self.result = if outcome.failed {
                    None
                } else {
                    read(&outcome.payload)
                }
                .ok_or(Failure::BadAnswer);
                if self.result.is_err() {
                    self.detail = match outcome.failed {
                        true => "Lambda execution failed with status 200 due to customer function error",
                        false => "Execution failed due to configuration error: Malformed Lambda proxy response",
                    }
                    .to_owned();
                }
                self.payload = outcome.payload;
            }
        }
    }
}

/// The ARN that a permission's `AWS:SourceArn` must fit.
fn source_arn(cloud: &Cloud, stage: &LiveStage, route_key: &str) -> String {
    format!(
        "arn:aws:execute-api:{}:{}:{}/{}/{route_key}",
        cloud.region, cloud.account_id, stage.api_id, stage.stage
    )
}

/// The function in `arn:aws:apigateway:…:lambda:path/2015-03-31/functions/{arn}/invocations`.
fn function_arn(stage: &LiveStage, uri: &str) -> Option<String> {
    let arn = uri
        .split_once("/functions/")?
        .1
        .strip_suffix("/invocations")?;
    let mut arn = arn.to_owned();
    for (name, value) in &stage.stage_variables {
        arn = arn.replace(&format!("${{stageVariables.{name}}}"), value);
    }
    Some(arn)
}

/// A proxy answer, or `None` if it is malformed.
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
    fn a_body_must_be_text() {
        assert_eq!(read(br#"{"statusCode":200,"body":{"a":1}}"#), None);
        assert_eq!(
            read(br#"{"statusCode":200,"body":null}"#).unwrap().body,
            None
        );
    }
}
