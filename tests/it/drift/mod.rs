//! Every managed field, changed behind our back one by one: the plan names it, the deploy puts it
//! right, and then there is nothing more to do.

use super::world::World;
use aws_sdk_apigateway::types::{Op, PatchOperation};
use aws_sdk_apigatewayv2::types::{
    AccessLogSettings, IntegrationType, LoggingLevel, RouteSettings,
};
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_sdk_lambda::types::Environment;
use chatctl::engine::plan::Action;
use chatctl::engine::view::PlanView;
use chatctl::report::plan::text;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub const ROLE: &str = "chat-production-function";
pub const LOGGING: &str = "chatctl-apigateway-logging-us-east-1";
pub const NAME: &str = "chat-production";
pub const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
pub const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

pub type Change<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What is changed, the resource that the plan names, what it would do, and the field.
pub type Row = (
    for<'a> fn(&'a World) -> Change<'a>,
    &'static str,
    Action,
    &'static str,
);

macro_rules! change {
    ($world:ident => $body:expr) => {{
        fn change(world: &World) -> Change<'_> {
            Box::pin(async move {
                let $world = world;
                $body;
            })
        }
        change
    }};
}

mod function;
mod gateway;
mod identity;

pub use function::{other_code, stale_permission};

fn iam(w: &World) -> &aws_sdk_iam::Client {
    &w.clients.iam
}
fn lambda(w: &World) -> &aws_sdk_lambda::Client {
    &w.clients.lambda
}
fn gateway(w: &World) -> &aws_sdk_apigatewayv2::Client {
    &w.clients.apigatewayv2
}

pub async fn api(w: &World) -> String {
    let apis = gateway(w).get_apis().send().await.unwrap();
    apis.items()[0].api_id().unwrap().to_owned()
}

async fn integration(w: &World) -> String {
    let all = gateway(w)
        .get_integrations()
        .api_id(api(w).await)
        .send()
        .await
        .unwrap();
    all.items()[0].integration_id().unwrap().to_owned()
}

async fn route(w: &World, key: &str) -> String {
    let all = gateway(w)
        .get_routes()
        .api_id(api(w).await)
        .send()
        .await
        .unwrap();
    let found = all.items().iter().find(|r| r.route_key() == Some(key));
    found.unwrap().route_id().unwrap().to_owned()
}

fn api_arn(id: &str) -> String {
    format!("arn:aws:apigateway:us-east-1::/apis/{id}")
}

fn group_arn(name: &str) -> String {
    format!("arn:aws:logs:us-east-1:000000000000:log-group:{name}")
}

const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:chat-production";
const TABLE_ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/chat-production";

async fn environment(w: &World, key: &str, value: &str) {
    let now = lambda(w)
        .get_function_configuration()
        .function_name(NAME)
        .send()
        .await
        .unwrap();
    let mut all: HashMap<_, _> = now.environment().unwrap().variables().cloned().unwrap();
    all.insert(key.into(), value.into());
    let all = Environment::builder().set_variables(Some(all)).build();
    let call = lambda(w)
        .update_function_configuration()
        .function_name(NAME);
    call.environment(all).send().await.unwrap();
}

async fn stage(w: &World, settings: aws_sdk_apigatewayv2::types::builders::RouteSettingsBuilder) {
    let call = gateway(w)
        .update_stage()
        .api_id(api(w).await)
        .stage_name("production");
    call.default_route_settings(settings.build())
        .send()
        .await
        .unwrap();
}

/// The stage's settings as they are wanted, to change one of them.
fn settings() -> aws_sdk_apigatewayv2::types::builders::RouteSettingsBuilder {
    RouteSettings::builder()
        .logging_level(LoggingLevel::Info)
        .data_trace_enabled(false)
        .throttling_rate_limit(500.0)
        .throttling_burst_limit(1000)
}

pub fn rows() -> Vec<Row> {
    [
        identity::roles(),
        identity::logs_and_table(),
        function::rows(),
        function::live(),
        gateway::the_api(),
        gateway::the_stage(),
    ]
    .concat()
}

fn names(plan: &PlanView, id: &str, action: Action, field: &str) -> bool {
    plan.resources.iter().any(|one| {
        let named = one.differences.iter().any(|d| d.path.starts_with(field));
        one.id.as_str() == id && one.action == action && (named || field.is_empty())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_changed_behind_our_back_is_named_and_put_right() {
    let world = World::deployed().await;
    let mut failed = Vec::new();
    for (change, id, action, field) in rows() {
        change(&world).await;
        let mended = world.deploy().await.unwrap();
        if !names(&mended.plan, id, action, field) {
            failed.push(format!(
                "{action:?} {id} {field}: planned\n{}",
                text(&mended.plan, false)
            ));
        }
        let again = world.deploy().await.unwrap();
        if again.changed {
            failed.push(format!(
                "{action:?} {id} {field}: left\n{}",
                text(&again.plan, false)
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_value_is_never_shown() {
    let world = World::deployed().await;
    environment(&world, "EXTRA", "hunter2-very-secret").await;
    let mended = world.deploy().await.unwrap();
    let json = serde_json::to_string(&mended).unwrap();
    assert!(text(&mended.plan, true).contains("environment.EXTRA: (values hidden)"));
    assert!(!json.contains("hunter2") && !text(&mended.plan, true).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_a_policy_is_no_drift() {
    let world = World::deployed().await;
    let spelled = r#"{"Statement":{"Sid":"X","Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com"]}},"Version":"2012-10-17"}"#;
    let call = iam(&world).update_assume_role_policy().role_name(ROLE);
    call.policy_document(spelled).send().await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}
