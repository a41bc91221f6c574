//! Auto-deploy, stage variables, and log lines that come after their API is gone.

use super::{api, planned, prove};
use crate::world::{World, calm};
use aws_sdk_apigatewayv2::types::{LoggingLevel, ProtocolType, RouteSettings};
use chatctl::engine::plan::Action;
use chatctl_local_cloud::{Conditions, ControlPlane};
use std::time::Duration;
use tokio_tungstenite::connect_async;

#[tokio::test(flavor = "multi_thread")]
async fn auto_deploy_that_was_switched_on_by_hand_is_seen_and_switched_off() {
    let world = World::deployed().await;
    let gateway = &world.clients.apigatewayv2;
    let id = api(&world.clients).await;
    let stage = || gateway.update_stage().api_id(&id).stage_name("production");
    let stage = stage().auto_deploy(true).send().await.unwrap();
    let plan = world.run(&["plan", "--exit-code"]).await;
    let said = crate::world::text(&plan);
    assert_eq!(plan.status.code(), Some(2), "{said}");
    assert!(said.contains("autoDeploy"), "{said}");
    let mended = world.deploy().await.unwrap();
    let (action, fields) = planned(&mended, "stage");
    assert_eq!(action, Action::Update);
    assert!(fields.contains(&"autoDeploy".into()), "{fields:?}");
    let now = gateway.get_stage().api_id(&id).stage_name("production");
    let now = now.send().await.unwrap();
    assert_eq!(now.auto_deploy(), Some(false));
    assert_ne!(now.deployment_id(), stage.deployment_id());
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn stage_variables_that_were_set_by_hand_are_seen_and_taken_off() {
    let world = World::deployed().await;
    let gateway = &world.clients.apigatewayv2;
    let id = api(&world.clients).await;
    let update = gateway.update_stage().api_id(&id).stage_name("production");
    update
        .stage_variables("colour", "blue")
        .send()
        .await
        .unwrap();
    let mended = world.deploy().await.unwrap();
    let wanted = (Action::Update, vec!["stageVariables.colour".into()]);
    assert_eq!(planned(&mended, "stage"), wanted);
    assert!(!world.deploy().await.unwrap().changed);
}

/// An API of somebody else's, which logs, had traffic and was deleted as it was.
async fn deleted_while_it_logged(world: &World) -> String {
    let gateway = &world.clients.apigatewayv2;
    let create = gateway.create_api().name("theirs");
    let create = create.protocol_type(ProtocolType::Websocket);
    let create = create.route_selection_expression("$request.body.action");
    let id = create.send().await.unwrap().api_id.unwrap();
    let route = gateway.create_route().api_id(&id).route_key("$default");
    route.send().await.unwrap();
    let settings = RouteSettings::builder().logging_level(LoggingLevel::Info);
    let stage = gateway.create_stage().api_id(&id).stage_name("live");
    let stage = stage.default_route_settings(settings.build());
    stage.auto_deploy(true).send().await.unwrap();
    let url = format!("ws://{}/_aws/execute-api/{id}/live", world.cloud.addr());
    drop(connect_async(url).await.unwrap());
    world.cloud.silent().await;
    gateway.delete_api().api_id(&id).send().await.unwrap();
    let group = format!("/aws/apigateway/{id}/live");
    let delete = world.clients.logs.delete_log_group();
    delete.log_group_name(&group).send().await.unwrap();
    group
}

async fn execution_groups(world: &World) -> Vec<String> {
    let all = world.clients.logs.describe_log_groups();
    let all = all.log_group_name_prefix("/aws/apigateway/").send();
    let all = all.await.unwrap().log_groups.unwrap_or_default();
    let names = all.into_iter().filter_map(|group| group.log_group_name);
    names.filter(|name| !name.ends_with("/welcome")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_execution_log_group_comes_back_after_a_teardown() {
    let conditions = calm();
    let world = World::in_conditions(Conditions {
        control_plane: ControlPlane {
            late_log_millis: 9000,
            ..conditions.control_plane.clone()
        },
        ..conditions
    })
    .await;
    world.deploy().await.unwrap();
    assert!(prove(&world, 300).await.is_err(), "it is no real function");
    let theirs = deleted_while_it_logged(&world).await;
    world.teardown().await.unwrap();
    assert_eq!(execution_groups(&world).await, <[String; 0]>::default());
    world.cloud.clock().turn(Duration::from_secs(10));
    // Late lines of both would have come by then.
    let is_back = async {
        while execution_groups(&world).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, is_back).await.unwrap();
    assert_eq!(execution_groups(&world).await, [theirs]);
}
