//! The account's logging role: one setting for a whole region, shared with everybody.

use super::world::World;
use aws_sdk_apigateway::types::{Op, PatchOperation};
use aws_sdk_apigatewayv2::types::{LoggingLevel, ProtocolType, RouteSettings};

const OURS: &str = "arn:aws:iam::000000000000:role/chatctl-apigateway-logging-us-east-1";
const THEIRS: &str = "arn:aws:iam::000000000000:role/theirs";
const PUSH: &str = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

async fn account(w: &World) -> Option<String> {
    let account = w.clients.apigateway.get_account().send().await.unwrap();
    account.cloudwatch_role_arn.filter(|arn| !arn.is_empty())
}

async fn set_account(w: &World, role: &str) {
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

async fn make_theirs(w: &World) {
    let iam = &w.clients.iam;
    let call = iam
        .create_role()
        .role_name("theirs")
        .assume_role_policy_document(TRUST);
    call.send().await.unwrap();
    iam.attach_role_policy()
        .role_name("theirs")
        .policy_arn(PUSH)
        .send()
        .await
        .unwrap();
}

async fn drop_theirs(w: &World) {
    let iam = &w.clients.iam;
    iam.detach_role_policy()
        .role_name("theirs")
        .policy_arn(PUSH)
        .send()
        .await
        .unwrap();
    iam.delete_role().role_name("theirs").send().await.unwrap();
}

async fn role_is_there(w: &World, name: &str) -> bool {
    w.clients
        .iam
        .get_role()
        .role_name(name)
        .send()
        .await
        .is_ok()
}

const OUR_ROLE: &str = "chatctl-apigateway-logging-us-east-1";

/// Somebody else's WebSocket API with a stage that logs.
async fn foreign_api_that_logs(w: &World) -> String {
    let gateway = &w.clients.apigatewayv2;
    let api = gateway
        .create_api()
        .name("foreign")
        .protocol_type(ProtocolType::Websocket);
    let api = api
        .route_selection_expression("$request.body.action")
        .send()
        .await
        .unwrap();
    let id = api.api_id().unwrap();
    let settings = RouteSettings::builder()
        .logging_level(LoggingLevel::Error)
        .throttling_rate_limit(10.0)
        .throttling_burst_limit(10);
    let stage = gateway.create_stage().api_id(id).stage_name("live");
    stage
        .default_route_settings(settings.build())
        .send()
        .await
        .unwrap();
    id.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_role_is_set_to_ours_and_taken_back_at_the_end() {
    let world = World::deployed().await;
    assert_eq!(account(&world).await.as_deref(), Some(OURS));
    world.teardown().await.unwrap();
    assert_eq!(account(&world).await, None);
    assert!(!role_is_there(&world, OUR_ROLE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_role_is_used_as_it_is() {
    let world = World::empty().await;
    make_theirs(&world).await;
    set_account(&world, THEIRS).await;
    world.deploy().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(THEIRS));
    assert!(!role_is_there(&world, OUR_ROLE).await);
    let gone = world.teardown().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(THEIRS));
    assert!(role_is_there(&world, "theirs").await);
    assert_eq!(
        gone.stayed[0].why.as_deref(),
        Some("it was set by somebody else")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dangling_role_is_healed_and_recorded() {
    let world = World::empty().await;
    make_theirs(&world).await;
    set_account(&world, THEIRS).await;
    drop_theirs(&world).await;
    world.deploy().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(OURS));
    let role = world
        .clients
        .iam
        .get_role()
        .role_name(OUR_ROLE)
        .send()
        .await
        .unwrap();
    let tags = role.role().unwrap().tags();
    let former = tags
        .iter()
        .find(|tag| tag.key() == "chatctl:former")
        .unwrap();
    assert_eq!(former.value(), THEIRS);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_role_comes_back_if_it_lives_again() {
    let world = World::empty().await;
    make_theirs(&world).await;
    set_account(&world, THEIRS).await;
    drop_theirs(&world).await;
    world.deploy().await.unwrap();
    make_theirs(&world).await;
    world.teardown().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(THEIRS));
    assert!(!role_is_there(&world, OUR_ROLE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_role_that_is_gone_does_not_come_back() {
    let world = World::empty().await;
    make_theirs(&world).await;
    set_account(&world, THEIRS).await;
    drop_theirs(&world).await;
    world.deploy().await.unwrap();
    world.teardown().await.unwrap();
    assert_eq!(account(&world).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_stays_while_a_foreign_api_logs_through_it() {
    let world = World::deployed().await;
    let foreign = foreign_api_that_logs(&world).await;
    let gone = world.teardown().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(OURS));
    assert!(role_is_there(&world, OUR_ROLE).await);
    let why = gone.stayed.iter().filter_map(|one| one.why.as_deref());
    let expected = "the WebSocket API foreign, stage live logs through it";
    assert_eq!(why.collect::<Vec<_>>(), [expected, expected]);
    // When nobody needs it any more, the next teardown takes it away.
    world
        .clients
        .apigatewayv2
        .delete_api()
        .api_id(foreign)
        .send()
        .await
        .unwrap();
    world.teardown().await.unwrap();
    assert_eq!(account(&world).await, None);
    assert!(!role_is_there(&world, OUR_ROLE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_share_the_role_and_the_last_one_takes_it_away() {
    let world = World::deployed().await;
    let second = world.settings(&["--name", "second"]);
    world.deploy_as(&second).await.unwrap();
    world.teardown().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(OURS));
    world.teardown_of(&second).await.unwrap();
    assert_eq!(account(&world).await, None);
    assert!(!role_is_there(&world, OUR_ROLE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_set_by_somebody_else_meanwhile_is_not_touched() {
    let world = World::deployed().await;
    make_theirs(&world).await;
    set_account(&world, THEIRS).await;
    world.teardown().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(THEIRS));
    assert!(!role_is_there(&world, OUR_ROLE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_another_stack_puts_back_meanwhile_is_no_leftover() {
    let world = World::deployed().await;
    let put_back = async {
        // Behind both of the teardown's role deletions; the watch for late log lines comes after.
        super::world::wait_for(&world, "DeleteRole", 2).await;
        let iam = &world.clients.iam;
        let (name, ours) = (OURS.rsplit('/').next().unwrap(), ("chatctl:shared", "true"));
        let tag = aws_sdk_iam::types::Tag::builder().key(ours.0).value(ours.1);
        let call = iam.create_role().role_name(name).tags(tag.build().unwrap());
        let call = call.assume_role_policy_document(TRUST);
        call.send().await.unwrap();
        let call = iam.attach_role_policy().role_name(name).policy_arn(PUSH);
        call.send().await.unwrap();
        set_account(&world, OURS).await;
    };
    let (gone, ()) = tokio::join!(world.teardown(), put_back);
    let gone = gone.unwrap();
    let stayed: Vec<_> = gone.stayed.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(stayed, ["role/logging", "account-logging"]);
    let why = gone.stayed[0].why.as_deref().unwrap_or_default();
    assert!(why.contains("another stack"), "{why}");
    assert_eq!(account(&world).await.as_deref(), Some(OURS));
}

/// The name of a role may hold a comma, the value of a tag may not.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_role_with_a_comma_in_its_name_is_recorded_and_given_back() {
    let world = World::empty().await;
    let (name, arn) = ("logs,all", "arn:aws:iam::000000000000:role/logs,all");
    let iam = &world.clients.iam;
    let make = || iam.create_role().role_name(name);
    let attach = || iam.attach_role_policy().role_name(name).policy_arn(PUSH);
    make()
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
    attach().send().await.unwrap();
    set_account(&world, arn).await;
    let detach = iam.detach_role_policy().role_name(name).policy_arn(PUSH);
    detach.send().await.unwrap();
    iam.delete_role().role_name(name).send().await.unwrap();

    world.deploy().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(OURS));
    make()
        .assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
    attach().send().await.unwrap();
    world.teardown().await.unwrap();
    assert_eq!(account(&world).await.as_deref(), Some(arn));
}
