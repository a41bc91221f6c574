//! Why no log line comes, concluded from the doctor's facts.

use super::checks;
use super::facts::{Facts, Look};
use super::{Finding, Verdict};
use crate::tail::LogSource;

/// The checks that can keep the logs empty, nearest cause first.
const CAUSES: [&str; 13] = [
    "deployed",
    "api",
    "stage",
    "account-logging",
    "execution-log",
    "access-log",
    "log-groups",
    "function",
    "permission",
    "integration",
    "throttles",
    "function-role",
    "function-rights",
];

/// Sentences that say why nothing comes, and what to do. `now` in epoch milliseconds.
pub fn reasons(facts: &Facts, now: i64) -> Vec<Finding> {
    let findings = checks::all(facts);
    let broken = |check: &str| {
        findings
            .iter()
            .find(|finding| finding.check == check && finding.verdict == Verdict::Failure)
            .cloned()
    };
    let mut reasons: Vec<_> = CAUSES.iter().filter_map(|check| broken(check)).collect();
    // Without an API or a stage everything below is only a consequence.
    if reasons
        .first()
        .is_some_and(|first| ["deployed", "api", "stage"].contains(&first.check))
    {
        reasons.truncate(1);
    }
    reasons.extend(unseen(facts));
    if reasons.is_empty() {
        reasons.push(nobody_came(facts, now));
    }
    reasons
}

/// Log groups that we may not look at.
fn unseen(facts: &Facts) -> impl Iterator<Item = Finding> {
    facts.groups.iter().filter_map(|group| match &group.look {
        Look::Unseen(why) => Some(Finding::failure(
            "permission",
            format!(
                "the {} log group {} cannot be read: {why}",
                group.source.name(),
                group.name
            ),
            "whether there is anything in it cannot be told",
            "allow the caller logs:FilterLogEvents and logs:DescribeLogGroups on that group",
        )),
        _ => None,
    })
}

/// All is well, so there was nothing to log.
fn nobody_came(facts: &Facts, now: i64) -> Finding {
    let newest = facts
        .groups
        .iter()
        .filter_map(|group| Some((group.look.there()?.last_event?, group.source)))
        .max();
    let command = |verb: &str| facts.expected.flags.command(verb);
    match newest {
        None => Finding::warning(
            "invocation",
            "nobody has used the chat yet",
            "logging is on and its groups are there; the first client makes the first lines",
            command("chat"),
        ),
        Some((last, source)) => Finding::warning(
            "invocation",
            format!("nobody has used the chat since {}", moment(last, source)),
            "logging is on and its groups are there",
            command(&format!("logs --since {}", age(now - last))),
        ),
    }
}

fn moment(millis: i64, source: LogSource) -> String {
    let time = jiff::Timestamp::from_millisecond(millis)
        .map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default();
    format!("{time} (the newest line is in the {} log)", source.name())
}

/// An age for `--since` that surely reaches back.
fn age(millis: i64) -> String {
    let minutes = millis.max(0) / 60_000 + 1;
    match minutes {
        0..=119 => format!("{minutes}m"),
        120..=2879 => format!("{}h", minutes / 60 + 1),
        _ => format!("{}d", minutes / 1440 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ChatFlags, LOCAL_PORT, Target};
    use crate::doctor::checks::tests::healthy;

    fn whats(facts: &Facts) -> Vec<String> {
        let now = 1_800_000_000_000;
        reasons(facts, now)
            .into_iter()
            .map(|reason| reason.what)
            .collect()
    }

    #[test]
    fn when_all_is_well_nobody_came() {
        let mut facts = healthy();
        for group in &mut facts.groups {
            if let Look::There(state) = &mut group.look {
                state.last_event = None;
            }
        }
        assert_eq!(whats(&facts), ["nobody has used the chat yet"]);
        if let Look::There(state) = &mut facts.groups[0].look {
            state.last_event = Some(1_799_999_000_000);
        }
        let reason = reasons(&facts, 1_800_000_000_000).remove(0);
        assert!(
            reason.what.contains("since 2027-01-15 07:43:20 UTC"),
            "{}",
            reason.what
        );
        assert_eq!(reason.mend.as_deref(), Some("chatctl logs --since 17m"));
    }

    #[test]
    fn a_missing_api_is_the_only_reason() {
        let mut facts = healthy();
        facts.api = Look::Missing;
        facts.function = Look::Missing;
        assert_eq!(whats(&facts), ["the WebSocket API does not exist"]);
    }

    #[test]
    fn logging_off_and_a_dangling_role_are_both_said() {
        let mut facts = healthy();
        if let Look::There(stage) = &mut facts.stage {
            stage.logging = "OFF".into();
        }
        if let Look::There(account) = &mut facts.account_role {
            account.role = Look::Missing;
        }
        let whats = whats(&facts);
        assert_eq!(whats.len(), 2, "{whats:?}");
        assert!(whats[0].contains("is gone"));
        assert!(whats[1].contains("logging is off"));
    }

    #[test]
    fn no_role_and_a_missing_group_are_named() {
        let mut facts = healthy();
        facts.account_role = Look::Missing;
        facts.groups[1].look = Look::Missing;
        let whats = whats(&facts);
        assert_eq!(whats.len(), 2, "{whats:?}");
        assert!(whats[0].contains("API Gateway has no CloudWatch Logs role"));
        assert!(whats[1].contains("log group") && whats[1].contains("does not exist"));
    }

    #[test]
    fn the_command_leads_to_the_same_chat() {
        let mut facts = healthy();
        facts.expected.flags = ChatFlags::default().at(&Target::Local(LOCAL_PORT));
        let reason = reasons(&facts, 1_800_000_000_000).remove(0);
        let mend = reason.mend.unwrap();
        assert!(mend.ends_with(" --local"), "{mend}");
    }

    #[test]
    fn a_group_that_may_not_be_read_is_named() {
        let mut facts = healthy();
        facts.groups[2].look = Look::Unseen("AccessDeniedException".into());
        assert!(whats(&facts)[0].contains("access log group"));
    }
}
