//! The open connections: found by their id, posted to, closed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use base64::prelude::{BASE64_URL_SAFE, Engine};
use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::services::apigatewayv2::Connections;

use super::close_reason::CloseReason;

/// A message from a client, or to one, may have 128 KB.
pub(crate) const MESSAGE_LIMIT: usize = 128 * 1024;
/// A single frame may have 32 KB.
pub(crate) const FRAME_LIMIT: usize = 32 * 1024;
/// How many bytes may be queued for a client that reads slowly.
///
/// Uncertain: AWS does not document its buffer, only that a full one is a 429; eight of the largest
/// messages is our choice.
const BUFFER_LIMIT: usize = 8 * MESSAGE_LIMIT;

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    open: Mutex<HashMap<String, Arc<Connection>>>,
    /// How many have not ended with their `$disconnect` yet.
    sessions: watch::Sender<usize>,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Connection {
    /// 20 characters ending in `==`.
    pub(crate) id: String,
    /// The API it belongs to.
    pub(crate) api_id: String,
    /// The stage that it connected to.
    pub(crate) stage: String,
    /// Milliseconds since 1970.
    pub(crate) connected_at: i64,
    /// The client's address.
    pub(crate) source_ip: IpAddr,
    /// The handshake's `User-Agent`.
    pub(crate) user_agent: Option<String>,
    /// The authorizer's context, for every later event.
    pub(super) authorizer: OnceLock<Arc<Map<String, Value>>>,
    pub(super) last_active: AtomicI64,
    pub(super) outgoing: mpsc::UnboundedSender<OutgoingFrame>,
    pub(super) queued: AtomicUsize,
    pub(super) closing: CancellationToken,
    pub(super) ending: OnceLock<CloseReason>,
}

/// What is sent to a client.
#[derive(Debug)]
pub(super) enum OutgoingFrame {
    Text(Bytes),
    Close(CloseReason),
}

/// Why a message could not be sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PostError {
    /// There is no such connection, or no longer.
    Gone,
    /// The client reads too slowly; its buffer is full.
    BufferFull,
}

impl Sockets {
    /// The connection, if it belongs to the API and is open.
    pub(crate) fn get(&self, api_id: &str, connection_id: &str) -> Option<Arc<Connection>> {
        self.lock()
            .get(connection_id)
            .filter(|found| found.api_id == api_id)
            .cloned()
    }

    /// Every open one, the oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by_key(|connection| connection.connected_at);
        all
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Counts one until what is returned is dropped.
    pub(super) fn guard(&self) -> SocketGuard<'_> {
        self.sessions.send_modify(|count| *count += 1);
        SocketGuard(self)
    }

    /// Waits until every socket is closed and its `$disconnect` is done.
    pub(crate) async fn silent(&self) {
        let mut sessions = self.sessions.subscribe();
        // The sender is our own, so this ends with the condition.
        let _ = sessions.wait_for(|count| *count == 0).await;
    }

    /// Closes one socket. From now on it is not found any more.
    pub(crate) fn close(&self, connection: &Connection, ending: CloseReason) {
        self.forget(&connection.id);
        let _ = connection.ending.set(ending);
        connection.closing.cancel();
    }

    pub(super) fn remember(&self, connection: &Arc<Connection>) {
        self.lock()
            .insert(connection.id.clone(), Arc::clone(connection));
    }

    pub(super) fn forget(&self, connection_id: &str) {
        self.lock().remove(connection_id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections for Sockets {
    /// Closes every socket of an API, or of one of its stages, when it is deleted.
    ///
    /// Uncertain: AWS does not document that it closes them, nor the code; 1001 is the code of every other close
    /// by the server.
    fn close_all(&self, api_id: &str, stage: Option<&str>) {
        let of = |found: &&Arc<Connection>| {
            found.api_id == api_id && stage.is_none_or(|stage| found.stage == stage)
        };
        let found: Vec<_> = self.lock().values().filter(of).cloned().collect();
        found
            .iter()
            .for_each(|connection| self.close(connection, CloseReason::going_away()));
    }
}

/// One socket from its upgrade to the end of its `$disconnect`.
pub(super) struct SocketGuard<'a>(&'a Sockets);

impl Drop for SocketGuard<'_> {
    fn drop(&mut self) {
        self.0.sessions.send_modify(|count| *count -= 1);
    }
}

impl Connection {
    /// Puts a text message into the client's buffer.
    pub(crate) fn post(&self, text: Bytes) -> Result<(), PostError> {
        let size = text.len();
        if self.queued.fetch_add(size, Ordering::AcqRel) + size > BUFFER_LIMIT {
            self.queued.fetch_sub(size, Ordering::AcqRel);
            return Err(PostError::BufferFull);
        }
        self.outgoing
            .send(OutgoingFrame::Text(text))
            .map_err(|_| PostError::Gone)
    }

    /// The authorizer's context, if there was an authorizer.
    pub(crate) fn authorizer(&self) -> Option<&Arc<Map<String, Value>>> {
        self.authorizer.get()
    }

    /// Why it was closed.
    pub(super) fn ending(&self) -> CloseReason {
        self.ending
            .get()
            .cloned()
            .unwrap_or_else(CloseReason::going_away)
    }

    /// A message was sent, by either side.
    pub(crate) fn touch(&self, now_ms: i64) {
        self.last_active.fetch_max(now_ms, Ordering::AcqRel);
    }

    /// When a message was last sent.
    pub(crate) fn last_active(&self) -> i64 {
        self.last_active.load(Ordering::Acquire)
    }
}

/// A new connection id in today's form: 13 bytes in URL-safe base64, so that it ends in `==`.
pub(super) fn connection_id() -> String {
    BASE64_URL_SAFE.encode(&fastrand::u128(..).to_le_bytes()[..13])
}

/// Whether this could be a connection id at all: today's form, or the older one.
pub(crate) fn is_connection_id(text: &str) -> bool {
    let decoded = BASE64_URL_SAFE.decode(text).map(|bytes| bytes.len());
    matches!(decoded, Ok(11 | 13))
}

/// A request id such as `EOn8HGNeoAMEPSQ=`.
pub(crate) fn request_id() -> String {
    BASE64_URL_SAFE.encode(&fastrand::u128(..).to_le_bytes()[..11])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_ids_have_aws_s_shape() {
        for _ in 0..100 {
            let id = connection_id();
            assert!(
                id.len() == 20 && id.ends_with("==") && is_connection_id(&id),
                "{id}"
            );
            let id = request_id();
            assert!(id.len() == 16 && id.ends_with('='), "{id}");
        }
        assert!(is_connection_id("PJqB0fHsqRcCHlw="));
        assert!(!is_connection_id("nonsense") && !is_connection_id("not base64!"));
    }
}
