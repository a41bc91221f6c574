//! One real client: connects, takes a name, waits to be heard, leaves.
//!
//! It writes nothing that stays: leaving frees the name. Others in the chat see it join and leave,
//! which is why the name says what it is.

use super::facts::Probe;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A cold start and the longest integration fit in.
const CONNECT: Duration = Duration::from_secs(35);
/// By then the function is warm; a chat that takes longer to answer is broken for its users.
const ANSWER: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Sends a client to `url`.
pub async fn probe(url: &str) -> Probe {
    let begun = Instant::now();
    let connected = tokio::time::timeout(CONNECT, connect_async(url)).await;
    let mut socket = match connected {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(error)) => return refused(error),
        Err(_) => {
            return Probe::Unreachable {
                said: format!("no answer within {} s", CONNECT.as_secs()),
            };
        }
    };
    let connect = millis(begun);
    let asked = Instant::now();
    let name = format!("doctor-{:06x}", fastrand::u32(..0x0100_0000));
    let hello = json!({"action": "setName", "name": name}).to_string();
    let answer = match socket.send(Message::text(hello)).await {
        Ok(()) => tokio::time::timeout(ANSWER, heard(&mut socket, &name)).await,
        Err(error) => {
            return Probe::Unreachable {
                said: error.to_string(),
            };
        }
    };
    let _ = socket.close(None).await;
    match answer {
        Ok(Ok(())) => Probe::Joined {
            connect,
            answer: millis(asked),
        },
        Ok(Err(said)) => Probe::Error { said },
        Err(_) => Probe::Silent,
    }
}

/// Waits until the member list has our name; an error ends the waiting.
async fn heard(socket: &mut Socket, name: &str) -> Result<(), String> {
    while let Some(frame) = socket.next().await {
        let frame = frame.map_err(|error| error.to_string())?;
        let Message::Text(text) = frame else {
            continue;
        };
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            continue;
        };
        if let Some(said) = error_of(&value) {
            return Err(said);
        }
        let is_us = |member: &Value| member == name;
        let listed = value["members"]
            .as_array()
            .is_some_and(|all| all.iter().any(is_us));
        let greeted = value["systemMessage"] == format!("{name} has joined the chat");
        if listed || greeted {
            return Ok(());
        }
    }
    Err("the server closed the socket".into())
}

/// API Gateway's own frame, or the chat's refusal.
fn error_of(frame: &Value) -> Option<String> {
    let gateway = frame["message"]
        .as_str()
        .filter(|_| frame["connectionId"].is_string());
    let chat = frame["error"]["message"].as_str();
    gateway.or(chat).map(str::to_owned)
}

fn refused(error: tungstenite::Error) -> Probe {
    match error {
        tungstenite::Error::Http(answer) => Probe::Refused {
            status: answer.status().as_u16(),
            said: answer
                .body()
                .as_deref()
                .map(|body| String::from_utf8_lossy(body).chars().take(200).collect())
                .unwrap_or_default(),
        },
        other => Probe::Unreachable {
            said: other.to_string(),
        },
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_both_senders_are_known() {
        let gateway =
            json!({"message": "Internal server error", "connectionId": "c", "requestId": "r"});
        assert_eq!(error_of(&gateway).as_deref(), Some("Internal server error"));
        let chat = json!({"error": {"code": "nameTaken", "message": "the name is taken"}});
        assert_eq!(error_of(&chat).as_deref(), Some("the name is taken"));
        assert_eq!(error_of(&json!({"systemMessage": "x"})), None);
    }

    #[tokio::test]
    async fn nobody_listening_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/x", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(probe(&url).await, Probe::Unreachable { .. }));
    }
}
