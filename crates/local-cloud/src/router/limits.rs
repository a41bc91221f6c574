//! How large a request's body may be, which is known before it is read.

use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;

use super::{foreign, naming};
use crate::data_plane::{MESSAGE_LIMIT, Target};
use crate::wire::{Request, Response};

/// The largest body that is read for one request.
pub(crate) struct BodyLimit {
    pub(crate) bytes: usize,
    service: &'static str,
    operation: String,
    /// The answer of a service that is not here, whatever the size.
    foreign: Option<Box<Response>>,
}

/// Lambda's limits are AWS's own; those of other services are a multiple of what AWS takes, so that the services
/// refuse what is a little too large in their own words.
pub(crate) fn body_limit(parts: &Parts) -> BodyLimit {
    let target = Target::of(&parts.headers, parts.uri.path());
    let (service, operation) = match &target {
        Some(target) => (
            "execute-api",
            naming::management_name(&parts.method, target),
        ),
        None => naming::name(&parts.method, &parts.uri, &parts.headers, &[]),
    };
    let bytes = match (service, operation.as_str()) {
        // A zip of 50 MB in base64.
        ("lambda", "CreateFunction" | "UpdateFunctionCode") => 70_167_211,
        ("lambda", "Invoke") => 6_291_456,
        // 16 MB of items, or 1 MB of log lines, in JSON.
        ("dynamodb", _) => 32 << 20,
        ("logs", _) => 8 << 20,
        ("execute-api", _) => 8 * MESSAGE_LIMIT,
        _ => 1 << 20,
    };
    let is_foreign = foreign::is_foreign(&parts.headers, parts.uri.query().unwrap_or_default());
    let foreign = (target.is_none() && is_foreign).then(|| {
        let request = Request::new(parts.clone(), Bytes::new(), service, operation.clone());
        Box::new(foreign::refusal(&request))
    });
    BodyLimit {
        foreign,
        bytes,
        service,
        operation,
    }
}

impl BodyLimit {
    /// The answer to a larger one, with Lambda's codes.
    pub(crate) fn refusal(self) -> Response {
        if let Some(foreign) = self.foreign {
            return *foreign;
        }
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        let kind = match (self.service, self.operation.as_str()) {
            ("execute-api", _) => return Response::empty(status),
            ("lambda", "Invoke") => {
                return self.refused("RequestTooLargeException", "InvokeFunction");
            }
            _ => "RequestEntityTooLargeException",
        };
        self.refused(kind, &self.operation)
    }

    fn refused(&self, kind: &'static str, operation: &str) -> Response {
        let bytes = self.bytes;
        let words =
            format!("Request must be smaller than {bytes} bytes for the {operation} operation");
        Response::rest_error(StatusCode::PAYLOAD_TOO_LARGE, kind, &words)
    }
}
