//! The authorizer of `$connect`: API Gateway asks the function whether a client may come in.
//!
//! GetAuthorizers; CreateAuthorizer, UpdateAuthorizer, DeleteAuthorizer. It goes with the API.
//!
//! Surprises: it needs a right of its own to call the function, for an ARN that has no stage in it. A
//! client that sends none of the identity sources is refused before the function is asked. Nothing keeps
//! two of the same from being made, so it is known by its name and made as the API is (`exactly_one`).

use super::NeedsRights;
use super::exactly_one::{Attempt, NonIdempotentCreate, exactly_one};
use super::gateway::{Gateway, authorizers};
use super::limits::{CONTROL, GATEWAY_LANE};
use super::observed::Observed;
use super::outputs::{ApiId, AuthorizerId, Outputs};
use super::retry::{CONFLICT_LIMIT, gone, is_busy, once, retry_while};
use super::run_context::StepContext;
use crate::aws::{explain, is_conflict};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::rights::{Right, on};
use aws_sdk_apigatewayv2::types::{Authorizer as Found, AuthorizerType};

/// By this ours is known.
const NAME: &str = "chatctl";

/// Whom API Gateway asks about a client.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// `authorizer`, or `authorizer/{id}` of one that is not wanted.
    pub id: Id,
    /// AWS's id of it.
    pub authorizer_id: Output<AuthorizerId>,
    /// The API's id.
    pub api: Output<ApiId>,
    /// The function's invocation ARN.
    pub uri: String,
    /// What a client has to send.
    pub identity: Vec<String>,
}

impl Authorizer {
    /// The one that is wanted.
    pub fn new(uri: String, identity: Vec<String>, outputs: &Outputs) -> Self {
        Self {
            id: Id::new(ids::AUTHORIZER),
            authorizer_id: outputs.authorizer.clone(),
            api: outputs.api.clone(),
            identity,
            uri,
        }
    }

    fn from_found(id: Id, found: &Found, api: Output<ApiId>) -> Self {
        let authorizer_id = found.authorizer_id().map(|id| AuthorizerId(id.into()));
        Self {
            id,
            authorizer_id: Output::new(ids::AUTHORIZER, authorizer_id),
            uri: found.authorizer_uri().unwrap_or_default().to_owned(),
            identity: found.identity_source().to_vec(),
            api,
        }
    }
}

impl NeedsRights for Authorizer {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("apigateway:GET", on::api),
        Right::to_write("apigateway:POST", on::api),
        Right::to_write("apigateway:PATCH", on::api),
        Right::to_write("apigateway:DELETE", on::api),
    ];
}

impl Resource for Authorizer {
    type Context = super::RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        match self.authorizer_id.known() {
            Some(id) => format!("{NAME} ({})", id.0),
            None => NAME.to_owned(),
        }
    }

    fn fields(&self) -> Fields {
        Fields::new()
            .with("authorizerUri", self.uri.as_str())
            .with("identitySource", self.identity.clone())
    }

    fn needs(&self) -> Vec<Edge> {
        vec![self.api.edge("it is part of the API")]
    }

    fn outlives(&self) -> Vec<Edge> {
        vec![
            Edge::new(ids::EVERY_ROUTE, "a route in use keeps its authorizer"),
            Edge::new(ids::STAGE, "until then clients are let in by it"),
        ]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(ids::API))
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

    fn ownership(&self, _observed: &Observed) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let found = ours(&observed.gateway);
        Ok(found.map(|found| Self::from_found(self.id(), found, self.api.clone())))
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        if let Some(found) = found {
            return self.update(found, step).await;
        }
        let id = exactly_one(self, step).await?;
        self.authorizer_id.set(AuthorizerId(id));
        Ok(())
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        match self.authorizer_id.known() {
            Some(id) => delete(step, &self.api.get()?, &id).await,
            None => Ok(()),
        }
    }
}

impl Authorizer {
    async fn update(&self, found: &Self, step: &StepContext) -> Result<()> {
        let client = &step.run().clients.apigatewayv2;
        let (api, id) = (self.api.get()?, found.authorizer_id.get()?);
        let call = || {
            client
                .update_authorizer()
                .api_id(&*api)
                .authorizer_id(&*id)
                .authorizer_uri(&self.uri)
                .set_identity_source(Some(self.identity.clone()))
                .send()
        };
        let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
        answer
            .map(drop)
            .map_err(|e| explain("update the API's authorizer", e))
    }
}

impl NonIdempotentCreate for Authorizer {
    const WHAT: &'static str = "the authorizer";

    async fn look(&self, step: &StepContext) -> Result<Vec<String>> {
        let client = &step.run().clients.apigatewayv2;
        let all = authorizers(client, &self.api.get()?).await?;
        let fits = |one: &Found| {
            let found = Self::from_found(self.id(), one, self.api.clone());
            one.name() == Some(NAME) && found.fields() == self.fields()
        };
        let ours = all.into_iter().filter(fits);
        let mut ids: Vec<_> = ours.filter_map(|one| one.authorizer_id).collect();
        ids.sort();
        Ok(ids)
    }

    async fn create(&self, step: &StepContext) -> Result<Attempt> {
        let call = step
            .run()
            .clients
            .apigatewayv2
            .create_authorizer()
            .api_id(&*self.api.get()?)
            .name(NAME)
            .authorizer_type(AuthorizerType::Request)
            .authorizer_uri(&self.uri)
            .set_identity_source(Some(self.identity.clone()))
            .customize()
            .config_override(once());
        let answer = call.send().await;
        let id = answer.map(|made| made.authorizer_id.unwrap_or_default());
        Attempt::of("create the API's authorizer", id)
    }

    async fn take_back(&self, step: &StepContext, id: &str) -> Result<()> {
        delete(step, &self.api.get()?, id).await
    }
}

/// Ours by its name; of several the one with the lowest id.
fn ours(gateway: &Gateway) -> Option<&Found> {
    let all = gateway.authorizers.iter();
    let ours = all.filter(|one| one.name() == Some(NAME));
    ours.min_by_key(|one| one.authorizer_id())
}

/// The id of ours, as read.
pub fn ours_in(gateway: &Gateway) -> Option<String> {
    ours(gateway)?.authorizer_id().map(str::to_owned)
}

/// Ours, for a stack that wants none.
pub fn orphan(gateway: &Gateway, api: &Output<ApiId>) -> Option<Authorizer> {
    let found = ours(gateway)?;
    let id = found.authorizer_id().unwrap_or_default();
    let id = Id::new(format!("{}/{id}", ids::AUTHORIZER));
    Some(Authorizer::from_found(id, found, api.clone()))
}

async fn delete(step: &StepContext, api: &str, id: &str) -> Result<()> {
    let client = &step.run().clients.apigatewayv2;
    let call = || {
        client
            .delete_authorizer()
            .api_id(api)
            .authorizer_id(id)
            .send()
    };
    let waits = "the routes to move on";
    let answer = retry_while(step, waits, CONFLICT_LIMIT, is_conflict, call).await;
    gone(answer, &format!("delete the authorizer {id}"))
}
