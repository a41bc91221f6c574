//! What the Runtime and Extensions APIs have in common: the requests of a process, and how answers look.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// An answer of either API.
pub(super) type ApiResponse = http::Response<Full<Bytes>>;

/// A request of the process.
#[derive(Debug)]
pub(super) enum RuntimeEvent {
    /// The runtime waits for an invocation.
    Next(oneshot::Sender<Delivery>),
    /// The answer to an invocation.
    Response(String, Bytes, oneshot::Sender<AnswerStatus>),
    /// The invocation failed; with the type from the header.
    Failure(String, Option<String>, Bytes, oneshot::Sender<AnswerStatus>),
    /// Initialisation failed.
    InitFailure(Option<String>, Bytes),
    /// An extension waits for its next event.
    ExtensionNext(usize, oneshot::Sender<Value>),
    /// An extension cannot start, or cannot go on; with the type from its header.
    ExtensionFailure(&'static str, String),
}

/// One invocation, as headers and a body.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) payload: Bytes,
}

/// Whether an answer of the process was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerStatus {
    Accepted,
    UnknownRequest,
    AnsweredAlready,
}

pub(super) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

pub(super) fn accepted() -> ApiResponse {
    with_json(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

pub(super) fn refuse(status: StatusCode, kind: &str, message: &str) -> ApiResponse {
    with_json(
        status,
        &json!({ "errorMessage": message, "errorType": kind }),
    )
}

pub(super) fn with_json(status: StatusCode, body: &Value) -> ApiResponse {
    let mut answer = http::Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    answer
}
