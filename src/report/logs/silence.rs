//! What `chatctl logs` says when no line comes.

use super::super::{Reporter, escape};
use crate::doctor::{Finding, Verdict};
use std::time::Duration;

/// At the end of a read that showed nothing, because `narrowed` left out all of the `seen` events.
pub fn nothing_matches(reporter: &Reporter, narrowed: &str, seen: u64) {
    let events = match seen {
        0 => "nothing in this time".to_owned(),
        n => format!("none of the {n} events of this time"),
    };
    reporter.note(&format!("{events} matches {narrowed}"));
    reporter.hint("--since 1h or --since 1d reaches further back");
}

/// At the end of a read that found nothing.
pub fn nothing_there(reporter: &Reporter, reasons: &[Finding]) {
    reporter.note("no log line in this time:");
    list(reporter, reasons);
}

/// While following, after so long without a line.
pub fn still_silent(
    reporter: &Reporter,
    reasons: &[Finding],
    narrowed: Option<&str>,
    after: Duration,
) {
    let seconds = after.as_secs();
    reporter.note(&format!("no log line for {seconds} s; still looking:"));
    list(reporter, reasons);
    if let Some(flag) = narrowed {
        reporter.note(&format!("  or nothing matches {flag}"));
    }
}

/// Before anything is read: what will be missing from the logs.
pub fn switched_off(reporter: &Reporter, findings: &[Finding]) {
    for finding in findings {
        let why = finding.why.as_deref().unwrap_or_default();
        reporter.warning(&escape(&format!("{}: {why}", finding.what)));
        if let Some(mend) = &finding.mend {
            reporter.hint(mend);
        }
    }
}

fn list(reporter: &Reporter, reasons: &[Finding]) {
    for reason in reasons {
        let why = reason.why.as_deref().unwrap_or_default();
        let text = escape(&format!("{}: {why}", reason.what)).into_owned();
        if reason.verdict == Verdict::Failure {
            reporter.warning(&text);
        } else {
            reporter.note(&format!("  {text}"));
        }
        if let Some(mend) = &reason.mend {
            reporter.hint(mend);
        }
    }
}
