//! WebSockets to the chat: the one way to open them, and the heartbeat that shows that a chat
//! answers. Used by the proof of a deploy, by the doctor and by the terminal's client.

use crate::config::Exchange;
use crate::error;
use crate::network;
use futures_util::{SinkExt, StreamExt};
use http::Uri;
use serde_json::Value;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// A message that every version of the chat answers to its sender alone.
pub const HEARTBEAT: &str = r#"{"action":"ping"}"#;
/// So long a connection has to stay open where nothing else shows that it works.
const MOMENT: Duration = Duration::from_secs(1);
/// So much of a refusal's body is kept.
const BODY: usize = 200;

/// An open connection.
pub type WebSocket = WebSocketStream<MaybeTlsStream<network::Stream>>;

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum DialError {
    /// The handshake was answered with an HTTP status.
    #[error("the handshake was answered with {status}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The beginning of the answer's body.
        body: String,
    },
    /// No connection could be made.
    #[error(transparent)]
    Unreachable(error::Error),
    /// The handshake took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
}

/// Opens a WebSocket; `headers` go into the handshake.
///
/// # Errors
/// The handshake is refused, there is no connection, or it takes longer than `limit`.
pub async fn dial(url: &str, headers: HeaderMap, limit: Duration) -> Result<WebSocket, DialError> {
    let mut request = url.into_client_request().map_err(refusal)?;
    request.headers_mut().extend(headers);
    let opened = timeout(limit, open(request)).await;
    opened.unwrap_or(Err(DialError::TimedOut(limit)))
}

async fn open(request: Request) -> Result<WebSocket, DialError> {
    let is_tls = request.uri().scheme_str() == Some("wss");
    let address = address(request.uri(), is_tls).map_err(DialError::Unreachable)?;
    let tls = is_tls.then(network::tls).transpose();
    let tls = tls.map_err(DialError::Unreachable)?;
    let stream = network::connect(&address, tls.as_ref()).await;
    let stream = stream.map_err(DialError::Unreachable)?;
    let tls = tls.map_or(Connector::Plain, Connector::Rustls);
    let opened = client_async_tls_with_config(request, stream, None, Some(tls)).await;
    opened.map(|(socket, _)| socket).map_err(refusal)
}

/// Where a WebSocket's server is, as `http(s)://host:port`.
fn address(url: &Uri, is_tls: bool) -> error::Result<Uri> {
    let (scheme, usual) = if is_tls { ("https", 443) } else { ("http", 80) };
    let host = url.host().unwrap_or_default();
    let port = url.port_u16().unwrap_or(usual);
    let address = format!("{scheme}://{host}:{port}").parse::<Uri>();
    address.map_err(|error| error::Error::failed("the URL names no host").because(error))
}

fn refusal(error: SocketError) -> DialError {
    match error {
        SocketError::Http(answer) => DialError::Refused {
            status: answer.status(),
            body: beginning(answer.body().as_deref().unwrap_or_default()),
        },
        error => {
            let failed = error::Error::failed("the WebSocket cannot be opened");
            DialError::Unreachable(failed.because(error))
        }
    }
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(BODY).collect()
}

/// Why a heartbeat was not answered.
#[derive(Debug, Error)]
pub enum NoAnswer {
    /// Nothing came.
    #[error("no answer to a message within {} s", .0.as_secs())]
    Silent(Duration),
    /// What was expected did not come.
    #[error("no message with {expected:?} in it came within {} s{}", .limit.as_secs(), counted(*.others))]
    Other {
        /// What a message should have had in it.
        expected: String,
        /// So many others came.
        others: usize,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(SocketError),
    /// The server closed the connection.
    #[error("the connection was closed without an answer")]
    Closed,
    /// API Gateway answered in place of the function; its words.
    #[error("API Gateway answered {0:?}")]
    Gateway(String),
}

/// Sends a heartbeat and waits for the next message that the function pushes, whatever it is: it
/// came through the route, the function and the push back. Nobody else in the chat notices.
///
/// # Errors
/// No message came within `limit`, or it is API Gateway's own.
pub async fn heartbeat(socket: &mut WebSocket, limit: Duration) -> Result<Value, NoAnswer> {
    let ping = Message::text(HEARTBEAT);
    socket.send(ping).await.map_err(NoAnswer::Broken)?;
    pushed(socket, limit).await
}

/// Says what `exchange` wants said, and waits for what it waits for: the answer, if it is JSON.
///
/// # Errors
/// It did not come within `limit`, or API Gateway answered instead.
pub async fn talk(
    socket: &mut WebSocket,
    exchange: &Exchange,
    limit: Duration,
) -> Result<Value, NoAnswer> {
    let (send, expect) = match exchange {
        Exchange::Heartbeat => return heartbeat(socket, limit).await,
        Exchange::Stays => (&None, &None),
        Exchange::Message { send, expect } => (send, expect),
    };
    if let Some(text) = send {
        let message = Message::text(text.as_str());
        socket.send(message).await.map_err(NoAnswer::Broken)?;
    }
    let Some(expect) = expect else {
        return stays(socket).await;
    };
    let mut others = 0;
    let awaited = timeout(limit, async {
        loop {
            let text = next_text(socket).await?;
            if text.contains(expect.as_str()) {
                return Ok(serde_json::from_str(&text).unwrap_or_default());
            }
            others += 1;
        }
    });
    let awaited = awaited.await.ok();
    awaited.unwrap_or_else(|| {
        Err(NoAnswer::Other {
            expected: expect.clone(),
            others,
            limit,
        })
    })
}

/// What came may be private, so it is only counted.
fn counted(others: usize) -> String {
    match others {
        0 => ", nor any other".to_owned(),
        1 => "; one came without it".to_owned(),
        n => format!("; {n} came without it"),
    }
}

/// The connection is open a moment later, and API Gateway has not complained.
async fn stays(socket: &mut WebSocket) -> Result<Value, NoAnswer> {
    let heard = timeout(MOMENT, async {
        loop {
            next_text(socket).await?;
        }
    });
    heard.await.unwrap_or(Ok(Value::Null))
}

/// Waits for the next message that the function pushes.
///
/// # Errors
/// No message came within `limit`, or it is API Gateway's own.
pub async fn pushed(socket: &mut WebSocket, limit: Duration) -> Result<Value, NoAnswer> {
    let next = timeout(limit, next_text(socket)).await;
    let text = next.unwrap_or(Err(NoAnswer::Silent(limit)))?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// The next text that is not API Gateway's own.
async fn next_text(socket: &mut WebSocket) -> Result<String, NoAnswer> {
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message.map_err(NoAnswer::Broken)? else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).unwrap_or_default();
        return match words_of_gateway(&frame) {
            Some(words) => Err(NoAnswer::Gateway(words.to_owned())),
            None => Ok(text.to_string()),
        };
    }
    Err(NoAnswer::Closed)
}

/// The message of an error frame of API Gateway's: it names the connection and the request.
fn words_of_gateway(frame: &Value) -> Option<&str> {
    frame.get("connectionId").and(frame.get("requestId"))?;
    frame.get("message")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_errors_of_api_gateway_are_told_from_the_functions_messages() {
        let gateway =
            json!({"message": "Internal server error", "connectionId": "c", "requestId": "r"});
        assert_eq!(words_of_gateway(&gateway), Some("Internal server error"));
        for own in [
            json!({"pong": 1}),
            json!({"message": "mine"}),
            json!("text"),
        ] {
            assert_eq!(words_of_gateway(&own), None, "{own}");
        }
    }

    /// Tells every client that connects the same.
    async fn server(says: &'static str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/x", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                socket.send(Message::text(says)).await.unwrap();
                tokio::spawn(async move { while socket.next().await.is_some() {} });
            }
        });
        url
    }

    #[tokio::test]
    async fn what_does_not_come_is_named_and_what_comes_is_not() {
        let url = server("a private word").await;
        let expecting = |text: &str| Exchange::Message {
            send: Some("hello".into()),
            expect: Some(text.into()),
        };
        let told = async |text: &str, limit: u64| {
            let dialed = dial(&url, HeaderMap::new(), Duration::from_secs(30)).await;
            let limit = Duration::from_millis(limit);
            talk(&mut dialed.unwrap(), &expecting(text), limit).await
        };
        assert!(told("private", 30_000).await.is_ok());
        let words = told("pong", 1000).await.unwrap_err().to_string();
        let expected = r#"no message with "pong" in it came within 1 s; one came without it"#;
        assert_eq!(words, expected);
    }

    #[tokio::test]
    async fn nobody_listening_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/x", listener.local_addr().unwrap());
        drop(listener);
        let dialed = dial(&url, HeaderMap::new(), Duration::from_secs(30)).await;
        assert!(matches!(dialed, Err(DialError::Unreachable(_))));
    }

    #[tokio::test]
    async fn a_handshake_that_does_not_end_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/x", listener.local_addr().unwrap());
        let dialed = dial(&url, HeaderMap::new(), Duration::from_millis(20)).await;
        assert!(matches!(dialed, Err(DialError::TimedOut(_))));
    }
}
