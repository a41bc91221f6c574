//! What the data plane sees: deployed snapshots, with the stage's settings of the moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::view::{View, filled, list, text, texts};
use super::{Api, Integration, Stage};

/// What the data plane sees of a stage: the deployed snapshot and the settings of the moment. A stage
/// without a deployment has neither routes nor connections; the management API answers there.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveStage {
    /// The API.
    pub(crate) api_id: String,
    /// The stage's name.
    pub(crate) stage: String,
    /// The deployment that is live; empty if none is.
    pub(crate) deployment_id: String,
    /// Such as `$request.body.action`.
    pub(crate) route_selection_expression: String,
    /// By route key, `$connect`, `$disconnect` and `$default` among them.
    pub(crate) routes: BTreeMap<String, LiveRoute>,
    /// Handed to the function.
    pub(crate) stage_variables: BTreeMap<String, String>,
    /// `defaultRouteSettings`.
    pub(crate) default_settings: RouteSettings,
    /// `routeSettings`, by route key.
    pub(crate) route_settings: BTreeMap<String, RouteSettings>,
    /// `accessLogSettings`.
    pub(crate) access_log: Option<AccessLog>,
}

/// A deployed route.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct LiveRoute {
    /// The route's id.
    pub(crate) route_id: String,
    /// Its integration, if it has one.
    pub(crate) integration: Option<LiveIntegration>,
    /// Whether a `$default` route response was deployed with it.
    pub(crate) route_response: bool,
    /// `NONE`, `AWS_IAM` or `CUSTOM`.
    pub(crate) authorization_type: String,
    /// The authorizer, if the type is `CUSTOM`.
    pub(crate) authorizer: Option<LiveAuthorizer>,
    /// Whether a handshake needs an API key.
    #[serde(default)]
    pub(crate) api_key_required: bool,
}

/// A deployed authorizer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct LiveAuthorizer {
    /// The authorizer's id, which a permission's source ARN names.
    pub(crate) authorizer_id: String,
    /// As an integration's.
    pub(crate) uri: String,
    /// A role that API Gateway assumes, instead of the function's resource policy.
    pub(crate) credentials_arn: Option<String>,
    /// Such as `route.request.header.Authorization`; all of them must be there.
    pub(crate) identity_sources: Vec<String>,
}

/// A deployed integration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct LiveIntegration {
    /// The integration's id.
    pub(crate) integration_id: String,
    /// `AWS_PROXY`, `MOCK` and so on.
    pub(crate) integration_type: String,
    /// `arn:aws:apigateway:…:lambda:path/2015-03-31/functions/…/invocations`, or an address.
    pub(crate) uri: String,
    /// 50 to 29000.
    pub(crate) timeout_millis: u64,
    /// A role that API Gateway assumes, instead of the function's resource policy.
    pub(crate) credentials_arn: Option<String>,
    /// For types without a function.
    #[serde(default)]
    pub(crate) custom: TemplateSettings,
}

/// The part of an integration that `MOCK`, `HTTP` and `HTTP_PROXY` use.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TemplateSettings {
    /// `GET`, `POST` and so on.
    pub(crate) method: String,
    /// By the key that the template selection expression yields.
    pub(crate) request_templates: BTreeMap<String, String>,
    /// Such as `\$default`.
    pub(crate) template_selection: String,
    /// `WHEN_NO_MATCH`, `WHEN_NO_TEMPLATES` or `NEVER`.
    pub(crate) passthrough: String,
    /// `integration.request.header.name` and so on, to where the value comes from.
    pub(crate) request_parameters: BTreeMap<String, String>,
    /// Integration responses by their key.
    pub(crate) responses: BTreeMap<String, TemplateResponse>,
}

/// One integration response.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TemplateResponse {
    /// By the key that the template selection expression yields.
    pub(crate) templates: BTreeMap<String, String>,
    /// Such as `\$default`.
    pub(crate) template_selection: String,
}

/// Logging and throttling of a route.
#[derive(Debug, Clone, Default)]
pub(crate) struct RouteSettings {
    /// `OFF`, `ERROR` or `INFO`.
    pub(crate) logging_level: Option<String>,
    /// Whether payloads are logged.
    pub(crate) data_trace: Option<bool>,
    /// Requests a second.
    pub(crate) rate: Option<f64>,
    /// The bucket's size.
    pub(crate) burst: Option<i64>,
}

/// Where access log lines go.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessLog {
    /// The log group's name.
    pub(crate) group: String,
    /// The format, with `$context` variables.
    pub(crate) format: String,
}

/// The snapshot of a deployment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Snapshot {
    route_selection_expression: String,
    routes: BTreeMap<String, LiveRoute>,
}

/// A stage as it is served. After a new deployment the old and the new one answer in turn for a
/// while, as on AWS: `DEPLOYED` does not mean that every front end serves it.
#[derive(Debug)]
pub(super) struct ServedStage {
    now: Arc<LiveStage>,
    before: Option<(Arc<LiveStage>, Instant)>,
    turn: AtomicBool,
}

impl ServedStage {
    pub(super) fn new(now: LiveStage, before: Option<(Arc<LiveStage>, Instant)>) -> Self {
        Self {
            now: Arc::new(now),
            before,
            turn: AtomicBool::new(false),
        }
    }

    pub(super) fn pick(&self) -> Arc<LiveStage> {
        match &self.before {
            Some((old, until)) if Instant::now() < *until => {
                let new = self.turn.fetch_xor(true, Ordering::Relaxed);
                Arc::clone(if new { &self.now } else { old })
            }
            _ => Arc::clone(&self.now),
        }
    }

    pub(super) fn newest(&self) -> &Arc<LiveStage> {
        &self.now
    }

    pub(super) fn before(&self) -> Option<(Arc<LiveStage>, Instant)> {
        self.before.clone()
    }
}

impl Snapshot {
    /// Takes a snapshot of the API's routes, integrations, authorizers and route responses.
    pub(super) fn take(api: &Api) -> Self {
        let routes = api.routes.iter().map(|(id, route)| {
            let view = &route.view;
            let live = LiveRoute {
                route_id: id.clone(),
                integration: text(view, "target")
                    .strip_prefix("integrations/")
                    .and_then(|id| Some((id, api.integrations.get(id)?)))
                    .map(|(id, integration)| live_integration(id, integration)),
                route_response: route
                    .responses
                    .values()
                    .any(|response| text(response, "routeResponseKey") == "$default"),
                authorization_type: text(view, "authorizationType").to_owned(),
                authorizer: api
                    .authorizers
                    .get(text(view, "authorizerId"))
                    .map(live_authorizer),
                api_key_required: view.get("apiKeyRequired") == Some(&Value::Bool(true)),
            };
            (text(view, "routeKey").to_owned(), live)
        });
        Self {
            route_selection_expression: text(&api.view, "routeSelectionExpression").to_owned(),
            routes: routes.collect(),
        }
    }
}

/// A stage with its deployment, ready to be served.
pub(super) fn live_stage(api_id: &str, stage: &Stage, snapshot: &Snapshot) -> LiveStage {
    let view = &stage.view;
    let object = |name: &str| {
        view.get(name)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let variables = object("stageVariables");
    let access_log = object("accessLogSettings");
    LiveStage {
        api_id: api_id.to_owned(),
        stage: text(view, "stageName").to_owned(),
        deployment_id: text(view, "deploymentId").to_owned(),
        route_selection_expression: snapshot.route_selection_expression.clone(),
        routes: snapshot.routes.clone(),
        stage_variables: variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        default_settings: route_settings(&object("defaultRouteSettings")),
        route_settings: object("routeSettings")
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), route_settings(value.as_object()?))))
            .collect(),
        access_log: (!access_log.is_empty()).then(|| AccessLog {
            group: group_of(text(&access_log, "destinationArn")).to_owned(),
            format: text(&access_log, "format").to_owned(),
        }),
    }
}

/// The log group's name in its ARN, with or without `:*` at the end.
pub(super) fn group_of(arn: &str) -> &str {
    let name = arn.split_once(":log-group:").map_or("", |(_, name)| name);
    name.strip_suffix(":*").unwrap_or(name)
}

fn live_integration(id: &str, integration: &Integration) -> LiveIntegration {
    let view = &integration.view;
    LiveIntegration {
        integration_id: id.to_owned(),
        integration_type: text(view, "integrationType").to_owned(),
        uri: text(view, "integrationUri").to_owned(),
        timeout_millis: view
            .get("timeoutInMillis")
            .and_then(Value::as_u64)
            .unwrap_or(29_000),
        credentials_arn: filled(view, "credentialsArn"),
        custom: TemplateSettings {
            method: text(view, "integrationMethod").to_owned(),
            request_templates: texts(view, "requestTemplates"),
            template_selection: text(view, "templateSelectionExpression").to_owned(),
            passthrough: text(view, "passthroughBehavior").to_owned(),
            request_parameters: texts(view, "requestParameters"),
            responses: integration
                .responses
                .values()
                .map(|view| {
                    (
                        text(view, "integrationResponseKey").to_owned(),
                        custom_response(view),
                    )
                })
                .collect(),
        },
    }
}

fn custom_response(view: &View) -> TemplateResponse {
    TemplateResponse {
        templates: texts(view, "responseTemplates"),
        template_selection: text(view, "templateSelectionExpression").to_owned(),
    }
}

fn live_authorizer(view: &View) -> LiveAuthorizer {
    LiveAuthorizer {
        authorizer_id: text(view, "authorizerId").to_owned(),
        uri: text(view, "authorizerUri").to_owned(),
        credentials_arn: filled(view, "authorizerCredentialsArn"),
        identity_sources: list(view, "identitySource")
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

fn route_settings(view: &Map<String, Value>) -> RouteSettings {
    RouteSettings {
        logging_level: view
            .get("loggingLevel")
            .and_then(Value::as_str)
            .map(str::to_owned),
        data_trace: view.get("dataTraceEnabled").and_then(Value::as_bool),
        rate: view.get("throttlingRateLimit").and_then(Value::as_f64),
        burst: view.get("throttlingBurstLimit").and_then(Value::as_i64),
    }
}
