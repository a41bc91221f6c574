//! `chatctl rollback`.

use super::{Client, World, answers, done, fails, live};
use serde_json::json;

async fn memory_of_live(world: &World) -> i32 {
    let now = world.clients.lambda.get_function_configuration();
    let now = now.function_name(super::NAME).qualifier("live");
    now.send().await.unwrap().memory_size().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_back_to_the_version_before_and_to_any_that_is_named() {
    let world = World::empty().await;
    let url = done(&world, &["deploy", "--yes"]).await["url"].clone();
    for memory in ["300", "310"] {
        done(
            &world,
            &["deploy", "--yes", "--memory", memory, "--no-prove"],
        )
        .await;
    }
    let mut alice = Client::connect(url.as_str().unwrap()).await;
    let back = done(&world, &["rollback"]).await;
    assert_eq!(
        (&back["version"], &back["left"], &back["changed"]),
        (&json!(2), &json!("3"), &json!(true))
    );
    assert!(back["provedInSeconds"].is_number(), "{back}");
    assert_eq!(memory_of_live(&world).await, 300);
    let says = "chatctl: rolled back from version 3";
    assert_eq!(live(&world).await, ("2".into(), says.into()));
    answers(&mut alice).await;

    // A second one would come back to the version that was left.
    let said = fails(&world, &["rollback"]).await;
    let why = "version 2 is live since a rollback from version 3";
    assert!(said.contains(why) && said.contains("1, 2, 3"), "{said}");

    assert_eq!(done(&world, &["rollback", "--to", "1"]).await["version"], 1);
    assert_eq!(memory_of_live(&world).await, 256);
    let before = world.cloud.calls().len();
    let same = done(&world, &["rollback", "--to", "1"]).await;
    assert_eq!(same["changed"], false);
    assert_eq!(world.writes_since(before), []);
    let said = fails(&world, &["rollback", "--to", "9"]).await;
    assert!(said.contains("the function has no version 9"), "{said}");
    answers(&mut alice).await;

    // A deploy goes on from the newest.
    let on = done(&world, &["deploy", "--yes", "--memory", "310"]).await;
    assert_eq!(on["version"], "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_there_is_to_go_back_to() {
    let world = World::empty().await;
    let said = fails(&world, &["rollback"]).await;
    assert!(said.contains("chat/production is not deployed"), "{said}");
    world.deploy().await.unwrap();
    let said = fails(&world, &["rollback"]).await;
    assert!(said.contains("no other version was live before"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_an_alias_of_somebody_else_alone() {
    let world = World::deployed().await;
    let alias = world.clients.lambda.update_alias();
    let alias = alias.function_name(super::NAME).name("live");
    alias.description("mine").send().await.unwrap();
    let before = world.cloud.calls().len();
    let said = fails(&world, &["rollback", "--to", "1"]).await;
    assert!(said.contains("was not made by chatctl"), "{said}");
    let said = fails(&world, &["deploy", "--yes", "--memory", "300"]).await;
    assert!(said.contains("was not made by chatctl"), "{said}");
    assert_eq!(world.writes_since(before), []);
    done(
        &world,
        &[
            "deploy",
            "--yes",
            "--adopt",
            "--no-prove",
            "--memory",
            "300",
        ],
    )
    .await;
    assert_eq!(live(&world).await.1, "chatctl: replaced version 1");
}
