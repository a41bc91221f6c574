//! The WebSocket API.
//!
//! GetApis; CreateApi, UpdateApi, (Un)TagResource, DeleteApi.
//!
//! Surprises: names are not unique and CreateApi is not idempotent: ours is found by its tags, made
//! with the SDK's retries off, and looked for before a second try (`exactly_one`). DeleteApi
//! takes routes, integrations, deployments and stages with it, and leaves log groups and
//! permissions behind.

use super::NeedsRights;
use super::exactly_one::{Attempt, NonIdempotentCreate, exactly_one};
use super::gateway::{self, tag};
use super::limits::{CONTROL, GATEWAY_LANE};
use super::observed::Observed;
use super::outputs::ApiId;
use super::retry::{CONFLICT_LIMIT, SETTLE_LIMIT, gone, is_busy, once, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{explain, is_missing};
use crate::chat_api;
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Fields, Id, Output, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::rights::{Right, on};
use crate::naming::tags::Tags;
use aws_sdk_apigatewayv2::types::{Api as Found, ProtocolType};

/// A WebSocket API.
#[derive(Debug, Clone)]
pub struct Api {
    /// `api`, or `api/{id}` of one too many.
    pub id: Id,
    /// AWS's id of it.
    pub api_id: Output<ApiId>,
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
    /// As found; `wanted_tags` says which tags count.
    pub fn from_found(id: Id, found: &Found, wanted_tags: &Tags) -> Self {
        let protocol = found.protocol_type().map_or("", |p| p.as_str());
        Self {
            id,
            api_id: Output::new(ids::API, found.api_id().map(|id| ApiId(id.into()))),
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

impl NeedsRights for Api {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("apigateway:GET", on::apis),
        Right::to_read("apigateway:GET", on::api),
        Right::to_write("apigateway:POST", on::apis),
        Right::to_write("apigateway:POST", on::api_tags),
        Right::to_write("apigateway:DELETE", on::api_tags),
        Right::to_write_and_delete("apigateway:PATCH", on::api),
        Right::to_write_and_delete("apigateway:DELETE", on::api),
    ];
}

impl Resource for Api {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        match self.api_id.known() {
            Some(id) => format!("{} ({})", self.name, id.0),
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

    fn ownership(&self, observed: &Observed) -> Ownership {
        observed.run.names.ownership(&self.tags)
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let found = observed.gateway.api.as_ref();
        Ok(found.map(|found| Self::from_found(self.id(), found, &self.tags)))
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        let run = step.run();
        if let Some(found) = found {
            return self.mend(found, step).await;
        }
        let id = exactly_one(self, step).await?;
        self.api_id.set(ApiId(id.clone()));
        // Another deploy may have made it, with other settings.
        let ours = chat_api::of(&run.clients.apigatewayv2, &run.names).await?;
        match ours.iter().find(|api| api.api_id() == Some(&id)) {
            Some(there) => {
                self.mend(&Self::from_found(self.id(), there, &self.tags), step)
                    .await
            }
            None => Ok(()),
        }
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        match self.api_id.known() {
            Some(id) => {
                stop_logging(step, &id).await?;
                delete(step, &id).await
            }
            None => Ok(()),
        }
    }
}

/// Execution log lines come seconds late, and each brings the deleted log group back: API Gateway may
/// make groups with the account's role. So the stages stop logging before the API goes.
async fn stop_logging(step: &StepContext, id: &str) -> Result<()> {
    let client = &step.run().clients.apigatewayv2;
    for stage in gateway::all_stages(client, id).await? {
        let Some(quiet) = gateway::without_logging(&stage) else {
            continue;
        };
        let name = stage.stage_name().unwrap_or_default();
        let call = || {
            let call = client.update_stage().api_id(id).stage_name(name);
            call.default_route_settings(quiet.clone()).send()
        };
        let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
        gone(answer, &format!("stop the logging of the stage {name}"))?;
    }
    Ok(())
}

impl Api {
    async fn mend(&self, found: &Self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let client = &run.clients.apigatewayv2;
        let id = found.api_id.get()?.0;
        if (&self.name, &self.selection) != (&found.name, &found.selection) {
            let call = || {
                client
                    .update_api()
                    .api_id(&id)
                    .name(&self.name)
                    .route_selection_expression(&self.selection)
                    .send()
            };
            let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
            answer.map_err(|e| explain("update the API", e))?;
        }
        tag(run, &run.names.api_arn(&id), &self.tags, &found.tags).await
    }
}

impl NonIdempotentCreate for Api {
    const WHAT: &'static str = "the API";

    async fn look(&self, step: &StepContext) -> Result<Vec<String>> {
        let run = step.run();
        let ours = chat_api::of(&run.clients.apigatewayv2, &run.names).await?;
        Ok(ours.into_iter().filter_map(|api| api.api_id).collect())
    }

    async fn create(&self, step: &StepContext) -> Result<Attempt> {
        let client = &step.run().clients.apigatewayv2;
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

    async fn take_back(&self, step: &StepContext, id: &str) -> Result<()> {
        delete(step, id).await
    }
}

async fn delete(step: &StepContext, id: &str) -> Result<()> {
    let client = &step.run().clients.apigatewayv2;
    let call = || client.delete_api().api_id(id).send();
    let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
    gone(answer, &format!("delete the API {id}"))?;
    let look = || async {
        match client.get_api().api_id(id).send().await {
            Err(error) if is_missing(&error) => Ok(Some(())),
            Err(error) => Err(explain(&format!("look for the API {id}"), error)),
            Ok(_) => Ok(None),
        }
    };
    step.until("the API to be gone", SETTLE_LIMIT, look).await
}
