//! The checks, in the order in which a request meets what they check.

pub(crate) mod function;
pub(crate) mod gateway;
pub(crate) mod logging;
mod storage;
mod traffic;

use super::facts::{Expected, Facts, Look};
use super::{Finding, Verdict};
use std::collections::BTreeSet;

/// A check: its stable name and its function.
type Check = (&'static str, fn(&Facts) -> Finding);

const ALL: [Check; 19] = [
    ("api", gateway::api),
    ("stage", gateway::stage),
    ("routes", gateway::routes),
    ("integration", gateway::integration),
    ("deployment", gateway::deployment),
    ("throttles", gateway::throttles),
    ("function", function::state),
    ("live-version", function::live),
    ("concurrency", function::concurrency),
    ("permission", function::permission),
    ("function-policy", function::policy),
    ("function-role", function::role),
    ("function-rights", function::rights),
    ("table", storage::table),
    ("account-logging", logging::account),
    ("execution-log", logging::execution),
    ("access-log", logging::access),
    ("log-groups", storage::log_groups),
    ("probe", traffic::probe),
];

/// Runs every check. Credentials and region come first: without them there would be no facts.
pub fn all(facts: &Facts) -> Vec<Finding> {
    let expected = &facts.expected;
    let mut findings = vec![
        Finding::good(
            "credentials",
            format!("AWS knows us as {}", expected.caller),
        ),
        Finding::good("region", expected.region.clone()),
    ];
    if facts.nothing_there() {
        findings.push(not_deployed(facts));
        return findings;
    }
    findings.extend(ALL.iter().map(|(_, judge)| judge(facts)));
    findings
}

fn not_deployed(facts: &Facts) -> Finding {
    let Expected {
        stack,
        stage,
        region,
        ..
    } = &facts.expected;
    Finding::failure(
        "deployed",
        format!("the chat {stack}, stage {stage}, is not deployed in {region}"),
        "there is no API, no function and no table of this name",
        deploy(facts),
    )
}

/// Whether anything is broken.
pub fn any_failure(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Failure)
}

/// What a check needs that is not there: the finding to give instead.
fn instead<T>(check: &'static str, what: &str, look: &Look<T>, facts: &Facts) -> Finding {
    match look {
        Look::There(_) | Look::Unasked => Finding::skipped(
            check,
            format!("{what}: not looked at, as what it belongs to is missing"),
        ),
        Look::Missing => Finding::failure(
            check,
            format!("{what} does not exist"),
            "the chat cannot work without it",
            deploy(facts),
        ),
        Look::Unseen(why) => {
            Finding::skipped(check, format!("{what} could not be looked at: {why}"))
        }
    }
}

/// The finding of a check whose subject belongs to something that has a check of its own.
pub(crate) fn after<T>(check: &'static str, what: &str, look: &Look<T>) -> Finding {
    match look {
        Look::Unseen(why) => {
            Finding::skipped(check, format!("{what} could not be looked at: {why}"))
        }
        _ => Finding::skipped(
            check,
            format!("{what}: not looked at, as what it belongs to is missing"),
        ),
    }
}

/// What a policy allows only under conditions that cannot be evaluated from outside.
pub(crate) fn depends(check: &'static str, what: &str, keys: &BTreeSet<String>) -> Finding {
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    Finding::skipped(
        check,
        format!(
            "{what} depends on a condition that the doctor cannot judge: {}",
            keys.join(", ")
        ),
    )
}

/// Most failures are fixed by deploying again: it creates what is missing and corrects what differs.
fn deploy(facts: &Facts) -> String {
    command(facts, "deploy")
}

fn command(facts: &Facts, verb: &str) -> String {
    facts.expected.flags.command(verb)
}

#[cfg(test)]
pub(crate) mod tests;
