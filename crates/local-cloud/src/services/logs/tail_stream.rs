//! The messages of a StartLiveTail session, as an event stream.
//!
//! The first message answers the call, the second names the session; then an update follows every second
//! until the reader goes away or three hours have passed on the local cloud's clock. An update may meet a
//! fault: then the session ends with an exception, breaks off, or says nothing more.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::{mpsc, watch};

use super::Incoming;
use super::tail_session::LiveTailSession;
use crate::conditions::FaultKind;
use crate::shared::Shared;

const SESSION_MS: i64 = 3 * 60 * 60 * 1000;
const PACE: Duration = Duration::from_secs(1);

/// What a session sends, and where to.
pub(super) struct SessionStream {
    pub(super) shared: Arc<Shared>,
    pub(super) session: LiveTailSession,
    pub(super) incoming: Receiver<Arc<Incoming>>,
    /// Changes when all sessions are cut off.
    pub(super) cuts: watch::Receiver<u64>,
    pub(super) sender: mpsc::Sender<Bytes>,
}

/// The stream is over.
struct Over;

impl SessionStream {
    /// Sends until the session ends in whatever way.
    pub(super) async fn run(mut self, request_id: String) {
        let _ = self.messages(&request_id).await;
    }

    async fn messages(&mut self, request_id: &str) -> Result<(), Over> {
        let ends_ms = self.shared.clock.now_ms() + SESSION_MS;
        self.send(event("initial-response", &json!({}))).await?;
        let start = self.session.start_event(request_id);
        self.send(event("sessionStart", &start)).await?;
        loop {
            self.wait(PACE).await?;
            if self.shared.clock.now_ms() >= ends_ms {
                let words = "Live Tail session has timed out.";
                return self.send(exception("SessionTimeoutException", words)).await;
            }
            let fault = self.shared.conditions.next_update_fault();
            self.update(fault).await?;
        }
    }

    async fn update(&mut self, fault: Option<FaultKind>) -> Result<(), Over> {
        match fault {
            Some(FaultKind::Error(_)) => {
                let words = "An unknown error occurred during the Live Tail session.";
                self.send(exception("SessionStreamingException", words))
                    .await?;
                return Err(Over);
            }
            Some(FaultKind::ServiceError { code, message, .. }) => {
                self.send(exception(&code, &message)).await?;
                return Err(Over);
            }
            Some(FaultKind::Reset) => return Err(Over),
            Some(FaultKind::LostAnswer) => {
                let whole = self.next_update();
                self.send(half(&whole)).await?;
                return Err(Over);
            }
            Some(FaultKind::Hang) => self.wait(Duration::MAX).await?,
            Some(FaultKind::Delay(millis)) => self.wait(Duration::from_millis(millis)).await?,
            // No fault on updates is of these kinds.
            None | Some(FaultKind::Throttle | FaultKind::EmptyAnswer) => {}
        }
        let update = self.next_update();
        self.send(update).await
    }

    fn next_update(&mut self) -> Bytes {
        let update = self.session.update(&self.shared, &mut self.incoming);
        event("sessionUpdate", &update)
    }

    /// Waits, unless the stream ends before.
    async fn wait(&mut self, time: Duration) -> Result<(), Over> {
        tokio::select! {
            () = tokio::time::sleep(time) => return Ok(()),
            () = self.shared.stopping.cancelled() => {}
            () = self.sender.closed() => {}
            Ok(()) = self.cuts.changed() => {
                let whole = event("sessionUpdate", &json!({}));
                self.send(half(&whole)).await?;
            }
        }
        Err(Over)
    }

    async fn send(&self, message: Bytes) -> Result<(), Over> {
        self.sender.send(message).await.map_err(|_| Over)
    }
}

fn half(whole: &Bytes) -> Bytes {
    whole.slice(..whole.len() / 2)
}

fn event(kind: &'static str, payload: &Value) -> Bytes {
    frame("event", ":event-type", kind, payload)
}

fn exception(kind: &str, words: &str) -> Bytes {
    let payload = json!({ "message": words });
    frame("exception", ":exception-type", kind, &payload)
}

fn frame(message: &'static str, header: &'static str, kind: &str, payload: &Value) -> Bytes {
    let text = |value: &str| HeaderValue::String(value.to_owned().into());
    let message = Message::new(Bytes::from(payload.to_string()))
        .add_header(Header::new(":message-type", text(message)))
        .add_header(Header::new(header, text(kind)))
        .add_header(Header::new(":content-type", text("application/json")));
    let mut buffer = Vec::new();
    // Only a header or payload beyond the protocol's 16 MB could fail, and none is.
    let _ = write_message_to(&message, &mut buffer);
    Bytes::from(buffer)
}
