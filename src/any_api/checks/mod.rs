//! The checks of an API that anybody may have made, in the order in which a request meets what they check.
//!
//! Only what cannot work is a failure. What is merely unusual, or switched off, may be meant so: a warning.

mod function;
mod gateway;
mod logging;
mod role;

pub use logging::account;

use super::ApiFacts;
use super::facts::Stage;
use crate::doctor::{Finding, Look};

/// Runs every check.
pub fn all(facts: &ApiFacts) -> Vec<Finding> {
    let place = &facts.place;
    let mut all = vec![
        Finding::good(
            "credentials",
            format!("AWS knows us as {}", place.caller_arn),
        ),
        Finding::good("region", place.region.clone()),
        gateway::api(facts),
    ];
    all.extend(gateway::stages(facts));
    all.push(gateway::routes(facts));
    all.push(gateway::integrations(facts));
    all.extend(of_stages(facts, gateway::deployment));
    all.extend(of_stages(facts, gateway::throttles));
    for one in &facts.functions {
        all.push(function::state(one, facts));
        all.push(function::permission(one, facts));
        all.push(function::policy(one, facts));
        all.push(role::role(one, facts));
        all.push(role::rights(one, facts));
    }
    all.extend(function::concurrency(facts));
    all.push(logging::account(facts));
    all.extend(of_stages(facts, logging::execution));
    all.extend(of_stages(facts, logging::access));
    all.extend(logging::groups(facts));
    all
}

fn of_stages(facts: &ApiFacts, check: fn(&Stage, &ApiFacts) -> Finding) -> Vec<Finding> {
    let stages = facts.stages.there().into_iter().flatten();
    stages.map(|stage| check(stage, facts)).collect()
}

/// The finding of a check whose subject is not there to be looked at.
fn skipped<T>(check: &'static str, what: &str, look: &Look<T>) -> Finding {
    crate::doctor::checks::after(check, what, look)
}

/// Changes of routes and integrations are live after this.
fn redeploy(facts: &ApiFacts) -> Vec<String> {
    let stages = facts.stages.there().into_iter().flatten();
    let by_hand = stages.filter(|stage| !stage.auto_deploy);
    by_hand.map(|stage| deploy(stage, facts)).collect()
}

/// The AWS CLI's words for a new deployment on the stage.
fn deploy(stage: &Stage, facts: &ApiFacts) -> String {
    let (id, name) = (&facts.api.id, &stage.name);
    format!("apigatewayv2 create-deployment --api-id {id} --stage-name {name}")
}

#[cfg(test)]
mod tests;
