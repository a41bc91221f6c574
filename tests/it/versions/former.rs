//! A stack of a former release: the API calls the function itself.

use super::{Client, World, answers, done, live, published};
use aws_sdk_apigatewayv2::Client as Gateway;

/// Makes of a stack what a release without versions left behind.
async fn without_versions(world: &World) {
    let gateway = &world.clients.apigatewayv2;
    let apis = gateway.get_apis().send().await.unwrap();
    let api = apis.items()[0].api_id().unwrap();
    call_the_function_itself(gateway, api).await;
    let lambda = &world.clients.lambda;
    let right = lambda.add_permission().function_name(super::NAME);
    right
        .statement_id(format!("chatctl-{api}"))
        .action("lambda:InvokeFunction")
        .principal("apigateway.amazonaws.com")
        .source_arn(format!(
            "arn:aws:execute-api:us-east-1:000000000000:{api}/production/*"
        ))
        .send()
        .await
        .unwrap();
    let alias = lambda.delete_alias().function_name(super::NAME);
    alias.name("live").send().await.unwrap();
    for version in published(world).await {
        let version = lambda.delete_function().qualifier(version);
        version.function_name(super::NAME).send().await.unwrap();
    }
}

async fn call_the_function_itself(gateway: &Gateway, api: &str) {
    let all = gateway.get_integrations().api_id(api).send().await.unwrap();
    let ours = &all.items()[0];
    let uri = ours.integration_uri().unwrap().replace(":live/", "/");
    let change = gateway.update_integration().api_id(api);
    let change = change.integration_id(ours.integration_id().unwrap());
    change.integration_uri(uri).send().await.unwrap();
    let stage = gateway.get_stage().api_id(api).stage_name("production");
    let old = stage.send().await.unwrap();
    let made = gateway.create_deployment().api_id(api);
    let made = made.description("chatctl: former").send().await.unwrap();
    let stage = gateway.update_stage().api_id(api).stage_name("production");
    let stage = stage.deployment_id(made.deployment_id().unwrap());
    stage.send().await.unwrap();
    let old = gateway
        .delete_deployment()
        .api_id(api)
        .deployment_id(old.deployment_id().unwrap());
    old.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn is_moved_to_the_alias_before_its_function_changes() {
    let world = World::empty().await;
    let first = done(&world, &["deploy", "--yes"]).await;
    without_versions(&world).await;
    let mut alice = Client::connect(first["url"].as_str().unwrap()).await;
    answers(&mut alice).await;
    let before = world.cloud.calls().len();
    let moved = done(&world, &["deploy", "--yes", "--memory", "300"]).await;
    answers(&mut alice).await;
    let (version, says) = live(&world).await;
    assert_eq!(moved["version"].as_str(), Some(version.as_str()));
    assert!(says.starts_with("chatctl: replaced version"), "{says}");
    assert_eq!(published(&world).await.len(), 2, "what ran before is there");

    let writes: Vec<_> = world.writes_since(before);
    let at = |operation: &str| {
        let found = writes.iter().position(|call| call.operation == operation);
        found.unwrap_or_else(|| panic!("no {operation}"))
    };
    assert!(at("UpdateStage") < at("UpdateFunctionConfiguration"));
    assert!(at("AddPermission") < at("UpdateStage"));
    assert!(at("UpdateStage") < at("RemovePermission"));
    let plan = world.run(&["plan", "--exit-code", "--memory", "300"]).await;
    assert_eq!(plan.status.code(), Some(0), "{}", crate::world::text(&plan));
    done(&world, &["rollback"]).await;
    answers(&mut alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_moved_by_a_plain_deploy_that_changes_nothing_else() {
    let world = World::deployed().await;
    without_versions(&world).await;
    let moved = world.deploy().await.unwrap();
    assert!(moved.changed);
    assert!(!world.deploy().await.unwrap().changed);
    let own = world.clients.lambda.get_policy().function_name(super::NAME);
    assert!(own.send().await.is_err(), "the API may still call $LATEST");
}
