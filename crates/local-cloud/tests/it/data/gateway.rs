//! Messages, replies, limits and ends of open sockets. Fidelity checklist 6, 8, 9, 10, 12, 14.

use std::time::Duration;

use futures_util::SinkExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::{World, calm};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_route_gets_the_forbidden_frame_and_the_socket_stays() {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["join"]).await;
    world.permit("*/*").await;
    world.deploy().await;
    let mut client = world.connect().await;
    for message in [
        r#"{"action":"leave"}"#,
        "no JSON",
        r#"{"action":"$connect"}"#,
    ] {
        client.send(message).await;
        assert_frame("Forbidden", &client.text().await);
    }
    client.send(r#"{"action":"join"}"#).await;
    world.event("MESSAGE").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_gives_an_error_frame_and_the_socket_stays() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    for wish in [
        "throw",
        "exit:3",
        "raw:null",
        r#"raw:{\"statusCode\":200,\"note\":1}"#,
    ] {
        client.send(&format!(r#"{{"do":"{wish}"}}"#)).await;
        assert_frame("Internal server error", &client.text().await);
    }
    client.send(r#"{"do":"ok"}"#).await;
    world.events_of("MESSAGE", 5).await;
}

fn assert_frame(message: &str, frame: &str) {
    let parsed: Value = serde_json::from_str(frame).unwrap();
    let text = |name: &str| parsed[name].as_str().unwrap().to_owned();
    let (id, request) = (text("connectionId"), text("requestId"));
    let exact =
        format!(r#"{{"message": "{message}", "connectionId":"{id}", "requestId":"{request}"}}"#);
    assert_eq!(frame, exact);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_not_text_become_text_and_what_is_unknown_goes_to_default() {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["$default", "7", "null", "join"]).await;
    world.permit("*/*").await;
    world.deploy().await;
    let mut client = world.connect().await;
    let cases = [
        (r#"{"action":7}"#, "7"),
        (r#"{"action":null}"#, "null"),
        (r#"{"action":"join"}"#, "join"),
        (r#"{"action":"Join"}"#, "$default"),
        (r#"{"action":"$default"}"#, "$default"),
        (r#"{"action":"$disconnect"}"#, "$default"),
        (r#"{"other":1}"#, "$default"),
        ("no JSON", "$default"),
    ];
    for (count, (message, route)) in cases.into_iter().enumerate() {
        client.send(message).await;
        let events = world.events_of("MESSAGE", count + 1).await;
        let event = events.last().unwrap();
        assert_eq!(event["requestContext"]["routeKey"], route, "{message}");
        assert_eq!(event["body"], message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_event_has_context_and_body_and_nothing_else() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    client.send(r#"{"action":"join"}"#).await;
    let event = world.event("MESSAGE").await;
    let keys: Vec<_> = event
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["requestContext", "body", "isBase64Encoded"]);
    let context = &event["requestContext"];
    assert_eq!(context["routeKey"], "join");
    assert!(context["messageId"].as_str().unwrap().ends_with('='));
    assert_eq!(context["requestId"], context["extendedRequestId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_comes_back_only_with_a_deployed_route_response() {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["$connect"]).await;
    let route = world.make_route("$default").await;
    world.permit("*/*").await;
    world.deploy().await;
    let mut client = world.connect().await;
    client.send(r#"{"do":"echo","number":1}"#).await;
    world.events_of("MESSAGE", 1).await;

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
    client.send(r#"{"do":"echo","number":2}"#).await;
    world.events_of("MESSAGE", 2).await;

    world.deploy().await;
    client.send(r#"{"do":"echo","number":3}"#).await;
    assert_eq!(
        client.text().await,
        r#"{"do":"echo","number":3}"#,
        "the first two had no answer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_route_is_live_only_after_a_deployment_and_open_sockets_move_to_it() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    world.make_route("leave").await;
    client.send(r#"{"action":"leave","number":1}"#).await;
    let before = world.events_of("MESSAGE", 1).await;
    assert_eq!(before[0]["requestContext"]["routeKey"], "$default");
    world.deploy().await;
    client.send(r#"{"action":"leave","number":2}"#).await;
    let after = world.events_of("MESSAGE", 2).await;
    assert_eq!(after[1]["requestContext"]["routeKey"], "leave");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_32_kb_or_a_message_over_128_kb_closes_with_1009() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    client.send(&"x".repeat(32 * 1024)).await;
    world.events_of("MESSAGE", 1).await;
    client.send(&"x".repeat(32 * 1024 + 1)).await;
    assert_eq!(client.close_frame().await.0, 1009);
    let gone = world.events_of("DISCONNECT", 1).await;
    assert_eq!(gone[0]["requestContext"]["disconnectStatusCode"], 1009);

    let mut client = world.connect().await;
    send_fragments(&mut client, 4, 32 * 1024).await;
    let largest = world.events_of("MESSAGE", 2).await;
    assert_eq!(largest[1]["body"].as_str().unwrap().len(), 128 * 1024);
    send_fragments(&mut client, 5, 32 * 1024).await;
    assert_eq!(client.close_frame().await.0, 1009);
}

async fn send_fragments(client: &mut super::Client, count: usize, size: usize) {
    for index in 0..count {
        let kind = if index == 0 {
            Data::Text
        } else {
            Data::Continue
        };
        let frame = Frame::message("x".repeat(size), OpCode::Data(kind), index + 1 == count);
        // The server may have closed already, which is what the caller wants to see.
        if client.socket.send(Message::Frame(frame)).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binary_frame_closes_with_1003() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    client
        .socket
        .send(Message::binary(vec![1, 2, 3]))
        .await
        .unwrap();
    assert_eq!(
        client.close_frame().await,
        (1003, "Binary is not supported".to_owned())
    );
    let gone = world.event("DISCONNECT").await;
    assert_eq!(gone["requestContext"]["disconnectStatusCode"], 1003);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_idle_minutes_close_with_1001_and_traffic_starts_them_anew() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    world.cloud.clock().turn(Duration::from_secs(9 * 60));
    client.send(r#"{"action":"join"}"#).await;
    world.event("MESSAGE").await;
    world.cloud.clock().turn(Duration::from_secs(9 * 60));
    client.send(r#"{"action":"join"}"#).await;
    world.events_of("MESSAGE", 2).await;
    assert!(
        world
            .events()
            .iter()
            .all(|event| event["requestContext"]["eventType"] != "DISCONNECT")
    );
    world.cloud.clock().turn(Duration::from_secs(10 * 60 + 1));
    assert_eq!(client.close_frame().await, (1001, "Going away".to_owned()));
    let gone = world.event("DISCONNECT").await;
    assert_eq!(gone["requestContext"]["disconnectStatusCode"], 1001);
    assert_eq!(gone["requestContext"]["disconnectReason"], "Going away");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hours_are_the_end_however_busy_the_socket_is() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    for count in 1..=13 {
        world.cloud.clock().turn(Duration::from_secs(9 * 60));
        client.send(r#"{"action":"join"}"#).await;
        world.events_of("MESSAGE", count).await;
    }
    world.cloud.clock().turn(Duration::from_secs(4 * 60));
    assert_eq!(client.close_frame().await.0, 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_answered_but_does_not_keep_the_connection_alive() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    world.cloud.clock().turn(Duration::from_secs(9 * 60));
    client
        .socket
        .send(Message::Ping("hi".into()))
        .await
        .unwrap();
    assert!(matches!(client.next().await, Some(Ok(Message::Pong(_)))));
    world.cloud.clock().turn(Duration::from_secs(2 * 60));
    assert_eq!(client.close_frame().await.0, 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_is_told_exactly_once_with_its_code_and_reason() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let frame = CloseFrame {
        code: CloseCode::from(4001),
        reason: "bye".into(),
    };
    client.socket.close(Some(frame)).await.unwrap();
    let first = world.events_of("DISCONNECT", 1).await.remove(0);
    let context = &first["requestContext"];
    assert_eq!(context["disconnectStatusCode"], 4001);
    assert_eq!(context["disconnectReason"], "bye");
    let headers = first["headers"].as_object().unwrap();
    let names: Vec<_> = headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["Host", "x-api-key", "X-Forwarded-For", "x-restapi"]);
    assert!(first.get("body").is_none());

    let mut client = world.connect().await;
    client.socket.close(None).await.unwrap();
    let second = world.events_of("DISCONNECT", 2).await.remove(1);
    assert_eq!(second["requestContext"]["disconnectStatusCode"], 1005);
    let reason = "Client-side close frame status not set";
    assert_eq!(second["requestContext"]["disconnectReason"], reason);

    let client = world.connect().await;
    drop(client);
    let third = world.events_of("DISCONNECT", 3).await.remove(2);
    assert_eq!(third["requestContext"]["disconnectStatusCode"], 1006);

    // Something that takes longer than any second `$disconnect` would.
    world.connect().await.id(&world).await;
    assert!(
        world.events_of("DISCONNECT", 3).await.len() <= 4,
        "three ends and the last client's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_way_the_server_ends_it_the_function_hears_of_it_once() {
    let world = World::chat().await;
    let mut binary = world.connect().await;
    let mut large = world.connect().await;
    let mut deleted = world.connect().await;
    let mut idle = world.connect().await;
    let id = deleted.id(&world).await;
    binary.socket.send(Message::binary(vec![1])).await.unwrap();
    large.send(&"x".repeat(32 * 1024 + 1)).await;
    let closed = super::connections::manage(&world, "DELETE", &id, b"");
    assert_eq!(closed.status, 204);
    world.events_of("DISCONNECT", 3).await;
    world.cloud.clock().turn(Duration::from_secs(10 * 60 + 1));
    for (client, code) in [
        (&mut binary, 1003),
        (&mut large, 1009),
        (&mut deleted, 1000),
        (&mut idle, 1001),
    ] {
        assert_eq!(client.close_frame().await.0, code);
    }
    world.events_of("DISCONNECT", 4).await;
    // A whole round with a new client takes longer than any second event would.
    let mut last = world.connect().await;
    last.send(r#"{"do":"ok"}"#).await;
    world.events_of("MESSAGE", 2).await;
    let gone = world.events_of("DISCONNECT", 4).await;
    let ids: std::collections::BTreeSet<_> = gone
        .iter()
        .map(|event| event["requestContext"]["connectionId"].as_str().unwrap())
        .collect();
    assert_eq!((gone.len(), ids.len()), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_during_its_connect_is_still_told_as_gone() {
    let world = World::chat().await;
    let url = format!("{}?do=sleep:300", world.url());
    let leaving = tokio::time::timeout(Duration::from_millis(100), super::try_connect(&url));
    assert!(leaving.await.is_err(), "the handshake was over too soon");
    let connect = world.event("CONNECT").await;
    let gone = world.event("DISCONNECT").await;
    let id = |event: &Value| event["requestContext"]["connectionId"].clone();
    assert_eq!(id(&connect), id(&gone));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_api_closes_its_sockets_and_leaves_function_role_and_permission() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    world
        .gateway
        .delete_api()
        .api_id(&world.api_id)
        .send()
        .await
        .unwrap();
    assert_eq!(client.close_frame().await.0, 1001);
    assert_eq!(world.try_connect("").await.unwrap_err().0, 403);
    let policy = world
        .lambda
        .get_policy()
        .function_name("chat")
        .send()
        .await
        .unwrap();
    assert!(policy.policy().unwrap().contains(&world.api_id));
    world.iam.get_role().role_name("chat").send().await.unwrap();
}
