//! Which route a message takes when the expression is more than a path, and how much may pass.

use serde_json::json;

use super::connections::{kind, manage};
use super::{World, calm};

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_expression_selects_by_all_of_its_pieces() {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    let routes = ["$default", "join/a", "join/", "[a, 7]/x"];
    world.make_api(&routes).await;
    let update = world.gateway.update_api().api_id(&world.api_id);
    let expression = "${request.body.kind}/$request.body.to.rooms[0]";
    let update = update.route_selection_expression(expression);
    update.send().await.unwrap();
    world.permit("*/*").await;
    world.deploy().await;
    let mut client = world.connect().await;
    let cases = [
        (r#"{"kind":"join","to":{"rooms":["a","b"]}}"#, "join/a"),
        (r#"{"kind":"join"}"#, "join/"),
        (r#"{"kind":["a",7],"to":{"rooms":["x"]}}"#, "[a, 7]/x"),
        (r#"{"kind":"Join","to":{"rooms":["a"]}}"#, "$default"),
        ("join/a", "$default"),
    ];
    for (count, (message, route)) in cases.into_iter().enumerate() {
        client.send(message).await;
        let events = world.events_of("MESSAGE", count + 1).await;
        assert_eq!(
            events[count]["requestContext"]["routeKey"], route,
            "{message}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_has_a_throttle_of_its_own_and_the_socket_stays() {
    let world = World::chat().await;
    let once = aws_sdk_apigatewayv2::types::RouteSettings::builder()
        .throttling_burst_limit(1)
        .throttling_rate_limit(0.0001)
        .build();
    let update = world.gateway.update_stage().api_id(&world.api_id);
    let update = update.stage_name("production").route_settings("join", once);
    update.send().await.unwrap();
    let mut client = world.connect().await;
    client.send(r#"{"action":"join"}"#).await;
    client.send(r#"{"action":"join"}"#).await;
    let frame: serde_json::Value = serde_json::from_str(&client.text().await).unwrap();
    assert_eq!(frame["message"], "Too Many Requests");
    client.send("to the default route").await;
    let events = world.events_of("MESSAGE", 2).await;
    let keys: Vec<_> = events
        .iter()
        .map(|event| &event["requestContext"]["routeKey"])
        .collect();
    assert_eq!(keys, ["join", "$default"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_posts_share_the_account_s_bucket() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await;
    let mut conditions = calm();
    (conditions.requests_per_second, conditions.requests_burst) = (0.0001, 2.0);
    world.cloud.set_conditions(conditions);
    client.send(r#"{"action":"join"}"#).await;
    world.events_of("MESSAGE", 2).await;
    assert_eq!(manage(&world, "POST", &id, b"one").status, 200);
    assert_eq!(client.text().await, "one");
    let refused = manage(&world, "POST", &id, b"two");
    assert_eq!(
        (refused.status, kind(&refused)),
        (429, "LimitExceededException")
    );
    client.send(r#"{"action":"join"}"#).await;
    assert!(
        client
            .text()
            .await
            .starts_with(r#"{"message": "Too Many Requests", "#)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_s_rate_of_connections_is_a_429() {
    let world = World::chat().await;
    let mut conditions = calm();
    conditions.connections_per_second = 0.0;
    world.cloud.set_conditions(conditions);
    assert_eq!(world.try_connect("").await.unwrap_err().0, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_s_time_out_is_a_504_for_a_handshake_and_a_frame_for_a_message() {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["$default"]).await;
    let update = world
        .gateway
        .update_integration()
        .api_id(&world.api_id)
        .integration_id(&world.integration);
    update.timeout_in_millis(50).send().await.unwrap();
    world.permit("*/*").await;
    world.deploy().await;
    let mut client = world.connect().await;
    client.send(r#"{"do":"sleep:1000"}"#).await;
    let frame = client.text().await;
    assert!(
        frame.starts_with(r#"{"message": "Endpoint request timed out", "#),
        "{frame}"
    );
    world.make_route("$connect").await;
    world.deploy().await;
    let (status, body) = world.try_connect("?do=sleep:1000").await.unwrap_err();
    assert_eq!(status, 504);
    assert!(body.contains("Endpoint request timed out"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_in_base64_is_decoded_and_one_over_128_kb_is_an_error() {
    let mut world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&[]).await;
    let route = world.make_route("$default").await;
    let response = world.gateway.create_route_response().api_id(&world.api_id);
    let response = response.route_id(route).route_response_key("$default");
    response.send().await.unwrap();
    world.permit("*/*").await;
    world.deploy().await;
    let mut client = world.connect().await;
    let answer = json!({"statusCode": 200, "body": "aGk=", "isBase64Encoded": true});
    let wish = json!({"do": format!("raw:{answer}")});
    client.send(&wish.to_string()).await;
    assert_eq!(client.text().await, "hi");
    client.send(r#"{"do":"long:131073"}"#).await;
    let frame = client.text().await;
    assert!(
        frame.starts_with(r#"{"message": "Internal server error", "#),
        "{frame}"
    );
    client.send(r#"{"do":"long:131072"}"#).await;
    assert_eq!(client.text().await.len(), 131_072);
}
