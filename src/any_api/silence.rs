//! Why no log line comes of an API, concluded from its checks.

use super::{ApiFacts, checks};
use crate::doctor::{Finding, Verdict};

/// The checks that can keep the logs empty, nearest cause first.
const CAUSES: [&str; 12] = [
    "stage",
    "account-logging",
    "execution-log",
    "access-log",
    "log-groups",
    "routes",
    "integration",
    "function",
    "permission",
    "throttles",
    "function-role",
    "function-rights",
];

/// What keeps the logs empty, and what to do. Nothing of it: nobody came.
pub fn reasons(facts: &ApiFacts) -> Vec<Finding> {
    let mut reasons = among(facts, &CAUSES);
    if reasons.is_empty() {
        reasons.push(Finding::warning(
            "invocation",
            "nobody has used the API in this time",
            "logging is on and its groups are there",
            facts.command("logs --since 1d"),
        ));
    }
    reasons
}

/// What is known before anything is read to be missing from the logs.
pub fn switched_off(facts: &ApiFacts) -> Vec<Finding> {
    among(facts, &["account-logging", "execution-log", "access-log"])
}

fn among(facts: &ApiFacts, causes: &[&str]) -> Vec<Finding> {
    let all = checks::all(facts);
    let is_bad = |one: &&Finding| matches!(one.verdict, Verdict::Failure | Verdict::Warning);
    let of = |cause: &&str| {
        let bad = all.iter().filter(is_bad);
        bad.filter(|one| one.check == *cause)
            .cloned()
            .collect::<Vec<_>>()
    };
    causes.iter().flat_map(of).collect()
}
