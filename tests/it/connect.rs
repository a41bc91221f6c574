//! Who may connect: everybody, whom IAM allows, or whom the function lets in.

use super::world::{World, text};
use chatctl::config::Settings;
use chatctl::deployer::Deployed;
use chatctl::engine::plan::Action;
use chatctl::error::ErrorKind;
use serde_json::Value;
use std::fs;

/// A function of which API Gateway also asks who may connect, and which answers what it is sent.
const HANDLER: &str = r#"
def handler(event, context):
    if event.get("type") == "REQUEST":
        known = (event.get("queryStringParameters") or {}).get("token") == "sesame"
        statement = {
            "Effect": "Allow" if known else "Deny",
            "Action": "execute-api:Invoke",
            "Resource": event["methodArn"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": "guest", "policyDocument": policy}
    return {"statusCode": 200, "body": event.get("body", "")}
"#;

const GUARDED: &str = r#"
table = false
[function]
runtime = "python3.13"
handler = "app.handler"
source = "function"
[routes]
"$default" = { response = true }
[connect]
authorization = "function"
identity = ["route.request.querystring.token"]
[prove]
send = "hello"
expect = "hello"
query = "token=sesame"
"#;

fn configured(world: &World, configuration: &str) -> Settings {
    let folder = world.folder.path();
    fs::create_dir_all(folder.join("function")).unwrap();
    fs::write(folder.join("function/app.py"), HANDLER).unwrap();
    let file = folder.join("chatctl.toml");
    fs::write(&file, configuration).unwrap();
    world.settings(&["--config", file.to_str().unwrap()])
}

fn without_the_authorizer() -> String {
    GUARDED.replace("\"function\"\nidentity", "\"none\"\n#identity")
}

fn changed(deployed: &Deployed) -> Vec<(String, Action)> {
    let steps = deployed.plan.resources.iter();
    let changes = steps.filter(|step| step.action != Action::Keep);
    changes
        .map(|step| (step.id.to_string(), step.action))
        .collect()
}

/// The type and the authorizer of `$connect`.
async fn guard(world: &World, api: &str) -> (String, Option<String>) {
    let call = world.clients.apigatewayv2.get_routes().api_id(api);
    let routes = call.send().await.unwrap().items.unwrap();
    let connect = routes
        .iter()
        .find(|one| one.route_key() == Some("$connect"));
    let connect = connect.unwrap();
    let kind = connect.authorization_type().unwrap().as_str().to_owned();
    (kind, connect.authorizer_id().map(str::to_owned))
}

async fn statements(world: &World) -> Vec<String> {
    let call = world.clients.lambda.get_policy();
    let call = call.function_name("chat-production").qualifier("live");
    let policy: Value = serde_json::from_str(&call.send().await.unwrap().policy.unwrap()).unwrap();
    let all = policy["Statement"].as_array().unwrap().iter();
    let sources = all.map(|one| one["Condition"]["ArnLike"]["AWS:SourceArn"].to_string());
    let mut sources: Vec<_> = sources.collect();
    sources.sort();
    sources
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_may_say_who_connects_and_the_proof_tells_it_what_it_wants() {
    let world = World::empty().await;
    configured(&world, GUARDED);
    let deployed = world.run(&["deploy", "--yes"]).await;
    assert_eq!(deployed.status.code(), Some(0), "{}", text(&deployed));
    let again = world.run(&["plan", "--exit-code"]).await;
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    let doctor = world.run(&["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(0), "{}", text(&doctor));
    assert!(!text(&doctor).contains("warn "), "{}", text(&doctor));

    // Another word is refused: the proof fails, and never shows the word that it used.
    configured(&world, &GUARDED.replace("=sesame", "=open"));
    let refused = world.run(&["doctor"]).await;
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    let said = text(&refused);
    assert!(
        said.contains("403") && !said.contains("token=open"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorizer_has_a_right_of_its_own_and_goes_when_it_is_not_wanted() {
    let world = World::empty().await;
    let deployed = world.deploy_as(&configured(&world, GUARDED)).await.unwrap();
    let api = &deployed.api_id;
    let (kind, authorizer) = guard(&world, api).await;
    assert!(kind == "CUSTOM" && authorizer.is_some(), "{kind}");
    let sources = statements(&world).await;
    assert_eq!(sources.len(), 2, "{sources:?}");
    assert!(sources[0].ends_with("/authorizers/*\""), "{sources:?}");

    let open = configured(&world, &without_the_authorizer());
    let opened = world.deploy_as(&open).await.unwrap();
    let changes = changed(&opened);
    let goes = |(id, action): &(String, Action)| {
        id.starts_with("authorizer/") && *action == Action::Delete
    };
    assert!(changes.iter().any(goes), "{changes:?}");
    assert_eq!(guard(&world, api).await, ("NONE".into(), None));
    assert_eq!(statements(&world).await.len(), 1);
    let left = world.clients.apigatewayv2.get_authorizers().api_id(api);
    assert!(left.send().await.unwrap().items().is_empty());
    assert!(!world.deploy_as(&open).await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_did_to_the_authorizer_is_drift() {
    let world = World::empty().await;
    let settings = configured(&world, GUARDED);
    let deployed = world.deploy_as(&settings).await.unwrap();
    let gateway = &world.clients.apigatewayv2;
    let api = &deployed.api_id;
    let (_, authorizer) = guard(&world, api).await;
    let call = gateway.update_authorizer().api_id(api);
    let call = call.authorizer_id(authorizer.clone().unwrap());
    let call = call.identity_source("route.request.header.Other");
    call.send().await.unwrap();
    let mended = world.deploy_as(&settings).await.unwrap();
    assert_eq!(changed(&mended), [("authorizer".into(), Action::Update)]);
    assert_eq!(guard(&world, api).await.1, authorizer);
    assert!(!world.deploy_as(&settings).await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_iam_says_who_connects_every_client_of_ours_signs() {
    let world = World::empty().await;
    configured(&world, "[connect]\nauthorization = \"iam\"\n");
    let deployed = world.run(&["deploy", "--yes", "--output", "json"]).await;
    assert_eq!(deployed.status.code(), Some(0), "{}", text(&deployed));
    let document: Value = serde_json::from_slice(&deployed.stdout).unwrap();
    let api = document["apiId"].as_str().unwrap();
    assert_eq!(guard(&world, api).await, ("AWS_IAM".into(), None));
    let doctor = world.run(&["doctor"]).await;
    assert_eq!(doctor.status.code(), Some(0), "{}", text(&doctor));

    let url = document["url"].as_str().unwrap();
    let unsigned = world.run(&["chat", "--url", url, "--user", "ann"]).await;
    assert!(text(&unsigned).contains("403"), "{}", text(&unsigned));
    let signed = world.run(&["chat", "--user", "ann"]).await;
    assert_eq!(signed.status.code(), Some(0), "{}", text(&signed));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_together_is_refused_with_its_line() {
    let world = World::empty().await;
    for (configuration, said) in [
        (
            "[connect]\nauthorization = \"function\"\n",
            "chatctl.toml:2: connect.authorization: the bundled chat does not know",
        ),
        (
            "[connect]\nidentity = [\"route.request.header.X\"]\n",
            "chatctl.toml:2: connect.identity: only a function that authorizes",
        ),
        (
            &GUARDED.replace("route.request.querystring.token", "token"),
            "connect.identity: \"token\" is nothing that a client sends",
        ),
    ] {
        fs::create_dir_all(world.folder.path().join("function")).unwrap();
        fs::write(world.folder.path().join("chatctl.toml"), configuration).unwrap();
        let refused = world.run(&["plan"]).await;
        assert_eq!(
            refused.status.code(),
            Some(ErrorKind::Usage.exit_code().into())
        );
        assert!(text(&refused).contains(said), "{}", text(&refused));
    }
}
