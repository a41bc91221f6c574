//! Weather and faults, the control endpoint, who may talk to the port, and what is kept.

use std::time::{Duration, Instant};

use chatctl::local::{Fault, FaultKind, LocalCloud, Options, StartError, Weather};
use serde_json::Value;

use super::function::{Answer, call};
use super::{World, calm, config, refusal};

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
        ask("PATCH", "weather", r#"{"latencyMillis":200}"#)["latencyMillis"],
        200
    );
    let began = Instant::now();
    world.gateway.get_apis().send().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(200));
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
async fn starting_is_quick_and_a_taken_port_says_so() {
    let began = Instant::now();
    let first = LocalCloud::start(Options::default()).await.unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_millis(200), "it took {took:?}");
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
        weather: calm(),
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
    let world = World::bare(Weather {
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
