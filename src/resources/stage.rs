//! The stage: what clients connect to. It goes live last.
//!
//! GetStage; CreateStage, UpdateStage, DeleteRouteSettings, (Un)TagResource. It goes with the API.
//!
//! Surprises: a log level without throttles can leave limits of 0, and every client gets 429, so
//! both are always sent. Logging is refused as long as the account has no logging role. An access
//! log's format has to be one line.

use super::api::tag;
use super::limits::{CONTROL, GATEWAY_LANE};
use super::role::gone;
use super::sdk::{CONFLICT_LIMIT, IAM_LIMIT, is_busy, message, settle};
use super::world::World;
use crate::aws::{Failure, explain, is_conflict};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::{Error, Result};
use crate::stack::tags::Tags;
use aws_sdk_apigatewayv2::operation::get_stage::GetStageOutput;
use aws_sdk_apigatewayv2::types::{AccessLogSettings, LoggingLevel, RouteSettings};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::collections::BTreeMap;

/// A stage of the API.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The digest of the deployment that is live.
    pub deployment: String,
    /// `OFF`, `ERROR`, `INFO`.
    pub logging: String,
    /// Whole payloads in the execution log.
    pub data_trace: bool,
    /// Requests a second.
    pub rate: f64,
    /// Requests at once.
    pub burst: i32,
    /// The access log's group.
    pub access_group: Option<String>,
    /// One line of the access log.
    pub access_format: Option<String>,
    /// Settings of single routes that override the stage's; none is wanted.
    pub overrides: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Tags,
}

impl Resource for Stage {
    type World = World;

    fn id(&self) -> Id {
        Id::new("stage")
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new()
            .with("deployment", self.deployment.as_str())
            .with("loggingLevel", self.logging.as_str())
            .with("dataTraceEnabled", self.data_trace)
            .with("throttlingRateLimit", self.rate)
            .with("throttlingBurstLimit", self.burst)
            .with("accessLog.destinationArn", self.access_group.clone())
            .with("accessLog.format", self.access_format.clone());
        let fields = self
            .overrides
            .iter()
            .fold(fields, |fields, (route, settings)| {
                fields.with(format!("routeSettings.{route}"), settings.as_str())
            });
        self.tags.fields(fields)
    }

    fn needs(&self) -> Vec<Edge> {
        vec![
            Edge::new("api", "it is part of the API"),
            Edge::new("deployment", "it shows the deployment to the world"),
            Edge::new("function", "the first message needs the function"),
            Edge::new("permission", "the first message needs the permission"),
            Edge::new("grant", "the first answer needs the right to push"),
            Edge::new("table", "the first name needs the table"),
            Edge::new(
                "account-logging",
                "logging is refused without the account's role",
            ),
            Edge::new("log-group/access", "the access log goes there"),
            Edge::new(
                "log-group/execution",
                "else API Gateway makes the group, without retention",
            ),
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
        let live = gateway.live_deployment().map(super::deployment::digest_of);
        let found = gateway.stage.as_ref();
        Ok(found.map(|found| self.as_found(found, live)))
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
        let client = &world.clients.apigatewayv2;
        let call = || {
            client
                .delete_stage()
                .api_id(&api)
                .stage_name(&self.name)
                .send()
        };
        let settled = settle(job, "another change", CONFLICT_LIMIT, is_busy, call).await;
        gone(settled, &format!("delete the stage {}", self.name))
    }
}

impl Stage {
    fn as_found(&self, found: &GetStageOutput, live: Option<String>) -> Self {
        let defaults = found.default_route_settings();
        let level = defaults
            .and_then(|d| d.logging_level())
            .map_or("OFF", |l| l.as_str());
        let access = found.access_log_settings();
        let overrides = found.route_settings().cloned().unwrap_or_default();
        Self {
            name: self.name.clone(),
            deployment: live.unwrap_or_else(|| "none".into()),
            logging: level.to_owned(),
            data_trace: defaults
                .and_then(|d| d.data_trace_enabled())
                .unwrap_or_default(),
            rate: defaults
                .and_then(|d| d.throttling_rate_limit())
                .unwrap_or_default(),
            burst: defaults
                .and_then(|d| d.throttling_burst_limit())
                .unwrap_or_default(),
            access_group: access.and_then(|a| a.destination_arn()).map(str::to_owned),
            access_format: access.and_then(|a| a.format()).map(str::to_owned),
            overrides: overrides
                .iter()
                .map(|(k, v)| (k.clone(), spelled(v)))
                .collect(),
            tags: self.tags.seen(found.tags().cloned().unwrap_or_default()),
        }
    }

    async fn create(&self, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let (api, deployment) = (world.api_made()?, world.deployment_made()?);
        let call = || {
            world
                .clients
                .apigatewayv2
                .create_stage()
                .api_id(&api)
                .stage_name(&self.name)
                .deployment_id(&deployment)
                .default_route_settings(self.settings())
                .access_log_settings(self.access_log())
                .set_tags(Some(self.tags.to_map()))
                .send()
        };
        let waiting_for = "API Gateway to see the account's logging role";
        match settle(job, waiting_for, IAM_LIMIT, is_passing, call).await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) => self.mend_existing(job).await,
            Err(error) => Err(explain(&format!("create the stage {}", self.name), error)),
        }
    }

    async fn mend_existing(&self, job: &Job<World>) -> Result<()> {
        let gateway = job.world().look_again().await?;
        let live = gateway.live_deployment().map(super::deployment::digest_of);
        match &gateway.stage {
            Some(found) => self.update(&self.as_found(found, live), job).await,
            None => Err(
                Error::failed(format!("the stage {} came and went", self.name))
                    .hint("somebody else is changing this stack; run it again when they are done"),
            ),
        }
    }

    async fn update(&self, found: &Self, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let api = world.api_made()?;
        for route in found.overrides.keys() {
            self.drop_override(&api, route, job).await?;
        }
        let (mut now, mut wanted) = (found.clone(), self.clone());
        (now.tags, now.overrides) = Default::default();
        (wanted.tags, wanted.overrides) = Default::default();
        if now.fields() != wanted.fields() {
            self.send_update(&api, job).await?;
        }
        tag(world, &world.names.stage_arn(&api), &self.tags, &found.tags).await
    }

    async fn send_update(&self, api: &str, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let deployment = world.deployment_made()?;
        let call = || {
            world
                .clients
                .apigatewayv2
                .update_stage()
                .api_id(api)
                .stage_name(&self.name)
                .deployment_id(&deployment)
                .default_route_settings(self.settings())
                .access_log_settings(self.access_log())
                .send()
        };
        let waiting_for = "API Gateway to see the account's logging role";
        let settled = settle(job, waiting_for, IAM_LIMIT, is_passing, call).await;
        settled
            .map(drop)
            .map_err(|e| explain(&format!("update the stage {}", self.name), e))
    }

    async fn drop_override(&self, api: &str, route: &str, job: &Job<World>) -> Result<()> {
        let client = &job.world().clients.apigatewayv2;
        let call = || {
            client
                .delete_route_settings()
                .api_id(api)
                .stage_name(&self.name)
                .route_key(route)
                .send()
        };
        let settled = settle(job, "another change", CONFLICT_LIMIT, is_busy, call).await;
        gone(
            settled,
            &format!("take off the settings of the route {route}"),
        )
    }

    fn settings(&self) -> RouteSettings {
        RouteSettings::builder()
            .logging_level(LoggingLevel::from(self.logging.as_str()))
            .data_trace_enabled(self.data_trace)
            .detailed_metrics_enabled(false)
            .throttling_rate_limit(self.rate)
            .throttling_burst_limit(self.burst)
            .build()
    }

    fn access_log(&self) -> AccessLogSettings {
        AccessLogSettings::builder()
            .set_destination_arn(self.access_group.clone())
            .set_format(self.access_format.clone())
            .build()
    }
}

/// The account's role was set a moment ago, and API Gateway does not see it yet.
fn is_passing<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    is_busy(error) || message(error).contains("CloudWatch Logs role ARN must be set")
}

fn spelled(settings: &RouteSettings) -> String {
    let level = settings.logging_level().map_or("OFF", |l| l.as_str());
    let rate = settings.throttling_rate_limit().unwrap_or_default();
    let burst = settings.throttling_burst_limit().unwrap_or_default();
    let trace = settings.data_trace_enabled().unwrap_or_default();
    format!("loggingLevel {level}, rate {rate}, burst {burst}, dataTrace {trace}")
}
