//! One answer, and the frames that the protocols put around it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::error::status_of;

/// One answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
    /// Chunks that follow the body for as long as the sender lives, for event streams.
    pub(crate) stream: Option<tokio::sync::mpsc::Receiver<Bytes>>,
}

/// What the server does with a request.
#[derive(Debug)]
pub(crate) enum ServerAction {
    /// Sends the answer.
    Send(Response),
    /// Closes the connection without an answer: a fault demands it.
    HangUp,
    /// Keeps the connection open and never answers: a fault demands it.
    Hang,
}

impl Response {
    /// A body-less answer.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            stream: None,
        }
    }

    /// A JSON answer.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// An answer of any content type.
    pub(crate) fn text(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let mut response = Self::empty(status);
        response.headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static(content_type),
        );
        response.body = Bytes::from(body);
        response
    }

    /// An error of a REST-JSON service: `x-amzn-ErrorType` and a body with the message.
    pub(crate) fn rest_error(status: StatusCode, kind: &'static str, message: &str) -> Self {
        Self::json(status, &json!({ "message": message })).with("x-amzn-ErrorType", kind)
    }

    /// Adds a header; one that cannot be written is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds the request id in the header that SDKs read.
    #[must_use]
    pub(crate) fn identified(self, request_id: &str) -> Self {
        self.with("x-amzn-requestid", request_id)
    }

    /// A REST-JSON answer; 204 has no body.
    pub(crate) fn rest(status: u16, body: &Value) -> Self {
        if status == 204 {
            return Self::empty(StatusCode::NO_CONTENT);
        }
        Self::json(status_of(status), body)
    }

    /// A JSON 1.0 or 1.1 answer whose body is text already.
    pub(crate) fn versioned(version: &str, status: u16, body: String) -> Self {
        let kind = if version == "1.0" {
            "application/x-amz-json-1.0"
        } else {
            "application/x-amz-json-1.1"
        };
        Self::text(status_of(status), kind, body)
    }

    /// An answer of the query protocol: `inner` is the XML within `<…Result>`, empty for none.
    pub(crate) fn query(namespace: &str, operation: &str, inner: &str, id: &str) -> Self {
        let result = if inner.is_empty() {
            String::new()
        } else {
            format!("<{operation}Result>{inner}</{operation}Result>")
        };
        let body = format!(
            "<{operation}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
        );
        Self::text(StatusCode::OK, "text/xml", body)
    }
}
