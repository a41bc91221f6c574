//! A route: which messages go to the integration.
//!
//! GetRoutes; CreateRoute, UpdateRoute, DeleteRoute. It goes with the API.
//!
//! Surprises: a second route with the same key is refused, so a lost answer costs nothing: the
//! refusal says that it is there. Changes are live only with a new deployment, and a route is
//! changed in place: deleting and making it anew would lose messages in between.

use super::gateway::routes;
use super::integration::INTEGRATION;
use super::limits::{CONTROL, GATEWAY_LANE};
use super::role::gone;
use super::sdk::{CONFLICT_LIMIT, SETTLE_LIMIT, is_busy, settle};
use super::world::World;
use crate::aws::{explain, is_conflict};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::Result;
use aws_sdk_apigatewayv2::types::{AuthorizationType, Route as Found};

/// The routes of the chat.
pub const KEYS: [&str; 6] = [
    "$connect",
    "$disconnect",
    "$default",
    "setName",
    "sendPublic",
    "sendPrivate",
];

/// How the target of a route is named when it is our integration.
const OURS: &str = "the chat function";

/// A route of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// What is matched: `$connect`, `sendPublic`, …
    pub key: String,
    /// AWS's id of it, once known.
    pub route_id: Option<String>,
    /// Where it goes: [`OURS`], or `integrations/{id}` of another one.
    pub target: String,
    /// Who may; `NONE` is wanted.
    pub authorization: String,
    /// Whether it wants an API key.
    pub needs_key: bool,
    /// Whether the function's answer goes back to the client; it does not.
    pub answers: Option<String>,
}

impl Route {
    /// A route as it is wanted.
    pub fn new(key: &str) -> Self {
        Self {
            key: key.into(),
            route_id: None,
            target: OURS.into(),
            authorization: "NONE".into(),
            needs_key: false,
            answers: None,
        }
    }

    fn from_found(found: &Found, integration: Option<&str>) -> Self {
        let target = found.target().unwrap_or("nothing");
        let id = target.strip_prefix("integrations/");
        let ours = id.is_some() && id == integration;
        let authorization = found.authorization_type().map_or("NONE", |a| a.as_str());
        Self {
            key: found.route_key().unwrap_or_default().to_owned(),
            route_id: found.route_id().map(str::to_owned),
            target: if ours { OURS } else { target }.to_owned(),
            authorization: authorization.to_owned(),
            needs_key: found.api_key_required().unwrap_or_default(),
            answers: found
                .route_response_selection_expression()
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
        }
    }

    async fn look(&self, world: &World) -> Result<Option<Self>> {
        let api = world.api_made()?;
        let all = routes(&world.clients.apigatewayv2, &api).await?;
        let integration = world.integration_made().ok();
        let found = all
            .iter()
            .find(|route| route.route_key() == Some(&self.key));
        Ok(found.map(|found| Self::from_found(found, integration.as_deref())))
    }

    async fn create(&self, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let (api, target) = (world.api_made()?, target(world)?);
        let action = format!("create the route {}", self.key);
        let attempt = || async {
            let call = world
                .clients
                .apigatewayv2
                .create_route()
                .api_id(&api)
                .route_key(&self.key)
                .target(&target)
                .authorization_type(AuthorizationType::from(self.authorization.as_str()))
                .api_key_required(self.needs_key);
            match call.send().await {
                Ok(_) => Ok(Some(None)),
                // There already, or another change under way: looking tells which.
                Err(error) if is_conflict(&error) => Ok(self.look(world).await?.map(Some)),
                Err(error) => Err(explain(&action, error)),
            }
        };
        match job.until("another change", CONFLICT_LIMIT, attempt).await? {
            Some(there) if there.fields() != self.fields() => self.update(&there, job).await,
            _ => Ok(()),
        }
    }

    async fn update(&self, found: &Self, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let (api, target) = (world.api_made()?, target(world)?);
        let call = || {
            world
                .clients
                .apigatewayv2
                .update_route()
                .api_id(&api)
                .route_id(found.route_id.clone().unwrap_or_default())
                .route_key(&self.key)
                .target(&target)
                .authorization_type(AuthorizationType::from(self.authorization.as_str()))
                .api_key_required(self.needs_key)
                .set_route_response_selection_expression(found.answers.is_some().then(String::new))
                .send()
        };
        let settled = settle(job, "another change", CONFLICT_LIMIT, is_busy, call).await;
        settled
            .map(drop)
            .map_err(|e| explain(&format!("update the route {}", self.key), e))
    }
}

impl Resource for Route {
    type World = World;

    fn id(&self) -> Id {
        Id::new(format!("route/{}", self.key))
    }

    fn name(&self) -> String {
        self.key.clone()
    }

    fn fields(&self) -> Fields {
        Fields::new()
            .with("target", self.target.as_str())
            .with("authorizationType", self.authorization.as_str())
            .with("apiKeyRequired", self.needs_key)
            .with("routeResponseSelectionExpression", self.answers.clone())
    }

    fn needs(&self) -> Vec<Edge> {
        vec![
            Edge::new("api", "it is part of the API"),
            Edge::new(INTEGRATION, "it leads to the integration"),
        ]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new("api"))
    }

    fn lane(&self) -> Option<&'static str> {
        Some(GATEWAY_LANE)
    }

    fn costs(&self, _action: Action) -> Vec<Cost> {
        vec![Cost {
            of: CONTROL,
            tokens: 1,
        }]
    }

    fn ownership(&self, _world: &World) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, world: &World) -> Result<Option<Self>> {
        let gateway = world.gateway();
        let integration = super::integration::ours_in(&gateway);
        let mut all = gateway.routes.iter();
        let found = all.find(|route| route.route_key() == Some(&self.key));
        Ok(found.map(|found| Self::from_found(found, integration.as_deref())))
    }

    async fn apply(&self, found: Option<&Self>, job: &Job<World>) -> Result<()> {
        match found {
            Some(found) => self.update(found, job).await,
            None => self.create(job).await,
        }
    }

    async fn delete(&self, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let api = world.api_made()?;
        let id = self.route_id.clone().unwrap_or_default();
        let client = &world.clients.apigatewayv2;
        let call = || client.delete_route().api_id(&api).route_id(&id).send();
        let settled = settle(job, "another change", SETTLE_LIMIT, is_busy, call).await;
        gone(settled, &format!("delete the route {}", self.key))
    }
}

fn target(world: &World) -> Result<String> {
    Ok(format!("integrations/{}", world.integration_made()?))
}

/// Routes that nobody wants: the API is wholly ours.
pub(super) fn strays(world: &World) -> Vec<Route> {
    let gateway = world.gateway();
    let unwanted = |route: &&Found| !KEYS.contains(&route.route_key().unwrap_or_default());
    let found = gateway.routes.iter().filter(unwanted);
    found.map(|route| Route::from_found(route, None)).collect()
}
