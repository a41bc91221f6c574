//! A message that is sent again: what reaches whom, and what it costs the table.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::environments::Environments;
use crate::world::{Fault, Manner, World, event, message, run};

const ID: &str = "5f1c0a9e7b3d42-1";

fn public(id: &Value) -> Value {
    json!({"action": "sendPublic", "message": "hi", "id": id})
}

fn private(id: &Value) -> Value {
    json!({"action": "sendPrivate", "to": "Bea", "message": "psst", "id": id})
}

/// Alice on `a` and Bea on `b`.
async fn two_members(world: &World) {
    for (connection, name) in [("a", "Alice"), ("b", "Bea")] {
        names(world, connection, name).await;
    }
    world.take();
}

async fn names(world: &World, connection: &str, name: &str) {
    let name = json!({"action": "setName", "name": name});
    world.invoke(message(connection, &name)).await;
}

/// What a message causes: who gets which frame.
async fn sends(world: &World, connection: &str, body: &Value) -> Vec<(String, Value)> {
    world.invoke(message(connection, body)).await;
    let frames = world.take().into_iter();
    let mut frames: Vec<_> = frames.map(|frame| (frame.to, frame.body)).collect();
    frames.sort_by(|a, b| a.0.cmp(&b.0));
    frames
}

fn reached(frames: &[(String, Value)], key: &str) -> Vec<String> {
    let with_key = frames.iter().filter(|(_, frame)| !frame[key].is_null());
    with_key.map(|(to, _)| to.clone()).collect()
}

fn started() -> (Arc<World>, Environments) {
    let world = World::start();
    let environments = Environments::start(&world, 1, &[]);
    (world, environments)
}

#[test]
fn a_message_with_the_same_unique_id_is_sent_once_and_answered_each_time() {
    let (world, _environments) = started();
    run(async {
        two_members(&world).await;
        let id = json!(ID);
        let first = sends(&world, "a", &public(&id)).await;
        assert_eq!(reached(&first, "publicMessage"), ["a", "b"]);
        assert_eq!(first[0].1["clientId"], id, "the sender knows it by its id");
        let again = sends(&world, "a", &public(&id)).await;
        assert_eq!(again.len(), 1, "{again:?}");
        assert_eq!(
            (again[0].0.as_str(), &again[0].1["delivered"]["id"]),
            ("a", &id)
        );

        let id = json!(format!("{ID}-private"));
        let first = sends(&world, "a", &private(&id)).await;
        assert_eq!(reached(&first, "privateMessage"), ["b"]);
        assert_eq!(reached(&first, "delivered"), ["a"]);
        let again = sends(&world, "a", &private(&id)).await;
        assert_eq!(
            (again.len(), reached(&again, "delivered")),
            (1, vec!["a".to_owned()])
        );
    });
}

#[test]
fn a_message_is_known_again_over_another_connection_of_the_same_member() {
    let (world, _environments) = started();
    run(async {
        two_members(&world).await;
        sends(&world, "a", &public(&json!(ID))).await;
        world.invoke(event("$disconnect", "a", None)).await;
        names(&world, "a2", "Alice").await;
        world.take();
        let again = sends(&world, "a2", &public(&json!(ID))).await;
        assert_eq!(
            (again.len(), reached(&again, "delivered")),
            (1, vec!["a2".to_owned()])
        );
        let of_another = sends(&world, "b", &public(&json!(ID))).await;
        assert_eq!(
            reached(&of_another, "publicMessage"),
            ["a2", "b"],
            "ids are the sender's own"
        );
    });
}

#[test]
fn a_counter_or_no_id_at_all_is_sent_each_time_and_costs_the_table_nothing() {
    let (world, _environments) = started();
    run(async {
        two_members(&world).await;
        let before = (world.calls("GetItem"), world.calls("PutItem"));
        for id in [json!(7), json!("m7"), Value::Null] {
            for _ in 0..2 {
                let frames = sends(&world, "a", &public(&id)).await;
                assert_eq!(reached(&frames, "publicMessage"), ["a", "b"], "{id}");
            }
        }
        assert_eq!((world.calls("GetItem"), world.calls("PutItem")), before);
        sends(&world, "a", &public(&json!(ID))).await;
        let one_each = (before.0 + 1, before.1 + 1);
        assert_eq!((world.calls("GetItem"), world.calls("PutItem")), one_each);
    });
}

#[test]
fn a_message_that_failed_is_sent_when_it_comes_again() {
    let (world, _environments) = started();
    run(async {
        two_members(&world).await;
        let id = json!(ID);
        world.refuse_query_after("UpdateItem", 1, Fault::Refuse("ValidationException"));
        let failed = sends(&world, "a", &public(&id)).await;
        assert_eq!(reached(&failed, "publicMessage"), Vec::<String>::new());
        assert_eq!(failed[0].1["error"]["code"], "unavailable", "{failed:?}");
        let again = sends(&world, "a", &public(&id)).await;
        assert_eq!(reached(&again, "publicMessage"), ["a", "b"]);

        let id = json!(format!("{ID}-private"));
        world.behave("b", Manner::Always(500));
        let failed = sends(&world, "a", &private(&id)).await;
        assert_eq!(failed[0].1["error"]["code"], "unavailable", "{failed:?}");
        world.behave("b", Manner::Well);
        let again = sends(&world, "a", &private(&id)).await;
        assert_eq!(reached(&again, "privateMessage"), ["b"]);
    });
}

#[test]
fn a_message_is_forgotten_after_ten_minutes() {
    use chat_lambda::clock::Millis;
    use chat_lambda::store::Store;
    let world = World::start();
    run(async {
        let table = world.table();
        let now = Millis(1_700_000_000_000);
        table.remember_sent("alice#x", now).await.unwrap();
        let after = |seconds: u64| Millis(now.0 + seconds * 1000);
        assert!(table.was_sent("alice#x", after(599)).await.unwrap());
        assert!(!table.was_sent("alice#y", after(0)).await.unwrap());
        assert!(!table.was_sent("alice#x", after(600)).await.unwrap());
    });
}
