//! What a service answers when a fault refuses a call, and when it does not have an operation: with the message and
//! in the protocol of that service.

use super::foreign;
use crate::services::dynamodb;
use crate::wire::{self, Request, Response};

/// The answer to an operation that is not in the table, in its service's protocol.
pub(super) fn missing(request: &Request) -> Response {
    if request.service == "unknown" {
        return foreign::refusal(request);
    }
    let error = wire::ServiceError::not_here(request.service, &request.operation);
    refused(request, &error)
}

/// An error, in the service's protocol.
pub(super) fn refused(request: &Request, error: &wire::ServiceError) -> Response {
    let response = match request.service {
        "dynamodb" => error.versioned("1.0", "com.amazonaws.dynamodb.v20120810#"),
        "logs" => error.versioned("1.1", ""),
        "iam" | "sts" => error.xml(namespace(request.service), &request.request_id),
        _ => error.rest(),
    };
    response.identified(&request.request_id)
}

/// A success that says nothing.
pub(super) fn empty(request: &Request) -> Response {
    let id = &request.request_id;
    let response = match request.service {
        "dynamodb" => Response::versioned("1.0", 200, "{}".to_owned()),
        "logs" => Response::versioned("1.1", 200, "{}".to_owned()),
        "iam" | "sts" => Response::query(namespace(request.service), &request.operation, "", id),
        _ => Response::rest(200, &serde_json::json!({})),
    };
    response.identified(id)
}

/// Refused as this service refuses a caller who is too fast.
pub(super) fn throttled(request: &Request) -> Response {
    let rest = |words| wire::ServiceError::new(429, "TooManyRequestsException", words);
    let json = || wire::ServiceError::new(400, "ThrottlingException", "Rate exceeded");
    let response = match request.service {
        "dynamodb" => dynamodb::throttled(request),
        "logs" => json().versioned("1.1", ""),
        "iam" | "sts" => wire::ServiceError::new(400, "Throttling", "Rate exceeded")
            .xml(namespace(request.service), &request.request_id),
        "lambda" => rest("Rate exceeded")
            .with("Reason", "CallerRateLimitExceeded")
            .with("Type", "User")
            .rest(),
        "execute-api" => {
            wire::ServiceError::new(429, "LimitExceededException", "Too Many Requests").rest()
        }
        _ => rest("Too Many Requests").rest(),
    };
    response.identified(&request.request_id)
}

/// A failure of the service itself.
pub(super) fn failed(request: &Request, status: u16) -> Response {
    if status == 410 {
        let gone = wire::ServiceError::new(410, "GoneException", "Gone").rest();
        return gone.identified(&request.request_id);
    }
    let status = if (500..600).contains(&status) {
        status
    } else {
        500
    };
    let error = |code| {
        wire::ServiceError::new(
            status,
            code,
            "We encountered an internal error. Please try again.",
        )
    };
    let response = match request.service {
        "dynamodb" => {
            error("InternalServerError").versioned("1.0", "com.amazonaws.dynamodb.v20120810#")
        }
        "logs" => error("ServiceUnavailableException").versioned("1.1", ""),
        "iam" | "sts" => {
            error("ServiceFailure").xml(namespace(request.service), &request.request_id)
        }
        "lambda" => error("ServiceException").rest(),
        _ => error("InternalServerErrorException").rest(),
    };
    response.identified(&request.request_id)
}

fn namespace(service: &str) -> &'static str {
    match service {
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}
