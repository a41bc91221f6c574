//! What a failed FilterLogEvents means for the tail.

use crate::aws::Failure;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use std::error::Error as StdError;

/// What to do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The group does not exist (yet).
    Missing,
    /// No permission to read it, or the credentials are not accepted.
    Denied(String),
    /// Too many calls.
    Throttled,
    /// The page token is no longer good: begin the sweep again.
    Token,
    /// The request itself is wrong, and will be at every try.
    Wrong(String),
    /// Anything that a later try may not meet again.
    Passing(String),
}

pub(crate) fn judge<E>(error: &Failure<E>) -> Fault
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let SdkError::ServiceError(service) = error else {
        return Fault::Passing(innermost(error));
    };
    let status = service.raw().status().as_u16();
    let code = service.err().code().unwrap_or_default();
    let said = service.err().message().unwrap_or_default();
    match code {
        "ResourceNotFoundException" => Fault::Missing,
        "InvalidParameterException" if said.contains("nextToken") => Fault::Token,
        "InvalidParameterException" | "ValidationException" | "SerializationException" => {
            Fault::Wrong(said.to_owned())
        }
        _ if is_refusal(code, status) => Fault::Throttled,
        _ if is_denial(code, status) => Fault::Denied(sentence(code, said)),
        _ => Fault::Passing(format!("{} (HTTP {status})", sentence(code, said))),
    }
}

fn is_refusal(code: &str, status: u16) -> bool {
    status == 429
        || code.starts_with("Throttl")
        || code.starts_with("TooManyRequests")
        || code.starts_with("RequestLimitExceeded")
        || code == "LimitExceededException"
}

fn is_denial(code: &str, status: u16) -> bool {
    status == 401
        || status == 403
        || [
            "AccessDenied",
            "UnrecognizedClient",
            "ExpiredToken",
            "InvalidSignature",
            "InvalidClientTokenId",
            "MissingAuthenticationToken",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
        ]
        .iter()
        .any(|denial| code.starts_with(denial))
}

fn sentence(code: &str, said: &str) -> String {
    match (code, said) {
        ("", "") => "no reason given".into(),
        ("", said) => said.into(),
        (code, "") => code.into(),
        (code, said) => format!("{code}: {said}"),
    }
}

/// The SDK wraps "connection refused" four times; the innermost message is the useful one.
pub(crate) fn innermost(error: &dyn StdError) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}
