//! How calls to AWS are repeated: what is transient, for how long it is waited out, which calls are sent
//! once only, and what it means when the thing is missing.

use super::run_context::StepContext;
use crate::aws::{self, Clients, Failure, explain, is_missing};
use crate::engine::wait::Waits;
use crate::error::Result;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use std::future::Future;
use std::time::Duration;

/// How long IAM may take to be seen by the services that use a role; minutes are rare and real.
pub(super) const IAM_LIMIT: Duration = Duration::from_secs(150);
/// How long a conflict with another writer is waited out.
pub(super) const CONFLICT_LIMIT: Duration = Duration::from_secs(90);
/// How long a thing may take to become usable or to vanish.
pub(super) const SETTLE_LIMIT: Duration = Duration::from_secs(300);

/// AWS's words, if the answer deleted_with_parent any.
pub(super) fn message<E: ProvideErrorMetadata>(error: &Failure<E>) -> &str {
    let service = error.as_service_error();
    service
        .and_then(ProvideErrorMetadata::message)
        .unwrap_or_default()
}

/// Another write is under way; the same call goes through a moment later. IAM answers
/// `ConcurrentModification` to a create too, though nobody else makes that role
/// (terraform-provider-aws#39421).
pub(super) fn is_busy<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    let words = message(error);
    aws::is_throttled(error)
        || aws::code(error) == Some("ConcurrentModification")
        || (aws::is_conflict(error)
            && [
                "concurrent modification",
                "try again",
                "in progress",
                "being ",
            ]
            .iter()
            .any(|phrase| words.contains(phrase)))
}

/// Sends `call` again while its error is transient; says once what it waits for.
pub(super) async fn retry_while<T, E, F, Fut>(
    step: &StepContext,
    waiting_for: &str,
    limit: Duration,
    transient: fn(&Failure<E>) -> bool,
    mut call: F,
) -> Result<T, Failure<E>>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<T, Failure<E>>> + Send,
{
    let mut waits = Waits::until(limit);
    let mut said = false;
    loop {
        match call().await {
            Err(error) if transient(&error) => {
                if !said {
                    step.note(format!("waiting for {waiting_for}"));
                    said = true;
                }
                if !waits.again().await {
                    return Err(error);
                }
            }
            other => return other,
        }
    }
}

/// A call that sends the function's code, and may take as long as the line needs.
pub(super) fn upload(clients: &Clients) -> aws_sdk_lambda::config::Builder {
    aws_sdk_lambda::config::Builder::new().timeout_config(clients.upload_limits.clone())
}

/// A call that is sent once and only once.
pub(super) fn once() -> aws_sdk_apigatewayv2::config::Builder {
    aws_sdk_apigatewayv2::config::Builder::new().retry_config(RetryConfig::disabled())
}

/// A deletion that found nothing has done its work.
pub(super) fn gone<T, E>(answer: Result<T, Failure<E>>, action: &str) -> Result<()>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Err(error) if !is_missing(&error) => Err(explain(action, error)),
        _ => Ok(()),
    }
}

/// What was listed; where the thing that it belongs to is missing, nothing.
pub(super) fn listed<T, E>(answer: Result<Vec<T>, Failure<E>>, action: &str) -> Result<Vec<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(all) => Ok(all),
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        Err(error) => Err(explain(action, error)),
    }
}
