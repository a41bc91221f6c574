//! The one loopback port: accepts, reads requests whole, hands them to the router.
//!
//! A WebSocket handshake goes to the data plane before the body is read, because that needs hyper's upgrade.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::data_plane::Target;
use crate::start_error::StartError;
use crate::state::Cloud;
use crate::wire::{Response, ServerAction};
use crate::{data_plane, origin_check, router};

/// The body of an answer: whole, or a stream of chunks.
type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// Lambda's own limit for CreateFunction, the largest body of all.
const BODY_LIMIT: usize = 70_167_211;

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
    pub(crate) fn start(listener: TcpListener, address: SocketAddr, cloud: Arc<Cloud>) -> Self {
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, cloud, stop.clone()));
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

async fn accept(listener: TcpListener, cloud: Arc<Cloud>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                if let Ok((stream, peer)) = accepted {
                    connections.spawn(connection(stream, peer.ip(), Arc::clone(&cloud)));
                }
            }
        }
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, peer: IpAddr, cloud: Arc<Cloud>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&cloud), request, peer));
    let serving = hyper::server::conn::http1::Builder::new()
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
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return Ok(into_http(too_large())),
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

/// Makes hyper close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("a fault closed the connection")]
struct HungUp;

fn too_large() -> Response {
    let words =
        format!("Request must be smaller than {BODY_LIMIT} bytes for the CreateFunction operation");
    Response::rest_error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLargeException",
        &words,
    )
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
