//! Classifies SDK errors, and turns them into errors that a user can read.

use crate::error::Error;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Any SDK error of a modelled operation.
pub type Failure<E> = SdkError<E, HttpResponse>;

/// The HTTP status of the answer, if one came.
pub fn status<E>(error: &Failure<E>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

/// AWS's error code, such as `NotFoundException`, if the answer carried one.
pub fn code<E: ProvideErrorMetadata>(error: &Failure<E>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// The resource does not exist.
pub fn is_missing<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    matches!(
        code(error),
        Some(
            "NotFoundException"
                | "ResourceNotFoundException"
                | "NoSuchEntity"
                | "NoSuchEntityException"
        )
    ) || status(error) == Some(404)
}

/// It exists already, is being changed, or is still in use.
pub fn is_conflict<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    matches!(
        code(error),
        Some(
            "ConflictException"
                | "ResourceConflictException"
                | "ResourceInUseException"
                | "ResourceAlreadyExistsException"
                | "EntityAlreadyExists"
                | "EntityAlreadyExistsException"
                | "OperationAbortedException"
                | "ConcurrentModification"
        )
    ) || status(error) == Some(409)
}

/// The caller lacks a permission.
pub fn is_denied<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    matches!(
        code(error),
        Some("AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation")
    )
}

/// Too many calls; the same call may go through later.
pub fn is_throttled<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    matches!(
        code(error),
        Some(
            "TooManyRequestsException"
                | "ThrottlingException"
                | "Throttling"
                | "SlowDown"
                | "RequestLimitExceeded"
        )
    ) || (status(error) == Some(429) && !is_conflict(error))
}

/// The call may or may not have had its effect: the connection broke, it took too long, or the
/// service failed inside. A create that AWS does not deduplicate must look before it tries again.
pub fn is_unclear<E>(error: &Failure<E>) -> bool {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            true
        }
        SdkError::ServiceError(_) => status(error).is_some_and(|status| status >= 500),
        _ => false,
    }
}

/// The error for the user: `cannot {action}`, AWS's own message, and a hint where there is one.
pub fn explain<E>(action: &str, error: Failure<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let failed = Error::failed(format!("cannot {action}"));
    let Some(service) = error.as_service_error() else {
        let failed = failed.because(&error);
        return match error {
            SdkError::DispatchFailure(_) => {
                failed.hint("check the network, --region and --endpoint-url")
            }
            _ => failed,
        };
    };
    let code = service
        .code()
        .map(str::to_owned)
        .or_else(|| status(&error).map(|s| format!("HTTP {s}")));
    let code = code.unwrap_or_else(|| "an unknown error".into());
    let failed = match service.message() {
        Some(message) => failed.because_of(format!("{code}: {message}")),
        None => failed.because_of(code.clone()),
    };
    match hint(&code) {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            "the caller lacks a permission; AWS names the action above"
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            "the session has ended; `aws sso login` or new keys renew it"
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch" => {
            "the access key is wrong, or does not belong to this region's partition"
        }
        "TooManyRequestsException" | "ThrottlingException" | "Throttling" => {
            "AWS limits how often this may be asked; run it again in a minute"
        }
        "LimitExceededException" | "LimitExceeded" | "ServiceQuotaExceededException" => {
            "a quota of the account is used up; Service Quotas in the AWS console raises it"
        }
        _ => return None,
    })
}

/// No provider of the chain has credentials, as opposed to one that has some and failed.
pub(super) fn is_nothing_found(error: &CredentialsError) -> bool {
    matches!(error, CredentialsError::CredentialsNotLoaded(_))
}
