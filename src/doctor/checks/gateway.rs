//! The API: is it there, does it know every message, and is what it knows live?

use super::{after, deploy, instead};
use crate::doctor::Finding;
use crate::doctor::facts::{Expected, Facts, Integration, Route, Stage};
use crate::naming::names::LIVE;

pub(super) fn api(facts: &Facts) -> Finding {
    const CHECK: &str = "api";
    let Some(api) = facts.api.there() else {
        return instead(CHECK, "the WebSocket API", &facts.api, facts);
    };
    if api.protocol != "WEBSOCKET" {
        return Finding::failure(
            CHECK,
            format!("the API {} is an {} API", api.id, api.protocol),
            "a chat needs a WebSocket API; the protocol of an API cannot be changed",
            format!("{} && {}", super::command(facts, "teardown"), deploy(facts)),
        );
    }
    if api.selection != SELECTION {
        return Finding::failure(
            CHECK,
            format!("messages are routed by {}", api.selection),
            format!("clients put the route into `action`, so it must be {SELECTION}"),
            deploy(facts),
        );
    }
    if !api.duplicates.is_empty() {
        return Finding::warning(
            CHECK,
            format!(
                "more than one API has this chat's tags: {} and {}",
                api.id,
                api.duplicates.join(", ")
            ),
            "an interrupted create leaves a second one; clients may use either",
            deploy(facts),
        );
    }
    Finding::good(CHECK, format!("WebSocket API {}", api.id))
}

const SELECTION: &str = "$request.body.action";

pub(super) fn stage(facts: &Facts) -> Finding {
    const CHECK: &str = "stage";
    let name = &facts.expected.stage;
    let Some(stage) = facts.stage.there() else {
        return instead(CHECK, &format!("the stage {name}"), &facts.stage, facts);
    };
    if stage.deployment.is_none() {
        return Finding::failure(
            CHECK,
            format!("the stage {name} shows no deployment"),
            "every client is refused with 403 until a deployment is on the stage",
            deploy(facts),
        );
    }
    Finding::good(CHECK, format!("stage {name}"))
}

pub(super) fn routes(facts: &Facts) -> Finding {
    const CHECK: &str = "routes";
    let Some(routes) = facts.routes.there() else {
        return instead(CHECK, "the routes", &facts.routes, facts);
    };
    let expected = &facts.expected.routes;
    let missing = expected
        .iter()
        .filter(|key| !routes.iter().any(|route| route.key == **key));
    if let Some(keys) = listed(missing.map(String::as_str)) {
        return Finding::failure(
            CHECK,
            format!("no route for {keys}"),
            "such a message goes to $default, or is answered with Forbidden when there is none",
            deploy(facts),
        );
    }
    let aimless = routes.iter().filter(|route| route.target.is_none());
    if let Some(keys) = listed(aimless.map(|route| route.key.as_str())) {
        return Finding::failure(
            CHECK,
            format!("the route {keys} has no integration"),
            "the message is taken and nothing is called",
            deploy(facts),
        );
    }
    odd_routes(routes, facts)
        .unwrap_or_else(|| Finding::good(CHECK, format!("all {} routes", routes.len())))
}

/// What does not break the chat: locked routes, and routes that the function does not know.
fn odd_routes(routes: &[Route], facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "routes";
    let wanted = |route: &Route| match route.key.as_str() {
        "$connect" => facts.expected.authorization.unwrap_or("NONE"),
        _ => "NONE",
    };
    if let Some(other) = routes.iter().find(|one| one.authorization != wanted(one)) {
        let (what, why) = match other.authorization.as_str() {
            "NONE" => (
                format!("the route {} lets everybody in", other.key),
                "connect.authorization in chatctl.toml wants a check there",
            ),
            only => (
                format!("the route {} lets in only {only} callers", other.key),
                "the chat page and `chatctl chat` connect without credentials",
            ),
        };
        return Some(Finding::warning(CHECK, what, why, deploy(facts)));
    }
    let unknown = routes
        .iter()
        .filter(|route| !facts.expected.routes.contains(&route.key));
    let keys = listed(unknown.map(|route| route.key.as_str()))?;
    Some(Finding::warning(
        CHECK,
        format!("the function does not know the route {keys}"),
        "it answers such messages with an error",
        deploy(facts),
    ))
}

fn listed<'a>(keys: impl Iterator<Item = &'a str>) -> Option<String> {
    let keys: Vec<_> = keys.collect();
    (!keys.is_empty()).then(|| keys.join(", "))
}

pub(super) fn integration(facts: &Facts) -> Finding {
    const CHECK: &str = "integration";
    let (Some(integrations), Some(routes)) = (facts.integrations.there(), facts.routes.there())
    else {
        return instead(CHECK, "the integration", &facts.integrations, facts);
    };
    let Expected {
        live_arn,
        function_arn,
        ..
    } = &facts.expected;
    let calls = |integration: &Integration, arn: &str| {
        integration.kind == "AWS_PROXY" && integration.uri.contains(&format!("{arn}/"))
    };
    let mut unqualified = None;
    for route in routes {
        let Some(target) = &route.target else {
            continue;
        };
        let id = target.strip_prefix("integrations/").unwrap_or(target);
        let Some(integration) = integrations.iter().find(|one| one.id == id) else {
            return Finding::failure(
                CHECK,
                format!(
                    "the route {} points at the integration {id}, which is gone",
                    route.key
                ),
                "API Gateway answers with Internal server error",
                deploy(facts),
            );
        };
        if calls(integration, function_arn) {
            unqualified = unqualified.or(Some(&route.key));
        } else if !calls(integration, live_arn) {
            return Finding::failure(
                CHECK,
                format!(
                    "the route {} calls {} ({}), not the function {}",
                    route.key, integration.uri, integration.kind, facts.expected.function
                ),
                "the chat's function never hears of these messages, so it logs nothing",
                deploy(facts),
            );
        }
    }
    match unqualified {
        Some(key) => Finding::warning(
            CHECK,
            format!("the route {key} calls the function itself, not its alias {LIVE}"),
            "whatever is put into the function is live at once, proved or not",
            deploy(facts),
        ),
        None => Finding::good(
            CHECK,
            format!("all routes call {}", facts.expected.function),
        ),
    }
}

pub(super) fn deployment(facts: &Facts) -> Finding {
    const CHECK: &str = "deployment";
    let Some(deployment) = facts.deployment.there() else {
        return instead(CHECK, "the deployment", &facts.deployment, facts);
    };
    if deployment.status != "DEPLOYED" {
        return Finding::failure(
            CHECK,
            format!("the deployment {} is {}", deployment.id, deployment.status),
            "until it is DEPLOYED the stage shows what was there before",
            deploy(facts),
        );
    }
    match (&deployment.digest, &facts.expected.digest) {
        (_, None) => Finding::good(CHECK, format!("deployment {} is live", deployment.id)),
        (Some(live), Some(expected)) if live == expected => Finding::good(
            CHECK,
            format!("deployment {} is live and up to date", deployment.id),
        ),
        (Some(_), Some(_)) => Finding::failure(
            CHECK,
            format!("deployment {} is older than the routes", deployment.id),
            "a change of routes is not live until a new deployment is on the stage",
            deploy(facts),
        ),
        (None, Some(_)) => Finding::warning(
            CHECK,
            format!("deployment {} was not made by chatctl", deployment.id),
            "whether it has the current routes cannot be told",
            deploy(facts),
        ),
    }
}

pub(super) fn throttles(facts: &Facts) -> Finding {
    const CHECK: &str = "throttles";
    let Some(stage) = facts.stage.there() else {
        return after(CHECK, "the stage's limits", &facts.stage);
    };
    match zero_limit(stage) {
        Some(whose) => Finding::failure(
            CHECK,
            format!("{whose} lets 0 requests through"),
            "every connect gets 429: setting a log level without limits can leave limits of 0",
            deploy(facts),
        ),
        None => {
            let rate = stage
                .rate
                .map_or_else(|| "account".into(), |rate| rate.to_string());
            let burst = stage
                .burst
                .map_or_else(|| "account".into(), |burst| burst.to_string());
            Finding::good(CHECK, format!("rate {rate}, burst {burst}"))
        }
    }
}

fn zero_limit(stage: &Stage) -> Option<String> {
    if lets_nobody_in(stage.rate, stage.burst) {
        return Some("the stage".into());
    }
    closed_route(stage).map(|route| format!("the route {route}"))
}

/// The limits refuse every request.
pub(crate) fn lets_nobody_in(rate: Option<f64>, burst: Option<i32>) -> bool {
    rate.is_some_and(|rate| rate <= 0.0) || burst == Some(0)
}

/// A route whose own limits refuse every request.
pub(crate) fn closed_route(stage: &Stage) -> Option<&str> {
    let mut overrides = stage.overrides.iter();
    let closed = overrides.find(|(_, rate, burst)| lets_nobody_in(*rate, *burst))?;
    Some(&closed.0)
}
