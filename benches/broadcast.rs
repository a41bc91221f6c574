//! What a loopback WebSocket can do at most: a server with nothing behind it, for `gateway.py` to measure.
//!
//! A text that begins with `all:` goes to everybody, any other back to its sender. It writes whatever is
//! queued in one go, as the local cloud's gateway does. It prints its address and serves until it is killed.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

type Members = Arc<Mutex<Vec<UnboundedSender<Utf8Bytes>>>>;

#[tokio::main]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("ws://{}", listener.local_addr().unwrap());
    let members = Members::default();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(member(stream, Arc::clone(&members)));
    }
}

async fn member(stream: TcpStream, members: Members) {
    stream.set_nodelay(true).unwrap();
    let Ok(socket) = tokio_tungstenite::accept_async(stream).await else {
        return;
    };
    let (mut sink, mut source) = socket.split();
    let (outgoing, mut queue) = unbounded_channel();
    members.lock().unwrap().push(outgoing.clone());
    tokio::spawn(async move {
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, 256).await > 0 {
            for text in batch.drain(..) {
                if sink.feed(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            if sink.flush().await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = source.next().await {
        match message {
            Message::Text(text) if text.starts_with("all:") => members
                .lock()
                .unwrap()
                .retain(|member| member.send(text.clone()).is_ok()),
            Message::Text(text) => drop(outgoing.send(text)),
            _ => {}
        }
    }
}
