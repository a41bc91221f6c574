//! The local cloud's data plane: sockets, functions and `@connections`, seen from outside.
//!
//! [`World`] deploys one API with one function by the AWS SDK, as the deployer would.
//!
//! What real AWS is known to do, and where it is tested (modules of `data` unless said otherwise):
//!
//! | what | tests |
//! |---|---|
//! | 1 logging needs the account's role | `control::account::logging_without_the_account_role_is_refused` |
//! | 2 that role must exist, trust, suffice, have propagated | `control::account::an_account_role_must_exist_…` |
//! | 3 a fresh role cannot be assumed | `lambda::a_fresh_role_cannot_be_assumed_for_a_while` |
//! | 4 overlapping updates, pending functions | `lambda::overlapping_updates_are_409_…`, `lambda::a_new_function_is_pending_…` |
//! | 5 duplicate routes, integrations in use | `control::apigatewayv2::a_second_route_…`, `…::an_integration_in_use_…` |
//! | 6 live only when deployed, open sockets move | `gateway::a_new_route_is_live_only_after_a_deployment_…` |
//! | 7 the handshake's statuses | `handshake` |
//! | 8 error frames to the letter, the socket stays | `gateway::a_message_without_a_route_…`, `…::a_function_that_fails_…` |
//! | 9 the body needs a deployed route response | `gateway::the_body_comes_back_only_with_…` |
//! | 10 limits and close codes, idle, two hours | `gateway::a_frame_over_32_kb_…`, `…::a_binary_frame_…`, `…::ten_idle_minutes_…`, `…::two_hours_…` |
//! | 11 `@connections` | `connections` |
//! | 12 the events' shapes | `gateway::a_message_event_…`, `…::every_end_…`, `handshake::a_connect_event_…` |
//! | 13 one request a process, frozen, log lines, resets | `runtime` |
//! | 14 keys that are no text | `gateway::keys_that_are_not_text_…` |
//! | 15 what outlives an API | `gateway::deleting_the_api_…`, `logging::log_groups_outlive_the_api` |

mod alias_moves;
mod aliases;
mod authorizers;
mod client;
mod connections;
#[cfg(target_os = "linux")]
mod descriptors;
mod fault_kinds;
mod faults;
mod function;
mod gateway;
mod handshake;
mod integrations;
mod lambda;
mod lambda_rules;
mod limits;
mod logging;
mod made_again;
mod orphans;
mod recorded;
mod runtime;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, FunctionCode, Runtime};
use chatctl_local_cloud::{Conditions, ControlPlane, LocalCloud, Options};
use serde_json::Value;

pub(crate) use client::{Client, PATIENCE, Socket, knock, try_connect, until};

pub(crate) const ROLE: &str = "arn:aws:iam::000000000000:role/chat";
pub(crate) const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:chat";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","apigateway.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;
const RIGHTS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"},{"Effect":"Allow","Action":"execute-api:ManageConnections","Resource":"arn:aws:execute-api:*:*:*/*/@connections/*"}]}"#;
const PUSH_POLICY: &str =
    "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";

/// A local cloud with a role, a function and an API with routes to it.
pub(crate) struct World {
    pub(crate) cloud: LocalCloud,
    pub(crate) lambda: aws_sdk_lambda::Client,
    pub(crate) gateway: aws_sdk_apigatewayv2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) config: SdkConfig,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) api_id: String,
    pub(crate) integration: String,
}

/// Nothing takes time unless a test wants it to.
pub(crate) fn calm() -> Conditions {
    let control_plane = ControlPlane {
        mutation_millis: 0,
        tag_lock_millis: 0,
        control_rates: false,
        ..ControlPlane::default()
    };
    Conditions {
        propagation_millis: 0,
        control_plane,
        ..Conditions::default()
    }
}

impl World {
    /// A role and nothing else.
    pub(crate) async fn bare(conditions: Conditions) -> Self {
        let options = Options {
            conditions,
            ..Options::default()
        };
        Self::of(LocalCloud::start(options).await.unwrap()).await
    }

    pub(crate) async fn of(cloud: LocalCloud) -> Self {
        let config = config(cloud.endpoint());
        Self {
            lambda: aws_sdk_lambda::Client::new(&config),
            gateway: aws_sdk_apigatewayv2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            config,
            cloud,
            folder: tempfile::tempdir().unwrap(),
            api_id: String::new(),
            integration: String::new(),
        }
    }

    /// Everything, with the routes `$connect`, `$disconnect`, `$default` and `join`, live on
    /// `production`.
    pub(crate) async fn chat() -> Self {
        let mut world = Self::bare(calm()).await;
        world.make_role().await;
        world.make_function("chat", &[]).await;
        world
            .make_api(&["$connect", "$disconnect", "$default", "join"])
            .await;
        world.permit("*/*").await;
        world.deploy().await;
        world
    }

    pub(crate) async fn make_role(&self) {
        let role = self
            .iam
            .create_role()
            .role_name("chat")
            .assume_role_policy_document(TRUST);
        role.send().await.unwrap();
        self.set_rights(RIGHTS).await;
    }

    pub(crate) async fn set_rights(&self, policy: &str) {
        let put = self
            .iam
            .put_role_policy()
            .role_name("chat")
            .policy_name("rights");
        put.policy_document(policy).send().await.unwrap();
    }

    /// The events that the functions got so far. A line that is still being written has no end yet.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.events_file()).unwrap_or_default();
        text.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits for an event of that type.
    pub(crate) async fn event(&self, kind: &str) -> Value {
        self.events_of(kind, 1).await.remove(0)
    }

    /// Waits until there are so many events of that type.
    pub(crate) async fn events_of(&self, kind: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} events {kind}"), || {
            let mut found = self.events();
            found.retain(|event| {
                event["requestContext"]["eventType"] == kind && event.get("type").is_none()
            });
            (found.len() >= count).then_some(found)
        })
        .await
    }

    /// What an authorizer was asked so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        let mut found = self.events();
        found.retain(|event| event["type"] == "REQUEST");
        found
    }

    fn events_file(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    /// A function whose code is this test binary.
    pub(crate) async fn make_function(&self, name: &str, variables: &[(&str, &str)]) {
        self.make_function_of(name, variables, zip(&bootstrap(), 0o755))
            .await;
    }

    pub(crate) async fn make_function_of(
        &self,
        name: &str,
        variables: &[(&str, &str)],
        zip: Vec<u8>,
    ) {
        self.creation(name, variables, zip).send().await.unwrap();
    }

    pub(crate) fn creation(
        &self,
        name: &str,
        variables: &[(&str, &str)],
        zip: Vec<u8>,
    ) -> aws_sdk_lambda::operation::create_function::builders::CreateFunctionFluentBuilder {
        let events = self.events_file().display().to_string();
        let environment = variables.iter().fold(
            Environment::builder().variables("EVENTS", events),
            |environment, (name, value)| environment.variables(*name, *value),
        );
        self.lambda
            .create_function()
            .function_name(name)
            .role(ROLE)
            .runtime(Runtime::Providedal2023)
            .handler("bootstrap")
            .timeout(3)
            .code(FunctionCode::builder().zip_file(Blob::new(zip)).build())
            .environment(environment.build())
    }

    pub(crate) async fn make_api(&mut self, routes: &[&str]) {
        let api = self
            .gateway
            .create_api()
            .name("chat")
            .protocol_type("WEBSOCKET".into());
        let api = api
            .route_selection_expression("$request.body.action")
            .send()
            .await
            .unwrap();
        self.api_id = api.api_id().unwrap().to_owned();
        let uri = invocation();
        let made = self
            .gateway
            .create_integration()
            .api_id(&self.api_id)
            .integration_uri(uri);
        let made = made
            .integration_type("AWS_PROXY".into())
            .integration_method("POST");
        self.integration = made
            .send()
            .await
            .unwrap()
            .integration_id()
            .unwrap()
            .to_owned();
        for route in routes {
            self.make_route(route).await;
        }
    }

    /// Makes a route to the function and returns its id.
    pub(crate) async fn make_route(&self, key: &str) -> String {
        let target = format!("integrations/{}", self.integration);
        let route = self
            .gateway
            .create_route()
            .api_id(&self.api_id)
            .route_key(key)
            .target(target);
        route.send().await.unwrap().route_id().unwrap().to_owned()
    }

    pub(crate) async fn permit(&self, what: &str) {
        self.permit_as("api", what).await;
    }

    pub(crate) async fn permit_as(&self, statement: &str, what: &str) {
        let source = format!(
            "arn:aws:execute-api:us-east-1:000000000000:{}/{what}",
            self.api_id
        );
        let add = self
            .lambda
            .add_permission()
            .function_name("chat")
            .statement_id(statement);
        let add = add
            .action("lambda:InvokeFunction")
            .principal("apigateway.amazonaws.com");
        add.source_arn(source).send().await.unwrap();
    }

    /// Deploys the API to the stage `production`, which is made at the first time.
    pub(crate) async fn deploy(&self) {
        let deployment = self
            .gateway
            .create_deployment()
            .api_id(&self.api_id)
            .send()
            .await
            .unwrap();
        let deployment = deployment.deployment_id().unwrap();
        let update = self
            .gateway
            .update_stage()
            .api_id(&self.api_id)
            .stage_name("production");
        if update.deployment_id(deployment).send().await.is_err() {
            let create = self
                .gateway
                .create_stage()
                .api_id(&self.api_id)
                .stage_name("production");
            create.deployment_id(deployment).send().await.unwrap();
        }
    }

    /// Sets the account's logging role, as a stage with logs needs it.
    pub(crate) async fn allow_logging(&self) {
        let attach = self
            .iam
            .attach_role_policy()
            .role_name("chat")
            .policy_arn(PUSH_POLICY);
        attach.send().await.unwrap();
        let account = aws_sdk_apigateway::Client::new(&self.config).update_account();
        let patch = aws_sdk_apigateway::types::PatchOperation::builder()
            .op(aws_sdk_apigateway::types::Op::Replace)
            .path("/cloudwatchRoleArn")
            .value(ROLE)
            .build();
        account.patch_operations(patch).send().await.unwrap();
    }

    /// `ws://…/production`.
    pub(crate) fn url(&self) -> String {
        let host = self.host();
        format!("ws://{host}/_aws/execute-api/{}/production", self.api_id)
    }

    pub(crate) fn host(&self) -> String {
        self.cloud.addr().to_string()
    }

    /// A connected client.
    pub(crate) async fn connect(&self) -> Client {
        Client {
            socket: self.try_connect("").await.unwrap(),
        }
    }

    /// A client with a query such as `?do=status:403`; the refusal is `(status, body)`.
    pub(crate) async fn try_connect(&self, query: &str) -> Result<Socket, (u16, String)> {
        try_connect(&format!("{}{query}", self.url())).await
    }

    /// Lines of a log group, once `enough` is satisfied with them.
    pub(crate) async fn lines(
        &self,
        group: &str,
        enough: impl Fn(&[String]) -> bool,
    ) -> Vec<String> {
        let began = Instant::now();
        loop {
            let found = self
                .logs
                .filter_log_events()
                .log_group_name(group)
                .send()
                .await;
            let events = found
                .ok()
                .map(|found| found.events().to_vec())
                .unwrap_or_default();
            let lines = events
                .iter()
                .map(|event| event.message().unwrap_or_default().to_owned());
            let lines: Vec<String> = lines.collect();
            if enough(&lines) {
                return lines;
            }
            assert!(began.elapsed() < PATIENCE, "{group} has only {lines:#?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Invokes a function and returns (function error, payload).
    pub(crate) async fn invoke(&self, name: &str, payload: &str) -> (Option<String>, String) {
        let invoke = self
            .lambda
            .invoke()
            .function_name(name)
            .payload(Blob::new(payload));
        let answer = invoke.send().await.unwrap();
        let payload = answer
            .payload()
            .map(|payload| payload.as_ref().to_vec())
            .unwrap_or_default();
        (
            answer.function_error().map(str::to_owned),
            String::from_utf8(payload).unwrap(),
        )
    }
}

/// The SDK for any caller: the account itself.
pub(crate) fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIDANYBODY", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// The function, as API Gateway calls it.
pub(crate) fn invocation() -> String {
    format!("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations")
}

/// A shell script that becomes this test binary in its part as a function.
pub(crate) fn bootstrap() -> String {
    let me = std::env::current_exe().unwrap();
    format!(
        "#!/bin/sh\nexec '{}' --quiet --ignored --nocapture --exact data::function::bootstrap\n",
        me.display()
    )
}

/// A zip with a `bootstrap` of that mode.
pub(crate) fn zip(bootstrap: &str, mode: u32) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
    zip.start_file("bootstrap", options).unwrap();
    zip.write_all(bootstrap.as_bytes()).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Code and message of a refused call.
pub(crate) fn refusal<T, E, R>(
    result: Result<T, aws_sdk_lambda::error::SdkError<E, R>>,
) -> (String, String)
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    let Err(error) = result else {
        panic!("the call should be refused")
    };
    let error = error
        .as_service_error()
        .expect("the service should have answered");
    (
        error.code().unwrap_or_default().to_owned(),
        error.message().unwrap_or_default().to_owned(),
    )
}
