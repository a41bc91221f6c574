//! The built function as Lambda runs it: many processes, one event each at a time, one table.
//!
//! The prototype kept its names in a map of the process. Under this test half of the members would be
//! unknown to whoever handles the next message.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{Manner, TABLE, World, event, message, run};

/// Processes that end with the test.
pub struct Environments {
    pub children: Vec<Child>,
}

impl Environments {
    pub fn start(world: &World, n: usize, more: &[(&str, &str)]) -> Self {
        let child = |_| {
            Command::new(env!("CARGO_BIN_EXE_bootstrap"))
                .env_clear()
                .env("AWS_LAMBDA_RUNTIME_API", world.address.to_string())
                .env("AWS_REGION", "eu-west-1")
                .env("AWS_ACCESS_KEY_ID", "AKID")
                .env("AWS_SECRET_ACCESS_KEY", "secret")
                .env("AWS_ENDPOINT_URL", world.url())
                .env("CHAT_TABLE", TABLE)
                .env("CHAT_CONNECTIONS_URL", world.template())
                .envs(more.iter().copied())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        Self {
            children: (0..n).map(child).collect(),
        }
    }

    /// Ends them and returns all they wrote, standard error included.
    pub fn stop(mut self) -> String {
        let mut text = String::new();
        for mut child in std::mem::take(&mut self.children) {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            text.push_str(&String::from_utf8(output.stdout).unwrap());
            text.push_str(&String::from_utf8(output.stderr).unwrap());
        }
        text
    }
}

impl Drop for Environments {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn all_waiting(world: &World, n: usize) {
    let began = Instant::now();
    while world.processes() < n {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "only {} asked",
            world.processes()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn send(world: &World, connection: &str, body: Value) -> u64 {
    world.invoke(message(connection, &body)).await["statusCode"]
        .as_u64()
        .unwrap()
}

#[test]
fn twenty_environments_on_one_table_lose_nobody() {
    let world = World::start();
    let environments = Environments::start(&world, 20, &[]);
    run(async {
        all_waiting(&world, 20).await;
        let join = |n: usize| {
            let world = world.clone();
            async move {
                let connection = format!("c{n}==");
                let connected = world.invoke(event("$connect", &connection, None)).await;
                assert_eq!(connected, json!({"statusCode": 200}));
                send(
                    &world,
                    &connection,
                    json!({"action": "setName", "name": format!("n{n}")}),
                )
                .await
            }
        };
        let joined = join_all((0..60).map(join)).await;
        assert!(joined.iter().all(|status| *status == 200), "{joined:?}");
        world.take();

        let say = |n: usize| {
            let world = world.clone();
            async move {
                let body = json!({"action": "sendPublic", "message": format!("from {n}")});
                send(&world, &format!("c{n}=="), body).await
            }
        };
        let said = join_all((0..60).map(say)).await;
        assert!(said.iter().all(|status| *status == 200), "{said:?}");
        let frames = world.take();
        let heard: BTreeSet<(String, String)> = frames
            .iter()
            .map(|frame| {
                (
                    frame.to.clone(),
                    frame.body["publicMessage"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(
            (frames.len(), heard.len()),
            (3600, 3600),
            "everybody hears everybody, once"
        );
    });
    let log = environments.stop();
    assert_eq!(log.lines().count(), 180, "one line for each event");
}

#[test]
fn of_a_hundred_who_claim_one_name_in_twenty_environments_exactly_one_gets_it() {
    let world = World::start();
    let _environments = Environments::start(&world, 20, &[]);
    run(async {
        all_waiting(&world, 20).await;
        let claim = |n: usize| {
            let world = world.clone();
            async move {
                send(
                    &world,
                    &format!("c{n}"),
                    json!({"action": "setName", "name": "Alice"}),
                )
                .await
            }
        };
        let statuses = join_all((0..100).map(claim)).await;
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 99);
        let frames = world.take();
        assert_eq!(
            frames
                .iter()
                .filter(|f| f.body["error"]["code"] == "name_taken")
                .count(),
            99
        );
    });
}

fn lines(log: &str) -> Vec<Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_log_line_says_who_what_how_and_how_many() {
    let world = World::start();
    world.behave("b", Manner::Gone);
    let environments = Environments::start(&world, 1, &[]);
    run(async {
        send(&world, "a", json!({"action": "setName", "name": "Alice"})).await;
        send(&world, "b", json!({"action": "setName", "name": "Bea"})).await;
        send(&world, "a", json!({"action": "$sendPublic"})).await;
    });
    let log = lines(&environments.stop());
    assert_eq!(log.len(), 3);
    assert_eq!(log[1]["requestId"], "request-2");
    assert_eq!(log[1]["connectionId"], "b");
    assert_eq!(
        (&log[1]["route"], &log[1]["outcome"]),
        (&json!("setName"), &json!("joined"))
    );
    assert_eq!(
        (&log[1]["recipients"], &log[1]["gone"]),
        (&json!(2), &json!(1))
    );
    assert!(log[1]["durationMs"].as_f64().unwrap() > 0.0);
    assert_eq!(
        (&log[2]["level"], &log[2]["status"]),
        (&json!("WARN"), &json!(400))
    );
}

#[test]
fn the_log_level_is_obeyed() {
    let world = World::start();
    let environments = Environments::start(&world, 1, &[("AWS_LAMBDA_LOG_LEVEL", "WARN")]);
    run(async {
        send(&world, "a", json!({"action": "setName", "name": "Alice"})).await;
        send(&world, "a", json!({"action": "dance"})).await;
    });
    let log = lines(&environments.stop());
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["outcome"], "unknown_action");
}

#[test]
fn the_handshake_answers_with_the_protocol_or_with_the_reason() {
    let world = World::start();
    let _environments = Environments::start(
        &world,
        1,
        &[("CHAT_ALLOWED_ORIGINS", "https://chat.example")],
    );
    run(async {
        let mut connect = event("$connect", "a", None);
        connect["headers"]["Sec-WebSocket-Protocol"] = json!("chatctl.v1, other");
        connect["headers"]["origin"] = json!("https://chat.example");
        let answer = world.invoke(connect.clone()).await;
        let headers = json!({"Sec-WebSocket-Protocol": "chatctl.v1"});
        assert_eq!(answer, json!({"statusCode": 200, "headers": headers}));
        connect["headers"]["origin"] = json!("https://evil.example");
        let answer = world.invoke(connect).await;
        assert_eq!(answer["statusCode"], 403);
        assert!(
            answer["body"]
                .as_str()
                .unwrap()
                .contains("may not open a chat")
        );
        assert!(world.take().is_empty());
    });
}

#[test]
fn an_event_of_another_kind_is_an_error_with_a_reason_and_the_process_goes_on() {
    let world = World::start();
    let mut environments = Environments::start(&world, 1, &[]);
    run(async {
        for event in [json!({}), json!([1]), json!({"key1": "value1"}), json!("x")] {
            let answer = world.invoke(event).await;
            assert_eq!(answer["failed"]["errorType"], "NotAWebSocketEvent");
        }
        assert_eq!(send(&world, "a", json!({"action": "ping"})).await, 200);
    });
    assert!(
        environments.children[0].try_wait().unwrap().is_none(),
        "still running"
    );
}

#[test]
fn a_function_without_a_table_says_so() {
    let world = World::start();
    let mut environments = Environments::start(&world, 1, &[("CHAT_TABLE", "")]);
    let child = environments.children.pop().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        line["message"],
        "the chat function cannot start: CHAT_TABLE is not set"
    );
}

#[test]
fn a_function_whose_time_is_up_answers_before_it_is_stopped() {
    let world = World::with_limit(Duration::from_millis(1_500));
    world.behave("a", Manner::Never);
    let environments = Environments::start(&world, 1, &[]);
    run(async {
        assert_eq!(send(&world, "a", json!({"action": "ping"})).await, 504);
        assert_eq!(send(&world, "b", json!({"action": "ping"})).await, 200);
    });
    let log = lines(&environments.stop());
    assert_eq!(
        (&log[0]["outcome"], &log[0]["level"]),
        (&json!("out_of_time"), &json!("ERROR"))
    );
    assert!(log[0]["durationMs"].as_f64().unwrap() < 1_500.0);
}

#[test]
fn a_table_that_fails_is_the_operators_business_and_the_client_is_asked_to_try_again() {
    let world: Arc<World> = World::start();
    let environments = Environments::start(&world, 1, &[]);
    run(async {
        world.faults([crate::world::Fault::Refuse("AccessDeniedException")]);
        assert_eq!(
            send(&world, "a", json!({"action": "setName", "name": "Alice"})).await,
            503
        );
    });
    let frames = world.take();
    assert_eq!(
        (frames.len(), &frames[0].body["error"]["code"]),
        (1, &json!("unavailable"))
    );
    let log = lines(&environments.stop());
    assert_eq!(log[0]["level"], "ERROR");
    assert!(
        log[0]["trouble"]
            .as_str()
            .unwrap()
            .contains("AccessDeniedException")
    );
}
