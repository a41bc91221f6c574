//! The WebSocket API.
//!
//! GetApis; CreateApi, UpdateApi, (Un)TagResource, DeleteApi.
//!
//! Surprises: names are not unique and CreateApi is not idempotent: ours is found by its tags, made
//! with the SDK's retries off, and looked for before a second try (`sdk::exactly_one`). DeleteApi
//! takes routes, integrations, deployments and stages with it, and leaves log groups and
//! permissions behind.

use super::gateway::our_apis;
use super::limits::{CONTROL, GATEWAY_LANE};
use super::role::gone;
use super::sdk::{Attempt, CONFLICT_LIMIT, SETTLE_LIMIT, Twin, exactly_one, is_busy, settle};
use super::world::World;
use crate::aws::{explain, is_missing};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Fields, Id, Job, Ownership, Resource};
use crate::error::Result;
use crate::stack::tags::Tags;
use aws_sdk_apigatewayv2::config::Builder as Config;
use aws_sdk_apigatewayv2::config::retry::RetryConfig;
use aws_sdk_apigatewayv2::types::{Api as Found, ProtocolType};

/// How API Gateway finds the route of a message.
pub const SELECTION: &str = "$request.body.action";

/// A WebSocket API.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    /// `api`, or `api/{id}` of one too many.
    pub id: Id,
    /// AWS's id of it, once known.
    pub api_id: Option<String>,
    /// Its name.
    pub name: String,
    /// `WEBSOCKET`.
    pub protocol: String,
    /// Where in a message the route is named.
    pub selection: String,
    /// Its tags.
    pub tags: Tags,
}

impl Api {
    pub(super) fn from_found(id: Id, found: &Found, wanted_tags: &Tags) -> Self {
        let protocol = found.protocol_type().map_or("", |p| p.as_str());
        Self {
            id,
            api_id: found.api_id().map(str::to_owned),
            name: found.name().unwrap_or_default().to_owned(),
            protocol: protocol.to_owned(),
            selection: found
                .route_selection_expression()
                .unwrap_or_default()
                .to_owned(),
            tags: wanted_tags.seen(found.tags().cloned().unwrap_or_default()),
        }
    }
}

impl Resource for Api {
    type World = World;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        match &self.api_id {
            Some(id) => format!("{} ({id})", self.name),
            None => self.name.clone(),
        }
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new()
            .with("name", self.name.as_str())
            .frozen("protocolType", self.protocol.as_str())
            .with("routeSelectionExpression", self.selection.as_str());
        self.tags.fields(fields)
    }

    fn lane(&self) -> Option<&'static str> {
        Some(GATEWAY_LANE)
    }

    fn costs(&self, action: Action) -> Vec<Cost> {
        let tokens = if action == Action::Create { 3 } else { 1 };
        vec![Cost {
            of: CONTROL,
            tokens,
        }]
    }

    fn ownership(&self, world: &World) -> Ownership {
        self.tags.ownership(&world.names.stack, &world.names.stage)
    }

    async fn read(&self, world: &World) -> Result<Option<Self>> {
        let gateway = world.gateway();
        let found = gateway.api.as_ref();
        Ok(found.map(|found| Self::from_found(self.id(), found, &self.tags)))
    }

    async fn apply(&self, found: Option<&Self>, job: &Job<World>) -> Result<()> {
        let world = job.world();
        if let Some(found) = found {
            return self.mend(found, job).await;
        }
        let id = exactly_one(self, job).await?;
        world.set_api(id.clone());
        // Another deploy's may be of another mind about the settings.
        let ours = our_apis(&world.clients.apigatewayv2, &world.names).await?;
        match ours.iter().find(|api| api.api_id() == Some(&id)) {
            Some(there) => {
                self.mend(&Self::from_found(self.id(), there, &self.tags), job)
                    .await
            }
            None => Ok(()),
        }
    }

    async fn delete(&self, job: &Job<World>) -> Result<()> {
        match &self.api_id {
            Some(id) => delete(job, id).await,
            None => Ok(()),
        }
    }
}

impl Api {
    async fn mend(&self, found: &Self, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let client = &world.clients.apigatewayv2;
        let id = found.api_id.clone().unwrap_or_default();
        if (&self.name, &self.selection) != (&found.name, &found.selection) {
            let call = || {
                client
                    .update_api()
                    .api_id(&id)
                    .name(&self.name)
                    .route_selection_expression(&self.selection)
                    .send()
            };
            let settled = settle(job, "another change", CONFLICT_LIMIT, is_busy, call).await;
            settled.map_err(|e| explain("update the API", e))?;
        }
        tag(world, &world.names.api_arn(&id), &self.tags, &found.tags).await
    }
}

impl Twin for Api {
    const WHAT: &'static str = "the API";

    async fn look(&self, job: &Job<World>) -> Result<Vec<String>> {
        let world = job.world();
        let ours = our_apis(&world.clients.apigatewayv2, &world.names).await?;
        Ok(ours.into_iter().filter_map(|api| api.api_id).collect())
    }

    async fn create(&self, job: &Job<World>) -> Result<Attempt> {
        let client = &job.world().clients.apigatewayv2;
        let call = client
            .create_api()
            .name(&self.name)
            .protocol_type(ProtocolType::Websocket)
            .route_selection_expression(&self.selection)
            .description("made by chatctl")
            .set_tags(Some(self.tags.to_map()))
            .customize()
            .config_override(once());
        let answer = call.send().await;
        Attempt::of(
            "create the API",
            answer.map(|api| api.api_id.unwrap_or_default()),
        )
    }

    async fn take_back(&self, job: &Job<World>, id: &str) -> Result<()> {
        delete(job, id).await
    }
}

/// A call that is sent once and only once.
pub(super) fn once() -> Config {
    Config::new().retry_config(RetryConfig::disabled())
}

/// Sets and takes off tags of anything in API Gateway.
pub(super) async fn tag(world: &World, arn: &str, wanted: &Tags, found: &Tags) -> Result<()> {
    let client = &world.clients.apigatewayv2;
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

async fn delete(job: &Job<World>, id: &str) -> Result<()> {
    let client = &job.world().clients.apigatewayv2;
    let call = || client.delete_api().api_id(id).send();
    let settled = settle(job, "another change", CONFLICT_LIMIT, is_busy, call).await;
    gone(settled, &format!("delete the API {id}"))?;
    let look = || async {
        match client.get_api().api_id(id).send().await {
            Err(error) if is_missing(&error) => Ok(Some(())),
            Err(error) => Err(explain(&format!("look for the API {id}"), error)),
            Ok(_) => Ok(None),
        }
    };
    job.until("the API to be gone", SETTLE_LIMIT, look).await
}
