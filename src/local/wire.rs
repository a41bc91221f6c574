//! What a request and a response are to every room.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// One request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The raw path, still percent-encoded.
    pub(crate) path: String,
    /// The raw query string, without `?`.
    pub(crate) query: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
    /// The service and operation that the router found, such as `lambda` and `CreateFunction`.
    pub(crate) service: &'static str,
    /// The operation's name in AWS's models.
    pub(crate) operation: String,
    /// The access key of the SigV4 credential scope, if the request is signed.
    pub(crate) access_key_id: Option<String>,
    /// The AWS request id that the answer carries.
    pub(crate) request_id: String,
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

impl Response {
    /// A body-less answer.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A JSON answer.
    pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        let mut response = Self::empty(status);
        response.headers.insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        );
        response.body = Bytes::from(body.to_string());
        response
    }

    /// An error of a REST-JSON service: `x-amzn-ErrorType` and a body with the message.
    pub(crate) fn rest_error(status: StatusCode, kind: &'static str, message: &str) -> Self {
        let body = serde_json::json!({ "message": message });
        Self::json(status, &body).with("x-amzn-ErrorType", kind)
    }

    /// The operation is not part of the local cloud.
    pub(crate) fn not_here(request: &Request) -> Self {
        let what = format!(
            "{} {} is not part of the local cloud",
            request.service, request.operation
        );
        Self::rest_error(StatusCode::NOT_IMPLEMENTED, "NotImplemented", &what)
    }

    /// Adds a header; one that cannot be written is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
