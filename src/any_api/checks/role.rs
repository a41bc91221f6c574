//! The roles of the functions: may a function write its log, and post to connections?

use super::skipped;
use crate::any_api::ApiFacts;
use crate::any_api::facts::{Function, RoleRights};
use crate::doctor::checks::depends;
use crate::doctor::checks::logging::trust_command;
use crate::doctor::policy::{Answer, allows, trusts};
use crate::doctor::{Finding, Look};
use serde_json::Value;

const SERVICE: &str = "lambda.amazonaws.com";

pub(super) fn role(function: &Function, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "function-role";
    let name = &function.called.name;
    let look = of(function, facts);
    let found = match look {
        Look::There(found) => &found.role,
        Look::Missing => return gone(function, facts),
        other => return skipped(CHECK, &format!("the role of {name}"), other),
    };
    match trusts(&found.trust, SERVICE) {
        Answer::No => Finding::failure(
            CHECK,
            format!("the role {} of {name} does not trust Lambda", found.name),
            "the function cannot take it on and does not start",
            facts.aws.command(&trust_command(&found.name, SERVICE)),
        ),
        Answer::Depends(keys) => depends(
            CHECK,
            &format!("whether the role of {name} trusts Lambda"),
            &keys,
        ),
        Answer::Yes => Finding::good(CHECK, format!("{} trusts Lambda", found.name)),
    }
}

fn gone(function: &Function, facts: &ApiFacts) -> Finding {
    let name = &function.called.name;
    let arn = function
        .look
        .there()
        .map(|found| found.role.as_str())
        .unwrap_or_default();
    Finding::failure(
        "function-role",
        format!("the role {arn} of {name} does not exist"),
        "the function cannot take it on and does not start",
        facts.aws.command(&format!(
            "lambda update-function-configuration --function-name {name} --role ROLE_ARN"
        )),
    )
}

pub(super) fn rights(function: &Function, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "function-rights";
    let name = &function.called.name;
    let what = format!("the rights of {name}");
    let Some(found) = of(function, facts).there() else {
        return skipped(CHECK, &what, of(function, facts));
    };
    if let Some(boundary) = &found.role.boundary {
        return Finding::skipped(
            CHECK,
            format!(
                "the role of {name} has the permissions boundary {boundary}, which the doctor does not read"
            ),
        );
    }
    let documents = match &found.attached {
        Look::There(attached) => [found.role.inline.clone(), attached.clone()].concat(),
        other => return skipped(CHECK, &what, other),
    };
    log(function, found, &documents, facts)
        .or_else(|| post(function, found, &documents, facts))
        .unwrap_or_else(|| {
            Finding::good(
                CHECK,
                format!("{name} may write its log and post to connections"),
            )
        })
}

fn log(
    function: &Function,
    found: &RoleRights,
    documents: &[Value],
    facts: &ApiFacts,
) -> Option<Finding> {
    let place = &facts.place;
    let group = format!(
        "arn:{}:logs:{}:{}:log-group:{}:log-stream:x",
        place.partition,
        place.region,
        place.account_id,
        function.group()
    );
    let needed = ["logs:CreateLogStream", "logs:PutLogEvents"];
    let refused = needed
        .into_iter()
        .find(|action| allows(documents, action, &group, &facts.known()) == Answer::No)?;
    Some(Finding::failure(
        "function-rights",
        format!(
            "the role {} of {} does not allow {refused}",
            found.role.name, function.called.name
        ),
        "the function runs, but its log stays empty",
        facts.aws.command(&format!(
            "iam attach-role-policy --role-name {} --policy-arn \
             arn:{}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
            found.role.name, place.partition
        )),
    ))
}

/// Not every function posts to connections, so this is no failure.
fn post(
    function: &Function,
    found: &RoleRights,
    documents: &[Value],
    facts: &ApiFacts,
) -> Option<Finding> {
    const ACTION: &str = "execute-api:ManageConnections";
    let (id, role) = (&facts.api.id, &found.role.name);
    let stages = facts.stages.there().into_iter().flatten();
    let refused = stages.into_iter().find(|stage| {
        // IAM is asked about the template, not about the id of a connection.
        let end = format!("{id}/{}/POST/@connections/{{connectionId}}", stage.name);
        allows(documents, ACTION, &facts.execute_arn(&end), &facts.known()) == Answer::No
    })?;
    let resource = facts.execute_arn(&format!("{id}/*/*/@connections/*"));
    Some(Finding::warning(
        "function-rights",
        format!(
            "the role {role} of {} does not allow {ACTION} on the stage {}",
            function.called.name, refused.name
        ),
        "if it posts to connections, every post is a 403",
        facts.aws.command(&format!(
            "iam put-role-policy --role-name {role} --policy-name manage-connections --policy-document \
             '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"{ACTION}\",\
             \"Resource\":\"{resource}\"}}]}}'"
        )),
    ))
}

fn of<'a>(function: &Function, facts: &'a ApiFacts) -> &'a Look<RoleRights> {
    const UNASKED: &Look<RoleRights> = &Look::Unasked;
    let role = function.look.there().map(|found| &found.role);
    role.and_then(|arn| facts.roles.get(arn)).unwrap_or(UNASKED)
}
