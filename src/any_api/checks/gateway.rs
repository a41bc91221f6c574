//! The API, its stages, routes and integrations, and what of it is live.

use super::{deploy, redeploy, skipped};
use crate::any_api::ApiFacts;
use crate::any_api::called::{Caller, integration_of};
use crate::any_api::facts::{Deployment, Stage};
use crate::doctor::Finding;
use crate::doctor::checks::gateway::{closed_route, lets_nobody_in};
use crate::doctor::facts::{Integration, Route};

/// AWS's limits of an account, which a stage without limits of its own has.
const ACCOUNT_RATE: f64 = 10_000.0;
const ACCOUNT_BURST: i32 = 5_000;

pub(super) fn api(facts: &ApiFacts) -> Finding {
    const CHECK: &str = "api";
    let api = &facts.api;
    if api.url_is_off {
        return Finding::warning(
            CHECK,
            format!("the usual URL of the API {} is disabled", api.id),
            "clients can connect only through a domain name of the account",
            facts.aws.command(&format!(
                "apigatewayv2 update-api --api-id {} --no-disable-execute-api-endpoint",
                api.id
            )),
        );
    }
    Finding::good(CHECK, format!("WebSocket API {} ({})", api.id, api.name))
}

pub(super) fn stages(facts: &ApiFacts) -> Vec<Finding> {
    const CHECK: &str = "stage";
    let Some(stages) = facts.stages.there() else {
        return vec![skipped(CHECK, "the stages", &facts.stages)];
    };
    if stages.is_empty() {
        let id = &facts.api.id;
        return vec![Finding::failure(
            CHECK,
            "the API has no stage",
            "there is no URL that a client could connect to",
            facts.aws.commands(&[
                format!("apigatewayv2 create-stage --api-id {id} --stage-name production"),
                format!("apigatewayv2 create-deployment --api-id {id} --stage-name production"),
            ]),
        )];
    }
    stages.iter().map(|stage| shown(stage, facts)).collect()
}

fn shown(stage: &Stage, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "stage";
    if stage.settings.deployment.is_some() {
        return Finding::good(CHECK, format!("stage {}", stage.name));
    }
    Finding::failure(
        CHECK,
        format!("the stage {} shows no deployment", stage.name),
        "every client is refused with 403 until a deployment is on the stage",
        facts.aws.command(&deploy(stage, facts)),
    )
}

pub(super) fn routes(facts: &ApiFacts) -> Finding {
    const CHECK: &str = "routes";
    let Some(routes) = facts.routes.there() else {
        return skipped(CHECK, "the routes", &facts.routes);
    };
    if routes.is_empty() {
        let id = &facts.api.id;
        return Finding::failure(
            CHECK,
            "the API has no route",
            "nothing is called, whatever a client sends",
            facts.aws.command(&format!(
                "apigatewayv2 create-route --api-id {id} --route-key '$default' \
                 --target integrations/INTEGRATION_ID"
            )),
        );
    }
    let aimless = |route: &&Route| route.target.is_none() && !may_lead_nowhere(&route.key);
    if let Some(route) = routes.iter().find(aimless) {
        return Finding::failure(
            CHECK,
            format!("the route {} has no integration", route.key),
            "the message is taken and nothing is called",
            lead(route, facts),
        );
    }
    Finding::good(CHECK, format!("{} routes", routes.len()))
}

/// A connect without an integration is let in, and what nobody wants to know of a disconnect is lost.
fn may_lead_nowhere(key: &str) -> bool {
    ["$connect", "$disconnect"].contains(&key)
}

/// Leads a route to an integration: the only one if there is one.
fn lead(route: &Route, facts: &ApiFacts) -> String {
    let integration = match facts.integrations.there().map(Vec::as_slice) {
        Some([only]) => only.id.as_str(),
        _ => "INTEGRATION_ID",
    };
    let update = format!(
        "apigatewayv2 update-route --api-id {} --route-id {} --target integrations/{integration}",
        facts.api.id, route.id
    );
    let all: Vec<_> = [update].into_iter().chain(redeploy(facts)).collect();
    facts.aws.commands(&all)
}

pub(super) fn integrations(facts: &ApiFacts) -> Finding {
    const CHECK: &str = "integration";
    let (Some(integrations), Some(routes)) = (facts.integrations.there(), facts.routes.there())
    else {
        return skipped(CHECK, "the integrations", &facts.integrations);
    };
    gone(routes, integrations, facts)
        .or_else(|| unset(facts))
        .unwrap_or_else(|| Finding::good(CHECK, format!("{} integrations", integrations.len())))
}

fn gone(routes: &[Route], integrations: &[Integration], facts: &ApiFacts) -> Option<Finding> {
    let lost =
        |route: &&Route| route.target.is_some() && integration_of(route, integrations).is_none();
    let route = routes.iter().find(lost)?;
    let target = route.target.as_deref().unwrap_or_default();
    let id = target.trim_start_matches("integrations/");
    Some(Finding::failure(
        "integration",
        format!(
            "the route {} points at the integration {id}, which is gone",
            route.key
        ),
        "API Gateway answers with Internal server error",
        lead(route, facts),
    ))
}

/// A stage variable that a URI names and the stage does not have.
fn unset(facts: &ApiFacts) -> Option<Finding> {
    let calls = facts.calls();
    let (call, variable) = calls
        .iter()
        .find_map(|call| Some((call, call.function.as_ref().err()?)))?;
    let (id, stage) = (&facts.api.id, &call.stage);
    let what = match &call.caller {
        Caller::Route(key) => format!("the integration of the route {key}"),
        authorizer @ Caller::Authorizer(_) => authorizer.to_string(),
    };
    Some(Finding::failure(
        "integration",
        format!("{what} names the stage variable {variable}, which the stage {stage} does not have"),
        "API Gateway cannot tell which function is meant, and answers with Internal server error",
        facts.aws.command(&format!(
            "apigatewayv2 update-stage --api-id {id} --stage-name {stage} --stage-variables {variable}=VALUE"
        )),
    ))
}

/// AWS does not tell what is in a deployment, so only a newer one shows that the stage's is older than the routes.
pub(super) fn deployment(stage: &Stage, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "deployment";
    let what = format!("the deployment of the stage {}", stage.name);
    let (Some(all), Some(id)) = (facts.deployments.there(), &stage.settings.deployment) else {
        return skipped(CHECK, &what, &facts.deployments);
    };
    let Some(shown) = all.iter().find(|one| one.id == *id) else {
        return Finding::skipped(
            CHECK,
            format!("{what}, {id}, is not in the list of deployments"),
        );
    };
    if shown.status != "DEPLOYED" {
        let reason = shown.message.as_deref().unwrap_or("no reason given");
        return Finding::failure(
            CHECK,
            format!("{what}, {id}, is {}: {reason}", shown.status),
            "until it is DEPLOYED the stage shows what was there before",
            facts.aws.command(&deploy(stage, facts)),
        );
    }
    match newest(all) {
        Some(newer) if newer.created > shown.created && !stage.auto_deploy => {
            older(stage, shown, newer, facts)
        }
        _ => Finding::good(
            CHECK,
            format!("{what}, {id}, is live since {}", moment(shown)),
        ),
    }
}

fn newest(all: &[Deployment]) -> Option<&Deployment> {
    let deployed = all.iter().filter(|one| one.status == "DEPLOYED");
    deployed.max_by_key(|one| one.created)
}

fn older(stage: &Stage, shown: &Deployment, newer: &Deployment, facts: &ApiFacts) -> Finding {
    Finding::warning(
        "deployment",
        format!(
            "the stage {} shows the deployment {} of {}, and {} of {} is newer",
            stage.name,
            shown.id,
            moment(shown),
            newer.id,
            moment(newer)
        ),
        "a change of routes or integrations is live only with a deployment that was made after it",
        facts.aws.command(&format!(
            "apigatewayv2 update-stage --api-id {} --stage-name {} --deployment-id {}",
            facts.api.id, stage.name, newer.id
        )),
    )
}

fn moment(deployment: &Deployment) -> String {
    let time = jiff::Timestamp::from_millisecond(deployment.created);
    time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}

pub(super) fn throttles(stage: &Stage, facts: &ApiFacts) -> Finding {
    const CHECK: &str = "throttles";
    const WHY: &str =
        "every request gets 429: setting a log level without limits can leave limits of 0";
    let (id, name, limits) = (&facts.api.id, &stage.name, &stage.settings);
    if lets_nobody_in(limits.rate, limits.burst) {
        return Finding::failure(
            CHECK,
            format!("the stage {name} lets 0 requests through"),
            WHY,
            facts.aws.command(&settings(stage, &facts.api.id, None)),
        );
    }
    if let Some(route) = closed_route(limits) {
        return Finding::failure(
            CHECK,
            format!("the route {route} of the stage {name} lets 0 requests through"),
            WHY,
            facts.aws.command(&format!(
                "apigatewayv2 delete-route-settings --api-id {id} --stage-name {name} --route-key '{route}'"
            )),
        );
    }
    let rate = limits
        .rate
        .map_or_else(|| "account".into(), |rate| rate.to_string());
    let burst = limits
        .burst
        .map_or_else(|| "account".into(), |burst| burst.to_string());
    Finding::good(CHECK, format!("stage {name}: rate {rate}, burst {burst}"))
}

/// The command that sets the stage, with this log level if one is named. API Gateway replaces these settings as a
/// whole, so all of them are named, and limits of 0 become those of the account.
pub(super) fn settings(stage: &Stage, api: &str, level: Option<&str>) -> String {
    let now = &stage.settings;
    let rate = now.rate.filter(|rate| *rate > 0.0).unwrap_or(ACCOUNT_RATE);
    let burst = now
        .burst
        .filter(|burst| *burst > 0)
        .unwrap_or(ACCOUNT_BURST);
    let level = level.unwrap_or(match now.logging.as_str() {
        "" => "OFF",
        level => level,
    });
    format!(
        "apigatewayv2 update-stage --api-id {api} --stage-name {} --default-route-settings \
         LoggingLevel={level},DataTraceEnabled=false,ThrottlingRateLimit={rate},ThrottlingBurstLimit={burst}",
        stage.name
    )
}
