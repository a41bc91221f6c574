//! A deploy, a refused one and a rollback under load: no accepted message is lost, no socket is closed.

use super::versions::refused;
use super::world::{World, calm, text};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Talkers, each of whom may say 10 messages in 10 seconds; together about 25 a second would need
/// 50 of them, so there are enough for that.
const TALKERS: usize = 50;
/// Half of what the chat takes from anybody, ten messages in ten seconds: a busy machine bunches them.
const EVERY: Duration = Duration::from_millis(2000);

async fn join(url: &str, name: &str) -> Socket {
    let (mut socket, _) = connect_async(url).await.unwrap();
    let hello = serde_json::json!({"action": "setName", "name": name}).to_string();
    let joined = format!("{name} has joined the chat");
    socket.send(Message::text(&hello)).await.unwrap();
    loop {
        let message = socket.next().await.unwrap().unwrap();
        let text = message.to_text().unwrap_or_default();
        if text.contains(&joined) {
            return socket;
        }
        // A machine that is busy with other things may be too slow for the function's time-out.
        if text.contains("Internal server error") {
            socket.send(Message::text(&hello)).await.unwrap();
        }
    }
}

/// What a talker saw.
struct Talked {
    said: Vec<String>,
    /// How the socket ended, if it did.
    closed: Arc<Mutex<Option<String>>>,
    /// Frames that say that something was not accepted.
    refused: Arc<Mutex<Vec<String>>>,
    /// Stays open: a message of somebody who has left is rightly not delivered.
    _open: (SplitSink<Socket, Message>, JoinHandle<()>),
}

/// Says numbered messages privately to the listener until told to stop; says how many, and whether
/// the socket was ever closed.
async fn talk(url: String, name: String, done: Arc<AtomicBool>) -> Talked {
    let socket = join(&url, &name).await;
    let (mut to, mut from) = socket.split();
    let closed: Arc<Mutex<Option<String>>> = Arc::default();
    let refused: Arc<Mutex<Vec<String>>> = Arc::default();
    let (heard, refusals) = (Arc::clone(&closed), Arc::clone(&refused));
    let reader = tokio::spawn(async move {
        while let Some(message) = from.next().await {
            if matches!(message, Ok(Message::Close(_)) | Err(_)) {
                *heard.lock().unwrap() = Some(format!("{message:?}"));
            }
            let text = message.as_ref().ok().and_then(|m| m.to_text().ok());
            if let Some(text) = text.filter(|t| t.contains("error\"") || t.contains("requestId")) {
                refusals.lock().unwrap().push(text.to_owned());
            }
        }
    });
    let mut said = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let text = format!("{name} {}", said.len());
        let message =
            serde_json::json!({"action": "sendPrivate", "to": "listener", "message": text});
        if let Err(error) = to.send(Message::text(message.to_string())).await {
            closed.lock().unwrap().get_or_insert(error.to_string());
            break;
        }
        said.push(text);
        tokio::time::sleep(EVERY).await;
    }
    Talked {
        said,
        closed,
        refused,
        _open: (to, reader),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn loses_no_message_and_closes_no_socket_nor_does_a_refused_one_or_a_rollback() {
    let world = World::in_conditions(calm()).await;
    let deployed = world.run(&["deploy", "--yes", "--output", "json"]).await;
    assert!(deployed.status.success(), "{}", text(&deployed));
    let json: Value = serde_json::from_slice(&deployed.stdout).unwrap();
    let url = json["url"].as_str().unwrap().to_owned();
    let load = Load::begin(&url, TALKERS).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // The function's settings, the stage's, and, by a change behind our back, a route's.
    let api = url.split('/').rev().nth(1).unwrap();
    let gateway = &world.clients.apigatewayv2;
    let routes = gateway.get_routes().api_id(api).send().await.unwrap();
    let route = routes
        .items()
        .iter()
        .find(|r| r.route_key() == Some("setName"))
        .unwrap();
    let call = gateway
        .update_route()
        .api_id(api)
        .route_id(route.route_id().unwrap());
    call.route_response_selection_expression("$default")
        .send()
        .await
        .unwrap();
    let flags = [
        "deploy",
        "--yes",
        "--memory",
        "512",
        "--throttle-rate",
        "900",
    ];
    let redeployed = world.run(&flags).await;
    assert!(redeployed.status.success(), "{}", text(&redeployed));
    for line in [
        "updated function",
        "updated alias live (version 2)",
        "updated stage",
        "updated route/setName",
    ] {
        assert!(text(&redeployed).contains(line), "{}", text(&redeployed));
    }
    let refused = refused::deploy_what_crashes(&world).await.unwrap_err();
    assert!(refused.message().contains("does not work"), "{refused}");
    let back = world.run(&["rollback"]).await;
    assert!(
        text(&back).contains("version 1 is live again"),
        "{}",
        text(&back)
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    load.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_more_and_routes_less_lose_no_message_and_close_no_socket() {
    let world = World::empty().await;
    let deployed = world.run(&["deploy", "--yes", "--output", "json"]).await;
    assert!(deployed.status.success(), "{}", text(&deployed));
    let json: Value = serde_json::from_slice(&deployed.stdout).unwrap();
    let load = Load::begin(json["url"].as_str().unwrap(), 10).await;
    let file = world.folder.path().join("chatctl.toml");
    let steps = [
        (
            "setName = {}\nsendPublic = {}\nsendPrivate = {}\nwave = {}\n",
            "created route/wave",
        ),
        (
            "setName = {}\nsendPrivate = {}\n",
            "deleted route/sendPublic",
        ),
    ];
    for (routes, line) in steps {
        std::fs::write(&file, format!("[routes]\n{routes}")).unwrap();
        let redeployed = world.run(&["deploy", "--yes"]).await;
        assert!(redeployed.status.success(), "{}", text(&redeployed));
        assert!(text(&redeployed).contains(line), "{}", text(&redeployed));
    }
    load.ends_well().await;
}

/// People who talk to a listener meanwhile.
struct Load {
    done: Arc<AtomicBool>,
    talkers: Vec<JoinHandle<Talked>>,
    heard: JoinHandle<Heard>,
}

impl Load {
    async fn begin(url: &str, talkers: usize) -> Self {
        let heard = tokio::spawn(listen(join(url, "listener").await));
        let done = Arc::new(AtomicBool::new(false));
        let talker = |n| tokio::spawn(talk(url.to_owned(), format!("t{n}"), Arc::clone(&done)));
        Self {
            talkers: (0..talkers).map(talker).collect(),
            done,
            heard,
        }
    }

    /// Everything that was said was heard, nothing was refused, and nobody's socket was closed.
    async fn ends_well(self) {
        let Self {
            done,
            talkers,
            heard,
        } = self;
        let count = talkers.len();
        done.store(true, Ordering::Relaxed);
        let (mut said, mut talked) = (HashSet::new(), Vec::new());
        for talker in talkers {
            let one = talker.await.unwrap();
            said.extend(one.said.clone());
            talked.push(one);
        }
        assert!(!said.is_empty(), "nobody said anything");
        let heard =
            tokio::time::timeout(Duration::from_secs(30), until_all(heard, said.clone())).await;
        let missing = heard.unwrap_or_else(|_| vec!["the listener gave up".into()]);
        let closed: Vec<_> = talked
            .iter()
            .filter_map(|one| one.closed.lock().unwrap().clone())
            .collect();
        assert!(closed.is_empty(), "sockets were closed: {closed:?}");
        let refused = talked
            .iter()
            .flat_map(|one| one.refused.lock().unwrap().clone());
        let refused: Vec<_> = refused.collect();
        assert!(
            missing.is_empty() && refused.is_empty(),
            "{} of {} lost: {missing:?}, refused: {refused:?}",
            missing.len(),
            said.len()
        );
        eprintln!("{} messages from {count} talkers", said.len());
    }
}

type Heard = tokio::sync::mpsc::UnboundedReceiver<String>;

async fn listen(mut socket: Socket) -> Heard {
    let (to, from) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let frame: Value = message
                .to_text()
                .ok()
                .and_then(|t| serde_json::from_str(t).ok())
                .unwrap_or_default();
            if let Some(text) = frame["privateMessage"].as_str() {
                let text = text.split_once(": ").map_or(text, |(_, said)| said);
                let _ = to.send(text.to_owned());
            }
        }
    });
    from
}

/// What was said and not heard, once everything was heard or nothing comes any more.
async fn until_all(
    heard: tokio::task::JoinHandle<Heard>,
    mut open: HashSet<String>,
) -> Vec<String> {
    let mut heard = heard.await.unwrap();
    while !open.is_empty() {
        match tokio::time::timeout(Duration::from_secs(10), heard.recv()).await {
            Ok(Some(text)) => open.remove(&text),
            _ => break,
        };
    }
    open.into_iter().collect()
}
