//! A service's error, and how each protocol frames it.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Response;
use super::text::escape;

/// An error that a service answers, before its protocol frames it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceError {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// Further members of the error's body, such as `resourceType`.
    pub(crate) details: Vec<(&'static str, Value)>,
}

impl ServiceError {
    /// An error with AWS's code and message.
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// Adds a member to the error's body.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// The answer to an operation that the local cloud does not have.
    pub(crate) fn not_here(service: &str, operation: &str) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("{service} {operation} is not part of the local cloud"),
        )
    }

    /// The answer to an unsigned request.
    pub(crate) fn unsigned() -> Self {
        Self::new(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    }

    /// Framed as REST-JSON: the kind in a header, `message` in the body.
    pub(crate) fn rest(&self) -> Response {
        let mut body = Map::from_iter([("message".to_owned(), Value::from(self.message.clone()))]);
        body.extend(
            self.details
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        Response::json(status_of(self.status), &Value::Object(body))
            .with("x-amzn-errortype", &self.code)
    }

    /// Framed as JSON 1.0 or 1.1, with a namespace before the kind where the service has one.
    pub(crate) fn versioned(&self, version: &str, namespace: &str) -> Response {
        let kind = if self.code.contains('#') {
            self.code.to_string()
        } else {
            format!("{namespace}{}", self.code)
        };
        let mut body = json!({"__type": kind, "message": self.message});
        for (name, value) in &self.details {
            body[*name] = value.clone();
        }
        Response::versioned(version, self.status, body.to_string())
    }

    /// Framed as the query protocol's XML.
    pub(crate) fn xml(&self, namespace: &str, id: &str) -> Response {
        let kind = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        let body = format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
            escape(&self.code),
            escape(&self.message),
        );
        Response::text(status_of(self.status), "text/xml", body)
    }
}

pub(super) fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
