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
use chatctl::report::plan::PlanView;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

const ROLE: &str = "chat-production-function";
const LOGGING: &str = "chatctl-apigateway-logging-us-east-1";
const NAME: &str = "chat-production";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

type Change<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What is changed, the resource that the plan names, what it would do, and the field.
type Row = (
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

fn iam(w: &World) -> &aws_sdk_iam::Client {
    &w.clients.iam
}
fn lambda(w: &World) -> &aws_sdk_lambda::Client {
    &w.clients.lambda
}
fn gateway(w: &World) -> &aws_sdk_apigatewayv2::Client {
    &w.clients.apigatewayv2
}

async fn api(w: &World) -> String {
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

fn rows() -> Vec<Row> {
    [
        roles(),
        logs_and_table(),
        function(),
        the_api(),
        the_stage(),
    ]
    .concat()
}

fn roles() -> Vec<Row> {
    use Action::Update;
    vec![
        (
            change!(w => iam(w).update_assume_role_policy().role_name(ROLE).policy_document(TRUST).send().await.unwrap()),
            "role/function",
            Update,
            "trust.Statement",
        ),
        (
            change!(w => iam(w).put_role_policy().role_name(ROLE).policy_name("chat").policy_document(POLICY).send().await.unwrap()),
            "role/function",
            Update,
            "policies.chat",
        ),
        (
            change!(w => iam(w).delete_role_policy().role_name(ROLE).policy_name("chat").send().await.unwrap()),
            "role/function",
            Update,
            "policies.chat",
        ),
        (
            change!(w => iam(w).put_role_policy().role_name(ROLE).policy_name("more").policy_document(POLICY).send().await.unwrap()),
            "role/function",
            Update,
            "policies.more",
        ),
        (
            change!(w => iam(w).attach_role_policy().role_name(ROLE).policy_arn("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole").send().await.unwrap()),
            "role/function",
            Update,
            "attached.AWSLambdaBasicExecutionRole",
        ),
        (
            change!(w => iam(w).untag_role().role_name(ROLE).tag_keys("chatctl:id").send().await.unwrap()),
            "role/function",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => iam(w).put_role_policy().role_name(ROLE).policy_name("manage-connections").policy_document(POLICY).send().await.unwrap()),
            "grant",
            Update,
            "policy.Statement",
        ),
        (
            change!(w => iam(w).delete_role_policy().role_name(ROLE).policy_name("manage-connections").send().await.unwrap()),
            "grant",
            Action::Create,
            "policy",
        ),
        (
            change!(w => iam(w).update_assume_role_policy().role_name(LOGGING).policy_document(TRUST).send().await.unwrap()),
            "role/logging",
            Update,
            "trust.Statement",
        ),
        (
            change!(w => iam(w).detach_role_policy().role_name(LOGGING).policy_arn("arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs").send().await.unwrap()),
            "role/logging",
            Update,
            "attached.AmazonAPIGatewayPushToCloudWatchLogs",
        ),
        (
            change!(w => account(w, "").await),
            "account-logging",
            Action::Create,
            "cloudwatchRoleArn",
        ),
        (
            change!(w => drop_logging_role(w).await),
            "role/logging",
            Action::Create,
            "trust",
        ),
    ]
}

async fn account(w: &World, role: &str) {
    let operation = PatchOperation::builder()
        .op(Op::Replace)
        .path("/cloudwatchRoleArn")
        .value(role);
    let call = w.clients.apigateway.update_account();
    call.patch_operations(operation.build())
        .send()
        .await
        .unwrap();
}

async fn drop_logging_role(w: &World) {
    let arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";
    iam(w)
        .detach_role_policy()
        .role_name(LOGGING)
        .policy_arn(arn)
        .send()
        .await
        .unwrap();
    iam(w)
        .delete_role()
        .role_name(LOGGING)
        .send()
        .await
        .unwrap();
}

async fn retention(w: &World, group: &str) {
    let call = w.clients.logs.put_retention_policy().log_group_name(group);
    call.retention_in_days(1).send().await.unwrap();
}

fn logs_and_table() -> Vec<Row> {
    use Action::{Create, Update};
    vec![
        (
            change!(w => retention(w, "/aws/lambda/chat-production").await),
            "log-group/function",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => retention(w, "/chatctl/chat/production/access").await),
            "log-group/access",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => retention(w, &format!("/aws/apigateway/{}/production", api(w).await)).await),
            "log-group/execution",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => w.clients.logs.delete_retention_policy().log_group_name("/aws/lambda/chat-production").send().await.unwrap()),
            "log-group/function",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => w.clients.logs.untag_resource().resource_arn(group_arn("/chatctl/chat/production/access")).tag_keys("chatctl:id").send().await.unwrap()),
            "log-group/access",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => w.clients.logs.delete_log_group().log_group_name("/chatctl/chat/production/access").send().await.unwrap()),
            "log-group/access",
            Create,
            "retentionInDays",
        ),
        (
            change!(w => time_to_live(w).await),
            "table",
            Update,
            "timeToLive",
        ),
        (
            change!(w => w.clients.dynamodb.untag_resource().resource_arn(TABLE_ARN).tag_keys("chatctl:id").send().await.unwrap()),
            "table",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => w.clients.dynamodb.delete_table().table_name(NAME).send().await.unwrap()),
            "table",
            Create,
            "keySchema",
        ),
    ]
}

/// DynamoDB lets it be changed once in an hour.
async fn time_to_live(w: &World) {
    w.cloud.clock().turn(Duration::from_secs(3700));
    let off = TimeToLiveSpecification::builder()
        .attribute_name("expires")
        .enabled(false);
    let call = w.clients.dynamodb.update_time_to_live().table_name(NAME);
    call.time_to_live_specification(off.build().unwrap())
        .send()
        .await
        .unwrap();
    w.cloud.clock().turn(Duration::from_secs(3700));
}

fn function() -> Vec<Row> {
    use Action::{Create, Update};
    vec![
        (
            change!(w => lambda(w).update_function_configuration().function_name(NAME).memory_size(512).send().await.unwrap()),
            "function",
            Update,
            "memorySize",
        ),
        (
            change!(w => lambda(w).update_function_configuration().function_name(NAME).timeout(3).send().await.unwrap()),
            "function",
            Update,
            "timeout",
        ),
        (
            change!(w => lambda(w).update_function_configuration().function_name(NAME).handler("other").send().await.unwrap()),
            "function",
            Update,
            "handler",
        ),
        (
            change!(w => environment(w, "CHAT_TABLE", "other").await),
            "function",
            Update,
            "environment.CHAT_TABLE",
        ),
        (
            change!(w => environment(w, "EXTRA", "secret").await),
            "function",
            Update,
            "environment.EXTRA",
        ),
        (
            change!(w => lambda(w).update_function_code().function_name(NAME).zip_file(other_code()).send().await.unwrap()),
            "function",
            Update,
            "code",
        ),
        (
            change!(w => lambda(w).untag_resource().resource(FUNCTION_ARN).tag_keys("chatctl:digest").send().await.unwrap()),
            "function",
            Update,
            "code",
        ),
        (
            change!(w => lambda(w).untag_resource().resource(FUNCTION_ARN).tag_keys("chatctl:id").send().await.unwrap()),
            "function",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => lambda(w).delete_function().function_name(NAME).send().await.unwrap()),
            "function",
            Create,
            "code",
        ),
        (
            change!(w => remove_permission(w).await),
            "permission",
            Create,
            "statements.chatctl-",
        ),
        (
            change!(w => { remove_permission(w).await; widen_permission(w).await }),
            "permission",
            Update,
            "statements.chatctl-",
        ),
        (
            change!(w => stale_permission(w).await),
            "permission",
            Update,
            "statements.chatctl-gone",
        ),
    ]
}

fn other_code() -> aws_sdk_lambda::primitives::Blob {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).unwrap();
    std::io::Write::write_all(&mut zip, b"#!/bin/sh\nexit 2\n").unwrap();
    aws_sdk_lambda::primitives::Blob::new(zip.finish().unwrap().into_inner())
}

async fn remove_permission(w: &World) {
    let id = format!("chatctl-{}", api(w).await);
    lambda(w)
        .remove_permission()
        .function_name(NAME)
        .statement_id(id)
        .send()
        .await
        .unwrap();
}

async fn widen_permission(w: &World) {
    let id = format!("chatctl-{}", api(w).await);
    let call = lambda(w)
        .add_permission()
        .function_name(NAME)
        .statement_id(id);
    let call = call
        .action("lambda:InvokeFunction")
        .principal("apigateway.amazonaws.com");
    call.send().await.unwrap();
}

async fn stale_permission(w: &World) {
    let call = lambda(w)
        .add_permission()
        .function_name(NAME)
        .statement_id("chatctl-gone");
    let call = call
        .action("lambda:InvokeFunction")
        .principal("apigateway.amazonaws.com");
    call.send().await.unwrap();
}

fn the_api() -> Vec<Row> {
    use Action::{Create, Delete, Update};
    vec![
        (
            change!(w => gateway(w).update_api().api_id(api(w).await).name("other").send().await.unwrap()),
            "api",
            Update,
            "name",
        ),
        (
            change!(w => gateway(w).update_api().api_id(api(w).await).route_selection_expression("$request.body.kind").send().await.unwrap()),
            "api",
            Update,
            "routeSelectionExpression",
        ),
        (
            change!(w => gateway(w).untag_resource().resource_arn(api_arn(&api(w).await)).tag_keys("chatctl:id").send().await.unwrap()),
            "api",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => gateway(w).update_integration().api_id(api(w).await).integration_id(integration(w).await).timeout_in_millis(1000).send().await.unwrap()),
            "integration",
            Update,
            "timeoutInMillis",
        ),
        (
            change!(w => gateway(w).update_integration().api_id(api(w).await).integration_id(integration(w).await).integration_uri("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:other/invocations").send().await.unwrap()),
            "integration",
            Update,
            "integrationUri",
        ),
        (
            change!(w => gateway(w).update_integration().api_id(api(w).await).integration_id(integration(w).await).description("mine").send().await.unwrap()),
            "integration",
            Update,
            "description",
        ),
        (
            change!(w => gateway(w).update_route().api_id(api(w).await).route_id(route(w, "setName").await).api_key_required(true).send().await.unwrap()),
            "route/setName",
            Update,
            "apiKeyRequired",
        ),
        (
            change!(w => gateway(w).update_route().api_id(api(w).await).route_id(route(w, "setName").await).route_response_selection_expression("$default").send().await.unwrap()),
            "route/setName",
            Update,
            "routeResponseSelectionExpression",
        ),
        (
            change!(w => retarget(w).await),
            "route/sendPublic",
            Update,
            "target",
        ),
        (
            change!(w => gateway(w).delete_route().api_id(api(w).await).route_id(route(w, "$default").await).send().await.unwrap()),
            "route/$default",
            Create,
            "target",
        ),
        (
            change!(w => gateway(w).create_route().api_id(api(w).await).route_key("more").send().await.unwrap()),
            "route/more",
            Delete,
            "",
        ),
    ]
}

async fn retarget(w: &World) {
    let api = api(w).await;
    let made = gateway(w)
        .create_integration()
        .api_id(&api)
        .integration_type(IntegrationType::Mock);
    let made = made.send().await.unwrap();
    let target = format!("integrations/{}", made.integration_id().unwrap());
    let call = gateway(w)
        .update_route()
        .api_id(&api)
        .route_id(route(w, "sendPublic").await);
    call.target(target).send().await.unwrap();
}

fn the_stage() -> Vec<Row> {
    use Action::{Create, Update};
    vec![
        (
            change!(w => stage(w, settings().logging_level(LoggingLevel::Off)).await),
            "stage",
            Update,
            "loggingLevel",
        ),
        (
            change!(w => stage(w, settings().data_trace_enabled(true)).await),
            "stage",
            Update,
            "dataTraceEnabled",
        ),
        (
            change!(w => stage(w, settings().throttling_rate_limit(1.0)).await),
            "stage",
            Update,
            "throttlingRateLimit",
        ),
        (
            change!(w => stage(w, settings().throttling_burst_limit(1)).await),
            "stage",
            Update,
            "throttlingBurstLimit",
        ),
        (
            change!(w => access_format(w).await),
            "stage",
            Update,
            "accessLog.format",
        ),
        (
            change!(w => over_ride(w).await),
            "stage",
            Update,
            "routeSettings.setName",
        ),
        (
            change!(w => gateway(w).untag_resource().resource_arn(format!("{}/stages/production", api_arn(&api(w).await))).tag_keys("chatctl:id").send().await.unwrap()),
            "stage",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => other_deployment(w).await),
            "stage",
            Update,
            "deployment",
        ),
        (
            change!(w => gateway(w).delete_stage().api_id(api(w).await).stage_name("production").send().await.unwrap()),
            "stage",
            Create,
            "deployment",
        ),
    ]
}

async fn access_format(w: &World) {
    let access = AccessLogSettings::builder()
        .destination_arn(group_arn("/chatctl/chat/production/access"))
        .format("$context.requestId");
    let call = gateway(w)
        .update_stage()
        .api_id(api(w).await)
        .stage_name("production");
    call.access_log_settings(access.build())
        .send()
        .await
        .unwrap();
}

async fn over_ride(w: &World) {
    let settings = RouteSettings::builder()
        .throttling_rate_limit(1.0)
        .throttling_burst_limit(1);
    let call = gateway(w)
        .update_stage()
        .api_id(api(w).await)
        .stage_name("production");
    call.route_settings("setName", settings.build())
        .send()
        .await
        .unwrap();
}

async fn other_deployment(w: &World) {
    let api = api(w).await;
    let made = gateway(w)
        .create_deployment()
        .api_id(&api)
        .send()
        .await
        .unwrap();
    let call = gateway(w)
        .update_stage()
        .api_id(&api)
        .stage_name("production");
    call.deployment_id(made.deployment_id().unwrap())
        .send()
        .await
        .unwrap();
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
                mended.plan.text(false)
            ));
        }
        let again = world.deploy().await.unwrap();
        if again.changed {
            failed.push(format!(
                "{action:?} {id} {field}: left\n{}",
                again.plan.text(false)
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
    assert!(
        mended
            .plan
            .text(true)
            .contains("environment.EXTRA: (values hidden)")
    );
    assert!(!json.contains("hunter2") && !mended.plan.text(true).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_spelling_of_a_policy_is_no_drift() {
    let world = World::deployed().await;
    let spelled = r#"{"Statement":{"Sid":"X","Action":["sts:AssumeRole"],"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com"]}},"Version":"2012-10-17"}"#;
    let call = iam(&world).update_assume_role_policy().role_name(ROLE);
    call.policy_document(spelled).send().await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}
