//! The logs: will anything that happens be written down?

use super::{after, depends, deploy, instead};
use crate::doctor::Finding;
use crate::doctor::facts::{Facts, Look, Role};
use crate::doctor::policy::{Answer, allows, trusts};

const SERVICE: &str = "apigateway.amazonaws.com";
const PUSH_TO_LOGS: &str = "AmazonAPIGatewayPushToCloudWatchLogs";

pub(super) fn account(facts: &Facts) -> Finding {
    const CHECK: &str = "account-logging";
    let account = match &facts.account_role {
        Look::There(account) => account,
        Look::Missing => {
            return Finding::failure(
                CHECK,
                "API Gateway has no CloudWatch Logs role in this account and region",
                "without it API Gateway writes no log at all, and refuses to turn logging on",
                deploy(facts),
            );
        }
        other => return instead(CHECK, "the account's logging role", other, facts),
    };
    let role = match &account.role {
        Look::There(role) => role,
        Look::Missing => {
            return Finding::failure(
                CHECK,
                format!("the account's logging role {} is gone", account.arn),
                "somebody deleted the role but not the setting: no API of this region can log",
                deploy(facts),
            );
        }
        Look::Unseen(why) => {
            let what = format!(
                "{} is set; the role itself could not be looked at: {why}",
                account.arn
            );
            return Finding::skipped(CHECK, what);
        }
        Look::Unasked => return Finding::good(CHECK, account.arn.clone()),
    };
    let trust = trusts(&role.trust, SERVICE);
    let write = may_write(role, facts);
    if let Some(finding) = useless(role, &trust, &write) {
        return finding;
    }
    match (trust, write) {
        (Answer::Depends(keys), _) => {
            depends(CHECK, "whether the logging role trusts API Gateway", &keys)
        }
        (_, Answer::Depends(keys)) => {
            depends(CHECK, "whether the logging role may write logs", &keys)
        }
        _ => Finding::good(CHECK, usable(role)),
    }
}

/// A policy that is attached and not AWS's own gets the benefit of the doubt, in so many words.
fn usable(role: &Role) -> String {
    let logs = format!("API Gateway logs as {}", role.name);
    match role
        .attached
        .iter()
        .find(|arn| !arn.ends_with(PUSH_TO_LOGS))
    {
        Some(arn) if role.attached.len() == 1 => {
            format!("{logs}; that {arn} lets it write was not looked at")
        }
        _ => logs,
    }
}

/// A role that is there, but does not let API Gateway write. It may be somebody else's, so the
/// command mends just that role instead of deploying another.
fn useless(role: &Role, trust: &Answer, write: &Answer) -> Option<Finding> {
    const CHECK: &str = "account-logging";
    if *trust == Answer::No {
        return Some(Finding::failure(
            CHECK,
            format!(
                "the account's logging role {} does not trust API Gateway",
                role.name
            ),
            "API Gateway cannot take it on, so nothing is logged",
            format!(
                "aws iam update-assume-role-policy --role-name {} --policy-document '{{\"Version\":\"2012-10-17\",\
                 \"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"apigateway.amazonaws.com\"}},\
                 \"Action\":\"sts:AssumeRole\"}}]}}'",
                role.name
            ),
        ));
    }
    if *write == Answer::No {
        return Some(Finding::failure(
            CHECK,
            format!(
                "the account's logging role {} may not write logs",
                role.name
            ),
            "API Gateway takes it on, and CloudWatch refuses every line",
            format!(
                "aws iam attach-role-policy --role-name {} --policy-arn \
                 arn:aws:iam::aws:policy/service-role/{PUSH_TO_LOGS}",
                role.name
            ),
        ));
    }
    None
}

fn may_write(role: &Role, facts: &Facts) -> Answer {
    if !role.attached.is_empty() {
        return Answer::Yes;
    }
    let known = facts.expected.known();
    allows(&role.inline, "logs:PutLogEvents", "*", &known)
}

pub(super) fn execution(facts: &Facts) -> Finding {
    const CHECK: &str = "execution-log";
    let Some(stage) = facts.stage.there() else {
        return after(CHECK, "the execution log", &facts.stage);
    };
    if stage.logging == "OFF" || stage.logging.is_empty() {
        if facts.expected.logging_off {
            return Finding::good(CHECK, "off, as wanted");
        }
        return Finding::failure(
            CHECK,
            "execution logging is off on the stage",
            "what API Gateway does with a message is not written down",
            deploy(facts),
        );
    }
    if stage.data_trace {
        return Finding::warning(
            CHECK,
            "data trace is on: whole payloads are logged",
            "private messages stand in the log for everybody who may read it",
            deploy(facts),
        );
    }
    Finding::good(CHECK, format!("level {}", stage.logging))
}

pub(super) fn access(facts: &Facts) -> Finding {
    const CHECK: &str = "access-log";
    let Some(stage) = facts.stage.there() else {
        return after(CHECK, "the access log", &facts.stage);
    };
    match &stage.access_group {
        Some(group) => Finding::good(CHECK, group.clone()),
        None => Finding::failure(
            CHECK,
            "the stage writes no access log",
            "there is no line that says how each request ended",
            deploy(facts),
        ),
    }
}
