//! Calls a version of the function directly, with an event as API Gateway would send it, and reads
//! what became of it.
//!
//! Invoke, with the tail of the log.

use super::Candidate;
use crate::aws::explain;
use crate::error::Result;
use crate::websocket::HEARTBEAT;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// So many lines of the function's own log are quoted.
const LINES: usize = 10;
/// What Lambda itself writes around the function's lines.
const OF_LAMBDA: [&str; 5] = ["START ", "END ", "REPORT ", "INIT_START ", "XRAY "];

/// An event of a WebSocket API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A client wants in.
    Connect,
    /// It sends a heartbeat.
    Message,
    /// It is gone.
    Disconnect,
}

/// How the function answered an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// It failed; in its own words.
    pub(super) failure: Option<String>,
    /// The status that it answered with.
    pub(super) status: Option<u64>,
    /// The last lines that it wrote to its log.
    pub(super) log: Vec<String>,
}

/// Calls the version with an event of this connection.
///
/// # Errors
/// Lambda refuses the call.
pub(super) async fn invoke(
    candidate: &Candidate<'_>,
    event: Event,
    connection_id: &str,
) -> Result<Answer> {
    let payload = event.json(candidate, connection_id).to_string();
    let call = candidate
        .lambda
        .invoke()
        .function_name(candidate.function)
        .qualifier(candidate.version)
        .log_type(LogType::Tail)
        .payload(Blob::new(payload));
    let answer = call.send().await.map_err(|error| {
        let action = format!("call version {} of the function", candidate.version);
        explain(&action, error).hint("--no-prove makes it live without trying it")
    })?;
    let payload = answer.payload().map(|blob| blob.as_ref());
    let payload: Value = serde_json::from_slice(payload.unwrap_or_default()).unwrap_or_default();
    Ok(Answer {
        failure: answer.function_error().map(|_| failure(&payload)),
        status: payload.get("statusCode").and_then(Value::as_u64),
        log: own_lines(answer.log_result().unwrap_or_default()),
    })
}

/// `Runtime.ExitError: RequestId: … Error: …`
fn failure(payload: &Value) -> String {
    let text = |key: &str| payload.get(key).and_then(Value::as_str);
    match (text("errorType"), text("errorMessage")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (None, Some(words)) | (Some(words), None) => words.to_owned(),
        (None, None) => "it failed and did not say why".to_owned(),
    }
}

/// The last lines of the function's own, out of the tail of its log.
fn own_lines(base64: &str) -> Vec<String> {
    let tail = STANDARD.decode(base64).unwrap_or_default();
    let tail = String::from_utf8_lossy(&tail);
    let is_own = |line: &&str| !OF_LAMBDA.iter().any(|start| line.starts_with(start));
    let lines = tail.lines().filter(|line| !line.trim().is_empty());
    let mut own: Vec<_> = lines.filter(is_own).map(str::to_owned).collect();
    own.split_off(own.len().saturating_sub(LINES))
}

impl Event {
    /// The event as API Gateway sends it. Only a handshake has headers.
    fn json(self, candidate: &Candidate<'_>, connection_id: &str) -> Value {
        let (route, kind) = match self {
            Self::Connect => ("$connect", "CONNECT"),
            Self::Message => ("$default", "MESSAGE"),
            Self::Disconnect => ("$disconnect", "DISCONNECT"),
        };
        let now = Zoned::now().with_time_zone(TimeZone::UTC);
        let millis = now.timestamp().as_millisecond();
        let request = format!("chatctl-{:016x}", fastrand::u64(..));
        let mut event = json!({
            "requestContext": {
                "routeKey": route,
                "eventType": kind,
                "messageDirection": "IN",
                "connectionId": connection_id,
                "connectedAt": millis,
                "requestId": request,
                "extendedRequestId": request,
                "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
                "requestTimeEpoch": millis,
                "apiId": candidate.api,
                "stage": candidate.stage,
                "domainName": candidate.domain,
                "identity": {"sourceIp": "127.0.0.1"},
            },
            "isBase64Encoded": false,
        });
        match self {
            Self::Connect => {
                let mut headers = json!({"Host": candidate.domain});
                if let Some(origin) = &candidate.client.origin {
                    headers["Origin"] = origin.as_str().into();
                }
                event["headers"] = headers;
            }
            Self::Message => {
                event["body"] = HEARTBEAT.into();
                event["requestContext"]["messageId"] = request.into();
            }
            Self::Disconnect => {}
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_functions_own_lines_are_quoted() {
        let mut tail = "START RequestId: 1 Version: 8\n".to_owned();
        tail.extend((1..=12).map(|n| format!("line {n}\n")));
        tail.push_str("END RequestId: 1\nREPORT RequestId: 1\tDuration: 1 ms\n\n");
        let lines = own_lines(&STANDARD.encode(tail));
        assert_eq!(lines.len(), LINES);
        assert_eq!(
            (lines[0].as_str(), lines[9].as_str()),
            ("line 3", "line 12")
        );
        assert!(own_lines("").is_empty());
    }

    #[test]
    fn a_failure_is_told_in_the_functions_words() {
        let crash = json!({"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"});
        assert_eq!(failure(&crash), "Runtime.ExitError: exit status 1");
        assert_eq!(failure(&Value::Null), "it failed and did not say why");
    }
}
