//! What is not ours is never adopted silently, never changed, never deleted.

use super::world::{OPTIONS, World};
use aws_sdk_apigatewayv2::types::ProtocolType;
use chatctl::deployer::DeployOptions;
use chatctl::engine::plan::Action;
use chatctl::engine::view::StepView;
use chatctl::report::plan::text;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

async fn foreign_group(w: &World) {
    let call = w
        .clients
        .logs
        .create_log_group()
        .log_group_name("/aws/lambda/chat-production");
    call.send().await.unwrap();
}

async fn foreign_role(w: &World) {
    let call = w
        .clients
        .iam
        .create_role()
        .role_name("chat-production-function");
    call.assume_role_policy_document(TRUST)
        .send()
        .await
        .unwrap();
}

async fn foreign_api(w: &World) -> String {
    let call = w.clients.apigatewayv2.create_api().name("chat-production");
    let call = call.protocol_type(ProtocolType::Websocket);
    let made = call
        .route_selection_expression("$request.body.x")
        .send()
        .await
        .unwrap();
    let route = w.clients.apigatewayv2.create_route().route_key("theirs");
    route.api_id(made.api_id().unwrap()).send().await.unwrap();
    made.api_id.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_resources_with_our_names_are_refused_by_name_and_left_alone() {
    let world = World::empty().await;
    foreign_group(&world).await;
    foreign_role(&world).await;
    foreign_api(&world).await;
    let before = world.snapshot().await;
    let error = world.deploy().await.unwrap_err();
    assert_eq!(
        error.message(),
        "3 resources with our names are there and are not ours"
    );
    let causes = error.causes().join("\n");
    for name in ["role/function", "log-group/function", "api chat-production"] {
        assert!(causes.contains(name), "{causes}");
    }
    assert!(error.hints().join(" ").contains("--adopt"));
    assert_eq!(world.snapshot().await, before);
    world.teardown().await.unwrap();
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn adopt_takes_them_over_and_then_they_are_ours() {
    let world = World::empty().await;
    let empty = world.snapshot().await;
    foreign_group(&world).await;
    foreign_role(&world).await;
    foreign_api(&world).await;
    let adopt = DeployOptions {
        adopt: true,
        ..OPTIONS
    };
    let adopted = world.deploy_how(&world.settings, adopt).await.unwrap();
    for (id, path) in [
        ("role/function", "policies.chat"),
        ("log-group/function", "retentionInDays"),
        ("api", "routeSelectionExpression"),
        ("route/theirs", ""),
    ] {
        let shown = |one: &StepView| {
            let named = one.differences.iter().any(|d| d.path == path);
            one.id.as_str() == id && (named || one.action == Action::Delete)
        };
        let text = text(&adopted.plan, false);
        assert!(adopted.plan.resources.iter().any(shown), "{id}: {text}");
    }
    assert!(!world.deploy().await.unwrap().changed);
    world.teardown().await.unwrap();
    assert_eq!(world.snapshot().await, empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_of_another_chat_with_the_same_name_is_not_ours() {
    let world = World::empty().await;
    // Both are called a-b-c.
    let one = world.settings(&["--name", "a-b", "--stage", "c"]);
    let other = world.settings(&["--name", "a", "--stage", "b-c"]);
    world.deploy_as(&one).await.unwrap();
    let before = world.snapshot().await;
    let error = world.deploy_as(&other).await.unwrap_err();
    assert!(
        error
            .causes()
            .join(" ")
            .contains("it belongs to the chat \"a-b\""),
        "{error}"
    );
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_apis_other_stage_is_left_alone_with_its_deployment() {
    let world = World::empty().await;
    let gateway = &world.clients.apigatewayv2;
    let api = foreign_api(&world).await;
    let stage = gateway.create_stage().api_id(&api).stage_name("dev");
    stage.send().await.unwrap();
    let deploy = gateway.create_deployment().api_id(&api).stage_name("dev");
    let theirs = deploy.send().await.unwrap().deployment_id.unwrap();
    let adopt = DeployOptions {
        adopt: true,
        ..OPTIONS
    };
    world.deploy_how(&world.settings, adopt).await.unwrap();
    let dev = gateway.get_stage().api_id(&api).stage_name("dev");
    let dev = dev.send().await.unwrap();
    assert_eq!(dev.deployment_id(), Some(theirs.as_str()));
    assert!(!world.deploy().await.unwrap().changed);
}
