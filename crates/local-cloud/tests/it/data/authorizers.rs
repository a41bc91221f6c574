//! Who may connect: Lambda authorizers of type REQUEST on `$connect`, and IAM.

use serde_json::{Value, json};

use super::function::signature;
use super::{World, calm, invocation, knock};

/// An API whose `$connect` asks an authorizer that looks at these sources. Returns the authorizer's id.
async fn guarded(sources: &[&str]) -> (World, String) {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["$disconnect", "$default"]).await;
    let create = world
        .gateway
        .create_authorizer()
        .api_id(&world.api_id)
        .name("guard");
    let create = create
        .authorizer_type("REQUEST".into())
        .authorizer_uri(invocation());
    let sources = sources.iter().map(|source| (*source).to_owned()).collect();
    let made = create.set_identity_source(Some(sources)).send().await;
    let id = made.unwrap().authorizer_id().unwrap().to_owned();
    let target = format!("integrations/{}", world.integration);
    let route = world
        .gateway
        .create_route()
        .api_id(&world.api_id)
        .route_key("$connect");
    let route = route.target(target).authorization_type("CUSTOM".into());
    route.authorizer_id(&id).send().await.unwrap();
    world.permit_as("routes", "*/$*").await;
    world
        .permit_as("authorizer", &format!("authorizers/{id}"))
        .await;
    world.deploy().await;
    (world, id)
}

/// Status and message of a refusal, whose body has the form of all failures.
async fn refused(world: &World, query: &str) -> (u16, String) {
    let url = format!("{}{query}", world.url());
    let response = knock(&url, &[]).await.expect_err("it was let in");
    let body: Value = serde_json::from_str(response.body()).unwrap();
    let id = body["requestId"].as_str().unwrap();
    assert_eq!(response.headers()["x-amz-apigw-id"], id);
    assert!(body["connectionId"].as_str().unwrap().ends_with("=="));
    let message = body["message"].as_str().unwrap().to_owned();
    (response.status().as_u16(), message)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_is_asked_before_connect_and_its_word_comes_with_every_event() {
    let (world, _) = guarded(&["route.request.querystring.token"]).await;
    let mut socket = world.try_connect("?token=t&token=u").await.unwrap();
    let asked = world.asked().remove(0);
    let arn = format!(
        "arn:aws:execute-api:us-east-1:000000000000:{}/production/$connect",
        world.api_id
    );
    assert_eq!(asked["methodArn"], arn);
    assert_eq!(asked["headers"]["Connection"], "upgrade");
    assert_eq!(asked["headers"]["content-length"], "0");
    assert_eq!(asked["multiValueHeaders"]["Upgrade"], json!(["websocket"]));
    assert_eq!(asked["queryStringParameters"], json!({"token": "u"}));
    assert_eq!(
        asked["multiValueQueryStringParameters"],
        json!({"token": ["t", "u"]})
    );
    assert_eq!(asked["stageVariables"], json!({}));
    assert_eq!(asked["requestContext"]["routeKey"], "$connect");
    assert!(asked["requestContext"].get("authorizer").is_none());
    assert!(asked.get("body").is_none() && asked.get("isBase64Encoded").is_none());

    let connect = world.event("CONNECT").await;
    let context = &connect["requestContext"];
    assert_eq!(context["requestId"], asked["requestContext"]["requestId"]);
    let mut said = context["authorizer"].clone();
    let latency = said.as_object_mut().unwrap().remove("integrationLatency");
    assert!(latency.is_some_and(|latency| latency.is_u64()));
    let wanted = json!({"tenant": "t1", "level": "7", "flag": "true", "principalId": "alice"});
    assert_eq!(said, wanted);

    let text = tokio_tungstenite::tungstenite::Message::text("{}");
    futures_util::SinkExt::send(&mut socket, text)
        .await
        .unwrap();
    let message = world.event("MESSAGE").await;
    assert_eq!(message["requestContext"]["authorizer"], wanted);
    socket.close(None).await.unwrap();
    let gone = world.event("DISCONNECT").await;
    assert_eq!(gone["requestContext"]["authorizer"], wanted);
    assert_eq!(world.asked().len(), 1, "nobody asks again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_empty_identity_is_401_and_nobody_is_asked() {
    let sources = [
        "route.request.header.Authorization",
        "route.request.querystring.token",
    ];
    let (world, _) = guarded(&sources).await;
    let unauthorized = (401, "Unauthorized".to_owned());
    for query in ["", "?token=t", "?token="] {
        assert_eq!(refused(&world, query).await, unauthorized, "{query}");
    }
    let url = |query: &str| format!("{}{query}", world.url());
    let empty = knock(&url("?token="), &[("authorization", "me")]).await;
    assert_eq!(empty.err().unwrap().status(), 401);
    assert!(world.asked().is_empty());
    let fine = knock(&url("?token=t"), &[("authorization", "me")]).await;
    assert!(fine.is_ok());
    let two = [("authorization", "me"), ("authorization", "you")];
    let twice = knock(&url("?token=t"), &two).await.err().unwrap();
    assert_eq!(twice.status(), 400);
    assert_eq!(twice.headers()["content-type"], "text/html");
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stage_variables_and_context_are_identities_too() {
    let sources = ["stageVariables.tenant", "context.connectionId"];
    let (world, _) = guarded(&sources).await;
    assert_eq!(refused(&world, "").await.0, 401);
    let stage = || {
        let update = world.gateway.update_stage().api_id(&world.api_id);
        update.stage_name("production")
    };
    stage()
        .stage_variables("tenant", "t1")
        .send()
        .await
        .unwrap();
    world.try_connect("").await.unwrap();
    assert_eq!(world.asked()[0]["stageVariables"], json!({"tenant": "t1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_does_not_allow_is_403_and_says_whether_it_denies() {
    let (world, _) = guarded(&[]).await;
    let (status, words) = refused(&world, "?auth=deny").await;
    assert_eq!(status, 403);
    assert!(words.ends_with("with an explicit deny in an identity-based policy"));
    let (status, words) = refused(&world, "?auth=elsewhere").await;
    assert_eq!(status, 403);
    assert!(
        words.contains("because no identity-based policy allows"),
        "{words}"
    );
    assert!(
        world
            .events()
            .iter()
            .all(|event| event["type"] == "REQUEST")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_that_fails_is_a_500_and_one_that_says_unauthorized_a_401() {
    let (world, _) = guarded(&[]).await;
    let broken = (500, "Internal server error".to_owned());
    let malformed = (500, String::new());
    assert_eq!(refused(&world, "?auth=throw:Oops").await, broken);
    for answer in ["null", r#"{"isAuthorized":true}"#, r#"{"principalId":"a"}"#] {
        let answer: String = answer.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let query = format!("?auth=raw:{answer}");
        assert_eq!(refused(&world, &query).await, malformed, "{query}");
    }
    assert_eq!(refused(&world, "?auth=large").await, malformed, "over 8 KB");
    let unauthorized = (401, "Unauthorized".to_owned());
    assert_eq!(
        refused(&world, "?auth=throw:Unauthorized").await,
        unauthorized
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_needs_a_permission_of_its_own() {
    let (world, id) = guarded(&[]).await;
    let remove = world.lambda.remove_permission().function_name("chat");
    remove.statement_id("authorizer").send().await.unwrap();
    let broken = (500, "Internal server error".to_owned());
    assert_eq!(refused(&world, "").await, broken);
    world.permit_as("another", "authorizers/other").await;
    assert_eq!(refused(&world, "").await, broken);
    world.permit_as("again", &format!("authorizers/{id}")).await;
    assert!(world.try_connect("").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_authorizer_is_live_only_after_a_deployment() {
    let (world, id) = guarded(&[]).await;
    let update = world
        .gateway
        .update_authorizer()
        .api_id(&world.api_id)
        .authorizer_id(&id);
    let update = update.identity_source("route.request.header.token");
    update.send().await.unwrap();
    assert!(world.try_connect("").await.is_ok());
    world.deploy().await;
    assert_eq!(refused(&world, "").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iam_route_lets_in_who_is_signed_and_allowed() {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&[]).await;
    let target = format!("integrations/{}", world.integration);
    let route = world
        .gateway
        .create_route()
        .api_id(&world.api_id)
        .route_key("$connect");
    let route = route.target(target).authorization_type("AWS_IAM".into());
    route.send().await.unwrap();
    world.permit("*/*").await;
    world.deploy().await;
    let unsigned = (403, "Missing Authentication Token".to_owned());
    assert_eq!(refused(&world, "").await, unsigned);
    let signed = signature("AKIDANYBODY");
    assert!(
        knock(&world.url(), &[("authorization", &signed)])
            .await
            .is_ok()
    );
    let event = world.event("CONNECT").await;
    let identity = &event["requestContext"]["identity"];
    assert_eq!(identity["userArn"], "arn:aws:iam::000000000000:root");
}
