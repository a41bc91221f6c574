//! Conditions and faults, the control endpoint, who may talk to the port, and what is kept.

use std::time::{Duration, Instant};

use chatctl_local_cloud::{Conditions, Fault, FaultKind, LocalCloud, Options, StartError};
use serde_json::Value;

use super::function::{Answer, call};
use super::{World, calm, config, refusal, until};
use tokio_tungstenite::tungstenite;

fn create_api() -> Fault {
    let operation = Some("CreateApi".to_owned());
    let service = Some("apigatewayv2".to_owned());
    Fault {
        service,
        operation,
        ..Fault::new(FaultKind::Throttle)
    }
}

async fn apis(world: &World) -> usize {
    world.gateway.get_apis().send().await.unwrap().items().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_comes_before_the_effect_and_a_lost_answer_after_it() {
    let world = World::bare(calm()).await;
    let create = || {
        let api = world
            .gateway
            .create_api()
            .name("a")
            .protocol_type("WEBSOCKET".into());
        api.route_selection_expression("$request.body.action")
            .send()
    };
    world.cloud.inject(Fault {
        kind: FaultKind::Reset,
        ..create_api()
    });
    assert!(create().await.unwrap_err().as_service_error().is_none());
    assert_eq!(apis(&world).await, 0);
    world.cloud.inject(Fault {
        kind: FaultKind::LostAnswer,
        ..create_api()
    });
    assert!(create().await.unwrap_err().as_service_error().is_none());
    assert_eq!(apis(&world).await, 1);
    create().await.unwrap();
    assert_eq!(apis(&world).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_words_its_throttles_and_failures_itself() {
    let world = World::bare(calm()).await;
    world.cloud.inject(Fault {
        times: 4,
        ..Fault::new(FaultKind::Throttle)
    });
    let lambda = world.lambda.list_functions().send().await;
    assert_eq!(refusal(lambda).0, "TooManyRequestsException");
    assert_eq!(refusal(world.iam.list_roles().send().await).0, "Throttling");
    let logs = world.logs.describe_log_groups().send().await;
    assert_eq!(refusal(logs).0, "ThrottlingException");
    assert_eq!(
        refusal(world.gateway.get_apis().send().await).0,
        "TooManyRequestsException"
    );
    world.cloud.inject(Fault::new(FaultKind::Error(503)));
    assert_eq!(
        refusal(world.lambda.list_functions().send().await).0,
        "ServiceException"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_endpoint_turns_everything() {
    let world = World::bare(calm()).await;
    let host = world.host();
    let ask = |method: &str, path: &str, body: &str| -> Value {
        let answer: Answer = call(
            &host,
            method,
            &format!("/_chatctl/{path}"),
            &[],
            body.as_bytes(),
        );
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        serde_json::from_slice(&answer.body).unwrap()
    };
    let before = ask("GET", "clock", "")["nowMillis"].as_i64().unwrap();
    let after = ask("POST", "clock", r#"{"turnMillis":60000}"#)["nowMillis"]
        .as_i64()
        .unwrap();
    assert!(after - before >= 60_000);
    assert_eq!(
        ask("PATCH", "conditions", r#"{"latencyMillis":200}"#)["latencyMillis"],
        200
    );
    let began = Instant::now();
    world.gateway.get_apis().send().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200));
    // The former name of the same.
    ask("PATCH", "weather", r#"{"latencyMillis":0}"#);
    ask(
        "POST",
        "faults",
        r#"{"service":"iam","kind":{"error":500},"nth":2}"#,
    );
    world.iam.list_roles().send().await.unwrap();
    assert!(world.iam.list_roles().send().await.is_err());
    assert_eq!(ask("GET", "faults", ""), serde_json::json!([]));
    let calls = ask("GET", "calls", "");
    let last = calls.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["service"], &last["operation"]),
        (&"iam".into(), &"ListRoles".into())
    );
    assert_eq!(
        (&last["status"], &last["mutating"]),
        (&500.into(), &false.into())
    );
    assert_eq!(last["caller"], "arn:aws:iam::000000000000:root");
    ask("DELETE", "calls", "");
    assert!(world.cloud.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weather_that_does_not_exist_is_refused_by_name() {
    let world = World::bare(calm()).await;
    let wrong = call(
        &world.host(),
        "PATCH",
        "/_chatctl/weather",
        &[],
        br#"{"latency":1}"#,
    );
    assert_eq!(wrong.status, 400);
    assert!(
        String::from_utf8(wrong.body)
            .unwrap()
            .contains("unknown field `latency`")
    );
}

/// Plans a fault from its line of text.
fn plan(world: &World, fault: &str) {
    world.cloud.inject(fault.parse().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_meet_faults() {
    let world = World::chat().await;
    plan(&world, "execute-api:Connect=throttle");
    let (status, body) = world.try_connect("").await.unwrap_err();
    assert_eq!(status, 429);
    assert!(body.contains("Too Many Requests"), "{body}");
    plan(&world, "execute-api:Connect=error:503");
    assert_eq!(world.try_connect("").await.unwrap_err().0, 503);
    assert!(world.events().is_empty(), "the function was not asked");

    plan(&world, "execute-api:Connect=reset");
    let broken = tokio_tungstenite::connect_async(world.url()).await;
    assert!(!matches!(broken, Ok(_) | Err(tungstenite::Error::Http(_))));
    assert!(world.events().is_empty(), "the function was not asked");
    // The function says yes to a client that never hears of it, and then that it is gone.
    plan(&world, "execute-api:Connect=lost-answer");
    let broken = tokio_tungstenite::connect_async(world.url()).await;
    assert!(!matches!(broken, Ok(_) | Err(tungstenite::Error::Http(_))));
    let came = world.event("CONNECT").await;
    let went = world.event("DISCONNECT").await;
    let id = |event: &Value| event["requestContext"]["connectionId"].clone();
    assert_eq!(id(&came), id(&went));
    assert_eq!(went["requestContext"]["disconnectStatusCode"], 1006);

    plan(&world, "execute-api:Connect=delay:300");
    let began = Instant::now();
    world.connect().await.send(r#"{"mark":1}"#).await;
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_meet_faults_and_the_socket_outlives_refusals() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    plan(&world, "execute-api:Message=throttle");
    client.send(r#"{"mark":1}"#).await;
    assert!(
        client
            .text()
            .await
            .contains(r#""message": "Too Many Requests""#)
    );
    plan(&world, "execute-api:Message=error");
    client.send(r#"{"mark":2}"#).await;
    assert!(
        client
            .text()
            .await
            .contains(r#""message": "Internal server error""#)
    );
    client.send(r#"{"mark":3}"#).await;
    let heard = world.events_of("MESSAGE", 1).await;
    assert_eq!(
        heard[0]["body"], r#"{"mark":3}"#,
        "the others never reached it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_message_is_lost_with_its_socket_and_a_lost_answer_comes_after_the_effect() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    plan(&world, "execute-api:Message=reset");
    client.send(r#"{"mark":1}"#).await;
    assert!(
        !matches!(client.next().await, Some(Ok(_))),
        "no close frame comes"
    );
    let went = world.events_of("DISCONNECT", 1).await;
    assert_eq!(went[0]["requestContext"]["disconnectStatusCode"], 1006);

    let mut client = world.connect().await;
    plan(&world, "execute-api:Message=lost-answer");
    client.send(r#"{"mark":2}"#).await;
    assert!(
        !matches!(client.next().await, Some(Ok(_))),
        "no close frame comes"
    );
    let heard = world.events_of("MESSAGE", 1).await;
    assert_eq!(heard[0]["body"], r#"{"mark":2}"#);
    world.events_of("DISCONNECT", 2).await;

    // AWS promises no `$disconnect` at all.
    let lost = world.connect().await;
    plan(&world, "execute-api:Disconnect=reset");
    drop(lost);
    until("the fault to be used up", || {
        world.cloud.faults().is_empty().then_some(())
    })
    .await;
    let kept = world.connect().await;
    drop(kept);
    let went = world.events_of("DISCONNECT", 3).await;
    assert_eq!(went.len(), 3, "one of four was never told");
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_calls_meet_faults() {
    let world = World::chat().await;
    let mut client = world.connect().await;
    let id = client.id(&world).await.replace('=', "%3D");
    let path = format!(
        "/_aws/execute-api/{}/production/@connections/{id}",
        world.api_id
    );
    let signed = super::function::signature("AKID");
    let post = |text: &str| {
        let headers = [("authorization", signed.as_str())];
        let answer = call(&world.host(), "POST", &path, &headers, text.as_bytes());
        let kind = answer.headers.get("x-amzn-errortype").cloned();
        (answer.status, kind.unwrap_or_default())
    };
    plan(&world, "execute-api:PostToConnection=error:410");
    assert_eq!(post("a"), (410, "GoneException".to_owned()));
    plan(&world, "execute-api:PostToConnection=throttle");
    assert_eq!(post("b"), (429, "LimitExceededException".to_owned()));
    plan(&world, "execute-api:PostToConnection=reset");
    assert_eq!(post("c").0, 0);
    plan(&world, "execute-api:PostToConnection=lost-answer");
    assert_eq!(post("d").0, 0);
    assert_eq!(post("e").0, 200);
    assert_eq!(
        (client.text().await, client.text().await),
        ("d".to_owned(), "e".to_owned()),
        "what was answered with an error had no effect"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_opens_no_socket_and_any_origin_does() {
    let world = World::chat().await;
    let upgrade = |name: &'static str, value: &str| {
        use tokio_tungstenite::tungstenite::client::IntoClientRequest;
        let mut request = world.url().into_client_request().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        tokio_tungstenite::connect_async(request)
    };
    for host in ["evil.example", "x.execute-api.evil.example:4510"] {
        let Err(tungstenite::Error::Http(refused)) = upgrade("host", host).await else {
            panic!("{host} was let in")
        };
        assert_eq!(refused.status(), 403);
    }
    assert!(world.events().is_empty());
    // A user's page is served from another port or site; whether it may chat is the function's business.
    upgrade("origin", "https://chat.example").await.unwrap();
    let event = world.event("CONNECT").await;
    assert_eq!(event["headers"]["Origin"], "https://chat.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn web_pages_of_other_sites_cannot_use_the_port() {
    let world = World::bare(calm()).await;
    let path = "/2015-03-31/functions/";
    let status = |headers: &[(&str, &str)]| call(&world.host(), "GET", path, headers, b"").status;
    assert_eq!(status(&[("origin", "https://evil.example")]), 403);
    assert_eq!(status(&[("origin", "null")]), 403);
    let signed = super::function::signature("AKID");
    assert_eq!(
        status(&[
            ("origin", "http://localhost:3000"),
            ("authorization", &signed)
        ]),
        200
    );
    let foreign = call(
        &world.host(),
        "GET",
        "/_chatctl/calls",
        &[("origin", "https://evil.example")],
        b"",
    );
    assert_eq!(foreign.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_says_so() {
    let first = LocalCloud::start(Options::default()).await.unwrap();
    let port = first.addr().port();
    let second = LocalCloud::start(Options {
        port,
        ..Options::default()
    })
    .await;
    assert!(matches!(second, Err(StartError::PortTaken { port: taken }) if taken == port));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_persist_everything_is_there_after_a_restart() {
    let kept = tempfile::tempdir().unwrap();
    let options = |port| Options {
        port,
        persist: Some(kept.path().to_owned()),
        conditions: calm(),
        ..Options::default()
    };
    let mut world = World::of(LocalCloud::start(options(0)).await.unwrap()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world.make_api(&["$connect", "$default"]).await;
    world.permit("*/*").await;
    world.deploy().await;
    world.connect().await.id(&world).await;
    let World {
        cloud,
        api_id,
        folder,
        ..
    } = world;
    let port = cloud.addr().port();
    cloud.stop().await;

    let mut world = World::of(LocalCloud::start(options(port)).await.unwrap()).await;
    (world.api_id, world.folder) = (api_id, folder);
    let found = world.events().len();
    world.connect().await.send(r#"{"mark":2}"#).await;
    world.events_of("MESSAGE", 2).await;
    assert!(world.events().len() > found);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_weather_limits_environments_and_the_rest_waits() {
    let world = World::bare(Conditions {
        environments_per_function: 1,
        ..calm()
    })
    .await;
    world.make_role().await;
    world.make_function("f", &[]).await;
    let config = config(world.cloud.endpoint());
    let runs = (0..4).map(|_| {
        let client = aws_sdk_lambda::Client::new(&config);
        tokio::spawn(async move {
            let payload = aws_sdk_lambda::primitives::Blob::new(r#"{"do":"pid"}"#);
            let answer = client
                .invoke()
                .function_name("f")
                .payload(payload)
                .send()
                .await
                .unwrap();
            String::from_utf8(answer.payload().unwrap().as_ref().to_vec()).unwrap()
        })
    });
    let mut pids = Vec::new();
    for run in runs.collect::<Vec<_>>() {
        pids.push(run.await.unwrap());
    }
    pids.dedup();
    assert_eq!(pids.len(), 1, "{pids:?}");
}
