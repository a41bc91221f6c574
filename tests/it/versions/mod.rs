//! Versions of the function, and the alias that the API calls: nobody meets a version that was not
//! proved.

mod former;
mod kept;
pub mod refused;
mod rollback;

use super::running::Client;
use super::world::{World, text};
use serde_json::{Value, json};

const NAME: &str = "chat-production";

/// What the alias points to, and what its description says.
async fn live(world: &World) -> (String, String) {
    let alias = world.clients.lambda.get_alias();
    let alias = alias.function_name(NAME).name("live").send().await.unwrap();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (text(alias.function_version()), text(alias.description()))
}

/// The numbers of the published versions.
async fn published(world: &World) -> Vec<String> {
    let all = world.clients.lambda.list_versions_by_function();
    let all = all.function_name(NAME).send().await.unwrap();
    let numbers = all.versions().iter().filter_map(|one| one.version());
    numbers
        .filter(|one| *one != "$LATEST")
        .map(str::to_owned)
        .collect()
}

/// The binary runs and ends well; its document.
async fn done(world: &World, args: &[&str]) -> Value {
    let args = [args, &["--output", "json"]].concat();
    let output = world.run(&args).await;
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The binary fails with 1; what it says.
async fn fails(world: &World, args: &[&str]) -> String {
    let output = world.run(args).await;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    text(&output)
}

/// A heartbeat is answered.
async fn answers(client: &mut Client) {
    client.send(json!({"action": "ping"})).await;
    client.expect("pong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deploy_is_a_version_that_is_proved_before_it_is_live() {
    let world = World::empty().await;
    let first = done(&world, &["deploy", "--yes"]).await;
    assert_eq!(first["version"], "1");
    assert_eq!(
        live(&world).await,
        ("1".into(), "chatctl: the first version".into())
    );
    let mut alice = Client::connect(first["url"].as_str().unwrap()).await;
    let second = done(&world, &["deploy", "--yes", "--memory", "300"]).await;
    assert_eq!(second["version"], "2");
    let says = "chatctl: replaced version 1";
    assert_eq!(live(&world).await, ("2".into(), says.into()));
    answers(&mut alice).await;

    // The new version is called directly, by the deployer, before the alias moves.
    let calls = world.cloud.calls();
    let last = |operation: &str| {
        let call = |call: &chatctl_local_cloud::Call| call.operation == operation;
        calls.iter().rposition(call).unwrap()
    };
    assert!(last("PublishVersion") < last("Invoke") && last("Invoke") < last("UpdateAlias"));

    let status = done(&world, &["status"]).await;
    assert_eq!(status["apiId"], second["apiId"]);
    let live = "arn:aws:lambda:us-east-1:000000000000:function:chat-production:live";
    assert_eq!(status["names"]["liveArn"], live);
    let versions = status["versions"].as_array().unwrap();
    let seen: Vec<_> = versions
        .iter()
        .map(|one| (&one["version"], &one["live"], &one["former"], &one["by"]))
        .collect();
    let (yes, no, root) = (json!(true), json!(false), json!("root"));
    assert_eq!(
        seen,
        [(&json!(2), &yes, &no, &root), (&json!(1), &no, &yes, &root)]
    );
    assert_eq!(versions[0]["source"], versions[1]["source"]);
    assert!(versions[0]["published"].is_string(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_says_which_version_takes_the_place_of_which() {
    let world = World::deployed().await;
    let plan = world.run(&["plan", "--memory", "512"]).await;
    let said = text(&plan);
    assert!(said.contains("version: 1 → 2"), "{said}");
    assert!(said.contains("configuration: (values hidden)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_api_has_no_right_to_call_what_nobody_proved() {
    let world = World::deployed().await;
    let policy = world.clients.lambda.get_policy().function_name(NAME);
    assert!(policy.clone().send().await.is_err(), "it has a policy");
    let policy = policy.qualifier("live").send().await.unwrap();
    assert!(
        policy
            .policy()
            .unwrap()
            .contains("function:chat-production:live")
    );
}
