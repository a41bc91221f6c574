//! The API and its parts: GetApis, GetStage, GetRoutes, GetIntegrations, GetDeployment.

use super::seen;
use crate::aws::Clients;
use crate::chat_api;
use crate::doctor::facts::{Api, Deployment, Expected, Integration, Look, Route, Stage};
use crate::error::Result;
use aws_sdk_apigatewayv2::operation::get_deployment::GetDeploymentOutput;
use aws_sdk_apigatewayv2::operation::get_stage::GetStageOutput;
use aws_sdk_apigatewayv2::types as sdk;
use std::collections::HashMap;

/// In front of the digest in a deployment's description.
const DIGEST: &str = "chatctl:";

/// What was read of the API and its parts.
#[derive(Debug, Default)]
pub(super) struct GatewayFacts {
    pub(super) api: Look<Api>,
    pub(super) stage: Look<Stage>,
    pub(super) routes: Look<Vec<Route>>,
    pub(super) integrations: Look<Vec<Integration>>,
    pub(super) deployment: Look<Deployment>,
}

pub(super) async fn look(clients: &Clients, expected: &Expected) -> GatewayFacts {
    let api = match ours(clients, expected).await {
        Ok(Some(api)) => api,
        Ok(None) => {
            return GatewayFacts {
                api: Look::Missing,
                ..GatewayFacts::default()
            };
        }
        Err(error) => {
            return GatewayFacts {
                api: Look::Unseen(error.causes().join(": ")),
                ..GatewayFacts::default()
            };
        }
    };
    let client = &clients.apigatewayv2;
    let (stage, routes, integrations) = tokio::join!(
        client
            .get_stage()
            .api_id(&api.id)
            .stage_name(&expected.stage)
            .send(),
        client
            .get_routes()
            .api_id(&api.id)
            .max_results("500")
            .send(),
        client
            .get_integrations()
            .api_id(&api.id)
            .max_results("500")
            .send(),
    );
    let stage = seen("read the stage", stage, self::stage);
    let shown = stage.there().and_then(|stage| stage.deployment.clone());
    GatewayFacts {
        deployment: deployment(clients, &api.id, shown).await,
        routes: seen("read the routes", routes, |page| {
            page.items
                .unwrap_or_default()
                .into_iter()
                .map(route)
                .collect()
        }),
        integrations: seen("read the integrations", integrations, |page| {
            page.items
                .unwrap_or_default()
                .into_iter()
                .map(integration)
                .collect()
        }),
        stage,
        api: Look::There(api),
    }
}

/// All APIs with our tags: the oldest is the API, the others duplicates.
async fn ours(clients: &Clients, expected: &Expected) -> Result<Option<Api>> {
    let all = chat_api::tagged(&clients.apigatewayv2, &expected.stack, &expected.stage).await?;
    let mut all = all.into_iter();
    Ok(all.next().map(|first| Api {
        protocol: first
            .protocol_type()
            .map(|protocol| protocol.as_str().to_owned())
            .unwrap_or_default(),
        selection: first.route_selection_expression.unwrap_or_default(),
        id: first.api_id.unwrap_or_default(),
        duplicates: all.filter_map(|one| one.api_id).collect(),
    }))
}

fn stage(found: GetStageOutput) -> Stage {
    Stage {
        deployment: found.deployment_id.clone().filter(|id| !id.is_empty()),
        ..settings(
            found.default_route_settings(),
            found.route_settings(),
            found.access_log_settings(),
        )
    }
}

/// What a stage is set to, but for its deployment.
pub(crate) fn settings(
    default: Option<&sdk::RouteSettings>,
    of_routes: Option<&HashMap<String, sdk::RouteSettings>>,
    access: Option<&sdk::AccessLogSettings>,
) -> Stage {
    let overrides = of_routes.into_iter().flatten().map(|(route, settings)| {
        let rate = settings.throttling_rate_limit();
        (route.clone(), rate, settings.throttling_burst_limit())
    });
    Stage {
        logging: default
            .and_then(|settings| settings.logging_level())
            .map(|level| level.as_str().to_owned())
            .unwrap_or_default(),
        data_trace: default
            .and_then(sdk::RouteSettings::data_trace_enabled)
            .unwrap_or_default(),
        rate: default.and_then(sdk::RouteSettings::throttling_rate_limit),
        burst: default.and_then(sdk::RouteSettings::throttling_burst_limit),
        access_group: access
            .and_then(|access| access.destination_arn())
            .map(str::to_owned),
        overrides: overrides.collect(),
        deployment: None,
    }
}

/// A route, as AWS shows it.
pub(crate) fn route(found: sdk::Route) -> Route {
    Route {
        authorization: found
            .authorization_type()
            .map_or("NONE", sdk::AuthorizationType::as_str)
            .to_owned(),
        id: found.route_id.unwrap_or_default(),
        key: found.route_key.unwrap_or_default(),
        target: found.target.filter(|target| !target.is_empty()),
        authorizer: found.authorizer_id.filter(|id| !id.is_empty()),
    }
}

/// An integration, as AWS shows it.
pub(crate) fn integration(found: sdk::Integration) -> Integration {
    Integration {
        kind: found
            .integration_type()
            .map(|kind| kind.as_str().to_owned())
            .unwrap_or_default(),
        id: found.integration_id.unwrap_or_default(),
        uri: found.integration_uri.unwrap_or_default(),
        credentials: found.credentials_arn.filter(|arn| !arn.is_empty()),
    }
}

async fn deployment(clients: &Clients, api: &str, shown: Option<String>) -> Look<Deployment> {
    let Some(id) = shown else {
        return Look::Unasked;
    };
    let answer = clients
        .apigatewayv2
        .get_deployment()
        .api_id(api)
        .deployment_id(&id)
        .send()
        .await;
    seen(
        "read the deployment",
        answer,
        |found: GetDeploymentOutput| Deployment {
            status: found
                .deployment_status()
                .map_or("DEPLOYED", sdk::DeploymentStatus::as_str)
                .to_owned(),
            digest: found
                .description()
                .and_then(|text| text.strip_prefix(DIGEST))
                .map(str::to_owned),
            id,
        },
    )
}
