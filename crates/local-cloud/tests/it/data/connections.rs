//! The `@connections` management API. Fidelity checklist 11.

use std::time::Duration;

use serde_json::Value;

use super::function::{Answer, call, signature};
use super::{Client, World};

const GONE: &str = "PJqB0fHsqRcCHlwAAAAAAA==";

pub(super) fn manage(world: &World, method: &str, id: &str, body: &[u8]) -> Answer {
    let signature = signature("AKIDANYBODY");
    request(
        world,
        method,
        &format!("@connections/{}", id.replace('=', "%3D")),
        body,
        Some(&signature),
    )
}

fn request(
    world: &World,
    method: &str,
    rest: &str,
    body: &[u8],
    signature: Option<&str>,
) -> Answer {
    let path = format!("/_aws/execute-api/{}/production/{rest}", world.api_id);
    let headers: Vec<_> = signature
        .map(|value| ("authorization", value))
        .into_iter()
        .collect();
    call(&world.host(), method, &path, &headers, body)
}

pub(super) fn kind(answer: &Answer) -> &str {
    answer
        .headers
        .get("x-amzn-errortype")
        .map_or("", String::as_str)
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_reaches_the_client_and_a_look_shows_when() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await;
    assert_eq!(manage(&world, "POST", &id, "grüße".as_bytes()).status, 200);
    assert_eq!(client.text().await, "grüße");
    // An empty message and one that is not UTF-8 arrive too.
    assert_eq!(manage(&world, "POST", &id, b"").status, 200);
    assert_eq!(client.text().await, "");
    assert_eq!(manage(&world, "POST", &id, b"a\xffb").status, 200);
    assert_eq!(client.text().await, "a\u{fffd}b");

    let before: Value = serde_json::from_slice(&manage(&world, "GET", &id, b"").body).unwrap();
    assert_eq!(before["identity"]["sourceIp"], "127.0.0.1");
    world.cloud.clock().turn(Duration::from_secs(60));
    manage(&world, "POST", &id, b"x");
    let after: Value = serde_json::from_slice(&manage(&world, "GET", &id, b"").body).unwrap();
    assert_eq!(before["connectedAt"], after["connectedAt"]);
    assert_ne!(before["lastActiveAt"], after["lastActiveAt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_to_write_the_at_sign_and_the_equals_sign_work() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await;
    let signature = signature("AKIDANYBODY");
    for folder in ["@connections", "%40connections"] {
        for id in [id.clone(), id.replace('=', "%3D")] {
            let answer = request(
                &world,
                "POST",
                &format!("{folder}/{id}"),
                b"x",
                Some(&signature),
            );
            assert_eq!(answer.status, 200, "{folder}/{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_to_a_gone_connection_is_410() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await;
    client.socket.close(None).await.unwrap();
    world.event("DISCONNECT").await;
    for method in ["POST", "GET", "DELETE", "POST"] {
        let answer = manage(&world, method, &id, b"");
        assert_eq!(
            (answer.status, kind(&answer)),
            (410, "GoneException"),
            "{method}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_to_oneself_within_connect_is_410() {
    let world = World::chat().await;
    let (_, body) = world.try_connect("?do=manage:POST").await.unwrap_err();
    assert_eq!(body, "410 GoneException");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_id_is_400_before_anything_else() {
    let world = World::chat().await;
    let answer = request(&world, "POST", "@connections/nonsense", b"", None);
    assert_eq!((answer.status, kind(&answer)), (400, "BadRequestException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_is_403_and_so_is_an_unknown_stage() {
    let world = World::chat().await;
    let rest = format!("@connections/{}", &GONE[4..]);
    let answer = request(&world, "POST", &rest, b"", None);
    assert_eq!(
        (answer.status, kind(&answer)),
        (403, "MissingAuthenticationTokenException")
    );
    let path = format!("/_aws/execute-api/{}/staging/{rest}", world.api_id);
    let signed = [("authorization", &*signature("AKIDANYBODY"))];
    let answer = call(&world.host(), "POST", &path, &signed, b"");
    assert_eq!((answer.status, kind(&answer)), (403, "ForbiddenException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_has_three_members_and_does_not_count_as_traffic() {
    let world = World::chat().await;
    let url = world.url();
    let socket = super::knock(&url, &[("user-agent", "me/1")]).await.unwrap();
    let mut client = Client { socket };
    let id = client.id(&world).await;
    let look = || -> Value {
        let answer = manage(&world, "GET", &id, b"");
        assert_eq!(answer.headers["content-type"], "application/json");
        serde_json::from_slice(&answer.body).unwrap()
    };
    let first = look();
    let names: Vec<_> = first.as_object().unwrap().keys().collect();
    assert_eq!(names, ["connectedAt", "identity", "lastActiveAt"]);
    let identity = serde_json::json!({"sourceIp": "127.0.0.1", "userAgent": "me/1"});
    assert_eq!(first["identity"], identity);
    let time = first["lastActiveAt"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok());
    world.cloud.clock().turn(Duration::from_secs(60));
    assert_eq!(look(), first, "a look is no traffic");
    client.send("hi").await;
    world.events_of("MESSAGE", 2).await;
    assert_ne!(look()["lastActiveAt"], first["lastActiveAt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_stage_of_the_api_manages_a_connection_and_no_stage_none() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await.replace('=', "%3D");
    let create = world.gateway.create_stage().api_id(&world.api_id);
    create.stage_name("empty").send().await.unwrap();
    let signature = signature("AKIDANYBODY");
    let post = |stage: &str| {
        let path = format!(
            "/_aws/execute-api/{}/{stage}@connections/{id}",
            world.api_id
        );
        let headers = [("authorization", signature.as_str())];
        call(&world.host(), "POST", &path, &headers, b"hi").status
    };
    assert_eq!(post("empty/"), 200, "nothing is deployed there");
    assert_eq!(client.text().await, "hi");
    assert_eq!(post(""), 403);
    let url = world.url().replace("/production", "/empty");
    assert_eq!(super::try_connect(&url).await.unwrap_err().0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_post_arrives_in_pieces_and_one_byte_more_is_413_without_a_body() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await;
    let largest = "ä".repeat(64 * 1024);
    assert_eq!(manage(&world, "POST", &id, largest.as_bytes()).status, 200);
    assert_eq!(client.text().await, largest);
    let answer = manage(&world, "POST", &id, &vec![b'x'; 128 * 1024 + 1]);
    assert_eq!(
        (answer.status, kind(&answer), answer.body.len()),
        (413, "", 0)
    );
    assert_eq!(manage(&world, "POST", &id, b"still here").status, 200);
    assert_eq!(client.text().await, "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_closes_with_1000_and_the_connection_is_gone_at_once() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await;
    assert_eq!(manage(&world, "DELETE", &id, b"").status, 204);
    assert_eq!(manage(&world, "POST", &id, b"").status, 410);
    assert_eq!(
        client.close_frame().await,
        (1000, "Connection Closed Normally".to_owned())
    );
    let gone = world.event("DISCONNECT").await;
    assert_eq!(gone["requestContext"]["disconnectStatusCode"], 1000);
    assert_eq!(
        gone["requestContext"]["disconnectReason"],
        "Connection Closed Normally"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_the_right_resource_is_denied() {
    let mut world = World::bare(super::calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["$connect"]).await;
    let route = world.make_route("$default").await;
    let response = world
        .gateway
        .create_route_response()
        .api_id(&world.api_id)
        .route_id(&route);
    response
        .route_response_key("$default")
        .send()
        .await
        .unwrap();
    world.permit("*/*").await;
    world.deploy().await;
    let mut client = world.connect().await;
    client.send(r#"{"do":"manage:GET"}"#).await;
    assert_eq!(client.text().await, "200 ");
    let api = &world.api_id;
    for resource in [
        format!("{api}/production/POST/@connections"),
        format!("{api}/staging/*"),
    ] {
        let rights = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":"execute-api:ManageConnections","Resource":"arn:aws:execute-api:us-east-1:000000000000:{resource}"}}]}}"#
        );
        world.set_rights(&rights).await;
        client.send(r#"{"do":"manage:POST"}"#).await;
        assert_eq!(
            client.text().await,
            "403 AccessDeniedException",
            "{resource}"
        );
    }
    let rights = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Action":"execute-api:ManageConnections","Resource":"arn:aws:execute-api:us-east-1:000000000000:{api}/production/*/@connections/*"}}]}}"#
    );
    world.set_rights(&rights).await;
    client.send(r#"{"do":"manage:GET"}"#).await;
    assert_eq!(client.text().await, "200 ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_makes_posts_fail_with_429_and_loses_nothing() {
    let world = World::chat().await;
    let mut client: Client = world.connect().await;
    let id = client.id(&world).await;
    let large = vec![b'x'; 128 * 1024];
    let mut sent = 0;
    let refused = loop {
        let answer = manage(&world, "POST", &id, &large);
        if answer.status != 200 {
            break answer;
        }
        sent += 1;
        assert!(sent < 1000, "there seems to be no limit");
    };
    assert_eq!(
        (refused.status, kind(&refused)),
        (429, "LimitExceededException")
    );
    for _ in 0..sent {
        assert_eq!(client.text().await.len(), large.len());
    }
    assert_eq!(manage(&world, "POST", &id, b"again").status, 200);
    assert_eq!(client.text().await, "again");
}
