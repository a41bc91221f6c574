//! Any bytes, as an event and as a client's message, through the parser and the whole chat.
//!
//! The first byte chooses: the rest is a whole event, or a message on one of the routes from one of
//! four connections. The room lives as long as the process, so later inputs meet whatever names
//! earlier ones took.

#![no_main]

use std::cell::{Cell, OnceCell};

use chat_lambda::clock::Millis;
use chat_lambda::event::{Event, parse};
use chat_lambda::memory::{MemorySockets, MemoryStore};
use chat_lambda::names::Name;
use chat_lambda::room::Room;
use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const ROUTES: [&str; 6] =
    ["$connect", "$disconnect", "setName", "sendPublic", "sendPrivate", "$default"];
const CONNECTIONS: [&str; 4] = ["a=", "b=", "c=", "d="];

thread_local! {
    static ROOM: OnceCell<Room<MemoryStore, MemorySockets>> = const { OnceCell::new() };
    static CLOCK: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a clock");
    static NOW: Cell<u64> = const { Cell::new(1_700_000_000_000) };
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    if choice == 0 {
        if let Ok(event) = parse(rest) {
            handle(&event, u64::from(choice));
        }
        return;
    }
    let text = String::from_utf8_lossy(rest);
    check_name(&text);
    let route = ROUTES[usize::from(choice % 6)];
    let connection = CONNECTIONS[usize::from(choice / 6 % 4)];
    let event = json!({
        "requestContext": {"routeKey": route, "connectionId": connection, "requestId": "r"},
        "headers": {"Origin": text, "Sec-WebSocket-Protocol": text},
        "body": text,
    });
    let event = parse(event.to_string().as_bytes()).expect("an event of ours is an event");
    // Bodies that are no JSON test little: give the text to the fields as well.
    handle(&event, u64::from(choice));
    let body = json!({"action": text, "name": text, "to": text, "message": text}).to_string();
    handle(&Event { body: Some(body), ..event }, u64::from(choice) * 40);
});

fn handle(event: &Event, passed: u64) {
    let now = NOW.get() + passed;
    NOW.set(now);
    ROOM.with(|room| {
        // Time-outs need a clock, though nothing here waits.
        let clock = CLOCK.with(|clock| clock.handle().clone());
        let _clock = clock.enter();
        let room = room.get_or_init(|| {
            let push = MemorySockets::default();
            CONNECTIONS.iter().for_each(|connection| push.open(connection));
            let allowed_origins = vec!["https://chat.example".to_owned()];
            Room { store: MemoryStore::default(), push, allowed_origins }
        });
        let outcome = room.handle(event, Millis(now)).now_or_never();
        let outcome = outcome.expect("nothing in memory waits");
        assert!((200..600).contains(&outcome.status));
        for (to, frame) in room.push.take() {
            assert!(frame.len() < 128 * 1024, "{to} would not take {} bytes", frame.len());
            let value: serde_json::Value = serde_json::from_slice(&frame).expect("frames are JSON");
            assert!(value.is_object());
        }
        // The rate limit closes connections: the same client comes back.
        CONNECTIONS.iter().for_each(|connection| room.push.open(connection));
    });
}

/// A name that was taken is taken as it is, and never breaks a line or a prefix.
fn check_name(text: &str) {
    let Ok(name) = Name::parse(text) else { return };
    assert_eq!(Name::parse(&name.shown).as_ref(), Ok(&name), "parsing twice changes nothing");
    assert!(!name.shown.contains([':', '\n', '\r']) && !name.key.is_empty());
    assert!(name.shown.chars().count() <= 32);
}
