//! One real client: connects, sends a heartbeat, waits for the answer, leaves.
//!
//! It takes no name and writes nothing that stays, so nobody in the chat notices it. The heartbeat
//! goes through the route, the function, the table and the push back.

use super::facts::Probe;
use crate::prove::Client;
use crate::websocket::{DialError, NoAnswer};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A cold start and the longest integration fit in.
const CONNECT: Duration = Duration::from_secs(35);
/// By then the function is warm; a chat that takes longer to answer is broken for its users.
const ANSWER: Duration = Duration::from_secs(10);

/// Sends a client to `url`, which says and waits for what a deploy's proof does.
pub async fn probe(url: &str, client: &Client) -> Probe {
    let begun = Instant::now();
    let mut socket = match client.connect(url, CONNECT).await {
        Ok(socket) => socket,
        Err(error) => return not_connected(error),
    };
    let connect = millis(begun);
    let asked = Instant::now();
    let answer = client.talk(&mut socket, ANSWER).await;
    let took = millis(asked);
    let _ = socket.close(None).await;
    match answer {
        Ok(frame) => match refusal(&frame) {
            Some(said) => Probe::Error { said },
            None => Probe::Answered {
                connect,
                answer: took,
            },
        },
        Err(NoAnswer::Gateway(said)) => Probe::Error { said },
        Err(NoAnswer::Silent(_) | NoAnswer::Other { .. }) => Probe::Silent,
        Err(error) => Probe::Error {
            said: error.to_string(),
        },
    }
}

/// What the chat's refusal says. One that knows no heartbeat works all the same.
fn refusal(frame: &Value) -> Option<String> {
    let error = &frame["error"];
    let refused = error["code"] != "unknown_action";
    error["message"]
        .as_str()
        .filter(|_| refused)
        .map(str::to_owned)
}

fn not_connected(error: DialError) -> Probe {
    match error {
        DialError::Refused { status, body } => Probe::Refused {
            status: status.as_u16(),
            said: body,
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
    use serde_json::json;

    #[test]
    fn a_refusal_is_an_error_but_not_that_of_an_unknown_action() {
        let chat = json!({"error": {"code": "unavailable", "message": "not just now"}});
        assert_eq!(refusal(&chat).as_deref(), Some("not just now"));
        let older = json!({"error": {"code": "unknown_action", "message": "unknown action"}});
        assert_eq!(refusal(&older), None);
        assert_eq!(refusal(&json!({"pong": 1})), None);
    }

    #[tokio::test]
    async fn nobody_listening_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/x", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(
            probe(&url, &Client::default()).await,
            Probe::Unreachable { .. }
        ));
    }
}
