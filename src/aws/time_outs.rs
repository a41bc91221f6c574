//! How long a call may take. Without time-outs, one that is never answered lasts for ever.
//!
//! None of the calls that chatctl makes works for long: AWS does what takes time after it has
//! answered, and chatctl looks until it is done. Only the upload of the function's code takes as long
//! as the line needs.

use aws_smithy_types::timeout::TimeoutConfig;
use std::time::Duration;

/// TCP, proxy and TLS; the SDK's own 3.1 s are short for a far proxy.
const CONNECT: Duration = Duration::from_secs(10);
/// From the beginning of the request to the beginning of the answer. A page of FilterLogEvents from a
/// large group is the slowest.
const ANSWER: Duration = Duration::from_secs(30);
const ATTEMPT: Duration = Duration::from_secs(40);
/// With every attempt and the waits between them.
const CALL: Duration = Duration::from_secs(120);
/// The largest zip that Lambda takes in a call (50 MB, a third more in Base64) at 1 Mbit/s.
const UPLOAD: Duration = Duration::from_secs(600);

/// For every call but uploads.
pub(super) fn of_a_call() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(ANSWER)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build()
}

/// For a call that sends the function's code.
pub(super) fn of_an_upload() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(UPLOAD)
        .operation_attempt_timeout(UPLOAD)
        .operation_timeout(2 * UPLOAD)
        .build()
}
