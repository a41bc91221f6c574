//! A client whose every step must succeed in time, and handshakes that may be refused.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::World;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A WebSocket client whose every step must succeed in time.
pub(crate) struct Client {
    pub(crate) socket: Socket,
}

impl Client {
    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next text message.
    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// The close frame that ends it.
    pub(crate) async fn close_frame(&mut self) -> (u16, String) {
        match self.next().await {
            Some(Ok(Message::Close(Some(CloseFrame { code, reason })))) => {
                (code.into(), reason.to_string())
            }
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Message, tungstenite::Error>> {
        tokio::time::timeout(PATIENCE, self.socket.next())
            .await
            .expect("nothing came")
    }

    /// The connection's own id, as an error frame tells it.
    pub(crate) async fn id(&mut self, world: &World) -> String {
        self.send(r#"{"do":"ok","mark":1}"#).await;
        let events = world.events_of("MESSAGE", 1).await;
        events.last().unwrap()["requestContext"]["connectionId"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the look finds something.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) async fn try_connect(url: &str) -> Result<Socket, (u16, String)> {
    let refused = |response: http::Response<String>| {
        let status = response.status().as_u16();
        (status, response.into_body())
    };
    knock(url, &[]).await.map_err(refused)
}

/// A handshake with headers of its own.
pub(crate) async fn knock(
    url: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, http::Response<String>> {
    let mut request = url.into_client_request().unwrap();
    for (name, value) in headers {
        let value = value.parse().unwrap();
        // A header that belongs to the handshake is replaced, any other may come twice.
        if name.starts_with("sec-websocket-") {
            request.headers_mut().insert(*name, value);
        } else {
            request.headers_mut().append(*name, value);
        }
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => {
            let text = |body: Option<Vec<u8>>| String::from_utf8(body.unwrap_or_default()).unwrap();
            Err(response.map(text))
        }
        Err(other) => panic!("no HTTP answer: {other}"),
    }
}
