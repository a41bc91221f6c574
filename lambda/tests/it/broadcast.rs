//! Telling many: nobody waits for the slow, the dead or the throttled, and the gone are forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_lambda::clock::Millis;
use chat_lambda::event::{Place, parse};
use chat_lambda::push::{Frame, Post, Presence, Push, Report};
use chat_lambda::room::Room;
use serde_json::{Value, json};

use crate::world::{Manner, World, event, message, run};

fn place() -> Place {
    Place {
        api_id: "abc".into(),
        stage: "production".into(),
        domain: "x".into(),
    }
}

fn posts(n: usize, bodies: &[&str]) -> Vec<Post> {
    let frames: Arc<[Frame]> = bodies
        .iter()
        .map(|body| Frame::new(Bytes::from(json!({ "text": body }).to_string())))
        .collect();
    (0..n)
        .map(|n| Post {
            to: format!("c{n}=="),
            frames: frames.clone(),
        })
        .collect()
}

async fn deliver(world: &World, n: usize, bodies: &[&str]) -> Report {
    world.gateway().deliver(&place(), posts(n, bodies)).await
}

#[test]
fn slow_dead_and_throttled_members_do_not_delay_the_rest() {
    let world = World::start();
    world.behave("c0==", Manner::Never);
    world.behave("c1==", Manner::Slowly(Duration::from_secs(1)));
    world.behave("c2==", Manner::Throttled(3));
    world.behave("c3==", Manner::Gone);
    world.behave("c4==", Manner::Always(500));
    world.behave("c5==", Manner::Throttled(1_000));
    world.behave("c6==", Manner::CutOnce);
    let began = Instant::now();
    let report = run(deliver(&world, 300, &["hi"]));
    let took = began.elapsed();
    assert_eq!(report.gone, ["c3=="]);
    assert_eq!(report.failed, 3, "never, 500 and throttled for ever");
    assert_eq!(report.delivered, 296);
    assert!(took < Duration::from_secs(8), "{took:?}");
    let frames = world.take();
    let slowest = frames
        .iter()
        .filter(|frame| frame.to != "c1==" && frame.to != "c2==")
        .map(|f| f.at)
        .max();
    let rest = slowest.unwrap() - began;
    assert!(
        rest < Duration::from_millis(2_500),
        "the others had it after {rest:?}"
    );
}

#[test]
fn frames_to_one_connection_arrive_in_order() {
    let world = World::start();
    for n in 0..40 {
        world.behave(&format!("c{n}=="), Manner::Throttled(n % 3));
    }
    let report = run(deliver(&world, 40, &["first", "second"]));
    assert_eq!(report.delivered, 40);
    let frames = world.take();
    for n in 0..40 {
        let to = format!("c{n}==");
        let texts: Vec<_> = frames
            .iter()
            .filter(|f| f.to == to)
            .map(|f| f.body["text"].clone())
            .collect();
        assert_eq!(texts, ["first", "second"]);
    }
}

#[test]
fn many_are_told_at_once_but_not_too_many() {
    let world = World::start();
    for n in 0..400 {
        world.behave(
            &format!("c{n}=="),
            Manner::Slowly(Duration::from_millis(30)),
        );
    }
    assert_eq!(run(deliver(&world, 400, &["hi"])).delivered, 400);
    let most = world.most_posts_at_once();
    assert!((64..=128).contains(&most), "{most}");
}

#[test]
fn a_missing_right_is_explained() {
    let world = World::start();
    world.behave("c0==", Manner::Always(403));
    let report = run(deliver(&world, 2, &["hi"]));
    assert_eq!((report.delivered, report.failed), (1, 1));
    assert!(
        report
            .trouble
            .unwrap()
            .contains("execute-api:ManageConnections")
    );
}

#[test]
fn nobody_listening_is_a_failure_and_not_a_hang() {
    let world = World::start();
    let gateway = world.gateway();
    let place = Place {
        api_id: "a b".into(),
        ..place()
    };
    let report = run(gateway.deliver(&place, posts(1, &["hi"])));
    assert_eq!(report.failed, 1);
}

#[test]
fn presence_is_asked_without_a_post() {
    let world = World::start();
    world.behave("gone", Manner::Gone);
    world.behave("odd", Manner::Always(500));
    run(async {
        let gateway = world.gateway();
        assert_eq!(gateway.presence(&place(), "gone").await, Presence::Gone);
        assert_eq!(gateway.presence(&place(), "odd").await, Presence::Here);
        assert_eq!(gateway.presence(&place(), "here").await, Presence::Here);
        gateway.close(&place(), "here").await;
        assert_eq!(gateway.presence(&place(), "here").await, Presence::Gone);
    });
    assert!(world.take().is_empty());
    assert_eq!(world.closed(), ["here"]);
}

/// A room on the real table and the real push side.
struct Real {
    world: Arc<World>,
    room: Room<chat_lambda::store::dynamo::Table, chat_lambda::push::gateway::Gateway>,
}

impl Real {
    fn new() -> Self {
        let world = World::start();
        let room = Room {
            store: world.table(),
            push: world.gateway(),
            allowed_origins: Vec::new(),
        };
        Self { world, room }
    }

    async fn handle(&self, event: Value) -> chat_lambda::outcome::Outcome {
        self.room
            .handle(&parse(event.to_string().as_bytes()).unwrap(), Millis::now())
            .await
    }

    async fn name(&self, connection: &str, name: &str) -> chat_lambda::outcome::Outcome {
        self.handle(message(
            connection,
            &json!({"action": "setName", "name": name}),
        ))
        .await
    }

    fn lines(&self) -> Vec<(String, Value)> {
        let key = |body: &Value| {
            let keys = [
                "systemMessage",
                "publicMessage",
                "privateMessage",
                "members",
                "error",
            ];
            keys.iter()
                .map(|key| body[key].clone())
                .find(|value| !value.is_null())
                .unwrap()
        };
        self.world
            .take()
            .into_iter()
            .map(|frame| (frame.to, key(&frame.body)))
            .collect()
    }
}

#[test]
fn one_who_is_found_gone_is_forgotten_and_the_rest_are_told_once() {
    run(async {
        let real = Real::new();
        for (connection, name) in [("a", "Alice"), ("b", "Bea"), ("c", "Carl")] {
            real.name(connection, name).await;
        }
        real.world.take();
        real.world.behave("b", Manner::Gone);
        real.world.behave("c", Manner::Gone);
        let outcome = real
            .handle(message(
                "a",
                &json!({"action": "sendPublic", "message": "hi"}),
            ))
            .await;
        assert_eq!((outcome.code, outcome.tally.gone), ("said", 2));
        let lines = real.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[0].1, "Alice: hi");
        assert!(
            lines[1].1 == "Bea and Carl have left the chat"
                || lines[1].1 == "Carl and Bea have left the chat"
        );
        assert_eq!(lines[2].1, json!(["Alice"]));
        for connection in ["b", "c"] {
            let late = real.handle(event("$disconnect", connection, None)).await;
            assert_eq!((late.code, late.status), ("disconnected", 200));
        }
        assert!(
            real.world.take().is_empty(),
            "the late events say nothing more"
        );
    });
}

#[test]
fn the_whole_protocol_goes_key_for_key() {
    run(async {
        let real = Real::new();
        assert_eq!(real.name("a", "Alice").await.code, "joined");
        let to_a = |value: Value| ("a".to_owned(), value);
        assert_eq!(
            real.lines(),
            [
                to_a(json!("Alice has joined the chat")),
                to_a(json!(["Alice"]))
            ]
        );
        assert_eq!(real.name("b", "Bea").await.tally.recipients, 2);
        let lines = real.lines();
        assert_eq!(
            lines
                .iter()
                .filter(|(_, v)| *v == json!(["Alice", "Bea"]))
                .count(),
            2
        );
        assert_eq!(
            lines
                .iter()
                .filter(|(_, v)| *v == "Bea has joined the chat")
                .count(),
            2
        );

        let private = json!({"action": "sendPrivate", "to": "bea", "message": "psst"});
        assert_eq!(real.handle(message("a", &private)).await.code, "whispered");
        assert_eq!(real.lines(), [("b".to_owned(), json!("Alice: psst"))]);

        assert_eq!(real.name("a", "Ann").await.code, "renamed");
        let lines = real.lines();
        assert_eq!(
            lines
                .iter()
                .filter(|(_, v)| *v == "Alice is now Ann")
                .count(),
            2
        );
        assert_eq!(
            lines
                .iter()
                .filter(|(_, v)| *v == json!(["Ann", "Bea"]))
                .count(),
            2
        );

        assert_eq!(
            real.handle(event("$disconnect", "b", None)).await.code,
            "left"
        );
        assert_eq!(
            real.lines(),
            [to_a(json!("Bea has left the chat")), to_a(json!(["Ann"]))]
        );
    });
}

#[test]
fn every_refusal_is_a_frame_to_the_sender_alone_and_a_status_in_the_log() {
    run(async {
        let real = Real::new();
        real.name("a", "Alice").await;
        real.name("b", "Bea").await;
        real.world.take();
        let long = "x".repeat(4097);
        let cases = [
            (
                json!({"action": "setName", "name": "BEA"}),
                "name_taken",
                409,
            ),
            (json!({"action": "setName", "name": "x:y"}), "bad_name", 400),
            (json!({"action": "sendPublic"}), "no_message", 400),
            (
                json!({"action": "sendPublic", "message": long}),
                "too_long",
                413,
            ),
            (
                json!({"action": "sendPrivate", "message": "x"}),
                "no_receiver",
                400,
            ),
            (
                json!({"action": "sendPrivate", "to": "Zoe", "message": "x"}),
                "no_such_member",
                404,
            ),
            (
                json!({"action": "$sendPublic", "message": "x"}),
                "unknown_action",
                400,
            ),
            (json!("hi"), "not_json", 400),
        ];
        for (body, code, status) in cases {
            let outcome = real.handle(message("a", &body)).await;
            assert_eq!((outcome.code, outcome.status), (code, status));
            let frames = real.world.take();
            assert_eq!(frames.len(), 1, "{frames:?}");
            assert_eq!(
                (
                    frames[0].to.as_str(),
                    frames[0].body["error"]["code"].as_str()
                ),
                ("a", Some(code))
            );
        }
    });
}

#[test]
fn large_rooms_hear_who_came_and_only_the_one_who_came_gets_the_list() {
    run(async {
        let real = Real::new();
        for n in 0..100 {
            real.name(&format!("c{n}"), &format!("n{n}")).await;
        }
        real.world.take();
        real.name("last", "Zoe").await;
        let frames = real.world.take();
        assert_eq!(
            frames
                .iter()
                .filter(|f| f.body["joined"] == json!(["Zoe"]))
                .count(),
            101
        );
        let lists: Vec<_> = frames
            .iter()
            .filter(|f| f.body["members"].is_array())
            .collect();
        assert_eq!(lists.len(), 1);
        assert_eq!(
            (
                lists[0].to.as_str(),
                lists[0].body["members"].as_array().unwrap().len()
            ),
            ("last", 101)
        );
        real.handle(event("$disconnect", "last", None)).await;
        let frames = real.world.take();
        assert_eq!(
            frames
                .iter()
                .filter(|f| f.body["left"] == json!(["Zoe"]))
                .count(),
            100
        );
        assert_eq!(
            frames
                .iter()
                .filter(|f| f.body["members"].is_array())
                .count(),
            100
        );
    });
}
