//! Why no log line comes of an API, concluded from its checks.

use super::{ApiFacts, checks};
use crate::doctor::{Finding, Verdict};

/// What is known to be missing from the logs before anything is read.
const OFF: [&str; 3] = ["account-logging", "execution-log", "access-log"];

/// The other checks that can keep the logs empty, nearest cause first.
const CAUSES: [&str; 8] = [
    "stage",
    "routes",
    "integration",
    "function",
    "permission",
    "throttles",
    "function-role",
    "function-rights",
];

/// Which logs are off, and how they are switched on.
pub fn switched_off(facts: &ApiFacts) -> Vec<Finding> {
    let all = checks::all(facts);
    let is_bad = |one: &Finding| matches!(one.verdict, Verdict::Failure | Verdict::Warning);
    among(&all, &OFF, is_bad)
}

/// What else keeps the logs empty, and what to do. If nothing does, nobody came.
pub fn reasons(facts: &ApiFacts) -> Vec<Finding> {
    let all = checks::all(facts);
    let reasons = among(&all, &CAUSES, |one| one.verdict == Verdict::Failure);
    if !reasons.is_empty() {
        return reasons;
    }
    let why = match switched_off(facts).is_empty() {
        true => "logging is on; a log group that does not exist is made when something happens",
        false => "or what happened is in a log that is off",
    };
    let later = facts.command("logs --since 1d");
    vec![Finding::warning(
        "invocation",
        "nobody has used the API in this time",
        why,
        later,
    )]
}

fn among(all: &[Finding], checks: &[&str], is_wanted: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    let of = |check: &&str| {
        let found = all.iter().filter(|one| one.check == *check);
        found
            .filter(|one| is_wanted(one))
            .cloned()
            .collect::<Vec<_>>()
    };
    checks.iter().flat_map(of).collect()
}
