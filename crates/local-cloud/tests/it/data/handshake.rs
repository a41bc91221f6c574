//! What a client gets for its handshake. Fidelity checklist 7, and parts of 12.

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{World, function, try_connect};

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_that_is_not_2xx_is_that_very_status_with_its_body() {
    let world = World::chat().await;
    for status in [301_u16, 400, 401, 403, 501] {
        let refused = world
            .try_connect(&format!("?do=status:{status},go+away"))
            .await
            .unwrap_err();
        assert_eq!(refused, (status, "go away".to_owned()));
    }
    assert!(world.try_connect("?do=status:204").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_function_is_a_502_with_the_ids_in_its_body() {
    let world = World::chat().await;
    for wish in [
        "throw",
        "exit:1",
        "raw:null",
        "raw:{\"statusCode\":200,\"extra\":1}",
    ] {
        let wish: String = wish.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, body) = world.try_connect(&format!("?do={wish}")).await.unwrap_err();
        assert_eq!(status, 502);
        let parsed: Value = serde_json::from_str(&body).unwrap();
        let (id, request) = (&parsed["connectionId"], &parsed["requestId"]);
        let (id, request) = (id.as_str().unwrap(), request.as_str().unwrap());
        let text =
            r#"{"message": "Internal server error", "connectionId":"ID", "requestId":"REQUEST"}"#;
        assert_eq!(body, text.replace("ID", id).replace("REQUEST", request));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_invoke_permission_for_this_api_the_answer_is_500() {
    let mut world = World::bare(super::calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["$connect", "$default"]).await;
    world.deploy().await;
    let (status, body) = world.try_connect("").await.unwrap_err();
    assert_eq!(status, 500);
    assert!(
        body.starts_with(r#"{"message": "Internal server error", "#),
        "{body}"
    );

    // A permission for another stage, or for an API that was made anew, is as good as none.
    world.permit("staging/*").await;
    assert_eq!(world.try_connect("").await.unwrap_err().0, 500);
    let remove = world
        .lambda
        .remove_permission()
        .function_name("chat")
        .statement_id("api");
    remove.send().await.unwrap();
    world.permit("production/$connect").await;
    assert!(world.try_connect("").await.is_ok());

    world
        .lambda
        .delete_function()
        .function_name("chat")
        .send()
        .await
        .unwrap();
    assert_eq!(world.try_connect("").await.unwrap_err().0, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_api_stage_or_path_is_forbidden() {
    let world = World::chat().await;
    let forbidden = (403, r#"{"message":"Forbidden"}"#.to_owned());
    let host = world.host();
    let base = format!("ws://{host}/_aws/execute-api");
    for path in [
        format!("{base}/{}/staging", world.api_id),
        format!("{base}/nothing/production"),
        format!("{base}/{}/production/more", world.api_id),
        format!("ws://{host}/production"),
    ] {
        assert_eq!(try_connect(&path).await.unwrap_err(), forbidden, "{path}");
    }
    let path = format!("/_aws/execute-api/{}/production", world.api_id);
    let plain = function::call(&host, "GET", &path, &[], b"");
    assert_eq!(plain.status, 403, "a plain GET is not a handshake");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_whose_endpoint_is_disabled_is_forbidden() {
    let world = World::chat().await;
    let update = |disabled| {
        let update = world.gateway.update_api().api_id(&world.api_id);
        update.disable_execute_api_endpoint(disabled).send()
    };
    update(true).await.unwrap();
    assert_eq!(world.try_connect("").await.unwrap_err().0, 403);
    update(false).await.unwrap();
    assert!(world.try_connect("").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_behind_the_stage_is_no_path() {
    let world = World::chat().await;
    assert!(world.try_connect("/").await.is_ok());
    assert!(world.try_connect("/?room=a").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_protocol_is_refused_and_ours_is_named() {
    let world = World::chat().await;
    let headers = [("sec-websocket-version", "8")];
    let refused = super::knock(&world.url(), &headers).await.err().unwrap();
    assert_eq!(refused.status(), 426);
    assert_eq!(refused.headers()["sec-websocket-version"], "13");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_names_its_request_in_a_header_and_no_kind() {
    let world = World::chat().await;
    let url = format!("{}?do=throw", world.url());
    let refused = super::knock(&url, &[]).await.err().unwrap();
    let body: Value = serde_json::from_str(refused.body()).unwrap();
    let id = body["requestId"].as_str().unwrap();
    assert_eq!(refused.headers()["x-amz-apigw-id"], id);
    assert!(!refused.headers().contains_key("x-amzn-errortype"));
    assert_eq!(refused.headers()["content-type"], "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn stage_variables_come_with_every_event_and_the_chain_of_proxies_with_the_first() {
    let world = World::chat().await;
    let update = world.gateway.update_stage().api_id(&world.api_id);
    let update = update
        .stage_name("production")
        .stage_variables("color", "blue");
    update.send().await.unwrap();
    let headers = [("x-forwarded-for", "192.0.2.1"), ("user-agent", "me/1")];
    let mut socket = super::knock(&world.url(), &headers).await.unwrap();
    let connect = world.event("CONNECT").await;
    assert_eq!(
        connect["headers"]["X-Forwarded-For"],
        "192.0.2.1, 127.0.0.1"
    );
    assert_eq!(
        connect["requestContext"]["identity"]["sourceIp"],
        "127.0.0.1"
    );
    assert_eq!(connect["requestContext"]["identity"]["userAgent"], "me/1");
    let names: Vec<_> = connect["headers"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let mut sorted = names.clone();
    sorted.sort_by_key(|name| name.to_ascii_lowercase());
    assert_eq!(names, sorted);
    socket.close(None).await.unwrap();
    let gone = world.event("DISCONNECT").await;
    for event in [connect, gone] {
        assert_eq!(
            event["stageVariables"],
            serde_json::json!({"color": "blue"})
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_found_by_its_host_name_too() {
    let world = World::chat().await;
    let mut request = format!("ws://{}/production", world.host())
        .into_client_request()
        .unwrap();
    let host = format!("{}.execute-api.us-east-1.amazonaws.com", world.api_id);
    request.headers_mut().insert("host", host.parse().unwrap());
    let stream = tokio::net::TcpStream::connect(world.cloud.addr())
        .await
        .unwrap();
    assert!(
        tokio_tungstenite::client_async(request, stream)
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_function_chooses_the_subprotocol() {
    let world = World::chat().await;
    let mut request = format!("{}?do=protocol:chat.v2", world.url())
        .into_client_request()
        .unwrap();
    request.headers_mut().insert(
        "sec-websocket-protocol",
        "chat.v1, chat.v2".parse().unwrap(),
    );
    let (_, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat.v2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_that_needs_an_api_key_is_forbidden_because_nobody_has_one() {
    let world = World::chat().await;
    let gateway = &world.gateway;
    let routes = gateway.get_routes().api_id(&world.api_id).send().await;
    let routes = routes.unwrap().items.unwrap();
    let connect = routes
        .iter()
        .find(|route| route.route_key() == Some("$connect"))
        .unwrap();
    let guard = gateway.update_route().api_id(&world.api_id);
    let guard = guard.route_id(connect.route_id().unwrap());
    guard.api_key_required(true).send().await.unwrap();
    world.deploy().await;
    let (status, body) = world.try_connect("").await.unwrap_err();
    assert_eq!(status, 403);
    assert!(body.starts_with(r#"{"message": "Forbidden", "#), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_throttle_of_zero_is_a_429_for_every_connect() {
    let world = World::chat().await;
    let none = aws_sdk_apigatewayv2::types::RouteSettings::builder()
        .throttling_burst_limit(0)
        .throttling_rate_limit(0.0)
        .build();
    let update = world
        .gateway
        .update_stage()
        .api_id(&world.api_id)
        .stage_name("production");
    update.default_route_settings(none).send().await.unwrap();
    let (status, body) = world.try_connect("").await.unwrap_err();
    assert_eq!(status, 429);
    assert!(body.contains("Too Many Requests"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_event_has_headers_query_and_no_body() {
    let world = World::chat().await;
    world.try_connect("?room=a&room=b").await.unwrap();
    let event = world.event("CONNECT").await;
    let context = &event["requestContext"];
    assert_eq!(event["queryStringParameters"]["room"], "b");
    assert_eq!(
        event["multiValueQueryStringParameters"]["room"],
        serde_json::json!(["a", "b"])
    );
    assert!(event.get("body").is_none());
    assert_eq!(event["isBase64Encoded"], false);
    let headers = event["headers"].as_object().unwrap();
    assert!(headers.contains_key("Sec-WebSocket-Key") && headers.contains_key("Host"));
    assert!(!headers.contains_key("Connection") && !headers.contains_key("Upgrade"));
    assert_eq!(headers["X-Forwarded-Port"], "443");
    assert!(
        headers["X-Amzn-Trace-Id"]
            .as_str()
            .unwrap()
            .starts_with("Root=1-")
    );
    assert_eq!(context["requestId"], context["extendedRequestId"]);
    assert!(context["connectionId"].as_str().unwrap().ends_with("=="));
    assert_eq!(
        (&context["routeKey"], &context["messageDirection"]),
        (&"$connect".into(), &"IN".into())
    );
    assert!(context["connectedAt"].is_i64() && context["requestTimeEpoch"].is_i64());
    let domain = format!("{}.execute-api.us-east-1.amazonaws.com", world.api_id);
    assert_eq!(context["domainName"], domain);
    assert!(
        context["identity"].get("userAgent").is_none(),
        "this client sends none"
    );
    assert!(event.get("stageVariables").is_none());
}
