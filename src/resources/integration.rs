//! The integration: how API Gateway calls the function, the same for every route.
//!
//! GetIntegrations; CreateIntegration, UpdateIntegration, DeleteIntegration. It goes with the API.
//!
//! Surprises: nothing keeps two of the same from being made, so it is known by its description and
//! made as the API is (`exactly_one`). One that a route still uses cannot be deleted.

use super::NeedsRights;
use super::exactly_one::{Attempt, NonIdempotentCreate, exactly_one};
use super::gateway::{Gateway, integrations};
use super::limits::{CONTROL, GATEWAY_LANE};
use super::observed::Observed;
use super::outputs::{ApiId, IntegrationId, Outputs};
use super::retry::{CONFLICT_LIMIT, gone, is_busy, once, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{explain, is_conflict};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::rights::{Right, on};
use aws_sdk_apigatewayv2::types::{Integration as Found, IntegrationType};

/// By this ours is known.
pub const DESCRIPTION: &str = "chatctl: the chat function";

/// How API Gateway calls the function.
#[derive(Debug, Clone)]
pub struct Integration {
    /// `integration`, or `integration/{id}` of one too many.
    pub id: Id,
    /// AWS's id of it.
    pub integration_id: Output<IntegrationId>,
    /// The API's id.
    pub api: Output<ApiId>,
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
    pub fn new(uri: String, outputs: &Outputs) -> Self {
        Self {
            id: Id::new(ids::INTEGRATION),
            integration_id: outputs.integration.clone(),
            api: outputs.api.clone(),
            kind: "AWS_PROXY".into(),
            method: "POST".into(),
            timeout: 29_000,
            description: DESCRIPTION.into(),
            credentials: None,
            uri,
        }
    }

    fn from_found(id: Id, found: &Found, api: Output<ApiId>) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            id,
            integration_id: Output::new(
                ids::INTEGRATION,
                found.integration_id().map(|id| IntegrationId(id.into())),
            ),
            api,
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

impl NeedsRights for Integration {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("apigateway:GET", on::api),
        Right::to_write("apigateway:POST", on::api),
        Right::to_write("apigateway:PATCH", on::api),
        Right::to_write("apigateway:DELETE", on::api),
    ];
}

impl Resource for Integration {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        match self.integration_id.known() {
            Some(id) => format!("{} ({})", self.kind, id.0),
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
        vec![self.api.edge("it is part of the API")]
    }

    fn outlives(&self) -> Vec<Edge> {
        vec![Edge::new(
            ids::EVERY_ROUTE,
            "a route in use keeps its integration",
        )]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(ids::API))
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

    fn ownership(&self, _observed: &Observed) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let gateway = &observed.gateway;
        let found = ours(&gateway.integrations, live_target(gateway));
        Ok(found.map(|found| Self::from_found(self.id(), found, self.api.clone())))
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        if let Some(found) = found {
            return self.update(found, step).await;
        }
        let id = exactly_one(self, step).await?;
        self.integration_id.set(IntegrationId(id));
        Ok(())
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        match self.integration_id.known() {
            Some(id) => delete(step, &self.api.get()?, &id).await,
            None => Ok(()),
        }
    }
}

impl Integration {
    async fn update(&self, found: &Self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let (api, id) = (self.api.get()?, found.integration_id.get()?);
        let call = || {
            run.clients
                .apigatewayv2
                .update_integration()
                .api_id(&*api)
                .integration_id(&*id)
                .integration_type(IntegrationType::from(self.kind.as_str()))
                .integration_method(&self.method)
                .integration_uri(&self.uri)
                .timeout_in_millis(self.timeout)
                .description(&self.description)
                .set_credentials_arn(found.credentials.is_some().then(String::new))
                .send()
        };
        let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
        answer
            .map(drop)
            .map_err(|e| explain("update the API's integration", e))
    }
}

impl NonIdempotentCreate for Integration {
    const WHAT: &'static str = "the integration";

    async fn look(&self, step: &StepContext) -> Result<Vec<String>> {
        let run = step.run();
        let mut all = integrations(&run.clients.apigatewayv2, &self.api.get()?).await?;
        all.retain(|one| one.description() == Some(DESCRIPTION));
        let mut ids: Vec<_> = all
            .into_iter()
            .filter_map(|one| one.integration_id)
            .collect();
        ids.sort();
        Ok(ids)
    }

    async fn create(&self, step: &StepContext) -> Result<Attempt> {
        let run = step.run();
        let call = run
            .clients
            .apigatewayv2
            .create_integration()
            .api_id(&*self.api.get()?)
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

    async fn take_back(&self, step: &StepContext, id: &str) -> Result<()> {
        delete(step, &self.api.get()?, id).await
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
pub fn ours_in(gateway: &Gateway) -> Option<String> {
    let ours = ours(&gateway.integrations, live_target(gateway))?;
    ours.integration_id().map(str::to_owned)
}

fn live_target(gateway: &Gateway) -> Option<String> {
    let target = gateway.routes.iter().find_map(|route| route.target())?;
    Some(target.trim_start_matches("integrations/").to_owned())
}

/// "In use" passes when the routes have moved on.
async fn delete(step: &StepContext, api: &str, id: &str) -> Result<()> {
    let client = &step.run().clients.apigatewayv2;
    let call = || {
        client
            .delete_integration()
            .api_id(api)
            .integration_id(id)
            .send()
    };
    let answer = retry_while(
        step,
        "the routes to move on",
        CONFLICT_LIMIT,
        is_conflict,
        call,
    )
    .await;
    gone(answer, &format!("delete the integration {id}"))
}

/// Integrations that nobody wants: with our description, or used by no route that stays.
pub fn orphans(gateway: &Gateway, api: &Output<ApiId>) -> Vec<Integration> {
    let ours = ours_in(gateway);
    let others = gateway.integrations.iter();
    let others = others.filter(|one| one.integration_id() != ours.as_deref());
    others
        .map(|one| {
            let id = one.integration_id().unwrap_or_default();
            let id = Id::new(format!("{}/{id}", ids::INTEGRATION));
            Integration::from_found(id, one, api.clone())
        })
        .collect()
}
