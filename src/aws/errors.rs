//! Classifies SDK errors, and turns them into errors that a user can read.

use crate::error::Error;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Any SDK error of a modelled operation.
pub type Failure<E> = SdkError<E, HttpResponse>;

/// The HTTP status of the answer, if one came. What an error means is told by its code: IAM answers
/// 409 to a quota, too.
fn status<E>(error: &Failure<E>) -> Option<u16> {
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
    )
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
                | "DeleteConflict"
                | "DeleteConflictException"
        )
    )
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
    )
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
        return unanswered(failed, &error);
    };
    let Some(code) = service.code() else {
        return unreadable(failed, &error);
    };
    let failed = match service.message() {
        Some(message) => failed.because_of(format!("{code}: {message}")),
        None => failed.because_of(code),
    };
    match hint(code) {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// No answer came, or none that is HTTP.
fn unanswered<E>(failed: Error, error: &Failure<E>) -> Error
where
    E: std::error::Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) => failed
            .because_of(format!("{} was not answered in time", operation::<E>()))
            .because(error)
            .hint(NO_ANSWER),
        SdkError::DispatchFailure(_) => failed.because_of(root_cause(error)).hint(NO_ANSWER),
        SdkError::ResponseError(_) => unreadable(failed, error),
        _ => failed.because(error),
    }
}

/// The layers between the SDK and the socket say nothing that the last cause does not.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let last = chain.last().map(ToString::to_string).unwrap_or_default();
    match last.strip_prefix("failed to lookup address information: ") {
        Some(said) => format!("the host name cannot be resolved: {said}"),
        None => last,
    }
}

const NO_ANSWER: &str = "check the network, --region and --endpoint-url";

/// What answered does not speak as AWS does.
fn unreadable<E>(failed: Error, error: &Failure<E>) -> Error
where
    E: std::error::Error + 'static,
{
    let status = status(error).unwrap_or_default();
    failed
        .because_of(format!(
            "the answer to {} (HTTP {status}) could not be read",
            operation::<E>()
        ))
        .hint(
            "something that is not AWS may answer in its place: check the proxy and --endpoint-url",
        )
}

/// The operation that fails with `E`: the SDK has one error type for each.
fn operation<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    let name = name.rsplit("::").next().unwrap_or(name);
    name.strip_suffix("Error").unwrap_or(name)
}

fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            "the caller lacks a permission; AWS names the action above"
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            "the session has ended; `aws login`, `aws sso login` or new keys renew it"
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" => {
            "the access key is wrong, does not belong to this region's partition, or the region is not \
             enabled in this account: `aws account list-regions` shows the ones that are"
        }
        "SignatureDoesNotMatch" => "the secret access key does not belong to the access key",
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

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn a_region_that_is_not_enabled_is_among_the_causes() {
        for code in ["InvalidClientTokenId", "UnrecognizedClientException"] {
            let hint = hint(code).unwrap_or_default();
            assert!(
                hint.contains("not enabled in this account"),
                "{code}: {hint}"
            );
        }
    }
}
