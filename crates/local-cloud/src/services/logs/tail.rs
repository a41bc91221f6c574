//! StartLiveTail: an event stream that sends what comes in, once a second, even when nothing did.
//!
//! Over 500 events a second are sampled, and a reader who is too slow loses the oldest.
//! `/_chatctl/live-tails` cuts every session off in the middle of a message, as a lost network does.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::mpsc;

use super::call::LogsCall;
use super::tail_session::LiveTailSession;
use super::tail_stream::SessionStream;
use crate::wire::{Response, ServiceError};

/// Begins a session, and answers with its event stream.
pub(super) fn start(call: &LogsCall<'_>, request_id: &str) -> Result<Response, ServiceError> {
    let session = LiveTailSession::read(call)?;
    let incoming = call.logs.incoming.subscribe();
    let cuts = call.logs.cuts.subscribe();
    let (sender, receiver) = mpsc::channel(16);
    let mut response = Response::text(
        StatusCode::OK,
        "application/vnd.amazon.eventstream",
        String::new(),
    );
    response.stream = Some(receiver);
    let stream = SessionStream {
        shared: Arc::clone(&call.logs.shared),
        session,
        incoming,
        cuts,
        sender,
    };
    tokio::spawn(stream.run(request_id.to_owned()));
    Ok(response)
}

impl super::Logs {
    /// Cuts off every live tail in the middle of a message.
    pub(crate) fn cut_tails(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many live tails are open.
    pub(crate) fn tails(&self) -> usize {
        self.incoming.receiver_count()
    }
}
