//! Which runtimes a function may ask for.
//!
//! The local cloud runs processes, not images: it has the OS-only runtimes, whose zip holds the whole program as
//! `bootstrap`, and those of Node.js and Python, which it runs with this machine's interpreters. Another managed
//! runtime is refused when the function is made, with what to do instead.

use super::invalid;
use crate::runtime::managed::RUNTIMES;
use crate::wire::ServiceError;

/// The OS-only runtimes.
const OS_ONLY: [&str; 2] = ["provided.al2023", "provided.al2"];
/// Those of AWS that are not here, in the order of its error message.
const NOT_HERE: [&str; 13] = [
    "java25",
    "java21",
    "ruby3.3",
    "ruby3.4",
    "ruby3.2",
    "python3.8",
    "java17",
    "nodejs16.x",
    "dotnet10",
    "dotnet8",
    "dotnet6",
    "java11",
    "java8.al2",
];
/// Those that AWS does not support any more.
const FORMER: [&str; 16] = [
    "provided",
    "nodejs",
    "nodejs4.3",
    "nodejs6.10",
    "nodejs8.10",
    "nodejs10.x",
    "nodejs12.x",
    "nodejs14.x",
    "python2.7",
    "python3.6",
    "python3.7",
    "ruby2.5",
    "ruby2.7",
    "java8",
    "go1.x",
    "dotnetcore3.1",
];

pub(super) fn check(runtime: &str) -> Result<(), ServiceError> {
    if OS_ONLY.contains(&runtime) || RUNTIMES.contains(&runtime) {
        return Ok(());
    }
    if NOT_HERE.contains(&runtime) {
        return Err(ServiceError::not_here(
            "lambda",
            &format!(
                "with the managed runtime {runtime} (use provided.al2023, and a zip whose executable `bootstrap` speaks the Runtime API: a program, or a script with a line such as `#!/usr/bin/env ruby`)"
            ),
        ));
    }
    if FORMER.contains(&runtime) {
        return Err(invalid(format!(
            "The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."
        )));
    }
    let known = RUNTIMES
        .iter()
        .chain(&NOT_HERE)
        .chain(&OS_ONLY)
        .copied()
        .collect::<Vec<_>>();
    Err(invalid(format!(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a valid ARN",
        known.join(", ")
    )))
}
