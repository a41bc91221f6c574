//! What happens when an alias moves: to invocations that run, to those that come meanwhile, and to the API that calls it.

use std::collections::BTreeSet;

use aws_sdk_lambda::primitives::Blob;
use futures_util::future::join_all;
use serde_json::Value;

use super::aliases::{body, invoke, move_to, permit_alias, point, world};
use super::{World, refusal, until};

/// An API whose integration calls the alias.
async fn api_to_alias() -> World {
    let mut world = world().await;
    point(&world, "1").await;
    world.make_api(&["$connect", "$default"]).await;
    let uri = super::invocation().replace("function:chat", "function:chat:live");
    let update = world.gateway.update_integration().api_id(&world.api_id);
    let update = update
        .integration_id(&world.integration)
        .integration_uri(uri);
    update.send().await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_that_calls_an_alias_needs_the_policy_of_the_alias() {
    let world = api_to_alias().await;
    world.permit("*/*").await;
    world.deploy().await;
    let refused = world.try_connect("").await.unwrap_err();
    assert_eq!(
        refused.0, 500,
        "the function's own policy is not the alias's"
    );

    let statement = permit_alias(&world).await.unwrap();
    assert!(statement.contains(":function:chat:live"), "{statement}");
    let mut client = world.connect().await;
    client.send(r#"{"do":"ok","mark":1}"#).await;
    world.event("MESSAGE").await;

    let policy = || {
        world
            .lambda
            .get_policy()
            .function_name("chat")
            .qualifier("live")
            .send()
    };
    let get_alias = || {
        world
            .lambda
            .get_alias()
            .function_name("chat")
            .name("live")
            .send()
    };
    let revision = policy().await.unwrap().revision_id.unwrap();
    assert_eq!(
        get_alias().await.unwrap().revision_id(),
        Some(revision.as_str())
    );
    let own = world
        .lambda
        .get_policy()
        .function_name("chat")
        .send()
        .await
        .unwrap();
    assert!(!own.policy().unwrap().contains(":live"));
    let remove = world
        .lambda
        .remove_permission()
        .function_name("chat")
        .qualifier("live");
    remove
        .statement_id("api")
        .revision_id(revision)
        .send()
        .await
        .unwrap();
    assert_eq!(refusal(policy().await).0, "ResourceNotFoundException");

    permit_alias(&world).await;
    let delete = world
        .lambda
        .delete_alias()
        .function_name("chat")
        .name("live");
    delete.send().await.unwrap();
    assert_eq!(world.try_connect("").await.unwrap_err().0, 500);
    point(&world, "2").await;
    assert_eq!(
        refusal(policy().await).0,
        "ResourceNotFoundException",
        "gone with the alias"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_an_alias_moves() {
    let world = api_to_alias().await;
    permit_alias(&world).await;
    world.deploy().await;
    let group = world.logs.create_log_group();
    group
        .log_group_name("/aws/lambda/chat")
        .send()
        .await
        .unwrap();
    let connecting = (0..8).map(|_| world.connect());
    let mut clients = join_all(connecting).await;
    for round in 0..6 {
        let sending = clients
            .iter_mut()
            .enumerate()
            .map(|(at, client)| async move {
                let mark = round * 8 + at;
                client
                    .send(&format!(r#"{{"do":"sleep:30","mark":{mark}}}"#))
                    .await;
            });
        join_all(sending).await;
        move_to(&world, if round % 2 == 0 { "2" } else { "1" }).await;
    }
    let events = world.events_of("MESSAGE", 48).await;
    let body = |event: &Value| event["body"].as_str().unwrap().to_owned();
    let bodies: BTreeSet<_> = events.iter().map(body).collect();
    assert_eq!((events.len(), bodies.len()), (48, 48), "each once");
    let group = "/aws/lambda/chat";
    let ended = |lines: &[String]| {
        lines
            .iter()
            .filter(|line| line.starts_with("REPORT"))
            .count()
    };
    let lines = world.lines(group, |lines| ended(lines) == 8 + 48).await;
    assert!(
        !lines.iter().any(|line| line.contains("Status: ")),
        "{lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_invocation_ends_in_peace_and_its_environment_after_it() {
    let world = world().await;
    point(&world, "1").await;
    let running = world
        .lambda
        .invoke()
        .function_name("chat")
        .qualifier("live");
    let running = running.payload(Blob::new(r#"{"do":"sleep:300"}"#)).send();
    let running = tokio::spawn(running);
    until("the invocation", || world.events().pop()).await;
    move_to(&world, "2").await;
    let answer = invoke(&world, "live", "{}").await;
    assert_eq!(answer.executed_version(), Some("2"));
    let former = running.await.unwrap().unwrap();
    assert_eq!(
        (former.executed_version(), body(&former).as_str()),
        (Some("1"), "slept")
    );
    until("the end of the former environment", || {
        let health = super::function::call(&world.host(), "GET", "/_chatctl/health", &[], b"");
        let health: Value = serde_json::from_slice(&health.body).unwrap();
        (health["environments"] == 1).then_some(())
    })
    .await;
}
