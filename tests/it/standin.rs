//! A chat server small enough to read: one room, the wire protocol, and misbehaviour on demand.
//!
//! It stands in for the deployed chat where a test is about the client. It is strict where API
//! Gateway is: a frame over 32 KB ends the connection.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

type Out = UnboundedSender<Option<String>>;

#[derive(Default)]
struct Room {
    next: u64,
    peers: BTreeMap<u64, (Option<String>, Out)>,
    heard: Vec<Value>,
}

/// The server; it ends with the test.
pub struct StandIn {
    room: Arc<Mutex<Room>>,
    port: u16,
    _runtime: tokio::runtime::Runtime,
}

impl StandIn {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let room = Arc::new(Mutex::new(Room::default()));
        runtime.spawn(accept(listener, Arc::clone(&room)));
        Self {
            room,
            port,
            _runtime: runtime,
        }
    }

    pub fn url(&self) -> String {
        format!("ws://{}/production", self.addr())
    }

    pub fn addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Every message that came in, in order.
    pub fn heard(&self) -> Vec<Value> {
        self.room.lock().unwrap().heard.clone()
    }

    /// Cuts every connection without a word.
    pub fn cut(&self) {
        for (_, out) in self.room.lock().unwrap().peers.values() {
            let _ = out.send(None);
        }
    }

    /// Sends this text to everybody.
    pub fn say(&self, text: &str) {
        for (_, out) in self.room.lock().unwrap().peers.values() {
            let _ = out.send(Some(text.to_owned()));
        }
    }
}

async fn accept(listener: TcpListener, room: Arc<Mutex<Room>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&room)));
    }
}

async fn serve(stream: TcpStream, room: Arc<Mutex<Room>>) {
    let config = WebSocketConfig::default().max_frame_size(Some(32 * 1024));
    let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await else {
        return;
    };
    let (out, mut outgoing) = unbounded_channel();
    let id = room.lock().unwrap().enter(out);
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => room.lock().unwrap().take(id, &text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            text = outgoing.recv() => match text.flatten() {
                Some(text) => { let _ = socket.send(Message::text(text)).await; }
                None => break,
            },
        }
    }
    room.lock().unwrap().leave(id);
}

impl Room {
    fn enter(&mut self, out: Out) -> u64 {
        self.next += 1;
        self.peers.insert(self.next, (None, out));
        self.next
    }

    fn leave(&mut self, id: u64) {
        if let Some((Some(name), _)) = self.peers.remove(&id) {
            self.all(&json!({ "systemMessage": format!("{name} has left the chat") }));
            self.all(&json!({ "members": self.names() }));
        }
    }

    fn take(&mut self, id: u64, text: &str) {
        let message: Value = serde_json::from_str(text).unwrap();
        self.heard.push(message.clone());
        let name = self.peers[&id].0.clone();
        match (message["action"].as_str().unwrap_or_default(), name) {
            ("setName", _) => self.set_name(id, &message),
            ("ping", _) => self.one(id, &json!({ "pong": 1 })),
            (_, None) => self.refuse(id, "name_required", &message),
            ("sendPublic", Some(name)) => {
                let line = format!("{name}: {}", message["message"].as_str().unwrap());
                self.all(&json!({ "publicMessage": line }));
            }
            ("sendPrivate", Some(name)) => self.whisper(id, &name, &message),
            _ => self.refuse(id, "unknown_action", &message),
        }
    }

    fn set_name(&mut self, id: u64, message: &Value) {
        let name = message["name"].as_str().unwrap();
        if name.contains(':') {
            return self.refuse(id, "bad_name", message);
        }
        if self.names().iter().any(|taken| taken == name) {
            return self.refuse(id, "name_taken", message);
        }
        self.peers.get_mut(&id).unwrap().0 = Some(name.to_owned());
        self.all(&json!({ "systemMessage": format!("{name} has joined the chat") }));
        self.all(&json!({ "members": self.names() }));
    }

    fn whisper(&self, id: u64, from: &str, message: &Value) {
        let to = self
            .peers
            .iter()
            .find(|(_, (name, _))| name.as_deref() == message["to"].as_str());
        match to {
            Some((to, _)) => {
                let line = format!("{from}: {}", message["message"].as_str().unwrap());
                self.one(*to, &json!({ "privateMessage": line }));
                if let Some(of) = message.get("id") {
                    self.one(id, &json!({ "delivered": { "id": of } }));
                }
            }
            None => self.refuse(id, "no_such_member", message),
        }
    }

    fn names(&self) -> Vec<String> {
        self.peers
            .values()
            .filter_map(|(name, _)| name.clone())
            .collect()
    }

    fn refuse(&self, id: u64, code: &str, message: &Value) {
        let mut error = json!({ "code": code, "message": format!("no: {code}") });
        if let Some(of) = message.get("id") {
            error["id"] = of.clone();
        }
        self.one(id, &json!({ "error": error }));
    }

    fn one(&self, id: u64, frame: &Value) {
        let _ = self.peers[&id].1.send(Some(frame.to_string()));
    }

    fn all(&self, frame: &Value) {
        for (name, out) in self.peers.values() {
            if name.is_some() {
                let _ = out.send(Some(frame.to_string()));
            }
        }
    }
}

/// A server that gives one fixed answer to one request; its address as `http://…`.
pub fn answer_once(answer: String) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/production", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(answer.as_bytes());
    });
    url
}
