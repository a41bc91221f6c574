//! The function: does it run, may it be called, and may it do what it has to?

use super::{after, depends, deploy, instead};
use crate::doctor::Finding;
use crate::doctor::facts::{Facts, Function, Look, Role};
use crate::doctor::policy::{Answer, allows, lets_gateway_call, sources, trusts};
use crate::naming::names::LIVE;
use crate::naming::policy::open_to_anybody;

pub(super) fn state(facts: &Facts) -> Finding {
    const CHECK: &str = "function";
    let name = &facts.expected.function;
    let Some(function) = facts.function.there() else {
        return instead(
            CHECK,
            &format!("the function {name}"),
            &facts.function,
            facts,
        );
    };
    if function.state != "Active" {
        let reason = function
            .state_reason
            .as_deref()
            .unwrap_or("no reason given");
        return Finding::failure(
            CHECK,
            format!("the function {name} is {}: {reason}", function.state),
            "a function that is not Active is not called",
            deploy(facts),
        );
    }
    if function.reserved == Some(0) {
        return Finding::failure(
            CHECK,
            format!("the function {name} has a reserved concurrency of 0"),
            "Lambda throttles every call, and clients get Internal server error",
            format!("aws lambda delete-function-concurrency --function-name {name}"),
        );
    }
    if function.last_update.as_deref() == Some("Failed") {
        return Finding::failure(
            CHECK,
            format!("the last update of {name} failed"),
            "it still runs its former code",
            deploy(facts),
        );
    }
    wrong_table(function, facts)
        .or_else(|| strange_code(function, facts))
        .unwrap_or_else(|| Finding::good(CHECK, format!("{name} is active")))
}

fn wrong_table(function: &Function, facts: &Facts) -> Option<Finding> {
    let expected = &facts.expected.table.as_ref()?.name;
    let told = function.table.as_ref();
    if told == Some(expected) {
        return None;
    }
    let told = told.map_or("no table", String::as_str);
    Some(Finding::failure(
        "function",
        format!(
            "the function {} was told {told} as CHAT_TABLE, not {expected}",
            facts.expected.function
        ),
        "it cannot remember who is in the chat",
        deploy(facts),
    ))
}

fn strange_code(function: &Function, facts: &Facts) -> Option<Finding> {
    let live = facts.live.there()?;
    (!function.is_ours).then(|| {
        Finding::warning(
            "function",
            format!(
                "version {} of {} is live and was not published by chatctl",
                live.version, facts.expected.function
            ),
            "somebody else made it live, so it may do anything",
            deploy(facts),
        )
    })
}

/// The API calls an alias: a deploy is live when the alias points to its version.
pub(super) fn live(facts: &Facts) -> Finding {
    const CHECK: &str = "live-version";
    let name = &facts.expected.function;
    let live = match &facts.live {
        Look::There(live) => live,
        Look::Missing => {
            return Finding::warning(
                CHECK,
                format!("the function {name} has no alias {LIVE}"),
                "an API that calls the alias gets an error; one that calls the function itself is changed \
                 by every upload, before anything is proved",
                deploy(facts),
            );
        }
        unseen => return after(CHECK, "the live version", unseen),
    };
    match &live.weights {
        Some(weights) => Finding::warning(
            CHECK,
            format!("version {} is live only in part: {weights}", live.version),
            "members of one chat meet different versions",
            deploy(facts),
        ),
        None => Finding::good(CHECK, format!("version {} is live", live.version)),
    }
}

/// New accounts begin with 10 (architect/arc.codes#674); AWS's usual limit is 1000.
const FEW: i32 = 100;

pub(super) fn concurrency(facts: &Facts) -> Finding {
    let function = facts.function.there();
    let is_reserved = function.is_some_and(|function| function.reserved.is_some());
    at_once(&facts.concurrency, is_reserved, |command| {
        format!("aws {command}")
    })
}

/// How many functions may run at once. `aws` writes a command of the AWS CLI.
pub(crate) fn at_once(
    limit: &Look<i32>,
    is_reserved: bool,
    aws: impl Fn(&str) -> String,
) -> Finding {
    const CHECK: &str = "concurrency";
    let Some(limit) = limit.there() else {
        return after(CHECK, "how many functions may run at once", limit);
    };
    if *limit >= FEW || is_reserved {
        return Finding::good(CHECK, format!("{limit} functions may run at once"));
    }
    Finding::warning(
        CHECK,
        format!("the account lets only {limit} functions run at once"),
        "when more clients connect or write at once, Lambda throttles, and they are refused",
        aws(
            "service-quotas request-service-quota-increase --service-code lambda \
             --quota-code L-B99A9384 --desired-value 1000",
        ),
    )
}

pub(super) fn permission(facts: &Facts) -> Finding {
    const CHECK: &str = "permission";
    let Some(api) = facts.api.there() else {
        return after(CHECK, "the permission to call the function", &facts.api);
    };
    let Some(policy) = facts.permission.there() else {
        return instead(
            CHECK,
            "the permission to call the function",
            &facts.permission,
            facts,
        );
    };
    let expected = &facts.expected;
    let (mut refused, mut doubtful) = (None, None);
    for route in &expected.routes {
        let source = format!(
            "{}{}/{}/{route}",
            expected.execute_arn, api.id, expected.stage
        );
        match lets_gateway_call(policy, &source, &expected.known_of_gateway()) {
            Answer::Yes => {}
            Answer::No => refused = refused.or(Some(route)),
            Answer::Depends(keys) => doubtful = doubtful.or(Some(keys)),
        }
    }
    let Some(route) = refused else {
        return match doubtful {
            Some(keys) => depends(CHECK, "whether API Gateway may call the function", &keys),
            None => Finding::good(CHECK, "API Gateway may call the function"),
        };
    };
    let allowed = sources(policy);
    let instead = if allowed.is_empty() {
        "nobody".to_owned()
    } else {
        allowed.join(", ")
    };
    Finding::failure(
        CHECK,
        format!(
            "API Gateway may not call the function for {route} of the API {}",
            api.id
        ),
        format!(
            "connects fail with 500, messages with Internal server error; allowed is {instead}"
        ),
        deploy(facts),
    )
}

/// A statement of somebody else's that lets everybody call the function. It is named and left alone.
pub(super) fn policy(facts: &Facts) -> Finding {
    const CHECK: &str = "function-policy";
    let name = &facts.expected.function;
    let of_alias = match facts.live.there() {
        Some(_) => format!(" --qualifier {LIVE}"),
        None => String::new(),
    };
    for (policy, qualifier) in [
        (&facts.permission, of_alias),
        (&facts.own_policy, String::new()),
    ] {
        let policy = match policy {
            Look::There(policy) => policy,
            Look::Missing => continue,
            unseen => return after(CHECK, "the function's policy", unseen),
        };
        if let Some(id) = open_to_anybody(policy).into_iter().next() {
            return Finding::warning(
                CHECK,
                format!(
                    "the statement {id:?} of the function's policy lets anybody call it; it is not ours"
                ),
                "who knows the function's ARN can send it events that look like API Gateway's",
                format!(
                    "aws lambda remove-permission --function-name {name} --statement-id {id}{qualifier}"
                ),
            );
        }
    }
    Finding::good(CHECK, "the function's policy lets nobody else call it")
}

pub(super) fn role(facts: &Facts) -> Finding {
    const CHECK: &str = "function-role";
    let name = &facts.expected.role;
    let Some(role) = facts.function_role.there() else {
        return instead(
            CHECK,
            &format!("the role {name}"),
            &facts.function_role,
            facts,
        );
    };
    let trust = trusts(&role.trust, "lambda.amazonaws.com");
    if trust == Answer::No {
        return Finding::failure(
            CHECK,
            format!("the role {} does not trust Lambda", role.name),
            "the function cannot take it on and does not start",
            deploy(facts),
        );
    }
    let used = facts
        .function
        .there()
        .map(|function| function.role.as_str());
    if used.is_some_and(|used| used.rsplit('/').next() != Some(&role.name)) {
        return Finding::failure(
            CHECK,
            format!(
                "the function runs with {}, not with {}",
                used.unwrap_or_default(),
                role.name
            ),
            "its rights are not the ones that chatctl looks after",
            deploy(facts),
        );
    }
    match trust {
        Answer::Depends(keys) => depends(CHECK, "whether the role trusts Lambda", &keys),
        _ => Finding::good(CHECK, format!("{} trusts Lambda", role.name)),
    }
}

pub(super) fn rights(facts: &Facts) -> Finding {
    const CHECK: &str = "function-rights";
    let Some(role) = facts.function_role.there() else {
        return after(CHECK, "the function's rights", &facts.function_role);
    };
    if let Some(unread) = unread(role) {
        return Finding::skipped(
            CHECK,
            format!("the role has {unread}, which the doctor does not read"),
        );
    }
    let known = facts.expected.known();
    let mut doubtful = None;
    for need in needs(facts) {
        match allows(&role.inline, need.action, &need.resource, &known) {
            Answer::Yes => {}
            Answer::No => {
                return Finding::failure(
                    CHECK,
                    format!(
                        "the role {} does not allow {} on {}",
                        role.name, need.action, need.resource
                    ),
                    need.without,
                    deploy(facts),
                );
            }
            Answer::Depends(keys) => {
                doubtful = doubtful.or(Some((need.action, keys)));
            }
        }
    }
    match doubtful {
        Some((action, keys)) => depends(CHECK, &format!("whether the role allows {action}"), &keys),
        None => Finding::good(
            CHECK,
            "its policies let it write its log, use its table and push to connections",
        ),
    }
}

struct Need {
    action: &'static str,
    resource: String,
    without: &'static str,
}

fn needs(facts: &Facts) -> Vec<Need> {
    let expected = &facts.expected;
    let mut needs = Vec::new();
    for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
        needs.push(Need {
            action,
            resource: format!("{}:log-stream:x", expected.function_group_arn),
            without: "the function runs, but its log stays empty",
        });
    }
    let table = expected.table.as_ref();
    let actions = [
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:Query",
    ];
    needs.extend(table.into_iter().flat_map(|table| {
        actions.map(|action| Need {
            action,
            resource: table.arn.clone(),
            without: "the function cannot keep the member list",
        })
    }));
    if let Some(api) = facts.api.there() {
        // The verb stands before `@connections`; policies without it never match.
        needs.push(Need {
            action: "execute-api:ManageConnections",
            resource: format!(
                "{}{}/{}/POST/@connections/{{connectionId}}",
                expected.execute_arn, api.id, expected.stage
            ),
            without: "the function hears clients but cannot answer: every post is a 403",
        });
    }
    needs
}

/// What else decides about the role's rights. Attached policies are documents of their own; the one of
/// AWS for logs is known.
fn unread(role: &Role) -> Option<String> {
    let foreign = |arn: &&String| !arn.ends_with("policy/service-role/AWSLambdaBasicExecutionRole");
    let policy = role.attached.iter().find(foreign);
    let boundary = role.boundary.as_ref();
    policy
        .map(|arn| format!("the policy {arn}"))
        .or_else(|| boundary.map(|arn| format!("the permissions boundary {arn}")))
}
