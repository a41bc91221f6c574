//! One WebSocket to the chat: opened with errors that say what they mean, written in fragments,
//! closed in order.
//!
//! API Gateway takes frames of at most 32 KB (messages of at most 128 KB) and ends the connection
//! at a larger one. Clients do not split messages by themselves, so this does.

use crate::config::ChatFlags;
use crate::error::{Error, Result};
use crate::prove::Client;
use crate::websocket::{DialError, WebSocket};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame as WsFrame};

/// The most bytes of text in one frame. The limit of 32 KB may count the frame's head as well, so
/// this stays a little below.
const FRAME: usize = 32 * 1024 - 64;
/// The most bytes of text in one message.
const MESSAGE: usize = 128 * 1024;
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(20);
const CLOSING_LIMIT: Duration = Duration::from_secs(2);

/// An open connection.
pub(super) struct Socket {
    stream: WebSocket,
}

/// What came out of it.
pub(super) enum Received {
    /// A text message.
    Text(String),
    /// It is over, and why.
    Lost(String),
}

impl Socket {
    /// Opens a connection to `url`.
    pub(super) async fn open(url: &str, client: &Client, flags: &ChatFlags) -> Result<Self> {
        let dialed = client.connect(url, HANDSHAKE_LIMIT).await;
        let stream = dialed.map_err(|error| not_connected(url, error, flags))?;
        Ok(Self { stream })
    }

    /// Sends one message, in as many frames as it needs.
    pub(super) async fn send(&mut self, text: &str) -> Result<()> {
        if text.len() > MESSAGE {
            return Err(Error::usage(
                "a message has at most 128 KB, JSON around it included",
            ));
        }
        for frame in fragments(text) {
            self.stream.feed(frame).await.map_err(lost)?;
        }
        self.stream.flush().await.map_err(lost)
    }

    /// Waits for the next message. May be dropped while it waits.
    pub(super) async fn receive(&mut self) -> Received {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Received::Text(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    return Received::Lost(closing_words(frame.as_ref()));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Received::Lost(lost(error).to_string()),
                None => return Received::Lost("the connection was lost".into()),
            }
        }
    }

    /// Sends a close frame and waits a short time for the other side's.
    pub(super) async fn close(mut self) {
        let goodbye = CloseFrame {
            code: CloseCode::Normal,
            reason: "".into(),
        };
        let closing = async {
            if self.stream.close(Some(goodbye)).await.is_ok() {
                while let Some(Ok(_)) = self.stream.next().await {}
            }
        };
        let _ = tokio::time::timeout(CLOSING_LIMIT, closing).await;
    }
}

fn fragments(text: &str) -> impl Iterator<Item = Message> + '_ {
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(FRAME).collect();
    let last = pieces.len().saturating_sub(1);
    pieces.into_iter().enumerate().map(move |(n, piece)| {
        let kind = if n == 0 { Data::Text } else { Data::Continue };
        Message::Frame(WsFrame::message(
            piece.to_vec(),
            OpCode::Data(kind),
            n == last,
        ))
    })
}

fn lost(error: WsError) -> Error {
    Error::failed("the connection was lost").because(error)
}

fn closing_words(frame: Option<&CloseFrame>) -> String {
    let Some(frame) = frame else {
        return "the chat closed the connection".into();
    };
    match u16::from(frame.code) {
        1000 => "the chat closed the connection".into(),
        1001 => "the connection had come to its end (10 idle minutes, or 2 hours in all)".into(),
        1009 => "the last message was too large".into(),
        code => format!("the chat closed the connection with code {code}"),
    }
}

/// Why there is no connection, and where to look: a status means something at API Gateway.
fn not_connected(url: &str, error: DialError, flags: &ChatFlags) -> Error {
    let doctor = flags.command("doctor");
    let status = match &error {
        DialError::TimedOut(limit) => {
            let seconds = limit.as_secs();
            return Error::failed(format!("{url} did not answer within {seconds} s"));
        }
        DialError::Unreachable(_) => None,
        DialError::Refused { status, .. } => Some(status.as_u16()),
    };
    let hint = match status {
        None => format!(
            "`{}` shows the chat's URL and whether it is deployed",
            flags.command("status")
        ),
        Some(403) => {
            "the stage in the URL may be wrong, or this origin is not allowed to connect".into()
        }
        Some(429) => format!("the stage's throttle let nobody in; `{doctor}` checks its limits"),
        Some(500) => {
            format!("API Gateway may lack the right to invoke the function; see `{doctor}`")
        }
        Some(502) => format!("the function failed; `{}` shows why", flags.command("logs")),
        Some(_) => format!("`{doctor}` looks for the cause"),
    };
    Error::failed(format!("cannot connect to {url}"))
        .because(error)
        .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_message_leaves_in_frames_below_32_kb() {
        let text = "é".repeat(50_000);
        let frames: Vec<WsFrame> = fragments(&text)
            .map(|message| match message {
                Message::Frame(frame) => frame,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(frames.len(), 4);
        assert!(frames.iter().all(|frame| frame.len() <= 32 * 1024));
        let finals: Vec<bool> = frames.iter().map(|frame| frame.header().is_final).collect();
        assert_eq!(finals, [false, false, false, true]);
        let whole: Vec<u8> = frames
            .iter()
            .flat_map(|frame| frame.payload().to_vec())
            .collect();
        assert_eq!(whole, text.as_bytes());
    }
}
