//! The proof at the end of a deploy: connect, send a heartbeat, get the chat's own answer back,
//! disconnect. It goes through `$default`, the function and the push back, names nobody, and leaves no
//! failure in the logs. A deployed stage is not yet a live one, so it is tried again while the data
//! plane settles.

use crate::engine::wait::Waits;
use crate::error::{Error, Result};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as SocketError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const HEARTBEAT: &str = r#"{"action":"ping"}"#;
/// After a change, old and new behaviour can alternate for more than a minute.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);
const CONNECT_WITHIN: Duration = Duration::from_secs(35);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A chat that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// From the first try to the answer.
    pub took: Duration,
    /// How often it was tried.
    pub tries: u32,
}

/// Why one try failed.
enum Failure {
    /// The handshake was refused.
    Refused { status: u16, body: String },
    /// No connection.
    Unreachable(String),
    /// Connected, and then no proper answer.
    Answer(String),
}

/// Proves the chat at `url`, as a page of `origin` would use it. `note` hears why it is tried
/// again.
///
/// # Errors
/// It did not answer within two minutes; the last failure, with its likely cause.
pub async fn prove(url: &str, origin: Option<&str>, note: impl Fn(&str)) -> Result<Proof> {
    prove_within(SETTLES_WITHIN, url, origin, note).await
}

/// The same with another limit.
///
/// # Errors
/// It did not answer within `limit`.
pub async fn prove_within(
    limit: Duration,
    url: &str,
    origin: Option<&str>,
    note: impl Fn(&str),
) -> Result<Proof> {
    let began = Instant::now();
    let mut waits = Waits::growing(Duration::from_millis(200), Duration::from_secs(5), limit);
    let mut tries = 0;
    loop {
        tries += 1;
        let failure = match once(url, origin).await {
            Ok(()) => {
                let took = began.elapsed();
                return Ok(Proof { took, tries });
            }
            Err(failure) => failure,
        };
        note(&format!("not live yet: {}", failure.what()));
        if failure.is_final() || !waits.again().await {
            return Err(failure.explain(url));
        }
    }
}

async fn once(url: &str, origin: Option<&str>) -> Result<(), Failure> {
    let mut socket = connect(url, origin).await?;
    let answer = tokio::time::timeout(ANSWER_WITHIN, ask(&mut socket)).await;
    let answer = answer.unwrap_or_else(|_| {
        let seconds = ANSWER_WITHIN.as_secs();
        Err(Failure::Answer(format!(
            "no answer to a message within {seconds} s"
        )))
    });
    // The proof stands; how the connection ends does not change it.
    let _ = tokio::time::timeout(ANSWER_WITHIN, socket.close(None)).await;
    answer
}

async fn connect(url: &str, origin: Option<&str>) -> Result<Socket, Failure> {
    let unreachable = |error: &dyn std::fmt::Display| Failure::Unreachable(error.to_string());
    let mut request = url.into_client_request().map_err(|e| unreachable(&e))?;
    if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
        request.headers_mut().insert("origin", origin);
    }
    match tokio::time::timeout(CONNECT_WITHIN, connect_async(request)).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(SocketError::Http(answer))) => {
            let body = answer.body().clone().unwrap_or_default();
            Err(Failure::Refused {
                status: answer.status().as_u16(),
                body: String::from_utf8_lossy(&body).into_owned(),
            })
        }
        Ok(Err(error)) => Err(unreachable(&error)),
        Err(_) => Err(Failure::Unreachable("the handshake did not end".into())),
    }
}

/// Whatever the function pushes counts, be it a pong, the refusal of one that knows no heartbeat, or
/// what a function of the user's own says: it came the whole way. API Gateway's error frames do not.
async fn ask(socket: &mut Socket) -> Result<(), Failure> {
    let lost = |error: SocketError| Failure::Answer(format!("the connection broke: {error}"));
    socket.send(Message::text(HEARTBEAT)).await.map_err(lost)?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message.map_err(lost)? else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).unwrap_or_default();
        let by_gateway = frame.get("connectionId").and(frame.get("requestId"));
        let words = by_gateway.and(frame.get("message")).and_then(Value::as_str);
        return match words {
            Some(words) => Err(Failure::Answer(format!("API Gateway answered {words:?}"))),
            None => Ok(()),
        };
    }
    Err(Failure::Answer(
        "the connection was closed without an answer".into(),
    ))
}

impl Failure {
    fn what(&self) -> String {
        match self {
            Self::Refused { status, body } if body.is_empty() => {
                format!("the connection is refused with {status}")
            }
            Self::Refused { status, body } => {
                let body: String = body.chars().take(200).collect();
                format!("the connection is refused with {status}: {body}")
            }
            Self::Unreachable(why) => format!("it cannot be reached: {why}"),
            Self::Answer(why) => why.clone(),
        }
    }

    /// Waiting does not help: the function itself said no.
    fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 400 | 401,
                ..
            }
        )
    }

    fn explain(&self, url: &str) -> Error {
        let error = Error::failed(format!(
            "everything is deployed, but the chat at {url} does not work"
        ));
        let error = error.because_of(self.what());
        let likely = match self {
            Self::Refused { status, .. } => refused(*status),
            Self::Unreachable(_) => {
                "the name may not be known yet, or a proxy or firewall keeps WebSockets away"
            }
            Self::Answer(why) if why.contains("Internal server error") => {
                "the function failed, or API Gateway may not call it; `chatctl logs` shows which"
            }
            Self::Answer(why) if why.contains("Forbidden") => {
                "the stage does not have the $default route yet; run it again in a minute"
            }
            Self::Answer(_) => {
                "the function could not push its answer: the right to manage connections may be missing; `chatctl logs` shows it"
            }
        };
        error
            .hint(likely)
            .hint("`chatctl doctor` looks at every part")
    }
}

/// What a status on the handshake usually means.
fn refused(status: u16) -> &'static str {
    match status {
        401 | 403 => {
            "403 means that the stage is not there (yet), or that the function refuses the page's origin: see allowed-origins"
        }
        429 => {
            "429 means that the stage's throttles, or the account's, let nobody in; a limit of 0 does that"
        }
        500 => {
            "500 means that API Gateway may not call the function: the permission is missing, or names another API"
        }
        502 => {
            "502 means that the function failed or answered nonsense; `chatctl logs` shows its own words"
        }
        503 | 504 => "the function did not answer in time; `chatctl logs` shows where it hangs",
        _ => "the function refused the connection itself; `chatctl logs` shows why",
    }
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn each_status_on_the_handshake_is_explained_by_its_likely_cause() {
        for (status, cause) in [
            (403, "allowed-origins"),
            (429, "throttles"),
            (500, "permission"),
            (502, "the function failed"),
        ] {
            let words = refused(status);
            assert!(words.starts_with(&status.to_string()), "{words}");
            assert!(words.contains(cause), "{words}");
        }
    }
}
