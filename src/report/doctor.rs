//! How the doctor's findings look: one line each, and under what is wrong, why and what to do.

use super::{Reporter, Style, escape};
use crate::doctor::{Finding, Verdict};
use crate::error::Result;
use serde::Serialize;

/// What the doctor found.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Document<'a> {
    /// No finding is a failure.
    healthy: bool,
    /// One for each check.
    findings: &'a [Finding],
}

/// Writes the findings down: a table for people, a document for programs.
///
/// # Errors
/// The reader went away.
pub fn show(reporter: &Reporter, findings: &[Finding], healthy: bool) -> Result<()> {
    if reporter.is_json() {
        return reporter.document(&Document { healthy, findings });
    }
    for finding in findings {
        for line in lines(finding) {
            reporter.result(&line)?;
        }
    }
    reporter.result(&summary(findings))
}

fn lines(finding: &Finding) -> Vec<String> {
    let (mark, style) = match finding.verdict {
        Verdict::Good => ("ok", Style::Good),
        Verdict::Skipped => ("--", Style::Faint),
        Verdict::Warning => ("warn", Style::Warning),
        Verdict::Failure => ("FAIL", Style::Error),
    };
    let what = escape(&finding.what);
    let mut lines = vec![format!(
        "{} {:<16} {what}",
        style.paint(&format!("{mark:<4}")),
        finding.check
    )];
    if let Some(why) = &finding.why {
        lines.push(format!("{:22}{}", "", Style::Faint.paint(&escape(why))));
    }
    if let Some(mend) = &finding.mend {
        lines.push(format!(
            "{:22}{} {}",
            "",
            Style::Hint.paint("mend:"),
            escape(mend)
        ));
    }
    lines
}

fn summary(findings: &[Finding]) -> String {
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let (failures, warnings) = (count(Verdict::Failure), count(Verdict::Warning));
    let skipped = count(Verdict::Skipped);
    let mut text = match (failures, warnings) {
        (0, 0) if skipped == 0 => Style::Good.paint("nothing is wrong"),
        (0, 0) if skipped == findings.len() => Style::Warning.paint("nothing is known"),
        (0, 0) => Style::Warning.paint("nothing wrong was found"),
        (0, n) => Style::Warning.paint(&format!("{n} to look at")),
        (n, _) => Style::Error.paint(&format!("{n} broken")),
    };
    if skipped > 0 {
        text.push_str(&format!(", {skipped} not looked at"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wrong_only_when_everything_was_looked_at() {
        let good = || Finding::good("table", "there");
        let skipped = || Finding::skipped("role", "could not be looked at: HTTP 500");
        let words = |findings: &[Finding]| summary(findings);
        assert!(words(&[good(), good()]).contains("nothing is wrong"));
        assert!(words(&[good(), skipped()]).contains("nothing wrong was found"));
        assert!(words(&[skipped()]).contains("nothing is known"));
        assert!(words(&[good(), skipped()]).ends_with(", 1 not looked at"));
    }
}
