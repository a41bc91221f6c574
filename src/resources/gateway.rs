//! The API with everything in it, read in two rounds: which APIs there are, then all parts of ours
//! side by side. Five kinds look into this one reading.
//!
//! API names are not unique, so ours is found by its tags. Of several with our tags (a killed run
//! can leave one more) the oldest counts, then the lowest id: every reader chooses the same.
//!
//! The parts of an API that is not ours are read only if it is being adopted: what was read of an
//! API may be changed and deleted.

use crate::aws::{Clients, explain, is_missing};
use crate::engine::Ownership;
use crate::error::Result;
use crate::stack::Names;
use crate::stack::tags::Tags;
use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::operation::get_stage::GetStageOutput;
use aws_sdk_apigatewayv2::types::{Api, Deployment, Integration, ProtocolType, Route};

/// One page is as much as API Gateway gives; far fewer round trips than its default of 25.
const PAGE: &str = "500";

/// The API with everything in it.
#[derive(Debug, Default)]
pub struct Gateway {
    /// Ours, or the one with our name that is being adopted, or a stranger with our name.
    pub api: Option<Api>,
    /// More with our tags.
    pub twins: Vec<Api>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its integrations.
    pub integrations: Vec<Integration>,
    /// Its deployments.
    pub deployments: Vec<Deployment>,
    /// Our stage of it.
    pub stage: Option<GetStageOutput>,
}

impl Gateway {
    /// Reads it all.
    ///
    /// # Errors
    /// A reading that fails.
    pub async fn load(clients: &Clients, names: &Names, adopt: bool) -> Result<Self> {
        Self::load_around(None, clients, names, adopt).await
    }

    /// Reads it all; of several APIs with our tags `known` is ours.
    ///
    /// # Errors
    /// A reading that fails.
    pub(super) async fn load_around(
        known: Option<&str>,
        clients: &Clients,
        names: &Names,
        adopt: bool,
    ) -> Result<Self> {
        let client = &clients.apigatewayv2;
        let all = all_apis(client).await?;
        let mut ours = ours_of(all.clone(), names);
        // Stable: the others keep their order.
        ours.sort_by_key(|api| known.is_none() || api.api_id() != known);
        let api = if ours.is_empty() {
            match namesake(all, names) {
                Some(stranger) if adopt => stranger,
                stranger => {
                    return Ok(Self {
                        api: stranger,
                        ..Self::default()
                    });
                }
            }
        } else {
            ours.remove(0)
        };
        let id = api.api_id().unwrap_or_default();
        let (routes, integrations, deployments, stage) = tokio::try_join!(
            routes(client, id),
            integrations(client, id),
            deployments(client, id),
            stage(client, id, &names.stage),
        )?;
        Ok(Self {
            twins: ours,
            routes,
            integrations,
            deployments,
            stage,
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
        tags.ownership(&names.stack, &names.stage)
    }

    /// The deployment that the stage uses.
    pub fn live_deployment(&self) -> Option<&Deployment> {
        let id = self.stage.as_ref()?.deployment_id()?;
        self.deployments
            .iter()
            .find(|d| d.deployment_id() == Some(id))
    }
}

/// The APIs with our tags, the one that counts first.
pub(super) async fn our_apis(client: &Client, names: &Names) -> Result<Vec<Api>> {
    Ok(ours_of(all_apis(client).await?, names))
}

fn ours_of(mut apis: Vec<Api>, names: &Names) -> Vec<Api> {
    apis.retain(|api| {
        let tags = Tags::default().seen(api.tags().cloned().unwrap_or_default());
        tags.ownership(&names.stack, &names.stage) == Ownership::Ours
    });
    apis.sort_by_key(|api| {
        let created = api.created_date().map(|at| (at.secs(), at.subsec_nanos()));
        (created, api.api_id().map(str::to_owned))
    });
    apis
}

/// A stranger with our name. An API of another chat may carry it too (`a-b` + `c`, `a` + `b-c`).
fn namesake(all: Vec<Api>, names: &Names) -> Option<Api> {
    let same = |api: &Api| api.name() == Some(names.api.as_str());
    let socket = |api: &Api| api.protocol_type() == Some(&ProtocolType::Websocket);
    all.into_iter().find(|api| same(api) && socket(api))
}

/// Every API of the region.
pub(super) async fn all_apis(client: &Client) -> Result<Vec<Api>> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let call = client.get_apis().max_results(PAGE).set_next_token(token);
        let page = call.send().await.map_err(|e| explain("list the APIs", e))?;
        all.extend(page.items.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// Every route of the API; none if the API is gone.
pub(super) async fn routes(client: &Client, api: &str) -> Result<Vec<Route>> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let call = client.get_routes().api_id(api).max_results(PAGE);
        let page = match call.set_next_token(token).send().await {
            Ok(page) => page,
            Err(error) if is_missing(&error) => return Ok(all),
            Err(error) => return Err(explain("list the API's routes", error)),
        };
        all.extend(page.items.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// Every integration of the API; none if the API is gone.
pub(super) async fn integrations(client: &Client, api: &str) -> Result<Vec<Integration>> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let call = client.get_integrations().api_id(api).max_results(PAGE);
        let page = match call.set_next_token(token).send().await {
            Ok(page) => page,
            Err(error) if is_missing(&error) => return Ok(all),
            Err(error) => return Err(explain("list the API's integrations", error)),
        };
        all.extend(page.items.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// Every deployment of the API; none if the API is gone.
pub(super) async fn deployments(client: &Client, api: &str) -> Result<Vec<Deployment>> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let call = client.get_deployments().api_id(api).max_results(PAGE);
        let page = match call.set_next_token(token).send().await {
            Ok(page) => page,
            Err(error) if is_missing(&error) => return Ok(all),
            Err(error) => return Err(explain("list the API's deployments", error)),
        };
        all.extend(page.items.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// A stage of the API, if it is there.
pub(super) async fn stage(
    client: &Client,
    api: &str,
    name: &str,
) -> Result<Option<GetStageOutput>> {
    match client.get_stage().api_id(api).stage_name(name).send().await {
        Ok(stage) => Ok(Some(stage)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(explain(&format!("read the stage {name}"), error)),
    }
}
