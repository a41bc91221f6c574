//! Many at once: one request announces for all, and in the end everybody knows everybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chat_lambda::clock::Millis;
use chat_lambda::event::parse;
use chat_lambda::room::Room;
use chat_lambda::store::{Lease, Store};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::environments::Environments;
use crate::world::{Fault, Frame, Manner, World, event, message, run};

/// What each connection knows of the members, by the frames in the order in which they came.
fn views(frames: &[Frame]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut views: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for frame in frames {
        let names = |key: &str| frame.body[key].as_array().into_iter().flatten();
        let view = views.entry(&frame.to).or_default();
        if frame.body["members"].is_array() {
            view.clear();
        }
        for name in names("members").chain(names("joined")) {
            view.insert(name.as_str().unwrap());
        }
        for name in names("left") {
            view.remove(name.as_str().unwrap());
        }
    }
    views
}

async fn join_as(world: &World, n: usize) -> Value {
    let join = json!({"action": "setName", "name": format!("n{n}")});
    world.invoke(message(&format!("c{n}="), &join)).await
}

/// One crowd at a time: on a busy machine several would run into the time-outs of the posts.
static ONE_CROWD: Mutex<()> = Mutex::new(());

fn crowd_of(count: usize) -> Vec<Frame> {
    let _alone = ONE_CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::start();
    let environments = Environments::start(&world, 10, &[]);
    let answers = run(join_all((0..count).map(|n| join_as(&world, n))));
    assert!(answers.iter().all(|answer| answer["statusCode"] == 200));
    let log = environments.stop();
    let failed = |line: &&str| !line.contains("\"failed\":0");
    assert_eq!(log.lines().find(failed), None);
    let frames = world.take();
    let everybody: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
    let everybody: BTreeSet<&str> = everybody.iter().map(String::as_str).collect();
    let views = views(&frames);
    assert_eq!(views.len(), count);
    for (connection, view) in views {
        assert_eq!(view, everybody, "{connection}");
    }
    frames
}

#[test]
fn after_a_crowd_the_last_list_of_every_member_is_complete() {
    let frames = crowd_of(60);
    // In a small room there is a line for each who joins, and nobody reads one twice.
    let mut lines = BTreeSet::new();
    for frame in &frames {
        if let Some(joined) = frame.body["joined"].as_array() {
            assert_eq!(joined.len(), 1);
            let line = frame.body["systemMessage"].to_string();
            assert!(lines.insert((&frame.to, line)), "{frame:?}");
        }
    }
    for n in 0..60 {
        let line = format!("\"n{n} has joined the chat\"");
        assert!(lines.contains(&(&format!("c{n}="), line)), "its own line");
    }
}

#[test]
fn a_large_crowd_shares_frames_so_that_its_work_does_not_grow_with_the_square() {
    let frames = crowd_of(200);
    let each_to_each = 200 * 200 / 2;
    assert!(frames.len() < each_to_each * 2 / 3, "{}", frames.len());
}

fn lease(holder: &str, now: u64) -> Lease {
    Lease {
        holder: holder.into(),
        now: Millis(now),
        until: Millis(now + 2_000),
    }
}

#[test]
fn one_announces_for_all_and_what_it_leaves_behind_is_announced_by_the_next() {
    let world = World::start();
    run(async {
        let table = world.table();
        let hand_in = async |text: &str, holder: &str, now| {
            table.hand_in(text, &lease(holder, now)).await.unwrap()
        };
        assert_eq!(hand_in("1", "a", 0).await.unwrap(), ["1"]);
        assert_eq!(hand_in("2", "b", 10).await, None);
        assert_eq!(hand_in("3", "c", 20).await, None);
        let announced =
            async |done, holder, now| table.announced(done, &lease(holder, now)).await.unwrap();
        assert_eq!(announced(1, "a", 30).await.unwrap(), ["2", "3"]);
        // It is killed: after its lease the next one has it all.
        assert_eq!(hand_in("4", "d", 2_031).await.unwrap(), ["2", "3", "4"]);
        assert_eq!(announced(2, "a", 2_040).await, None);
        assert!(announced(3, "d", 2_050).await.unwrap().is_empty());
        assert_eq!(hand_in("5", "e", 2_060).await.unwrap(), ["5"]);
    });
}

#[test]
fn the_queue_is_announced_in_pieces_however_long_it_is() {
    let world = World::start();
    run(async {
        let table = world.table();
        table.hand_in("0", &lease("a", 0)).await.unwrap();
        for n in 1..450 {
            let text = n.to_string();
            assert_eq!(table.hand_in(&text, &lease("b", 1)).await.unwrap(), None);
        }
        let (mut next, mut done) = (1, 1);
        loop {
            let more = table
                .announced(done, &lease("a", 2))
                .await
                .unwrap()
                .unwrap();
            done = more.len();
            if more.is_empty() {
                break;
            }
            for text in more {
                assert_eq!(text, next.to_string());
                next += 1;
            }
        }
        assert_eq!(next, 450);
    });
}

fn real(world: &World) -> Room<impl Store, impl chat_lambda::push::Push> {
    Room {
        store: world.table(),
        push: world.gateway(),
        allowed_origins: Vec::new(),
    }
}

async fn set_name<S: Store, P: chat_lambda::push::Push>(
    room: &Room<S, P>,
    connection: &str,
    name: &str,
) -> &'static str {
    let event = message(connection, &json!({"action": "setName", "name": name}));
    let event = parse(event.to_string().as_bytes()).unwrap();
    room.handle(&event, Millis::now()).await.code
}

#[test]
fn a_member_who_never_reads_delays_no_announcement_that_was_handed_over() {
    let world = World::start();
    run(async {
        let room = real(&world);
        set_name(&room, "slow", "Slow").await;
        set_name(&room, "a", "Alice").await;
        world.behave("slow", Manner::Never);
        world.take();
        let began = Instant::now();
        let second = async {
            // Handed over while the first waits for the slow one.
            while !world.take().iter().any(|frame| frame.to == "a") {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            set_name(&room, "c", "Carl").await
        };
        let (first, second) = join(set_name(&room, "b", "Bea"), second).await;
        assert_eq!((first, second), ("joined", "joined"));
        let frames = world.take();
        let told = frames
            .iter()
            .find(|frame| frame.to == "a" && frame.body["joined"] == json!(["Carl"]));
        let after = told.unwrap().at - began;
        assert!(after < Duration::from_secs(2), "{after:?}");
        let list = json!(["Slow", "Alice", "Bea", "Carl"]);
        let lists = frames.iter().filter(|frame| frame.body["members"] == list);
        let told: BTreeSet<&str> = lists.map(|frame| frame.to.as_str()).collect();
        assert_eq!(told, BTreeSet::from(["a", "b", "c"]));
    });
}

#[test]
fn what_could_not_be_announced_is_announced_with_the_next_change() {
    let world = World::start();
    run(async {
        let room = real(&world);
        set_name(&room, "a", "Alice").await;
        // Its row, its name, the queue; then the list of members cannot be read.
        let event = message("b", &json!({"action": "setName", "name": "Bea"}));
        let event = parse(event.to_string().as_bytes()).unwrap();
        let queries = world.calls("Query");
        world.refuse_query_after("UpdateItem", 2, Fault::Refuse("ValidationException"));
        assert_eq!(room.handle(&event, Millis::now()).await.code, "unavailable");
        assert!(world.calls("Query") > queries);
        world.take();
        set_name(&room, "c", "Carl").await;
        let frames = world.take();
        for name in ["Bea", "Carl"] {
            let told = |frame: &&Frame| frame.to == "a" && frame.body["joined"] == json!([name]);
            assert_eq!(frames.iter().filter(told).count(), 1, "{name}");
        }
        assert_eq!(views(&frames)["a"].len(), 3);
    });
}

#[test]
fn a_crowd_that_leaves_at_once_is_told_together() {
    let _alone = ONE_CROWD.lock().unwrap_or_else(PoisonError::into_inner);
    let world = World::start();
    let _environments = Environments::start(&world, 10, &[]);
    run(async {
        join_all((0..120).map(|n| join_as(&world, n))).await;
        world.take();
        let leave = |n: usize| {
            let connection = format!("c{n}=");
            world.behave(&connection, Manner::Gone);
            let world = world.clone();
            async move { world.invoke(event("$disconnect", &connection, None)).await }
        };
        join_all((1..120).map(leave)).await;
    });
    let frames = world.take();
    let left = frames
        .iter()
        .filter(|frame| frame.to == "c0=")
        .flat_map(|frame| frame.body["left"].as_array().into_iter().flatten());
    let left: Vec<&str> = left.map(|name| name.as_str().unwrap()).collect();
    assert_eq!(left.len(), 119, "each is told, once");
    let last = frames
        .iter()
        .rfind(|frame| frame.body["members"].is_array());
    assert_eq!(last.unwrap().body["members"], json!(["n0"]));
}
