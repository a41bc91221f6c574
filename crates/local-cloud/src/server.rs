//! The one loopback port: reads requests whole, within limits, and hands them to the router.
//!
//! A WebSocket handshake goes to the data plane before the body is read, because that needs hyper's upgrade.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::data_plane::Target;
use crate::start_error::StartError;
use crate::state::Cloud;
use crate::transport::{Acceptor, BodyError, QUIET_LIMIT};
use crate::wire::{Response, ServerAction};
use crate::{data_plane, origin_check, router, transport};

/// The body of an answer: whole, or a stream of chunks.
type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// The accept loop and its connections.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    accepting: Option<JoinHandle<()>>,
}

/// Opens the port on the loopback address alone.
pub(crate) async fn bind(port: u16) -> Result<TcpListener, StartError> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::PortTaken { port },
            _ => StartError::Listen { port, source },
        })
}

impl Server {
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        cloud: Arc<Cloud>,
        acceptor: Arc<Acceptor>,
    ) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let accepting = tokio::spawn(async move {
            let serve = |stream| connection(stream, Arc::clone(&cloud));
            acceptor.serve(listener, stopped, serve).await;
        });
        Self {
            address,
            stop,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the accept loop and waits until every connection is gone.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn connection(stream: TcpStream, cloud: Arc<Cloud>) {
    let Ok(peer) = stream.peer_addr() else { return };
    let peer = peer.ip();
    let service = service_fn(move |request| answer(Arc::clone(&cloud), request, peer));
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // Also ends connections that nothing is asked on.
        .header_read_timeout(QUIET_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A client that goes away in the middle of a request is no error.
    let _ = serving.await;
}

async fn answer(
    cloud: Arc<Cloud>,
    request: http::Request<Incoming>,
    peer: IpAddr,
) -> Result<http::Response<ResponseBody>, HungUp> {
    let is_socket = data_plane::is_upgrade(request.method(), request.headers());
    if let Some(why) = origin_check::refusal(request.headers(), is_socket) {
        let refused = Response::rest_error(StatusCode::FORBIDDEN, "ForbiddenException", why);
        return Ok(into_http(refused));
    }
    if is_socket {
        let target = Target::of(request.headers(), request.uri().path());
        let answer = match target {
            Some(target) => data_plane::open(&cloud.gateway, request, target, peer).await,
            None => ServerAction::Send(data_plane::forbidden()),
        };
        return sent(answer).await;
    }
    let (parts, body) = request.into_parts();
    let limit = router::body_limit(&parts);
    let body = match transport::read(body, limit.bytes).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return Ok(into_http(limit.refusal())),
        Err(BodyError::Late) => return Ok(into_http(late())),
        Err(BodyError::BrokenOff) => return Err(HungUp),
    };
    // In a task of its own, which goes on when the client disconnects, as on AWS.
    let routing = tokio::spawn(async move { router::route(&cloud, parts, body, peer).await });
    match routing.await {
        Ok(answer) => sent(answer).await,
        Err(_) => {
            let words = "the local cloud failed at this request; this is a bug of its own";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Ok(into_http(Response::rest_error(
                status,
                "InternalFailure",
                words,
            )))
        }
    }
}

async fn sent(answer: ServerAction) -> Result<http::Response<ResponseBody>, HungUp> {
    match answer {
        ServerAction::Send(response) => Ok(into_http(response)),
        ServerAction::HangUp => Err(HungUp),
        // Ends with the connection.
        ServerAction::Hang => std::future::pending().await,
    }
}

/// Makes hyper close the connection without an answer: a fault demands it, or nobody is there.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed")]
struct HungUp;

fn late() -> Response {
    let words = "the rest of the body did not come in time";
    let status = StatusCode::REQUEST_TIMEOUT;
    Response::rest_error(status, "RequestTimeoutException", words).with("connection", "close")
}

fn into_http(response: Response) -> http::Response<ResponseBody> {
    let body = match response.stream {
        None => Full::new(response.body).boxed_unsync(),
        Some(chunks) => {
            let frames = futures_util::stream::unfold(chunks, |mut chunks| async {
                let chunk = chunks.recv().await?;
                Some((Ok(hyper::body::Frame::data(chunk)), chunks))
            });
            StreamBody::new(frames).boxed_unsync()
        }
    };
    let mut http = http::Response::new(body);
    *http.status_mut() = response.status;
    *http.headers_mut() = response.headers;
    http
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use crate::{LocalCloud, Options};

    const CREATE: &str = "POST /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\n";

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn send(cloud: &LocalCloud, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(cloud.addr()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// Everything up to the end of the connection.
    async fn answer(mut stream: TcpStream) -> String {
        let mut text = String::new();
        let whole = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text));
        whole.await.expect("the connection is closed").unwrap();
        text
    }

    #[tokio::test]
    async fn what_is_sent_by_half_is_not_waited_for() {
        let cloud = LocalCloud::start(Options::default()).await.unwrap();
        for (half, wanted) in [
            (CREATE.to_owned(), ""),
            (String::new(), ""),
            (
                format!("{CREATE}Content-Length: 9\r\n\r\nhalf"),
                "HTTP/1.1 408",
            ),
            (
                format!("{CREATE}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf"),
                "HTTP/1.1 408",
            ),
        ] {
            let said = answer(send(&cloud, &half).await).await;
            assert!(said.starts_with(wanted), "{half:?}: {said}");
        }
    }

    /// Only the head is sent.
    #[tokio::test]
    async fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
        let cloud = LocalCloud::start(Options::default()).await.unwrap();
        for (head, length, status) in [
            (CREATE, 900_000_000_000_u64, 413),
            (CREATE, 70_167_212, 413),
            ("POST / HTTP/1.1\r\nHost: localhost\r\n", 2_000_000, 413),
            (
                "PATCH /_chatctl/clock HTTP/1.1\r\nHost: localhost\r\n",
                2_000_000,
                413,
            ),
        ] {
            let mut stream = send(&cloud, &format!("{head}Content-Length: {length}\r\n\r\n")).await;
            let mut line = [0; 12];
            let answered = tokio::time::timeout(PATIENCE, stream.read_exact(&mut line));
            answered.await.expect("it is refused at once").unwrap();
            let wanted = format!("HTTP/1.1 {status}");
            assert_eq!(String::from_utf8_lossy(&line), wanted, "{head} {length}");
        }
    }

    /// Without an announced length, the limit is found while reading.
    #[tokio::test]
    async fn a_body_without_a_length_is_read_up_to_the_limit() {
        let cloud = LocalCloud::start(Options::default()).await.unwrap();
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        let chunk = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
        let whole = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
        let said = answer(send(&cloud, &whole).await).await;
        assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    }
}
