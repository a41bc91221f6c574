//! The integration: how API Gateway calls the function, the same for every route.
//!
//! GetIntegrations; CreateIntegration, UpdateIntegration, DeleteIntegration. It goes with the API.
//!
//! Surprises: nothing keeps two of the same from being made, so it is known by its description and
//! made as the API is (`sdk::exactly_one`). One that a route still uses cannot be deleted.

use super::api::once;
use super::gateway::{Gateway, integrations};
use super::limits::{CONTROL, GATEWAY_LANE};
use super::role::gone;
use super::sdk::{Attempt, CONFLICT_LIMIT, Twin, exactly_one, is_busy, settle};
use super::world::World;
use crate::aws::{explain, is_conflict};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::Result;
use aws_sdk_apigatewayv2::types::{Integration as Found, IntegrationType};

/// By this ours is known.
pub const DESCRIPTION: &str = "chatctl: the chat function";

/// The id of the one integration that is wanted.
pub const INTEGRATION: &str = "integration";

/// How API Gateway calls the function.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// `integration`, or `integration/{id}` of one too many.
    pub id: Id,
    /// AWS's id of it, once known.
    pub integration_id: Option<String>,
    /// `AWS_PROXY`.
    pub kind: String,
    /// `POST`.
    pub method: String,
    /// The function's invocation ARN.
    pub uri: String,
    /// Milliseconds.
    pub timeout: i32,
    /// What ours is known by.
    pub description: String,
    /// A role to call with, instead of the function's policy; none is wanted.
    pub credentials: Option<String>,
}

impl Integration {
    /// The one that is wanted.
    pub fn new(uri: String) -> Self {
        Self {
            id: Id::new(INTEGRATION),
            integration_id: None,
            kind: "AWS_PROXY".into(),
            method: "POST".into(),
            timeout: 29_000,
            description: DESCRIPTION.into(),
            credentials: None,
            uri,
        }
    }

    pub(super) fn from_found(id: Id, found: &Found) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            id,
            integration_id: found.integration_id().map(str::to_owned),
            kind: found
                .integration_type()
                .map_or("", |t| t.as_str())
                .to_owned(),
            method: text(found.integration_method()),
            uri: text(found.integration_uri()),
            timeout: found.timeout_in_millis().unwrap_or(29_000),
            description: text(found.description()),
            credentials: found.credentials_arn().map(str::to_owned),
        }
    }
}

impl Resource for Integration {
    type World = World;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        match &self.integration_id {
            Some(id) => format!("{} ({id})", self.kind),
            None => self.kind.clone(),
        }
    }

    fn fields(&self) -> Fields {
        Fields::new()
            .with("integrationType", self.kind.as_str())
            .with("integrationMethod", self.method.as_str())
            .with("integrationUri", self.uri.as_str())
            .with("timeoutInMillis", self.timeout)
            .with("credentialsArn", self.credentials.clone())
            .with("description", self.description.as_str())
    }

    fn needs(&self) -> Vec<Edge> {
        vec![Edge::new("api", "it is part of the API")]
    }

    fn outlives(&self) -> Vec<Edge> {
        vec![Edge::new("route/*", "a route in use keeps its integration")]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new("api"))
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

    fn ownership(&self, _world: &World) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, world: &World) -> Result<Option<Self>> {
        let gateway = world.gateway();
        let Some(found) = ours(&gateway.integrations, live_target(&gateway)) else {
            return Ok(None);
        };
        world.set_integration(found.integration_id().unwrap_or_default().to_owned());
        Ok(Some(Self::from_found(self.id(), found)))
    }

    async fn apply(&self, found: Option<&Self>, job: &Job<World>) -> Result<()> {
        if let Some(found) = found {
            return self.update(found, job).await;
        }
        let id = exactly_one(self, job).await?;
        job.world().set_integration(id);
        Ok(())
    }

    async fn delete(&self, job: &Job<World>) -> Result<()> {
        let Some(id) = &self.integration_id else {
            return Ok(());
        };
        delete(job, id).await
    }
}

impl Integration {
    async fn update(&self, found: &Self, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let api = world.api_made()?;
        let call = || {
            world
                .clients
                .apigatewayv2
                .update_integration()
                .api_id(&api)
                .integration_id(found.integration_id.clone().unwrap_or_default())
                .integration_type(IntegrationType::from(self.kind.as_str()))
                .integration_method(&self.method)
                .integration_uri(&self.uri)
                .timeout_in_millis(self.timeout)
                .description(&self.description)
                .set_credentials_arn(found.credentials.is_some().then(String::new))
                .send()
        };
        let settled = settle(job, "another change", CONFLICT_LIMIT, is_busy, call).await;
        settled
            .map(drop)
            .map_err(|e| explain("update the API's integration", e))
    }
}

impl Twin for Integration {
    const WHAT: &'static str = "the integration";

    async fn look(&self, job: &Job<World>) -> Result<Vec<String>> {
        let world = job.world();
        let mut all = integrations(&world.clients.apigatewayv2, &world.api_made()?).await?;
        all.retain(|one| one.description() == Some(DESCRIPTION));
        let mut ids: Vec<_> = all
            .into_iter()
            .filter_map(|one| one.integration_id)
            .collect();
        ids.sort();
        Ok(ids)
    }

    async fn create(&self, job: &Job<World>) -> Result<Attempt> {
        let world = job.world();
        let call = world
            .clients
            .apigatewayv2
            .create_integration()
            .api_id(world.api_made()?)
            .integration_type(IntegrationType::from(self.kind.as_str()))
            .integration_method(&self.method)
            .integration_uri(&self.uri)
            .timeout_in_millis(self.timeout)
            .description(&self.description)
            .customize()
            .config_override(once());
        let answer = call.send().await;
        let id = answer.map(|made| made.integration_id.unwrap_or_default());
        Attempt::of("create the API's integration", id)
    }

    async fn take_back(&self, job: &Job<World>, id: &str) -> Result<()> {
        delete(job, id).await
    }
}

/// Ours by its description; of several the one that the routes use, then the lowest id. Without
/// any, the one that the routes use is ours with its description changed by hand.
fn ours(all: &[Found], live: Option<String>) -> Option<&Found> {
    let is_live = |one: &Found| live.is_some() && one.integration_id() == live.as_deref();
    let described = all
        .iter()
        .filter(|one| one.description() == Some(DESCRIPTION));
    described
        .min_by_key(|one| (!is_live(one), one.integration_id()))
        .or_else(|| all.iter().find(|one| is_live(one)))
}

/// The id of ours, as read.
pub(super) fn ours_in(gateway: &Gateway) -> Option<String> {
    let ours = ours(&gateway.integrations, live_target(gateway))?;
    ours.integration_id().map(str::to_owned)
}

fn live_target(gateway: &Gateway) -> Option<String> {
    let target = gateway.routes.iter().find_map(|route| route.target())?;
    Some(target.trim_start_matches("integrations/").to_owned())
}

/// "In use" passes when the routes have moved on.
async fn delete(job: &Job<World>, id: &str) -> Result<()> {
    let world = job.world();
    let api = world.api_made()?;
    let client = &world.clients.apigatewayv2;
    let call = || {
        client
            .delete_integration()
            .api_id(&api)
            .integration_id(id)
            .send()
    };
    let settled = settle(
        job,
        "the routes to move on",
        CONFLICT_LIMIT,
        is_conflict,
        call,
    )
    .await;
    gone(settled, &format!("delete the integration {id}"))
}

/// Integrations that nobody wants: with our description, or used by no route that stays.
pub(super) fn strays(world: &World) -> Vec<Integration> {
    let gateway = world.gateway();
    let ours = ours_in(&gateway);
    let others = gateway.integrations.iter();
    let others = others.filter(|one| one.integration_id() != ours.as_deref());
    others
        .map(|one| {
            let id = one.integration_id().unwrap_or_default();
            Integration::from_found(Id::new(format!("{INTEGRATION}/{id}")), one)
        })
        .collect()
}
