//! One open socket: frames in and out, limits, timers, and exactly one `$disconnect` at the end.
//!
//! A task of its own writes: it takes whatever is queued and flushes once, so that a broadcast costs few system
//! calls. The first to close the connection decides code and reason; from then on `@connections` does not find
//! it, although the closing handshake may still take a moment.
//!
//! | what ends it | code and reason |
//! |---|---|
//! | client closes | its own; without a code 1005 "Client-side close frame status not set" |
//! | idle for 10 minutes, open for 2 hours | 1001 "Going away" |
//! | `DeleteConnection` | 1000 "Connection Closed Normally" |
//! | binary frame | 1003 "Binary is not supported" |
//! | frame over 32 KB, message over 128 KB | 1009 |
//! | connection lost | 1006 |
//!
//! Uncertain: the close frame after ten idle minutes was measured; the one after two hours is assumed to be the
//! same. Both limits count from the handshake, so a slow `$connect` uses some of the time; the documents do not say
//! when they begin.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::sockets::{FRAME_LIMIT, MESSAGE_LIMIT, OutgoingFrame};
use super::{CloseReason, Connection, Gateway, message};

const IDLE_LIMIT_MS: i64 = 10 * 60 * 1000;
const OPEN_LIMIT_MS: i64 = 2 * 60 * 60 * 1000;
/// How long the closing handshake may take before the connection is simply dropped.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// Taken for as long as a socket is open, so it has room for a usual message only; it grows with a larger one.
const READ_BUFFER: usize = 1024;
/// How many messages are written before a flush.
const BATCH: usize = 256;

type Socket = WebSocketStream<TcpStream>;

/// How a session ended.
enum SessionEnd {
    /// The client closed, or the network failed: no close frame is sent.
    Theirs(CloseReason),
    /// We close, with a close frame.
    Ours(CloseReason),
    /// A fault broke the connection: what is still queued is lost.
    Cut(CloseReason),
}

/// Runs a connection from the upgrade to its `$disconnect`.
pub(super) async fn run(
    gateway: Arc<Gateway>,
    connection: Arc<Connection>,
    outgoing: mpsc::UnboundedReceiver<OutgoingFrame>,
    upgrade: hyper::upgrade::OnUpgrade,
) {
    let _open = gateway.sockets.guard();
    let ending = match socket(upgrade).await {
        Some(socket) => converse(&gateway, &connection, outgoing, socket).await,
        // The client disconnected before the handshake was over, but `$connect` had accepted it.
        None => CloseReason::lost(),
    };
    gateway.sockets.forget(&connection.id);
    if !gateway.shared.stopping.is_cancelled() {
        // Boxed, as is what else an idle socket does not need: there may be thousands.
        Box::pin(message::disconnected(&gateway, &connection, &ending)).await;
    }
}

async fn socket(upgrade: hyper::upgrade::OnUpgrade) -> Option<Socket> {
    let parts = upgrade.await.ok()?.downcast::<TokioIo<TcpStream>>().ok()?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(32 * 1024)
        .max_frame_size(Some(FRAME_LIMIT))
        .max_message_size(Some(MESSAGE_LIMIT));
    let (stream, rest) = (parts.io.into_inner(), parts.read_buf.to_vec());
    Some(WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config)).await)
}

async fn converse(
    gateway: &Arc<Gateway>,
    connection: &Arc<Connection>,
    outgoing: mpsc::UnboundedReceiver<OutgoingFrame>,
    socket: Socket,
) -> CloseReason {
    let (sink, mut stream) = socket.split();
    let writing = tokio::spawn(write(sink, outgoing, Arc::clone(connection)));
    let over = listen(gateway, connection, &mut stream).await;
    gateway.sockets.forget(&connection.id);
    match over {
        SessionEnd::Theirs(ending) => {
            // Reading on sends our answer to the client's close frame.
            let _ = tokio::time::timeout(CLOSE_LIMIT, async {
                while stream.next().await.is_some() {}
            })
            .await;
            writing.abort();
            ending
        }
        SessionEnd::Ours(ending) => {
            let _ = connection
                .outgoing
                .send(OutgoingFrame::Close(ending.clone()));
            let _ = tokio::time::timeout(CLOSE_LIMIT, Box::pin(hang_up(stream, writing))).await;
            ending
        }
        SessionEnd::Cut(ending) => {
            writing.abort();
            // The writer's half of the socket goes with it.
            let _ = writing.await;
            ending
        }
    }
}

/// Reads until one side ends it.
async fn listen(
    gateway: &Arc<Gateway>,
    connection: &Arc<Connection>,
    stream: &mut SplitStream<Socket>,
) -> SessionEnd {
    loop {
        let now = gateway.shared.clock.now_ms();
        let until =
            (connection.last_active() + IDLE_LIMIT_MS).min(connection.connected_at + OPEN_LIMIT_MS);
        if now >= until {
            return SessionEnd::Ours(CloseReason::going_away());
        }
        let incoming = tokio::select! {
            incoming = stream.next() => incoming,
            () = gateway.shared.clock.sleep_until(until) => continue,
            () = connection.closing.cancelled() => return match connection.ending() {
                ending if ending.is_lost() => SessionEnd::Cut(ending),
                ending => SessionEnd::Ours(ending),
            },
            () = gateway.shared.stopping.cancelled() => return SessionEnd::Ours(CloseReason::going_away()),
        };
        match incoming {
            Some(Ok(Message::Text(text))) => {
                connection.touch(gateway.shared.clock.now_ms());
                let (gateway, connection) = (Arc::clone(gateway), Arc::clone(connection));
                let text = text.as_str().to_owned();
                in_order(Box::pin(message::received(gateway, connection, text))).await;
            }
            // Uncertain: AWS does not document whether a ping is traffic. It is not here, so that a chat
            // which relies on it is caught; the condition `pingKeepsAlive` makes it one.
            Some(Ok(Message::Ping(_))) if gateway.shared.conditions.now().ping_keeps_alive => {
                connection.touch(gateway.shared.clock.now_ms());
            }
            Some(Ok(Message::Binary(_))) => {
                return SessionEnd::Ours(CloseReason::with(1003, "Binary is not supported"));
            }
            Some(Ok(Message::Close(frame))) => {
                return SessionEnd::Theirs(CloseReason::by_client(frame));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return broken(&error),
            None => return SessionEnd::Theirs(CloseReason::lost()),
        }
    }
}

/// How a protocol error ends the session.
///
/// Uncertain: 1009 is documented, its reason is not, so there is none. For text that is not UTF-8 and
/// for broken frames AWS documents nothing; the codes are those of the protocol.
fn broken(error: &Error) -> SessionEnd {
    use tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
    match error {
        Error::Capacity(_) => SessionEnd::Ours(CloseReason::with(1009, "")),
        Error::Utf8(_) => SessionEnd::Ours(CloseReason::with(1007, "")),
        Error::Protocol(ResetWithoutClosingHandshake) => SessionEnd::Theirs(CloseReason::lost()),
        Error::Protocol(_) => SessionEnd::Ours(CloseReason::with(1002, "")),
        _ => SessionEnd::Theirs(CloseReason::lost()),
    }
}

/// Starts the work on a message in the order of arrival: the first poll puts the invocation into the
/// function's queue, the rest runs in a task of its own.
async fn in_order(mut work: Pin<Box<impl Future<Output = ()> + Send + 'static>>) {
    let pending =
        std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_pending()));
    if pending.await {
        tokio::spawn(work);
    }
}

/// Writes what is queued until the close frame, or until the connection breaks.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut outgoing: mpsc::UnboundedReceiver<OutgoingFrame>,
    connection: Arc<Connection>,
) -> SplitSink<Socket, Message> {
    let mut batch = Vec::new();
    while outgoing.recv_many(&mut batch, BATCH).await > 0 {
        let mut written = 0;
        for item in batch.drain(..) {
            match item {
                OutgoingFrame::Text(text) => {
                    written += text.len();
                    if feed(&mut sink, text).await.is_err() {
                        return sink;
                    }
                }
                OutgoingFrame::Close(ending) => {
                    let code = CloseCode::from(ending.code);
                    let frame = CloseFrame {
                        code,
                        reason: ending.reason.into(),
                    };
                    let _ = sink.send(Message::Close(Some(frame))).await;
                    return sink;
                }
            }
        }
        if sink.flush().await.is_err() {
            return sink;
        }
        connection.queued.fetch_sub(written, Ordering::AcqRel);
    }
    sink
}

/// A large message leaves in several frames, as on AWS: clients must put them together.
async fn feed(sink: &mut SplitSink<Socket, Message>, mut text: Bytes) -> Result<(), Error> {
    let mut kind = Data::Text;
    loop {
        let part = text.split_to(text.len().min(FRAME_LIMIT));
        let frame = Frame::message(part, OpCode::Data(kind), text.is_empty());
        sink.feed(Message::Frame(frame)).await?;
        if text.is_empty() {
            return Ok(());
        }
        kind = Data::Continue;
    }
}

/// Our close frame is sent. What the client still sends is read from the TCP stream and dropped, because after an
/// oversized frame the WebSocket stream cannot be read any more; closing with unread data would reset the
/// connection, and the client would never see the code.
async fn hang_up(stream: SplitStream<Socket>, writing: JoinHandle<SplitSink<Socket, Message>>) {
    let Ok(sink) = writing.await else { return };
    let Ok(mut socket) = stream.reunite(sink) else {
        return;
    };
    let stream = socket.get_mut();
    if stream.shutdown().await.is_ok() {
        let mut unread = [0; 4096];
        while matches!(stream.read(&mut unread).await, Ok(count) if count > 0) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    /// Its task is held for as long as a socket is open. A buffer or a rare future within it costs ten thousand times.
    #[test]
    fn an_idle_session_is_small() {
        let bytes = size(run);
        assert!(bytes < 4096, "{bytes}");
    }
}
