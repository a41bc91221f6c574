//! What both kinds of port have in common: how connections are accepted, and how bodies are read, within limits of
//! size and time.
//!
//! Every program on this machine can connect, and web pages in its browser. None of them may use up memory,
//! descriptors or a processor by sending half of something.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long a request's head may take, a body may stand still, and an unused connection is kept.
pub(crate) const QUIET_LIMIT: Duration = match cfg!(test) {
    false => Duration::from_secs(30),
    true => Duration::from_millis(300),
};
/// The pause after a failed accept: the system reports the same connection again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For so long nothing must have failed before accepting counts as working again.
const RECOVERED: Duration = Duration::from_secs(2);
/// How long the rest of a refused body is read, so that the client gets to reading the refusal.
const DISCARD_LIMIT: Duration = Duration::from_secs(5);

/// Whether connections can be accepted, on all ports together: they share the process's descriptors.
#[derive(Debug)]
pub(crate) struct Acceptor {
    trouble: watch::Sender<Option<String>>,
    failed_at: Mutex<Option<Instant>>,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It has more bytes than it may have.
    TooLarge,
    /// Nothing more came for too long.
    Late,
    /// The connection was lost.
    BrokenOff,
}

impl Default for Acceptor {
    fn default() -> Self {
        Self {
            trouble: watch::Sender::new(None),
            failed_at: Mutex::default(),
        }
    }
}

impl Acceptor {
    /// Why no connection can be accepted at the moment.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// Gives every connection of the port to `serve`, until `stop`; then ends those that are left.
    pub(crate) async fn serve<F, Fut>(
        &self,
        listener: TcpListener,
        stop: CancellationToken,
        serve: F,
    ) where
        F: Fn(TcpStream) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => {}
                stream = self.accept(&listener) => {
                    connections.spawn(serve(stream));
                }
            }
        }
        connections.shutdown().await;
    }

    /// The next connection. Waits and tries again while the system gives none.
    async fn accept(&self, listener: &TcpListener) -> TcpStream {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    self.accepted();
                    let _ = stream.set_nodelay(true);
                    return stream;
                }
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn failed(&self, error: &std::io::Error) {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        // The client went away before it was accepted.
        if [ConnectionAborted, ConnectionReset, Interrupted].contains(&error.kind()) {
            return;
        }
        *self.failed_at() = Some(Instant::now());
        self.trouble.send_if_modified(|trouble| {
            let is_new = trouble.is_none();
            trouble.get_or_insert_with(|| error.to_string());
            is_new
        });
    }

    fn accepted(&self) {
        let mut failed_at = self.failed_at();
        if failed_at.is_some_and(|moment| moment.elapsed() > RECOVERED) {
            *failed_at = None;
            self.trouble.send_replace(None);
        }
    }

    fn failed_at(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a body of at most so many bytes. One that announces more is refused before any of it is read.
pub(crate) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        tokio::spawn(discard(body));
        return Err(BodyError::TooLarge);
    }
    // In one piece: many small ones would leave the allocator with holes that it cannot give back.
    let mut whole = BytesMut::with_capacity(announced);
    loop {
        let frame = match tokio::time::timeout(QUIET_LIMIT, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(BodyError::BrokenOff),
            Ok(None) => return Ok(whole.freeze()),
            Err(_) => return Err(BodyError::Late),
        };
        let Ok(part) = frame.into_data() else {
            continue;
        };
        if part.len() > limit - whole.len() {
            tokio::spawn(discard(body));
            return Err(BodyError::TooLarge);
        }
        whole.extend_from_slice(&part);
    }
}

/// A connection that is closed before everything on it is read is reset, and the client may lose the answer.
async fn discard(mut body: Incoming) {
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = tokio::time::timeout(DISCARD_LIMIT, rest).await;
}
