//! The stage: what clients connect to. It goes live last.
//!
//! GetStages; CreateStage, UpdateStage, DeleteRouteSettings, (Un)TagResource. It goes with the API.
//!
//! Surprises: a log level without throttles can leave limits of 0, and every client gets 429, so
//! both are always sent. Logging is refused as long as the account has no logging role. An access
//! log's format has to be one line.

use super::NeedsRights;
use super::deployment::digest_of;
use super::gateway::{self, tag};
use super::limits::{CONTROL, GATEWAY_LANE};
use super::observed::Observed;
use super::outputs::{ApiId, DeploymentId};
use super::retry::{CONFLICT_LIMIT, IAM_LIMIT, gone, is_busy, message, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{Failure, explain, is_conflict};
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::naming::rights::{Right, on};
use crate::naming::tags::Tags;
use aws_sdk_apigatewayv2::types::{AccessLogSettings, LoggingLevel, RouteSettings, Stage as Found};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::collections::{BTreeMap, HashMap};

/// A stage of the API.
#[derive(Debug, Clone)]
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
    /// API Gateway makes deployments by itself at every change; not wanted.
    pub auto_deploy: bool,
    /// Stage variables; none is wanted.
    pub variables: BTreeMap<String, String>,
    /// Settings of single routes that override the stage's; none is wanted.
    pub overrides: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Tags,
    /// The API's id.
    pub api: Output<ApiId>,
    /// The id of the deployment that clients get.
    pub deployment_id: Output<DeploymentId>,
}

impl NeedsRights for Stage {
    /// A stage that is made with tags needs `apigateway:TagResource`, which the Service Authorization
    /// Reference does not list (aws-amplify/amplify-cli#12316 quotes AWS's refusal).
    const RIGHTS: &'static [Right] = &[
        Right::to_read("apigateway:GET", on::api),
        Right::to_write("apigateway:POST", on::api),
        Right::to_write("apigateway:TagResource", on::stages),
        Right::to_write("apigateway:PATCH", on::api),
        Right::to_write("apigateway:POST", on::api_tags),
        Right::to_write("apigateway:DELETE", on::api_tags),
    ];
}

impl Resource for Stage {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(ids::STAGE)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new()
            .with("deployment", self.deployment.as_str())
            .with("autoDeploy", self.auto_deploy)
            .with("loggingLevel", self.logging.as_str())
            .with("dataTraceEnabled", self.data_trace)
            .with("throttlingRateLimit", self.rate)
            .with("throttlingBurstLimit", self.burst)
            .with("accessLog.destinationArn", self.access_group.clone())
            .with("accessLog.format", self.access_format.clone());
        let fields = self.variables.iter().fold(fields, |fields, (key, value)| {
            fields.with(format!("stageVariables.{key}"), value.as_str())
        });
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
            self.api.edge("it is part of the API"),
            self.deployment_id
                .edge("clients get the deployment through it"),
            Edge::new(ids::ALIAS, "the first message needs the live version"),
            Edge::new(ids::PERMISSION, "the first message needs the permission"),
            Edge::new(ids::GRANT, "the first answer needs the right to push"),
            Edge::new(ids::TABLE, "the first name needs the table"),
            Edge::new(
                ids::ACCOUNT_LOGGING,
                "logging is refused without the account's role",
            ),
            Edge::new(ids::ACCESS_GROUP, "the access log goes there"),
            Edge::new(
                ids::EXECUTION_GROUP,
                "else API Gateway makes the group, without retention",
            ),
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
        let gateway = &observed.gateway;
        let live = gateway.live_deployment().map(digest_of);
        let found = gateway.stage.as_ref();
        Ok(found.map(|found| self.as_found(found, live)))
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        match found {
            Some(found) => self.update(found, step).await,
            None => self.create(step).await,
        }
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        let api = self.api.get()?;
        let client = &step.run().clients.apigatewayv2;
        let call = || {
            client
                .delete_stage()
                .api_id(&*api)
                .stage_name(&self.name)
                .send()
        };
        let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
        gone(answer, &format!("delete the stage {}", self.name))
    }
}

impl Stage {
    fn as_found(&self, found: &Found, live: Option<String>) -> Self {
        let defaults = found.default_route_settings();
        let level = defaults
            .and_then(|d| d.logging_level())
            .map_or("OFF", |l| l.as_str());
        let access = found.access_log_settings();
        let overrides = found.route_settings().cloned().unwrap_or_default();
        Self {
            deployment: live.unwrap_or_else(|| "none".into()),
            auto_deploy: found.auto_deploy().unwrap_or_default(),
            variables: found
                .stage_variables()
                .cloned()
                .unwrap_or_default()
                .into_iter()
                .collect(),
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
            ..self.clone()
        }
    }

    async fn create(&self, step: &StepContext) -> Result<()> {
        let client = &step.run().clients.apigatewayv2;
        let (api, deployment) = (self.api.get()?, self.deployment_id.get()?);
        let call = || {
            client
                .create_stage()
                .api_id(&*api)
                .stage_name(&self.name)
                .deployment_id(&*deployment)
                .default_route_settings(self.settings())
                .access_log_settings(self.access_log())
                .set_tags(Some(self.tags.to_map()))
                .send()
        };
        let waiting_for = "API Gateway to see the account's logging role";
        match retry_while(step, waiting_for, IAM_LIMIT, is_transient, call).await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) => self.mend_existing(step).await,
            Err(error) => Err(explain(&format!("create the stage {}", self.name), error)),
        }
    }

    async fn mend_existing(&self, step: &StepContext) -> Result<()> {
        let client = &step.run().clients.apigatewayv2;
        let api = self.api.get()?;
        let found = gateway::stage(client, &api, &self.name).await?;
        let deployments = gateway::deployments(client, &api).await?;
        match found {
            Some(found) => {
                let live = deployments
                    .iter()
                    .find(|one| one.deployment_id() == found.deployment_id());
                let live = live.map(digest_of);
                self.update(&self.as_found(&found, live), step).await
            }
            None => Err(
                Error::failed(format!("the stage {} came and went", self.name))
                    .hint("somebody else is changing this stack; run it again when they are done"),
            ),
        }
    }

    async fn update(&self, found: &Self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let api = self.api.get()?;
        for route in found.overrides.keys() {
            self.drop_override(&api, route, step).await?;
        }
        if found.auto_deploy {
            self.stop_auto_deploy(&api, step).await?;
        }
        let (mut now, mut wanted) = (found.clone(), self.clone());
        (now.tags, now.overrides) = Default::default();
        (wanted.tags, wanted.overrides) = Default::default();
        if now.fields() != wanted.fields() {
            self.send_update(&api, found, step).await?;
        }
        tag(run, &run.names.stage_arn(&api), &self.tags, &found.tags).await
    }

    /// As long as it is on, a deployment id is refused ("Deployment ID cannot be set on this stage
    /// because AutoDeploy is enabled"), so it is switched off by a call of its own.
    async fn stop_auto_deploy(&self, api: &str, step: &StepContext) -> Result<()> {
        let client = &step.run().clients.apigatewayv2;
        let call = || {
            let call = client.update_stage().api_id(api).stage_name(&self.name);
            call.auto_deploy(false).send()
        };
        let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
        answer
            .map(drop)
            .map_err(|e| explain("switch auto-deploy off", e))
    }

    /// A stage variable is taken off by setting it to nothing (Terraform's AWS provider does so).
    async fn send_update(&self, api: &str, found: &Self, step: &StepContext) -> Result<()> {
        let removed = found
            .variables
            .keys()
            .map(|key| (key.clone(), String::new()));
        let removed: HashMap<_, _> = removed.collect();
        let client = &step.run().clients.apigatewayv2;
        let deployment = self.deployment_id.get()?;
        let call = || {
            client
                .update_stage()
                .api_id(api)
                .stage_name(&self.name)
                .deployment_id(&*deployment)
                .default_route_settings(self.settings())
                .access_log_settings(self.access_log())
                .set_stage_variables((!removed.is_empty()).then(|| removed.clone()))
                .send()
        };
        let waiting_for = "API Gateway to see the account's logging role";
        let answer = retry_while(step, waiting_for, IAM_LIMIT, is_transient, call).await;
        answer
            .map(drop)
            .map_err(|e| explain(&format!("update the stage {}", self.name), e))
    }

    async fn drop_override(&self, api: &str, route: &str, step: &StepContext) -> Result<()> {
        let client = &step.run().clients.apigatewayv2;
        let call = || {
            client
                .delete_route_settings()
                .api_id(api)
                .stage_name(&self.name)
                .route_key(route)
                .send()
        };
        let answer = retry_while(step, "another change", CONFLICT_LIMIT, is_busy, call).await;
        gone(
            answer,
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
fn is_transient<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    is_busy(error) || message(error).contains("CloudWatch Logs role ARN must be set")
}

fn spelled(settings: &RouteSettings) -> String {
    let level = settings.logging_level().map_or("OFF", |l| l.as_str());
    let rate = settings.throttling_rate_limit().unwrap_or_default();
    let burst = settings.throttling_burst_limit().unwrap_or_default();
    let trace = settings.data_trace_enabled().unwrap_or_default();
    format!("loggingLevel {level}, rate {rate}, burst {burst}, dataTrace {trace}")
}
