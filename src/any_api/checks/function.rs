//! The functions: do they run, and may the API call them?

use super::skipped;
use crate::any_api::ApiFacts;
use crate::any_api::called::{Call, FunctionRef};
use crate::any_api::facts::Function;
use crate::doctor::checks::{depends, function::at_once};
use crate::doctor::facts;
use crate::doctor::policy::{Answer, lets_gateway_call, sources};
use crate::doctor::{Finding, Look};
use crate::naming::policy::open_to_anybody;
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) fn state(function: &Function, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "function";
    let name = &function.called.name;
    let found = match &function.look {
        Look::There(found) => found,
        Look::Missing => return missing(function, facts),
        other => return skipped(CHECK, &format!("the function {name}"), other),
    };
    if found.state != "Active" {
        return not_active(name, found, facts);
    }
    if found.reserved == Some(0) {
        return Finding::failure(
            CHECK,
            format!("the function {name} has a reserved concurrency of 0"),
            "Lambda throttles every call, and clients get Internal server error",
            facts.aws.command(&format!(
                "lambda delete-function-concurrency --function-name {name}"
            )),
        );
    }
    if found.last_update.as_deref() == Some("Failed") {
        return Finding::warning(
            CHECK,
            format!("the last update of {name} failed"),
            "it still runs its former code",
            facts.aws.command(&format!(
                "lambda get-function-configuration --function-name {name} --query LastUpdateStatusReason"
            )),
        );
    }
    Finding::good(CHECK, format!("{name} is active"))
}

/// One that is being made, or that nobody called for weeks, becomes active by itself.
fn not_active(name: &str, found: &facts::Function, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "function";
    let reason = found.state_reason.as_deref().unwrap_or("no reason given");
    let what = format!("the function {name} is {}: {reason}", found.state);
    let aws = |command: String| facts.aws.command(&command);
    match found.state.as_str() {
        "Pending" => Finding::warning(
            CHECK,
            what,
            "until it is Active it is not called",
            aws(format!(
                "lambda wait function-active-v2 --function-name {name}"
            )),
        ),
        "Inactive" => Finding::warning(
            CHECK,
            what,
            "the next call makes it active again, and fails itself",
            aws(format!(
                "lambda invoke --function-name {name} response.json"
            )),
        ),
        _ => Finding::failure(
            CHECK,
            what,
            "a function that is not Active is not called",
            aws(format!(
                "lambda update-function-code --function-name {name} --zip-file fileb://function.zip"
            )),
        ),
    }
}

fn missing(function: &Function, facts: &ApiFacts) -> Finding {
    let FunctionRef {
        name, qualifier, ..
    } = &function.called;
    let what = match qualifier {
        Some(qualifier) => {
            format!("the function {name} has no version or alias {qualifier}, or does not exist")
        }
        None => format!("the function {name} does not exist"),
    };
    let callers = calls_of(function, facts).map(|call| call.caller.to_string());
    let callers: BTreeSet<_> = callers.collect();
    let callers: Vec<_> = callers.into_iter().collect();
    Finding::failure(
        "function",
        what,
        format!(
            "{} cannot call it, and clients get Internal server error",
            callers.join(", ")
        ),
        facts
            .aws
            .command("lambda list-functions --query 'Functions[].FunctionName'"),
    )
}

pub(super) fn permission(function: &Function, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "permission";
    let name = &function.called.name;
    let what = format!("the permission to call {name}");
    let mut asked = calls_of(function, facts)
        .filter(|call| call.credentials.is_none())
        .peekable();
    if asked.peek().is_none() {
        return Finding::good(CHECK, format!("API Gateway calls {name} with a role"));
    }
    let nothing = Value::Null;
    let policy = match (&function.policy, &function.look) {
        (Look::There(policy), _) => policy,
        // It has no policy at all.
        (Look::Missing, Look::There(_)) => &nothing,
        (other, _) => return skipped(CHECK, &what, other),
    };
    let known = [("aws:SourceAccount", facts.place.account_id.as_str())];
    let mut doubtful = None;
    for call in asked {
        match lets_gateway_call(policy, &facts.execute_arn(&call.source), &known) {
            Answer::Yes => {}
            Answer::No => return refused(&call, function, policy, facts),
            Answer::Depends(keys) => doubtful = doubtful.or(Some(keys)),
        }
    }
    match doubtful {
        Some(keys) => depends(
            CHECK,
            &format!("whether API Gateway may call {name}"),
            &keys,
        ),
        None => Finding::good(CHECK, format!("API Gateway may call {name}")),
    }
}

fn refused(call: &Call, function: &Function, policy: &Value, facts: &ApiFacts) -> Finding {
    let FunctionRef { name, .. } = &function.called;
    let allowed = match sources(policy).join(", ").as_str() {
        "" => "nobody".to_owned(),
        sources => sources.to_owned(),
    };
    let id = &facts.api.id;
    let source = facts.execute_arn(&format!("{id}/*"));
    Finding::failure(
        "permission",
        format!("API Gateway may not call {name} for {} of the stage {}", call.caller, call.stage),
        format!("connects fail with 500, messages with Internal server error; allowed is {allowed}"),
        facts.aws.command(&format!(
            "lambda add-permission --function-name {name}{} --statement-id api-{id} \
             --action lambda:InvokeFunction --principal apigateway.amazonaws.com --source-arn '{source}'",
            qualifier(function)
        )),
    )
}

/// A statement that lets everybody call the function.
pub(super) fn policy(function: &Function, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "function-policy";
    let name = &function.called.name;
    let policy = match &function.policy {
        Look::There(policy) => policy,
        Look::Missing => {
            return Finding::good(
                CHECK,
                format!("the policy of {name} lets nobody else call it"),
            );
        }
        other => return skipped(CHECK, &format!("the policy of {name}"), other),
    };
    let Some(id) = open_to_anybody(policy).into_iter().next() else {
        return Finding::good(
            CHECK,
            format!("the policy of {name} lets nobody else call it"),
        );
    };
    Finding::warning(
        CHECK,
        format!("the statement {id:?} of the policy of {name} lets anybody call it"),
        "who knows the function's ARN can send it events that look like API Gateway's",
        facts.aws.command(&format!(
            "lambda remove-permission --function-name {name} --statement-id {id}{}",
            qualifier(function)
        )),
    )
}

pub(super) fn concurrency(facts: &ApiFacts) -> Option<Finding> {
    let mut functions = facts.functions.iter().filter_map(|one| one.look.there());
    let are_reserved = functions.all(|one| one.reserved.is_some());
    let aws = |command: &str| facts.aws.command(command);
    (!facts.functions.is_empty()).then(|| at_once(&facts.concurrency, are_reserved, aws))
}

fn calls_of<'a>(function: &'a Function, facts: &ApiFacts) -> impl Iterator<Item = Call> + use<'a> {
    let calls = facts.calls().into_iter();
    calls.filter(|call| call.function.as_ref() == Ok(&function.called))
}

fn qualifier(function: &Function) -> String {
    let named = function.called.qualifier.as_ref();
    named
        .map(|name| format!(" --qualifier {name}"))
        .unwrap_or_default()
}
