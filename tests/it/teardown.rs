//! `chatctl teardown`.

use super::world::{World, text};

#[tokio::test(flavor = "multi_thread")]
async fn leaves_neighbours_alone() {
    let world = World::empty().await;
    let stages = [
        ["chat", "production"],
        ["chat", "test"],
        ["other", "production"],
    ];
    let all = stages.map(|[name, stage]| world.settings(&["--name", name, "--stage", stage]));
    for settings in &all[1..] {
        world.deploy_as(settings).await.unwrap();
    }
    let call = world
        .clients
        .logs
        .create_log_group()
        .log_group_name("/aws/lambda/chat-production-2");
    call.send().await.unwrap();
    let call = world
        .clients
        .logs
        .create_log_group()
        .log_group_name("/aws/apigateway/zzz/production");
    call.send().await.unwrap();
    let neighbours = world.snapshot().await;
    world.deploy_as(&all[0]).await.unwrap();
    assert_ne!(world.snapshot().await, neighbours);
    world.teardown_of(&all[0]).await.unwrap();
    assert_eq!(world.snapshot().await, neighbours);
}

#[tokio::test(flavor = "multi_thread")]
async fn works_when_half_of_it_is_gone() {
    let world = World::empty().await;
    let empty = world.snapshot().await;
    world.deploy().await.unwrap();
    let apis = world.clients.apigatewayv2.get_apis().send().await.unwrap();
    let id = apis.items()[0].api_id().unwrap();
    world
        .clients
        .apigatewayv2
        .delete_api()
        .api_id(id)
        .send()
        .await
        .unwrap();
    world
        .clients
        .lambda
        .delete_function()
        .function_name("chat-production")
        .send()
        .await
        .unwrap();
    let gone = world.teardown().await.unwrap();
    // The execution log group of the API that was deleted by hand goes too.
    let orphan = format!("/aws/apigateway/{id}/production");
    assert!(gone.checked.iter().any(|one| one.name == orphan));
    assert_eq!(world.snapshot().await, empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_a_log_group_that_a_late_writer_brought_back() {
    let world = World::deployed().await;
    let logs = world.clients.logs.clone();
    let late = tokio::spawn(async move {
        let name = "/aws/lambda/chat-production";
        loop {
            let there = logs.describe_log_groups().log_group_name_prefix(name);
            if there.send().await.unwrap().log_groups().is_empty() {
                return logs
                    .create_log_group()
                    .log_group_name(name)
                    .send()
                    .await
                    .unwrap();
            }
            tokio::task::yield_now().await;
        }
    });
    world.teardown().await.unwrap();
    late.await.unwrap();
    let groups = world.clients.logs.describe_log_groups();
    let groups = groups
        .log_group_name_prefix("/aws/lambda/chat-production")
        .send()
        .await
        .unwrap();
    assert!(groups.log_groups().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn proves_that_nothing_is_left_and_may_be_repeated() {
    let world = World::deployed().await;
    let first = world.run(&["teardown", "--yes"]).await;
    let said = text(&first);
    assert!(first.status.success(), "{said}");
    assert!(
        said.contains("chat/production is gone: 21 things looked for in us-east-1, none left"),
        "{said}"
    );
    assert!(said.contains("✓ role/function"), "{said}");
    let before = world.cloud.calls().len();
    let second = world.run(&["teardown", "--yes", "--output", "json"]).await;
    assert!(second.status.success(), "{}", text(&second));
    let json: serde_json::Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!(json["plan"]["summary"]["delete"], 0);
    assert_eq!(world.writes_since(before), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_delete_unasked_where_nobody_can_be_asked() {
    let world = World::deployed().await;
    let before = world.snapshot().await;
    let output = world.run(&["teardown"]).await;
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert!(text(&output).contains("pass --yes"), "{}", text(&output));
    assert_eq!(world.snapshot().await, before);
}
