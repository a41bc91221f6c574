//! A deployment: a snapshot of routes and integrations. What is not in the stage's deployment is
//! not live.
//!
//! GetDeployments, GetDeployment; CreateDeployment, DeleteDeployment. It goes with the API.
//!
//! Surprises: CreateDeployment may be called once in 5 seconds, and nothing keeps two of the same
//! from being made. The description carries a digest of what is in the snapshot: by it the plan
//! sees that routes changed, and a second try finds the first one's. The former deployment is kept
//! until the next one is made, when the plan has it as one to delete.

use super::NeedsRights;
use super::exactly_one::{Attempt, NonIdempotentCreate, exactly_one};
use super::gateway::{Gateway, deployments};
use super::limits::{CONTROL, DEPLOYMENTS, GATEWAY_LANE};
use super::observed::Observed;
use super::outputs::{ApiId, DeploymentId, Outputs};
use super::retry::{CONFLICT_LIMIT, SETTLE_LIMIT, gone, is_busy, once, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::explain;
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::naming::rights::{Right, on};
use aws_sdk_apigatewayv2::types::{Deployment as Found, DeploymentStatus};

const PREFIX: &str = "chatctl:";

/// A snapshot of routes and integrations.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// `deployment`, or `deployment/{id}` of one too many.
    pub id: Id,
    /// The digest of what is in it.
    pub digest: String,
    /// AWS's id of it.
    pub deployment_id: Output<DeploymentId>,
    /// The API's id.
    pub api: Output<ApiId>,
}

impl Deployment {
    /// The one that is wanted.
    pub fn new(digest: String, outputs: &Outputs) -> Self {
        Self {
            id: Id::new(ids::DEPLOYMENT),
            deployment_id: outputs.deployment.clone(),
            api: outputs.api.clone(),
            digest,
        }
    }

    fn from_found(id: Id, found: &Found, api: Output<ApiId>) -> Self {
        let deployment_id = found.deployment_id().map(|id| DeploymentId(id.into()));
        Self {
            id,
            digest: digest_of(found),
            deployment_id: Output::new(ids::DEPLOYMENT, deployment_id),
            api,
        }
    }
}

impl NeedsRights for Deployment {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("apigateway:GET", on::api),
        Right::to_write("apigateway:POST", on::api),
        Right::to_write("apigateway:DELETE", on::api),
    ];
}

impl Resource for Deployment {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        let id = self.deployment_id.known();
        id.map_or_else(|| "of routes and integration".into(), |id| id.0)
    }

    fn fields(&self) -> Fields {
        Fields::new().with("digest", self.digest.as_str())
    }

    fn needs(&self) -> Vec<Edge> {
        vec![
            self.api.edge("it is part of the API"),
            Edge::new(ids::EVERY_ROUTE, "it is a snapshot of the routes"),
            Edge::new(ids::AUTHORIZER, "it is a snapshot of the authorizer"),
            Edge::new(
                ids::EVERY_INTEGRATION,
                "it is a snapshot of the integrations",
            ),
        ]
    }

    /// One too many goes when the stage uses the wanted one: it must not delay that.
    fn outlives(&self) -> Vec<Edge> {
        vec![Edge::new(ids::STAGE, "what clients use comes first")]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(ids::API))
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

    fn ownership(&self, _observed: &Observed) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let gateway = &observed.gateway;
        let found = find(gateway, &self.digest).or_else(|| gateway.live_deployment());
        Ok(found.map(|found| Self::from_found(self.id(), found, self.api.clone())))
    }

    async fn apply(&self, _found: Option<&Self>, step: &StepContext) -> Result<()> {
        let id = exactly_one(self, step).await?;
        self.ready(&id, step).await?;
        self.deployment_id.set(DeploymentId(id));
        Ok(())
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        match self.deployment_id.known() {
            Some(id) => delete(step, &self.api.get()?, &id).await,
            None => Ok(()),
        }
    }
}

impl Deployment {
    async fn ready(&self, id: &str, step: &StepContext) -> Result<()> {
        let run = step.run();
        let api = self.api.get()?;
        let client = &run.clients.apigatewayv2;
        let look = || async {
            let call = client.get_deployment().api_id(&*api).deployment_id(id);
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
        step.until("the deployment to be made", SETTLE_LIMIT, look)
            .await
    }
}

impl NonIdempotentCreate for Deployment {
    const WHAT: &'static str = "the deployment";

    async fn look(&self, step: &StepContext) -> Result<Vec<String>> {
        let run = step.run();
        let mut all = deployments(&run.clients.apigatewayv2, &self.api.get()?).await?;
        all.retain(|one| has_digest(one, &self.digest));
        let mut ids: Vec<_> = all
            .into_iter()
            .filter_map(|one| one.deployment_id)
            .collect();
        ids.sort();
        Ok(ids)
    }

    async fn create(&self, step: &StepContext) -> Result<Attempt> {
        let run = step.run();
        let call = run
            .clients
            .apigatewayv2
            .create_deployment()
            .api_id(&*self.api.get()?)
            .description(format!("{PREFIX}{}", self.digest))
            .customize()
            .config_override(once());
        let answer = call.send().await;
        let id = answer.map(|made| made.deployment_id.unwrap_or_default());
        let attempt = Attempt::of("deploy the API", id)?;
        if matches!(attempt, Attempt::Unclear(_)) {
            step.pace(Cost {
                of: DEPLOYMENTS,
                tokens: 1,
            })
            .await;
        }
        Ok(attempt)
    }

    async fn take_back(&self, step: &StepContext, id: &str) -> Result<()> {
        delete(step, &self.api.get()?, id).await
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

async fn delete(step: &StepContext, api: &str, id: &str) -> Result<()> {
    let client = &step.run().clients.apigatewayv2;
    let call = || {
        client
            .delete_deployment()
            .api_id(api)
            .deployment_id(id)
            .send()
    };
    let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
    gone(answer, &format!("delete the former deployment {id}"))
}

fn has_digest(found: &Found, digest: &str) -> bool {
    let ours = found
        .description()
        .and_then(|text| text.strip_prefix(PREFIX));
    ours == Some(digest) && found.deployment_status() != Some(&DeploymentStatus::Failed)
}

/// Any deployment with the digest; the live one first.
fn find<'a>(gateway: &'a Gateway, digest: &str) -> Option<&'a Found> {
    let same = |one: &&Found| has_digest(one, digest);
    let live = gateway.live_deployment().filter(same);
    live.or_else(|| gateway.deployments.iter().find(same))
}

/// The id of a deployment with the digest.
pub fn with_digest(gateway: &Gateway, digest: &str) -> Option<String> {
    find(gateway, digest)?.deployment_id().map(str::to_owned)
}

/// Deployments that nobody needs: second ones of the live one's digest, made by a call that came
/// into effect after its caller was gone; and, once another deployment than the live one is
/// `wanted`, all but the live one. That one stays: the data plane goes on using it for a minute or so. So do those
/// of stages that are not ours.
pub fn orphans(gateway: &Gateway, api: &Output<ApiId>, wanted: &str) -> Vec<Deployment> {
    let live = gateway.live_deployment();
    let is_live = |one: &Found| live.is_some_and(|l| l.deployment_id() == one.deployment_id());
    let same = |one: &Found| {
        let live = live.and_then(Found::description);
        live.is_some() && one.description() == live
    };
    let moves_on = find(gateway, wanted).is_none();
    let is_free = |one: &&Found| !is_live(one) && !gateway.is_used_elsewhere(one);
    let others = gateway.deployments.iter().filter(is_free);
    let orphans = others.filter(|one| moves_on || same(one));
    orphans
        .map(|one| {
            let id = one.deployment_id().unwrap_or_default();
            let id = Id::new(format!("{}/{id}", ids::DEPLOYMENT));
            Deployment::from_found(id, one, api.clone())
        })
        .collect()
}
