//! `chatctl list`.

use super::world::{World, text, wait_for};
use aws_sdk_apigatewayv2::types::ProtocolType;
use chatctl::deployer::list;
use chatctl_local_cloud::{Fault, FaultKind};
use serde_json::{Value, json};
use std::fs;

async fn listed(world: &World, args: &[&str]) -> Value {
    let args = [&["list", "--output", "json"], args].concat();
    let said = world.run(&args).await;
    assert!(said.status.success(), "{}", text(&said));
    serde_json::from_slice(&said.stdout).unwrap()
}

async fn two_chats() -> World {
    let world = World::deployed().await;
    let second = world.settings(&["--name", "team", "--stage", "test", "--memory", "512"]);
    world.deploy_as(&second).await.unwrap();
    world
}

/// A second API of one of the chats, and an API of somebody else.
async fn more_apis(world: &World) {
    let create = || {
        let create = world.clients.apigatewayv2.create_api().name("theirs");
        let create = create.protocol_type(ProtocolType::Websocket);
        create.route_selection_expression("$request.body.action")
    };
    create().send().await.unwrap();
    let twice = create().tags("chatctl:stack", "team");
    twice.tags("chatctl:stage", "test").send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chats_of_a_region_are_read_side_by_side() {
    let world = two_chats().await;
    let asked = || {
        let calls = world.cloud.calls().into_iter();
        let of_kind = calls.filter(|call| call.operation == "GetIntegrations");
        of_kind.collect::<Vec<_>>()
    };
    let before = asked().len();
    world.cloud.inject(Fault {
        operation: Some("GetIntegrations".into()),
        times: 2,
        ..Fault::new(FaultKind::Delay(3_000))
    });
    let regions = [world.clients.place.region.clone()];
    let both_wait = async {
        wait_for(&world, "GetIntegrations", before + 2).await;
        asked()[before..].iter().all(|call| call.status.is_none())
    };
    let (listing, both_wait) = tokio::join!(list(&world.clients, &regions, None), both_wait);
    assert!(
        both_wait,
        "the second is asked after the first has answered"
    );
    assert_eq!(listing.unwrap().chats.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_chat_is_listed_once_and_nothing_else() {
    let world = two_chats().await;
    more_apis(&world).await;
    let all = listed(&world, &[]).await;
    assert_eq!(all["account"], "000000000000");
    let chats = all["chats"].as_array().unwrap();
    let names: Vec<_> = chats
        .iter()
        .map(|one| (&one["name"], &one["stage"]))
        .collect();
    let expected = [("chat", "production"), ("team", "test")].map(|(n, s)| (json!(n), json!(s)));
    let expected: Vec<_> = expected.iter().map(|(n, s)| (n, s)).collect();
    assert_eq!(names, expected);
    let status = world.run(&["status", "--output", "json"]).await;
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(chats[0]["url"], status["url"]);
    assert_eq!(
        (&chats[0]["version"], &chats[0]["region"]),
        (&json!("1"), &json!("us-east-1"))
    );
    assert!(
        chats[0]["ageSeconds"]
            .as_i64()
            .is_some_and(|age| (0..300).contains(&age))
    );
    assert!(chats[0].get("drift").is_none());
    let table = world.run(&["list"]).await;
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    let rows: Vec<_> = table
        .lines()
        .map(|row| row.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(rows, ["CHAT", "chat/production", "team/test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_told_where_the_file_has_the_settings() {
    let world = two_chats().await;
    let drift = async || {
        let all = listed(&world, &["--drift"]).await;
        let chats = all["chats"].as_array().unwrap().iter();
        let drift = chats.map(|one| one["drift"].as_str().unwrap().to_owned());
        drift.collect::<Vec<_>>()
    };
    assert_eq!(drift().await, ["none", "unknown"]);
    let file = world.folder.path().join("chatctl.toml");
    fs::write(&file, "[env.test]\nname = \"team\"\nstage = \"test\"\n").unwrap();
    assert_eq!(drift().await, ["none", "differs"]);
    fs::write(
        &file,
        "[env.test]\nname = \"team\"\nstage = \"test\"\nfunction.memory = 512\n",
    )
    .unwrap();
    assert_eq!(drift().await, ["none", "none"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_cannot_be_read_hides_no_other() {
    let world = World::deployed().await;
    // The local cloud is one region, and refuses every other.
    let regions = ["eu-west-1", "us-east-1"].map(str::to_owned);
    let listing = list(&world.clients, &regions, None).await.unwrap();
    assert_eq!(listing.chats.len(), 1);
    let unread: Vec<_> = listing
        .unread
        .iter()
        .map(|one| one.region.as_str())
        .collect();
    assert_eq!(unread, ["eu-west-1"]);
    let none = list(&world.clients, &regions[..1], None).await.unwrap_err();
    assert_eq!(none.message(), "cannot list the APIs");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_chats_is_said_to_have_none() {
    let world = World::empty().await;
    let said = world.run(&["list", "--all-regions"]).await;
    assert_eq!(
        String::from_utf8_lossy(&said.stdout),
        "no chats in account 000000000000\n"
    );
}
