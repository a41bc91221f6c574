//! API Gateway v2: WebSocket APIs, routes, integrations, deployments and stages.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Cloud;
use super::wire::{Request, Response};

/// Every API.
#[derive(Debug, Default)]
pub(crate) struct Apis {}

/// What the data plane sees of a stage: the deployed snapshot and the settings of the moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveStage {
    /// The API.
    pub(crate) api_id: String,
    /// The stage's name.
    pub(crate) stage: String,
    /// The deployment that is live.
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
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveRoute {
    /// The route's id.
    pub(crate) route_id: String,
    /// Where it goes, if anywhere.
    pub(crate) integration: Option<LiveIntegration>,
    /// Whether a `$default` route response was deployed with it.
    pub(crate) route_response: bool,
    /// `NONE`, `AWS_IAM` or `CUSTOM`.
    pub(crate) authorization_type: String,
    /// `apiKeyRequired`.
    pub(crate) api_key_required: bool,
}

/// A deployed integration.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveIntegration {
    /// The integration's id.
    pub(crate) integration_id: String,
    /// `AWS_PROXY`, `MOCK` and so on.
    pub(crate) integration_type: String,
    /// `arn:aws:apigateway:…:lambda:path/2015-03-31/functions/…/invocations`.
    pub(crate) uri: String,
    /// 50 to 29000.
    pub(crate) timeout_millis: u64,
    /// A role that API Gateway takes instead of the function's resource policy.
    pub(crate) credentials_arn: Option<String>,
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

impl Apis {
    /// Whether the API exists.
    pub(crate) fn exists(&self, _api_id: &str) -> bool {
        false
    }

    /// The stage as the data plane sees it; `None` without a deployment.
    pub(crate) fn live(&self, _api_id: &str, _stage: &str) -> Option<Arc<LiveStage>> {
        None
    }
}

pub(crate) async fn serve(_cloud: &Arc<Cloud>, request: Request) -> Response {
    Response::not_here(&request)
}
