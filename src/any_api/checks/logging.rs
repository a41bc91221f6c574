//! The logs: is anything that happens written down, and where?

use super::gateway::settings;
use super::skipped;
use crate::any_api::ApiFacts;
use crate::any_api::facts::{Group, Stage};
use crate::doctor::checks::logging::{Mends, role};
use crate::doctor::{Finding, Look, Verdict};
use crate::tail::LogSource;

/// The name of a role that is to be made for API Gateway's logs.
const ROLE: &str = "apigateway-cloudwatch-logs";

/// Whether API Gateway may write logs in this account and region. A missing role breaks only an API that logs.
pub fn account(facts: &ApiFacts) -> Finding {
    let mends = Mends {
        none: make_role(facts),
        gone: make_role(facts),
        aws: &|command| facts.aws.command(command),
    };
    let mut finding = role(&facts.account_role, &facts.known(), &mends);
    let mut stages = facts.stages.there().into_iter().flatten();
    let is_used = stages.any(|stage| stage.logs() || stage.access_group().is_some());
    if finding.verdict == Verdict::Failure && !is_used {
        finding.verdict = Verdict::Warning;
    }
    finding
}

fn make_role(facts: &ApiFacts) -> String {
    let (partition, account) = (&facts.place.partition, &facts.place.account_id);
    facts.aws.commands(&[
        format!(
            "iam create-role --role-name {ROLE} --assume-role-policy-document '{{\"Version\":\"2012-10-17\",\
             \"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"apigateway.amazonaws.com\"}},\
             \"Action\":\"sts:AssumeRole\"}}]}}'"
        ),
        format!(
            "iam attach-role-policy --role-name {ROLE} --policy-arn \
             arn:{partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
        ),
        format!(
            "apigateway update-account --patch-operations \
             op=replace,path=/cloudwatchRoleArn,value=arn:{partition}:iam::{account}:role/{ROLE}"
        ),
    ])
}

pub(super) fn execution(stage: &Stage, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "execution-log";
    let name = &stage.name;
    if !stage.logs() {
        return Finding::warning(
            CHECK,
            format!("execution logging is off on the stage {name}"),
            "what API Gateway does with a message is not written down",
            facts
                .aws
                .command(&settings(stage, &facts.api.id, Some("INFO"))),
        );
    }
    if stage.settings.data_trace {
        return Finding::warning(
            "data-trace",
            format!("data trace is on on the stage {name}: whole payloads are logged"),
            "private messages stand in the log for everybody who may read it",
            facts.aws.command(&settings(stage, &facts.api.id, None)),
        );
    }
    Finding::good(
        CHECK,
        format!("stage {name}: level {}", stage.settings.logging),
    )
}

pub(super) fn access(stage: &Stage, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "access-log";
    let name = &stage.name;
    if let Some(destination) = &stage.settings.access_group {
        return Finding::good(CHECK, format!("stage {name}: {destination}"));
    }
    let place = &facts.place;
    let (id, group) = (
        &facts.api.id,
        format!("/apigateway/{}/{name}/access", facts.api.id),
    );
    let arn = format!(
        "arn:{}:logs:{}:{}:log-group:{group}",
        place.partition, place.region, place.account_id
    );
    Finding::warning(
        CHECK,
        format!("the stage {name} writes no access log"),
        "there is no line that says how each request ended",
        facts.aws.commands(&[
            format!("logs create-log-group --log-group-name {group}"),
            format!("logs put-retention-policy --log-group-name {group} --retention-in-days 14"),
            format!(
                "apigatewayv2 update-stage --api-id {id} --stage-name {name} --access-log-settings \
                 '{{\"DestinationArn\":\"{arn}\",\"Format\":\"$context.requestId $context.eventType \
                 $context.routeKey $context.status $context.connectionId\"}}'"
            ),
        ]),
    )
}

/// One finding for each log group.
pub(super) fn groups(facts: &ApiFacts) -> Vec<Finding> {
    let stages = facts.stages.there().into_iter().flatten();
    let silent: Vec<_> = stages
        .filter(|stage| !stage.logs())
        .map(|stage| &stage.name)
        .collect();
    // Of a log that is off, no group is expected.
    let expected = |group: &&Group| {
        group.source != LogSource::Execution
            || !silent.contains(&&group.of)
            || group.look != Look::Missing
    };
    facts
        .groups
        .iter()
        .filter(expected)
        .map(|group| of_group(group, facts))
        .collect()
}

fn of_group(group: &Group, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "log-groups";
    let (source, name) = (group.source.name(), &group.name);
    let keep = format!("logs put-retention-policy --log-group-name {name} --retention-in-days 14");
    match &group.look {
        Look::There(state) if state.retention.is_none() => Finding::warning(
            "log-retention",
            format!("the log group {name} is kept for ever"),
            "logs are paid for by the month",
            facts.aws.command(&keep),
        ),
        Look::There(_) => Finding::good(CHECK, name.clone()),
        Look::Missing => Finding::warning(
            CHECK,
            format!(
                "the {source} log group {name} of {} does not exist",
                group.of
            ),
            who_makes(group.source),
            facts.aws.commands(&[
                format!("logs create-log-group --log-group-name {name}"),
                keep,
            ]),
        ),
        other => skipped(CHECK, name, other),
    }
}

fn who_makes(source: LogSource) -> &'static str {
    match source {
        LogSource::Function => {
            "Lambda makes it when the function first runs, if its role allows logs:CreateLogGroup"
        }
        LogSource::Execution => "API Gateway makes it when the first client connects",
        LogSource::Access => "nobody makes it: until it is there, no access is logged",
    }
}
