//! Whole sessions: whatever five clients do in whatever order, the chat keeps its word.
//!
//! A small model says what should be true (who is named is who took a free name and is still
//! connected) and every step is compared with it: on the maps of `memory` many times, on the real
//! table against a real DynamoDB fewer times.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chat_lambda::clock::Millis;
use chat_lambda::event::{Event, parse};
use chat_lambda::memory::{MemorySockets, MemoryStore};
use chat_lambda::names::Name;
use chat_lambda::outcome::Outcome;
use chat_lambda::room::Room;
use chat_lambda::store::Store;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{World, event, message, run};

#[derive(Clone, Debug)]
enum Act {
    Connect(usize),
    /// A clean close: the event comes at once.
    Leave(usize),
    /// The network is lost: nobody is told.
    Cut(usize),
    /// A `$disconnect` of an earlier connection comes at last, perhaps for the second time.
    Late(usize),
    SetName(usize, usize),
    Public(usize),
    Private(usize, usize),
    Ping(usize),
    Nonsense(usize, String),
    Wait(u64),
}

const NAMES: [&str; 6] = ["Alice", "ALICE", "Bea", "Čeněk", "system", "a:b"];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0..5usize;
    let act = prop_oneof![
        3 => who.clone().prop_map(Act::Connect),
        1 => who.clone().prop_map(Act::Leave),
        2 => who.clone().prop_map(Act::Cut),
        2 => (0..9usize).prop_map(Act::Late),
        6 => (who.clone(), 0..NAMES.len()).prop_map(|(who, name)| Act::SetName(who, name)),
        2 => who.clone().prop_map(Act::Public),
        3 => (who.clone(), 0..NAMES.len()).prop_map(|(who, name)| Act::Private(who, name)),
        1 => who.clone().prop_map(Act::Ping),
        1 => (who, "\\PC{0,20}").prop_map(|(who, text)| Act::Nonsense(who, text)),
        1 => prop_oneof![0..60_000u64, Just(3 * 3600 * 1000)].prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..60)
}

struct Session<S> {
    room: Room<S, MemorySockets>,
    now: u64,
    /// The connection of each client, if it has one.
    clients: [Option<String>; 5],
    /// Connections that ended, for late events.
    ended: Vec<String>,
    /// Names of connections, open or cut, as far as the chat can know.
    names: BTreeMap<String, Name>,
    /// When each connection was made.
    born: BTreeMap<String, u64>,
    made: usize,
}

impl<S: Store> Session<S> {
    fn new(store: S) -> Self {
        let room = Room {
            store,
            push: MemorySockets::default(),
            allowed_origins: Vec::new(),
        };
        Self {
            room,
            now: 1_700_000_000_000,
            clients: Default::default(),
            ended: Vec::new(),
            names: BTreeMap::new(),
            born: BTreeMap::new(),
            made: 0,
        }
    }

    async fn act(&mut self, act: &Act) {
        // More than a second each, so that nobody meets the rate limit here.
        self.now += 1_001;
        match act {
            Act::Connect(who) => self.connect(*who).await,
            Act::Leave(who) => {
                if let Some(connection) = self.clients[*who].take() {
                    self.room.push.cut(&connection);
                    self.ended.push(connection.clone());
                    self.disconnect(&connection).await;
                }
            }
            Act::Cut(who) => {
                if let Some(connection) = self.clients[*who].take() {
                    self.room.push.cut(&connection);
                    self.ended.push(connection);
                }
            }
            Act::Late(n) => {
                if let Some(connection) = self.ended.get(*n).cloned() {
                    self.disconnect(&connection).await;
                }
            }
            Act::SetName(who, name) => self.set_name(*who, NAMES[*name]).await,
            Act::Public(who) => self.public(*who).await,
            Act::Private(who, to) => self.private(*who, NAMES[*to]).await,
            Act::Ping(who) => {
                let frames = self.send(*who, json!({"action": "ping"})).await;
                assert!(
                    frames.iter().all(|(_, frame)| frame["pong"].is_u64()),
                    "{frames:?}"
                );
            }
            Act::Nonsense(who, text) => {
                let frames = self.send(*who, json!({"action": text})).await;
                let refused = |frame: &Value| frame["error"]["code"] == "unknown_action";
                assert!(frames.iter().all(|(_, frame)| refused(frame)), "{frames:?}");
            }
            Act::Wait(time) => self.wait(*time),
        }
        self.check_locks().await;
    }

    /// No connection lives longer than two hours; API Gateway ends it, and its event may be lost.
    fn wait(&mut self, time: u64) {
        self.now += time;
        for client in &mut self.clients {
            if client
                .as_ref()
                .is_some_and(|c| self.now - self.born[c] > 2 * 3600 * 1000)
            {
                let connection = client.take().unwrap();
                self.room.push.cut(&connection);
                self.ended.push(connection);
            }
        }
        let (now, born) = (self.now, &self.born);
        self.names
            .retain(|connection, _| now / 1000 < born[connection] / 1000 + 7800);
    }

    async fn connect(&mut self, who: usize) {
        if self.clients[who].is_some() {
            return;
        }
        self.made += 1;
        let connection = format!("c{}=", self.made);
        let outcome = self
            .handle(event("$connect", &connection, None), &connection)
            .await;
        assert_eq!(outcome.status, 200);
        assert!(
            self.room.push.take().is_empty(),
            "nothing is posted inside $connect"
        );
        self.room.push.open(&connection);
        self.born.insert(connection.clone(), self.now);
        self.clients[who] = Some(connection);
    }

    async fn disconnect(&mut self, connection: &str) {
        let before = self.named();
        self.handle(event("$disconnect", connection, None), connection)
            .await;
        self.names.remove(connection);
        let frames = self.frames();
        if !frames.is_empty() {
            self.forget_the_dead();
        }
        self.check_announcements(&frames, &before);
    }

    async fn set_name(&mut self, who: usize, wish: &str) {
        let Some(me) = self.clients[who].clone() else {
            return;
        };
        let before = self.named();
        let wished = Name::parse(wish).ok();
        let free = |name: &Name| {
            let mut others = self
                .names
                .iter()
                .filter(|(connection, _)| **connection != me);
            !others.any(|(connection, held)| {
                held.key == name.key && self.room.push.is_open(connection)
            })
        };
        let granted = wished.filter(free);
        let same = granted.is_some() && granted.as_ref() == self.names.get(&me);
        let frames = self
            .send(who, json!({"action": "setName", "name": wish}))
            .await;
        let Some(name) = granted else {
            self.check_error(&frames, &me, &["name_taken", "bad_name"]);
            return;
        };
        self.names
            .retain(|c, held| *c == me || held.key != name.key);
        self.names.insert(me.clone(), name);
        if same {
            // Only the sender gets the list, so nobody is found out.
            let [(to, frame)] = &frames[..] else {
                panic!("{frames:?}")
            };
            let list = frame["members"].as_array().unwrap().iter();
            let list: BTreeSet<String> =
                list.map(|name| name.as_str().unwrap().to_owned()).collect();
            assert_eq!((to, list), (&me, self.named()));
            return;
        }
        {
            self.forget_the_dead();
            let told: BTreeSet<&str> = frames
                .iter()
                .filter(|(_, frame)| frame["members"].is_array())
                .map(|(to, _)| to.as_str())
                .collect();
            let open = self.open_named();
            assert_eq!(
                told,
                open.keys().map(String::as_str).collect(),
                "all named get the list"
            );
        }
        self.check_announcements(&frames, &before);
    }

    async fn public(&mut self, who: usize) {
        let Some(me) = self.clients[who].clone() else {
            return;
        };
        let before = self.named();
        let text = format!("text-{}", self.now);
        let frames = self
            .send(who, json!({"action": "sendPublic", "message": text}))
            .await;
        let Some(name) = self.names.get(&me).cloned() else {
            self.check_error(&frames, &me, &["name_required"]);
            return;
        };
        self.forget_the_dead();
        let line = format!("{}: {text}", name.shown);
        let heard: Vec<&str> = frames
            .iter()
            .filter(|(_, frame)| frame["publicMessage"] == *line)
            .map(|(to, _)| to.as_str())
            .collect();
        let open = self.open_named();
        assert_eq!(heard.len(), open.len());
        assert_eq!(
            heard.into_iter().collect::<BTreeSet<_>>(),
            open.keys().map(String::as_str).collect()
        );
        self.check_announcements(&frames, &before);
    }

    async fn private(&mut self, who: usize, to: &str) {
        let Some(me) = self.clients[who].clone() else {
            return;
        };
        let before = self.named();
        let text = format!("secret-{}", self.now);
        let frames = self
            .send(
                who,
                json!({"action": "sendPrivate", "to": to, "message": text}),
            )
            .await;
        let holding = |frame: &Value| frame.to_string().contains(&text);
        let reached: Vec<&String> = frames
            .iter()
            .filter(|(_, frame)| holding(frame))
            .map(|(to, _)| to)
            .collect();
        let key = Name::key_of(to);
        let target = self
            .names
            .iter()
            .find(|(_, held)| Some(&held.key) == key.as_ref());
        let target = target.map(|(connection, _)| connection.clone());
        match (self.names.get(&me), target) {
            (None, _) => self.check_error(&frames, &me, &["name_required"]),
            (Some(name), Some(target)) if self.room.push.is_open(&target) => {
                let line = format!("{}: {text}", name.shown);
                assert_eq!(reached, [&target]);
                assert!(
                    frames
                        .iter()
                        .any(|(_, frame)| frame["privateMessage"] == *line)
                );
            }
            (Some(_), target) => {
                assert!(reached.is_empty());
                assert!(
                    frames
                        .iter()
                        .any(|(to, frame)| *to == me && frame["error"]["code"] == "no_such_member")
                );
                // A target that was cut is found gone, and so may others be.
                if target.is_some() {
                    self.forget_the_dead();
                }
            }
        }
        self.check_announcements(&frames, &before);
    }

    async fn send(&mut self, who: usize, body: Value) -> Vec<(String, Value)> {
        let Some(me) = self.clients[who].clone() else {
            return Vec::new();
        };
        self.handle(message(&me, &body), &me).await;
        self.frames()
    }

    async fn handle(&self, event: Value, connection: &str) -> Outcome {
        let event: Event = parse(event.to_string().as_bytes()).unwrap();
        let connected_at = self.born.get(connection).copied().unwrap_or(self.now);
        self.room
            .handle(
                &Event {
                    connected_at,
                    ..event
                },
                Millis(self.now),
            )
            .await
    }

    fn frames(&self) -> Vec<(String, Value)> {
        let read = |(to, body): (String, Bytes)| (to, serde_json::from_slice(&body).unwrap());
        self.room.push.take().into_iter().map(read).collect()
    }

    fn named(&self) -> BTreeSet<String> {
        self.names.values().map(|name| name.shown.clone()).collect()
    }

    fn open_named(&self) -> BTreeMap<String, String> {
        let open = self
            .names
            .iter()
            .filter(|(connection, _)| self.room.push.is_open(connection));
        open.map(|(connection, name)| (connection.clone(), name.shown.clone()))
            .collect()
    }

    /// Whenever everybody is told something, whoever cannot be reached is found out.
    fn forget_the_dead(&mut self) {
        let push = &self.room.push;
        self.names.retain(|connection, _| push.is_open(connection));
    }

    fn check_error(&self, frames: &[(String, Value)], me: &str, codes: &[&str]) {
        let [(to, frame)] = frames else {
            panic!("one frame, to the sender: {frames:?}")
        };
        assert_eq!(to, me);
        let code = frame["error"]["code"].as_str().unwrap();
        assert!(codes.contains(&code), "{frame}");
    }

    /// The last list that anybody got is the named, live connections, and whoever is said to have
    /// left was there and is said so once.
    fn check_announcements(&self, frames: &[(String, Value)], before: &BTreeSet<String>) {
        let open: BTreeSet<String> = self.open_named().into_values().collect();
        let mut last: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        let mut left: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for (to, frame) in frames {
            if let Some(members) = frame["members"].as_array() {
                let names = members.iter().map(|name| name.as_str().unwrap().to_owned());
                let list: Vec<String> = names.collect();
                let set: BTreeSet<String> = list.iter().cloned().collect();
                assert_eq!(list.len(), set.len(), "nobody is listed twice");
                last.insert(to, set);
            }
            for name in frame["left"].as_array().into_iter().flatten() {
                *left.entry((to, name.as_str().unwrap())).or_default() += 1;
            }
        }
        for (to, list) in last {
            assert_eq!(list, open, "the last list of {to}");
        }
        for ((to, name), times) in left {
            assert_eq!(times, 1, "{to} is told once that {name} has left");
            assert!(before.contains(name), "{name} was there");
        }
    }

    /// Whoever is listed owns the lock of its name, and nobody else does.
    async fn check_locks(&self) {
        let now = Millis(self.now);
        let mut seen = BTreeSet::new();
        for member in self.room.store.members(now).await.unwrap() {
            let name = Name::parse(&member.shown).unwrap();
            assert!(
                seen.insert(name.key.clone()),
                "{} has two owners",
                member.shown
            );
            let owner = self.room.store.find(&name.key, now).await.unwrap();
            assert_eq!(owner.as_deref(), Some(member.connection.as_str()));
        }
        for (connection, name) in self.open_named() {
            let held = self.room.store.name_of(&connection).await.unwrap();
            assert_eq!(held.map(|held| held.shown), Some(name));
        }
    }
}

async fn play<S: Store>(store: S, acts: &[Act]) -> Session<S> {
    let mut session = Session::new(store);
    for act in acts {
        session.act(act).await;
    }
    session
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn whatever_five_clients_do_the_chat_keeps_its_word(acts in acts()) {
        let session = run(play(MemoryStore::default(), &acts));
        let locks = session.room.store.locks();
        prop_assert!(locks.len() <= 5 + session.ended.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn the_same_sessions_hold_on_the_real_table(acts in acts()) {
        let world = World::start();
        run(play(world.table(), &acts));
    }
}

#[test]
fn somebody_who_comes_back_after_a_lost_connection_gets_the_name_again() {
    run(async {
        let acts = [
            Act::Connect(0),
            Act::SetName(0, 0),
            Act::Connect(1),
            Act::SetName(1, 2),
            Act::Cut(0),
            Act::Connect(0),
            Act::SetName(0, 0),
            Act::Late(0),
            Act::Public(0),
        ];
        let session = play(MemoryStore::default(), &acts).await;
        let names: Vec<_> = session.open_named().into_values().collect();
        assert_eq!(names, ["Bea", "Alice"]);
    });
}

#[test]
fn every_message_of_a_flood_is_refused_by_one_frame_and_the_third_window_closes_the_connection() {
    run(async {
        let mut session = Session::new(MemoryStore::default());
        session.connect(0).await;
        let mut refused = Vec::new();
        for n in 0..90 {
            session.now += if n % 30 == 0 { 10_000 } else { 10 };
            let frames = session.send(0, json!({"action": "ping", "id": n})).await;
            assert!(frames.len() <= 1, "no more than it received: {frames:?}");
            let errors = frames.iter().map(|(_, frame)| frame["error"].clone());
            refused.extend(errors.filter(|error| !error.is_null()));
        }
        let ids: Vec<_> = refused
            .iter()
            .map(|error| error["id"].as_u64().unwrap())
            .collect();
        let expected: Vec<u64> = (10..30).chain(40..60).chain([70]).collect();
        assert_eq!(ids, expected);
        let (last, before) = refused.split_last().unwrap();
        assert!(before.iter().all(|error| error["code"] == "rate_limited"));
        assert_eq!(last["code"], "flooding");
        assert!(
            !session
                .room
                .push
                .is_open(session.clients[0].as_ref().unwrap())
        );
    });
}

#[test]
fn a_private_message_with_an_id_is_answered_once_its_receiver_has_it() {
    run(async {
        let mut session = Session::new(MemoryStore::default());
        for (client, name) in [(0, "Alice"), (1, "Bea")] {
            session.connect(client).await;
            let name = json!({"action": "setName", "name": name});
            session.send(client, name).await;
        }
        let alice = session.clients[0].clone().unwrap();
        let private =
            |id: Value| json!({"action": "sendPrivate", "to": "Bea", "message": "hi", "id": id});
        for id in [json!("m7"), json!(7)] {
            let frames = session.send(0, private(id.clone())).await;
            assert_eq!(frames.len(), 2, "{frames:?}");
            assert_eq!(frames[0].1["privateMessage"], "Alice: hi");
            assert_eq!(
                (frames[1].0.as_str(), &frames[1].1["delivered"]),
                (alice.as_str(), &json!({"id": id}))
            );
        }
        let frames = session.send(0, private(Value::Null)).await;
        assert_eq!(frames.len(), 1, "no id, no answer: {frames:?}");
    });
}

#[test]
fn a_refusal_names_the_message_by_the_clients_own_id_if_that_is_short() {
    run(async {
        let mut session = Session::new(MemoryStore::default());
        session.connect(0).await;
        for (id, told) in [
            (json!("a-7"), json!("a-7")),
            (json!(7), json!(7)),
            (json!("x".repeat(65)), Value::Null),
            (json!({"a": 1}), Value::Null),
            (Value::Null, Value::Null),
        ] {
            let message = json!({"action": "sendPublic", "message": "hi", "id": id});
            let frames = session.send(0, message).await;
            let error = &frames[0].1["error"];
            assert_eq!(
                (&error["code"], &error["id"]),
                (&json!("name_required"), &told)
            );
        }
    });
}
