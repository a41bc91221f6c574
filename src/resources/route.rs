//! A route: which messages go to the integration.
//!
//! GetRoutes, GetRouteResponses; CreateRoute, UpdateRoute, DeleteRoute, CreateRouteResponse,
//! DeleteRouteResponse. It goes with the API.
//!
//! Surprises: a second route with the same key is refused, so a lost answer costs nothing: the
//! refusal says that it is there. Changes are live only with a new deployment, and a route is
//! changed in place: deleting and making it anew would lose messages in between. What the function
//! returns goes back to the client only if the route has the expression for it and a route response
//! besides.

use super::NeedsRights;
use super::gateway::{Gateway, responses, routes};
use super::integration;
use super::limits::{CONTROL, GATEWAY_LANE};
use super::observed::Observed;
use super::outputs::{ApiId, AuthorizerId, IntegrationId, Outputs};
use super::retry::{CONFLICT_LIMIT, SETTLE_LIMIT, gone, is_busy, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{explain, is_conflict, is_throttled};
use crate::config::Authorization;
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::rights::{Right, on};
use aws_sdk_apigatewayv2::types::{AuthorizationType, Route as Found, RouteResponse};

/// How the target of a route is named when it is our integration.
const OURS: &str = "the chat function";

/// How our authorizer is named.
const OUR_AUTHORIZER: &str = "the function";
/// Expression and key of the one route response that a WebSocket API can have.
const RESPONSE: &str = "$default";

/// A route of the API.
#[derive(Debug, Clone)]
pub struct Route {
    /// The route key: `$connect`, `sendPublic`, …
    pub key: String,
    /// AWS's id of it, once known.
    pub route_id: Option<String>,
    /// Where it leads: `OURS`, or `integrations/{id}` of another one.
    pub target: String,
    /// The authorization type: `NONE`, `AWS_IAM` or `CUSTOM`.
    pub authorization: String,
    /// The authorizer, where the type is `CUSTOM`: ours is told by its name.
    pub authorizer: Option<String>,
    /// The id of ours, where it is wanted.
    pub authorizer_id: Option<Output<AuthorizerId>>,
    /// Whether it requires an API key.
    pub needs_key: bool,
    /// The route response selection expression; without one the function's answer does not go back to
    /// the client.
    pub answers: Option<String>,
    /// The keys of its route responses. API Gateway looks for them only where there is an expression.
    pub responses: Vec<String>,
    /// The API's id.
    pub api: Output<ApiId>,
    /// The id of our integration.
    pub integration: Output<IntegrationId>,
}

impl Route {
    /// A route as it is wanted.
    pub fn new(key: &str, response: bool, outputs: &Outputs) -> Self {
        Self {
            key: key.into(),
            route_id: None,
            target: OURS.into(),
            authorization: "NONE".into(),
            authorizer: None,
            authorizer_id: None,
            needs_key: false,
            answers: response.then(|| RESPONSE.to_owned()),
            responses: response.then(|| RESPONSE.to_owned()).into_iter().collect(),
            api: outputs.api.clone(),
            integration: outputs.integration.clone(),
        }
    }

    /// The same route, open to those whom `how` lets in.
    #[must_use]
    pub fn authorized(self, how: Authorization, outputs: &Outputs) -> Self {
        let authorizer = outputs.authorizer.clone();
        let (authorization, authorizer) = match how {
            Authorization::None => ("NONE", None),
            Authorization::Iam => ("AWS_IAM", None),
            Authorization::Function => ("CUSTOM", Some(authorizer)),
        };
        Self {
            authorization: authorization.into(),
            authorizer: authorizer.as_ref().map(|_| OUR_AUTHORIZER.to_owned()),
            authorizer_id: authorizer,
            ..self
        }
    }

    fn as_found(&self, found: &Found, integration: Option<&str>) -> Self {
        let target = found.target().unwrap_or("nothing");
        let id = target.strip_prefix("integrations/");
        let ours = id.is_some() && id == integration;
        let authorization = found.authorization_type().map_or("NONE", |a| a.as_str());
        Self {
            route_id: found.route_id().map(str::to_owned),
            target: if ours { OURS } else { target }.to_owned(),
            authorizer: found.authorizer_id().map(|id| self.authorizer_called(id)),
            authorization: authorization.to_owned(),
            needs_key: found.api_key_required().unwrap_or_default(),
            answers: found
                .route_response_selection_expression()
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            responses: Vec::new(),
            ..self.clone()
        }
    }
}

impl NeedsRights for Route {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("apigateway:GET", on::api),
        Right::to_write("apigateway:POST", on::api),
        Right::to_write("apigateway:PATCH", on::api),
        Right::to_write("apigateway:DELETE", on::api),
    ];
}

impl Resource for Route {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(format!("route/{}", self.key))
    }

    fn name(&self) -> String {
        self.key.clone()
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new()
            .with("target", self.target.as_str())
            .with("authorizationType", self.authorization.as_str())
            .with("apiKeyRequired", self.needs_key)
            .with("routeResponseSelectionExpression", self.answers.clone());
        let fields = match &self.authorizer {
            Some(authorizer) => fields.with("authorizer", authorizer.as_str()),
            None => fields,
        };
        match self.responses.as_slice() {
            [] => fields,
            keys => fields.with("routeResponses", keys.join(", ")),
        }
    }

    fn needs(&self) -> Vec<Edge> {
        let authorizer = self.authorizer_id.as_ref();
        [
            self.api.edge("it is part of the API"),
            self.integration.edge("it leads to the integration"),
        ]
        .into_iter()
        .chain(authorizer.map(|id| id.edge("the authorizer guards it")))
        .collect()
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
        let gateway = &observed.gateway;
        let integration = integration::ours_in(gateway);
        let mut all = gateway.routes.iter();
        let Some(found) = all.find(|route| route.route_key() == Some(&self.key)) else {
            return Ok(None);
        };
        let api = gateway.api_id().unwrap_or_default();
        let found = self.as_found(found, integration.as_deref());
        found.with_responses(&observed.run, &api).await.map(Some)
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        match found {
            Some(found) => self.update(found, step).await,
            None => self.create(step).await,
        }
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        let api = self.api.get()?;
        let id = self.route_id.clone().unwrap_or_default();
        let client = &step.run().clients.apigatewayv2;
        let call = || client.delete_route().api_id(&*api).route_id(&id).send();
        let answer = retry_while(step, "another change", SETTLE_LIMIT, is_busy, call).await;
        gone(answer, &format!("delete the route {}", self.key))
    }
}

impl Route {
    /// Our authorizer by what it does, any other by its id.
    fn authorizer_called(&self, id: &str) -> String {
        let ours = self.authorizer_id.as_ref().and_then(Output::known);
        match ours {
            Some(ours) if *ours == *id => OUR_AUTHORIZER.to_owned(),
            _ => id.to_owned(),
        }
    }

    fn wanted_authorizer(&self) -> Result<Option<String>> {
        let id = self.authorizer_id.as_ref().map(Output::get).transpose()?;
        Ok(id.map(|id| id.0))
    }

    fn target(&self) -> Result<String> {
        Ok(format!("integrations/{}", &*self.integration.get()?))
    }

    async fn look(&self, run: &RunContext) -> Result<Option<Self>> {
        let all = routes(&run.clients.apigatewayv2, &self.api.get()?).await?;
        let integration = self.integration.get()?;
        let mut all = all.iter();
        let Some(found) = all.find(|route| route.route_key() == Some(&self.key)) else {
            return Ok(None);
        };
        let found = self.as_found(found, Some(&*integration));
        found.with_responses(run, &self.api.get()?).await.map(Some)
    }

    /// The route with its route responses, which are asked for only where they count.
    async fn with_responses(self, run: &RunContext, api: &str) -> Result<Self> {
        let Some(id) = self.route_id.as_deref().filter(|_| self.answers.is_some()) else {
            return Ok(self);
        };
        let found = responses(&run.clients.apigatewayv2, api, id).await?;
        let mut keys: Vec<_> = found
            .iter()
            .filter_map(RouteResponse::route_response_key)
            .map(str::to_owned)
            .collect();
        keys.sort();
        Ok(Self {
            responses: keys,
            ..self
        })
    }

    /// Makes the route response that is wanted.
    async fn respond(&self, route_id: &str, step: &StepContext) -> Result<()> {
        let (client, api) = (&step.run().clients.apigatewayv2, self.api.get()?);
        for key in &self.responses {
            let call = || {
                let call = client.create_route_response().api_id(&*api);
                call.route_id(route_id).route_response_key(key).send()
            };
            match retry_while(step, "another change", CONFLICT_LIMIT, is_throttled, call).await {
                Ok(_) => {}
                // It is there already.
                Err(error) if is_conflict(&error) => {}
                Err(error) => {
                    return Err(explain(
                        &format!("let the route {} answer", self.key),
                        error,
                    ));
                }
            }
        }
        Ok(())
    }

    async fn create(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let (api, target) = (self.api.get()?, self.target()?);
        let authorizer = self.wanted_authorizer()?;
        let action = format!("create the route {}", self.key);
        let attempt = || async {
            let call = run
                .clients
                .apigatewayv2
                .create_route()
                .api_id(&*api)
                .route_key(&self.key)
                .target(&target)
                .authorization_type(AuthorizationType::from(self.authorization.as_str()))
                .set_authorizer_id(authorizer.clone())
                .set_route_response_selection_expression(self.answers.clone())
                .api_key_required(self.needs_key);
            match call.send().await {
                Ok(made) => Ok(Some(Created::Now(made.route_id.unwrap_or_default()))),
                // There already, or another change under way: looking tells which.
                Err(error) if is_conflict(&error) => {
                    let there = self.look(run).await?;
                    Ok(there.map(|there| Created::Before(Box::new(there))))
                }
                Err(error) => Err(explain(&action, error)),
            }
        };
        let created = step
            .until("another change", CONFLICT_LIMIT, attempt)
            .await?;
        match created {
            Created::Now(id) => self.respond(&id, step).await,
            Created::Before(there) if there.fields() != self.fields() => {
                self.update(&there, step).await
            }
            Created::Before(_) => Ok(()),
        }
    }

    /// An expression that is to go is taken out by an empty text.
    async fn update(&self, found: &Self, step: &StepContext) -> Result<()> {
        let client = &step.run().clients.apigatewayv2;
        let (api, target) = (self.api.get()?, self.target()?);
        let id = found.route_id.clone().unwrap_or_default();
        let gone = found.answers.is_some().then(String::new);
        let answers = self.answers.clone().or(gone);
        let authorizer = self.wanted_authorizer()?;
        let call = || {
            client
                .update_route()
                .api_id(&*api)
                .route_id(&id)
                .route_key(&self.key)
                .target(&target)
                .authorization_type(AuthorizationType::from(self.authorization.as_str()))
                .set_authorizer_id(authorizer.clone())
                .api_key_required(self.needs_key)
                .set_route_response_selection_expression(answers.clone())
                .send()
        };
        let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
        answer.map_err(|e| explain(&format!("update the route {}", self.key), e))?;
        if self.responses != found.responses {
            self.respond(&id, step).await?;
        }
        Ok(())
    }
}

/// What a creation found.
enum Created {
    /// It was made, with this id.
    Now(String),
    /// It was there.
    Before(Box<Route>),
}

/// Routes that nobody wants: the API is wholly ours.
pub fn orphans(gateway: &Gateway, outputs: &Outputs, wanted: &[&str]) -> Vec<Route> {
    let key = |route: &Found| route.route_key().unwrap_or_default().to_owned();
    let unwanted = |route: &&Found| !wanted.contains(&key(route).as_str());
    let found = gateway.routes.iter().filter(unwanted);
    found
        .map(|route| Route::new(&key(route), false, outputs).as_found(route, None))
        .collect()
}
