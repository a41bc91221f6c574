//! A deployment: a snapshot of routes and integrations. What is not in the stage's deployment is
//! not live.
//!
//! GetDeployments, GetDeployment; CreateDeployment, DeleteDeployment. It goes with the API.
//!
//! Surprises: CreateDeployment may be called once in 5 seconds, and nothing keeps two of the same
//! from being made. The description carries a digest of what is in the snapshot: by it the plan
//! sees that routes changed, and a second try finds the first one's. The former deployment is kept
//! until the next one is made: the data plane goes on using it for a minute or so.

use super::api::once;
use super::gateway::deployments;
use super::limits::{CONTROL, DEPLOYMENTS, GATEWAY_LANE};
use super::role::gone;
use super::sdk::{Attempt, CONFLICT_LIMIT, SETTLE_LIMIT, Twin, exactly_one, is_busy, settle};
use super::world::World;
use crate::aws::explain;
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::{Error, Result};
use aws_sdk_apigatewayv2::types::{Deployment as Found, DeploymentStatus};

const PREFIX: &str = "chatctl:";

/// A snapshot of routes and integrations.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// `deployment`, or `deployment/{id}` of one too many.
    pub id: Id,
    /// The digest of what is in it.
    pub digest: String,
    /// AWS's id of it, once known.
    pub deployment_id: Option<String>,
}

impl Deployment {
    fn description(&self) -> String {
        format!("{PREFIX}{}", self.digest)
    }

    async fn ready(&self, id: &str, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let api = world.api_made()?;
        let client = &world.clients.apigatewayv2;
        let look = || async {
            let call = client.get_deployment().api_id(&api).deployment_id(id);
            let now = call
                .send()
                .await
                .map_err(|e| explain("read the deployment", e))?;
            match now.deployment_status() {
                Some(DeploymentStatus::Failed) => {
                    Err(Error::failed("API Gateway could not deploy the API")
                        .because_of(now.deployment_status_message().unwrap_or("no reason given")))
                }
                Some(DeploymentStatus::Pending) => Ok(None),
                _ => Ok(Some(())),
            }
        };
        job.until("the deployment to be made", SETTLE_LIMIT, look)
            .await
    }

    /// What neither the stage uses nor this one is.
    async fn prune(&self, kept: &str, job: &Job<World>) -> Result<()> {
        let gateway = job.world().gateway();
        let live = gateway
            .stage
            .as_ref()
            .and_then(|stage| stage.deployment_id());
        for old in &gateway.deployments {
            let id = old.deployment_id().unwrap_or_default();
            if id != kept && Some(id) != live {
                delete(job, id).await?;
            }
        }
        Ok(())
    }
}

impl Resource for Deployment {
    type World = World;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        self.deployment_id
            .clone()
            .unwrap_or_else(|| "of routes and integration".into())
    }

    fn fields(&self) -> Fields {
        Fields::new().with("digest", self.digest.as_str())
    }

    fn needs(&self) -> Vec<Edge> {
        vec![
            Edge::new("api", "it is part of the API"),
            Edge::new("route/*", "it is a snapshot of the routes"),
            Edge::new("integration*", "it is a snapshot of the integrations"),
        ]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new("api"))
    }

    fn lane(&self) -> Option<&'static str> {
        Some(GATEWAY_LANE)
    }

    fn costs(&self, action: Action) -> Vec<Cost> {
        if action == Action::Delete {
            return Vec::new();
        }
        vec![
            Cost {
                of: CONTROL,
                tokens: 4,
            },
            Cost {
                of: DEPLOYMENTS,
                tokens: 1,
            },
        ]
    }

    fn ownership(&self, _world: &World) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, world: &World) -> Result<Option<Self>> {
        let gateway = world.gateway();
        let live = gateway.live_deployment();
        let ours = |one: &&Found| {
            one.description() == Some(&self.description())
                && one.deployment_status() != Some(&DeploymentStatus::Failed)
        };
        // Any with our digest will do; the live one first.
        let same = live
            .filter(ours)
            .or_else(|| gateway.deployments.iter().find(ours));
        if let Some(id) = same.and_then(Found::deployment_id) {
            world.set_deployment(id.to_owned());
        }
        let Some(found) = same.or(live) else {
            return Ok(None);
        };
        Ok(Some(Self {
            id: self.id(),
            digest: digest_of(found),
            deployment_id: found.deployment_id().map(str::to_owned),
        }))
    }

    async fn apply(&self, _found: Option<&Self>, job: &Job<World>) -> Result<()> {
        let id = exactly_one(self, job).await?;
        self.ready(&id, job).await?;
        job.world().set_deployment(id.clone());
        self.prune(&id, job).await
    }

    async fn delete(&self, job: &Job<World>) -> Result<()> {
        match &self.deployment_id {
            Some(id) => delete(job, id).await,
            None => Ok(()),
        }
    }
}

impl Twin for Deployment {
    const WHAT: &'static str = "the deployment";

    async fn look(&self, job: &Job<World>) -> Result<Vec<String>> {
        let world = job.world();
        let mut all = deployments(&world.clients.apigatewayv2, &world.api_made()?).await?;
        all.retain(|one| {
            one.description() == Some(&self.description())
                && one.deployment_status() != Some(&DeploymentStatus::Failed)
        });
        let mut ids: Vec<_> = all
            .into_iter()
            .filter_map(|one| one.deployment_id)
            .collect();
        ids.sort();
        Ok(ids)
    }

    async fn create(&self, job: &Job<World>) -> Result<Attempt> {
        let world = job.world();
        let call = world
            .clients
            .apigatewayv2
            .create_deployment()
            .api_id(world.api_made()?)
            .description(self.description())
            .customize()
            .config_override(once());
        let answer = call.send().await;
        let id = answer.map(|made| made.deployment_id.unwrap_or_default());
        let attempt = Attempt::of("deploy the API", id)?;
        if matches!(attempt, Attempt::Unclear(_)) {
            job.pace(Cost {
                of: DEPLOYMENTS,
                tokens: 1,
            })
            .await;
        }
        Ok(attempt)
    }

    async fn take_back(&self, job: &Job<World>, id: &str) -> Result<()> {
        delete(job, id).await
    }
}

/// The digest that a deployment was made with, or that it is none of ours.
pub(super) fn digest_of(found: &Found) -> String {
    let ours = found
        .description()
        .and_then(|text| text.strip_prefix(PREFIX));
    match ours {
        Some(digest) => digest.to_owned(),
        None => format!(
            "of deployment {}, made by hand",
            found.deployment_id().unwrap_or("?")
        ),
    }
}

async fn delete(job: &Job<World>, id: &str) -> Result<()> {
    let world = job.world();
    let api = world.api_made()?;
    let client = &world.clients.apigatewayv2;
    let call = || {
        client
            .delete_deployment()
            .api_id(&api)
            .deployment_id(id)
            .send()
    };
    let settled = settle(job, "another change", CONFLICT_LIMIT, is_busy, call).await;
    gone(settled, &format!("delete the former deployment {id}"))
}

/// Twins of the live deployment, made by a call that came into effect after its caller was gone.
pub(super) fn strays(world: &World) -> Vec<Deployment> {
    let gateway = world.gateway();
    let Some(live) = gateway.live_deployment() else {
        return Vec::new();
    };
    let twin = |one: &&Found| {
        let same = one.description() == live.description() && one.description().is_some();
        same && one.deployment_id() != live.deployment_id()
    };
    let twins = gateway.deployments.iter().filter(twin);
    twins
        .map(|one| Deployment {
            id: Id::new(format!(
                "deployment/{}",
                one.deployment_id().unwrap_or_default()
            )),
            digest: digest_of(one),
            deployment_id: one.deployment_id().map(str::to_owned),
        })
        .collect()
}
