//! The API with everything in it, read in two rounds: which APIs there are, then all parts of ours
//! side by side. Five kinds look into this one reading.
//!
//! API names are not unique, so ours is found by its tags. Of several with our tags (a killed run
//! can leave one more) the oldest counts, then the lowest id: every reader chooses the same.
//!
//! The parts of an API that is not ours are read only if it is being adopted: what was read of an
//! API may be changed and deleted.

use super::run_context::RunContext;
use crate::aws::{Clients, explain, is_missing};
use crate::chat_api::{self, PAGE};
use crate::engine::Ownership;
use crate::error::Result;
use crate::naming::Names;
use crate::naming::tags::Tags;
use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{
    Api, Authorizer, Deployment, Integration, LoggingLevel, ProtocolType, Route, RouteResponse,
    RouteSettings, Stage,
};

/// The API with everything in it.
#[derive(Debug, Default)]
pub struct Gateway {
    /// Ours, or the one with our name that is being adopted, or a stranger with our name.
    pub api: Option<Api>,
    /// More with our tags, of whatever protocol.
    pub duplicates: Vec<Api>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its authorizers; only read if a route uses one.
    pub authorizers: Vec<Authorizer>,
    /// Its integrations.
    pub integrations: Vec<Integration>,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
    /// Our stage of it.
    pub stage: Option<Stage>,
    /// Stages that are not ours.
    pub other_stages: Vec<Stage>,
}

impl Gateway {
    /// Reads it all; of several APIs with our tags `known` is ours.
    ///
    /// # Errors
    /// A reading that fails.
    pub async fn load(
        known: Option<&str>,
        clients: &Clients,
        names: &Names,
        adopt: bool,
    ) -> Result<Self> {
        let client = &clients.apigatewayv2;
        let all = chat_api::all(client).await?;
        let mut ours = chat_api::tagged_of(all.clone(), &names.stack, &names.stage);
        // Stable: the others keep their order.
        ours.sort_by_key(|api| (!is_socket(api), known.is_none() || api.api_id() != known));
        let api = if !ours.first().is_some_and(is_socket) {
            match namesake(all, names) {
                Some(stranger) if adopt => stranger,
                stranger => {
                    return Ok(Self {
                        api: stranger,
                        duplicates: ours,
                        ..Self::default()
                    });
                }
            }
        } else {
            ours.remove(0)
        };
        let id = api.api_id().unwrap_or_default();
        let (routes, integrations, deployments, stages) = tokio::try_join!(
            routes(client, id),
            integrations(client, id),
            deployments(client, id),
            all_stages(client, id),
        )?;
        let authorizers = match routes.iter().any(|route| route.authorizer_id().is_some()) {
            true => authorizers(client, id).await?,
            false => Vec::new(),
        };
        let is_ours = |stage: &Stage| stage.stage_name() == Some(names.stage.as_str());
        let (stage, other_stages): (Vec<_>, Vec<_>) = stages.into_iter().partition(is_ours);
        Ok(Self {
            duplicates: ours,
            routes,
            authorizers,
            integrations,
            deployments,
            stage: stage.into_iter().next(),
            other_stages,
            api: Some(api),
        })
    }

    /// The API's id.
    pub fn api_id(&self) -> Option<String> {
        Some(self.api.as_ref()?.api_id()?.to_owned())
    }

    /// Whose the API is, and with it everything in it.
    pub fn ownership(&self, names: &Names) -> Ownership {
        let tags = self.api.as_ref().and_then(Api::tags);
        let tags = Tags::default().seen(tags.cloned().unwrap_or_default());
        names.ownership(&tags)
    }

    /// A stage that is not ours uses the deployment.
    pub fn is_used_elsewhere(&self, deployment: &Deployment) -> bool {
        let mut others = self.other_stages.iter();
        others.any(|stage| stage.deployment_id() == deployment.deployment_id())
    }

    /// The deployment that the stage uses.
    pub fn live_deployment(&self) -> Option<&Deployment> {
        let id = self.stage.as_ref()?.deployment_id()?;
        self.deployments
            .iter()
            .find(|d| d.deployment_id() == Some(id))
    }
}

/// A stranger with our name. An API of another chat may carry it too (`a-b` + `c`, `a` + `b-c`).
fn namesake(all: Vec<Api>, names: &Names) -> Option<Api> {
    let same = |api: &Api| api.name() == Some(names.api.as_str());
    all.into_iter().find(|api| same(api) && is_socket(api))
}

fn is_socket(api: &Api) -> bool {
    api.protocol_type() == Some(&ProtocolType::Websocket)
}

/// Every item of a list that API Gateway gives page by page. Its SDK has no paginators.
macro_rules! pages {
    ($action:expr, $call:expr) => {{
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = match $call.max_results(PAGE).set_next_token(token).send().await {
                Ok(page) => page,
                Err(error) if is_missing(&error) => break Ok(all),
                Err(error) => break Err(explain($action, error)),
            };
            all.extend(page.items.unwrap_or_default());
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                break Ok(all);
            }
        }
    }};
}

/// Every route of the API; none if the API is gone.
pub(super) async fn routes(client: &Client, api: &str) -> Result<Vec<Route>> {
    pages!("list the API's routes", client.get_routes().api_id(api))
}

/// Every route response of a route; none if the route is gone.
pub(super) async fn responses(
    client: &Client,
    api: &str,
    route: &str,
) -> Result<Vec<RouteResponse>> {
    let call = || client.get_route_responses().api_id(api).route_id(route);
    pages!("list a route's responses", call())
}

/// Every authorizer of the API; none if the API is gone.
pub(super) async fn authorizers(client: &Client, api: &str) -> Result<Vec<Authorizer>> {
    let call = || client.get_authorizers().api_id(api);
    pages!("list the API's authorizers", call())
}

/// Every integration of the API; none if the API is gone.
pub(super) async fn integrations(client: &Client, api: &str) -> Result<Vec<Integration>> {
    let call = || client.get_integrations().api_id(api);
    pages!("list the API's integrations", call())
}

/// Every deployment of the API; none if the API is gone.
pub(super) async fn deployments(client: &Client, api: &str) -> Result<Vec<Deployment>> {
    let call = || client.get_deployments().api_id(api);
    pages!("list the API's deployments", call())
}

/// Every stage of the API; none if the API is gone.
pub(super) async fn all_stages(client: &Client, api: &str) -> Result<Vec<Stage>> {
    let call = || client.get_stages().api_id(api);
    pages!("list the stages of a WebSocket API", call())
}

/// A stage of the API, if it is there.
pub(super) async fn stage(client: &Client, api: &str, name: &str) -> Result<Option<Stage>> {
    let all = all_stages(client, api).await?;
    Ok(all
        .into_iter()
        .find(|stage| stage.stage_name() == Some(name)))
}

/// Sets and takes off tags of anything in API Gateway.
pub(super) async fn tag(run: &RunContext, arn: &str, wanted: &Tags, found: &Tags) -> Result<()> {
    let client = &run.clients.apigatewayv2;
    let changes = wanted.changes(found);
    if !changes.set.is_empty() {
        let call = client.tag_resource().resource_arn(arn);
        let call = call.set_tags(Some(changes.set));
        call.send().await.map_err(|e| explain("tag the API", e))?;
    }
    if !changes.remove.is_empty() {
        let call = client.untag_resource().resource_arn(arn);
        let call = call.set_tag_keys(Some(changes.remove));
        call.send()
            .await
            .map_err(|e| explain("take a tag off the API", e))?;
    }
    Ok(())
}

/// The stage's settings with the execution log off; nothing if it is off already. The throttles stay:
/// settings are replaced as a whole.
pub(super) fn without_logging(stage: &Stage) -> Option<RouteSettings> {
    let now = stage.default_route_settings()?;
    let logs = now
        .logging_level()
        .is_some_and(|level| *level != LoggingLevel::Off);
    logs.then(|| {
        RouteSettings::builder()
            .logging_level(LoggingLevel::Off)
            .data_trace_enabled(false)
            .set_throttling_rate_limit(now.throttling_rate_limit())
            .set_throttling_burst_limit(now.throttling_burst_limit())
            .build()
    })
}
