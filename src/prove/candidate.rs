//! The check of a new version before anybody meets it: it is called directly, with the events of a
//! connection, and must post its answer to a heartbeat there, with its own role and environment.
//!
//! The connection is that of a probe, which comes in through the chat that runs: the version that is
//! live tells it its own connection id. A live version that does not, or does not work, cannot keep its
//! successor out: then the new version is called with a connection that does not exist, and must not
//! fail; the check of the whole path says the rest.

use super::invocation::{Answer, Event, invoke};
use super::{ANSWER_WITHIN, CONNECT_WITHIN, Client, unavailable};
use crate::config::Exchange;
use crate::engine::wait::Waits;
use crate::error::{Error, Result};
use crate::websocket::{WebSocket, heartbeat, pushed};
use serde_json::Value;
use std::time::Duration;

/// A right that was just granted takes so long to be known everywhere.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);
/// The function has ended when its answer is waited for.
const POSTED_WITHIN: Duration = Duration::from_secs(3);
/// No connection of any API.
const NOBODY: &str = "Y2hhdGN0bHByb2I=";

/// A published version that is to become live.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Calls it.
    pub lambda: &'a aws_sdk_lambda::Client,
    /// Name of the function.
    pub function: &'a str,
    /// Number of the version.
    pub version: &'a str,
    /// AWS's id of the API.
    pub api: &'a str,
    /// Name of the stage.
    pub stage: &'a str,
    /// The API's domain.
    pub domain: &'a str,
    /// Where clients meet the version that is live; nothing if none is.
    pub url: Option<&'a str>,
    /// How a client comes in.
    pub client: &'a Client,
}

/// Why a version is not made live.
#[derive(Debug)]
enum Refusal {
    /// It does not let a client in.
    Connect(Answer),
    /// It fails on a message.
    Failed(Answer),
    /// It answers a message, but not to its sender.
    Silent(Answer),
    /// It cannot use its table; its words.
    Unavailable(String, Answer),
}

/// A connection of our own to the running chat.
struct Probe {
    socket: WebSocket,
    connection_id: String,
}

/// Proves a version. `note` hears why it is tried again.
///
/// # Errors
/// It does not do what a chat has to do; its own log says why.
pub async fn prove_candidate(candidate: &Candidate<'_>, note: impl Fn(&str)) -> Result<()> {
    if candidate.client.exchange != Exchange::Heartbeat {
        return prove_strange(candidate, note).await;
    }
    let mut probe = Probe::open(candidate).await;
    if candidate.url.is_some() && probe.is_none() {
        note("the live version does not answer a probe: the new one is called without");
    }
    let mut waits = Waits::growing(
        Duration::from_millis(200),
        Duration::from_secs(5),
        SETTLES_WITHIN,
    );
    let proven = loop {
        let Some(refusal) = attempt(candidate, probe.as_mut()).await? else {
            break Ok(());
        };
        note(&refusal.what());
        if !waits.again().await {
            break Err(refusal.explain(candidate));
        }
    };
    if let Some(mut probe) = probe {
        // The proof stands; how the connection ends does not change it.
        let _ = tokio::time::timeout(ANSWER_WITHIN, probe.socket.close(None)).await;
    }
    proven
}

/// A function that is no chat tells nobody the id of a connection, so it is only asked to let a client
/// in that does not exist, and to forget it again. The check of the whole path says the rest.
async fn prove_strange(candidate: &Candidate<'_>, note: impl Fn(&str)) -> Result<()> {
    let connect = invoke(candidate, Event::Connect, NOBODY).await?;
    if !connect.lets_in() {
        let refusal = Refusal::Connect(connect);
        note(&refusal.what());
        return Err(refusal.explain(candidate));
    }
    let disconnect = invoke(candidate, Event::Disconnect, NOBODY).await?;
    if let Some(words) = disconnect.failure {
        note(&format!("it fails when a client disconnects: {words}"));
    }
    Ok(())
}

async fn attempt(candidate: &Candidate<'_>, probe: Option<&mut Probe>) -> Result<Option<Refusal>> {
    let id = probe.as_ref().map_or(NOBODY, |probe| &probe.connection_id);
    let connect = invoke(candidate, Event::Connect, id).await?;
    if !connect.lets_in() {
        return Ok(Some(Refusal::Connect(connect)));
    }
    if candidate.url.is_none() {
        return Ok(None);
    }
    let message = invoke(candidate, Event::Message, id).await?;
    if message.failure.is_some() {
        return Ok(Some(Refusal::Failed(message)));
    }
    let Some(probe) = probe else {
        invoke(candidate, Event::Disconnect, id).await?;
        return Ok(None);
    };
    Ok(match pushed(&mut probe.socket, POSTED_WITHIN).await {
        Ok(frame) => unavailable(&frame).map(|words| Refusal::Unavailable(words, message)),
        Err(_) => Some(Refusal::Silent(message)),
    })
}

impl Probe {
    /// Connects to the running chat, which says what the connection is called.
    async fn open(candidate: &Candidate<'_>) -> Option<Self> {
        let client = candidate.client;
        let connected = client.connect(candidate.url?, CONNECT_WITHIN).await;
        let mut socket = connected.ok()?;
        let pong = heartbeat(&mut socket, ANSWER_WITHIN).await.ok()?;
        let connection_id = pong.get("connectionId").and_then(Value::as_str)?.to_owned();
        Some(Self {
            socket,
            connection_id,
        })
    }
}

impl Answer {
    fn lets_in(&self) -> bool {
        self.failure.is_none()
            && self
                .status
                .is_some_and(|status| (200..300).contains(&status))
    }
}

impl Refusal {
    fn what(&self) -> String {
        match self {
            Self::Connect(Answer {
                failure: Some(words),
                ..
            }) => format!("it fails when a client connects: {words}"),
            Self::Connect(Answer {
                status: Some(status),
                ..
            }) => format!("it answers {status} when a client connects"),
            Self::Connect(_) => "it answers without a statusCode when a client connects".into(),
            Self::Failed(answer) => {
                let words = answer.failure.as_deref().unwrap_or_default();
                format!("it fails on a message: {words}")
            }
            Self::Silent(_) => "it ends without an error, and posts no answer to a message".into(),
            Self::Unavailable(words, _) => {
                format!("it answers that it is unavailable: {words:?}")
            }
        }
    }

    fn explain(&self, candidate: &Candidate<'_>) -> Error {
        let version = candidate.version;
        let stays = match candidate.url {
            Some(_) => "the version before it stays live",
            None => "nothing is live yet",
        };
        let error = Error::failed(format!("version {version} of the function does not work"));
        let error = error.because_of(self.what());
        let lines = self.answer().log.iter();
        lines
            .fold(error, |error, line| {
                error.because_of(format!("its log: {line}"))
            })
            .hint(format!("nobody met it: {stays}"))
            .hint("--no-prove makes a version live without trying it")
            .lasting()
    }

    fn answer(&self) -> &Answer {
        match self {
            Self::Connect(answer)
            | Self::Failed(answer)
            | Self::Silent(answer)
            | Self::Unavailable(_, answer) => answer,
        }
    }
}
