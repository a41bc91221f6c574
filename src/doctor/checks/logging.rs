//! The logs: will anything that happens be written down?

use super::{after, depends, deploy};
use crate::doctor::Finding;
use crate::doctor::facts::{AccountRole, Facts, Look, Role};
use crate::doctor::policy::{Answer, Known, allows, trusts};

const ACCOUNT: &str = "account-logging";
const SERVICE: &str = "apigateway.amazonaws.com";
const PUSH_TO_LOGS: &str = "AmazonAPIGatewayPushToCloudWatchLogs";

pub(super) fn account(facts: &Facts) -> Finding {
    let mends = Mends {
        none: deploy(facts),
        gone: deploy(facts),
        aws: &|command| format!("aws {command}"),
    };
    role(&facts.account_role, &facts.expected.known(), &mends)
}

/// What mends the account's role for logs.
pub(crate) struct Mends<'a> {
    /// No role is set.
    pub(crate) none: String,
    /// A role is set that is not there.
    pub(crate) gone: String,
    /// Writes a command of the AWS CLI.
    pub(crate) aws: &'a dyn Fn(&str) -> String,
}

/// Whether API Gateway may write logs with the account's role.
pub(crate) fn role(account: &Look<AccountRole>, known: &Known<'_>, mends: &Mends<'_>) -> Finding {
    let account = match account {
        Look::There(account) => account,
        Look::Missing => {
            return Finding::failure(
                ACCOUNT,
                "API Gateway has no CloudWatch Logs role in this account and region",
                "without it API Gateway writes no log at all, and refuses to turn logging on",
                &mends.none,
            );
        }
        other => return after(ACCOUNT, "the account's logging role", other),
    };
    let role = match &account.role {
        Look::There(role) => role,
        Look::Missing => {
            return Finding::failure(
                ACCOUNT,
                format!("the account's logging role {} is gone", account.arn),
                "somebody deleted the role but not the setting: no API of this region can log",
                &mends.gone,
            );
        }
        Look::Unseen(why) => {
            let what = format!(
                "{} is set; the role itself could not be looked at: {why}",
                account.arn
            );
            return Finding::skipped(ACCOUNT, what);
        }
        Look::Unasked => return Finding::good(ACCOUNT, account.arn.clone()),
    };
    let trust = trusts(&role.trust, SERVICE);
    let write = may_write(role, known);
    if let Some(finding) = useless(role, &trust, &write, mends) {
        return finding;
    }
    match (trust, write) {
        (Answer::Depends(keys), _) => depends(
            ACCOUNT,
            "whether the logging role trusts API Gateway",
            &keys,
        ),
        (_, Answer::Depends(keys)) => {
            depends(ACCOUNT, "whether the logging role may write logs", &keys)
        }
        _ => Finding::good(ACCOUNT, usable(role)),
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
fn useless(role: &Role, trust: &Answer, write: &Answer, mends: &Mends<'_>) -> Option<Finding> {
    if *trust == Answer::No {
        return Some(Finding::failure(
            ACCOUNT,
            format!(
                "the account's logging role {} does not trust API Gateway",
                role.name
            ),
            "API Gateway cannot take it on, so nothing is logged",
            (mends.aws)(&trust_command(&role.name, SERVICE)),
        ));
    }
    if *write == Answer::No {
        return Some(Finding::failure(
            ACCOUNT,
            format!(
                "the account's logging role {} may not write logs",
                role.name
            ),
            "API Gateway takes it on, and CloudWatch refuses every line",
            (mends.aws)(&format!(
                "iam attach-role-policy --role-name {} --policy-arn \
                 arn:aws:iam::aws:policy/service-role/{PUSH_TO_LOGS}",
                role.name
            )),
        ));
    }
    None
}

/// The command of the AWS CLI by which a service may take a role on.
pub(crate) fn trust_command(role: &str, service: &str) -> String {
    format!(
        "iam update-assume-role-policy --role-name {role} --policy-document '{{\"Version\":\"2012-10-17\",\
         \"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"{service}\"}},\
         \"Action\":\"sts:AssumeRole\"}}]}}'"
    )
}

fn may_write(role: &Role, known: &Known<'_>) -> Answer {
    if !role.attached.is_empty() {
        return Answer::Yes;
    }
    allows(&role.inline, "logs:PutLogEvents", "*", known)
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
