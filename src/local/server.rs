//! The one loopback port: accepts, reads requests whole, hands them to the router.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::wire::Response;
use super::{Cloud, StartError, router};

/// Lambda's own limit for CreateFunction, the largest body of all.
const BODY_LIMIT: usize = 70_167_211;

/// The accept loop and its connections.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
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
    pub(crate) fn start(listener: TcpListener, cloud: Arc<Cloud>) -> Self {
        let address = listener
            .local_addr()
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let server = Self {
            address,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (stop, tasks) = (server.stop.clone(), server.tasks.clone());
        server.tasks.spawn(accept(listener, cloud, stop, tasks));
        server
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    cloud: Arc<Cloud>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let (cloud, stop) = (Arc::clone(&cloud), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(stream, cloud) => {}
            }
        });
    }
}

async fn connection(stream: TcpStream, cloud: Arc<Cloud>) {
    let service = service_fn(move |request| answer(Arc::clone(&cloud), request));
    let serving = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A client that goes away in the middle of a request is its own business.
    let _ = serving.await;
}

async fn answer(
    cloud: Arc<Cloud>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            let error = Response::empty(http::StatusCode::PAYLOAD_TOO_LARGE);
            return Ok(into_http(error));
        }
    };
    Ok(into_http(router::route(&cloud, parts, body).await))
}

fn into_http(response: Response) -> http::Response<Full<Bytes>> {
    let mut http = http::Response::new(Full::new(response.body));
    *http.status_mut() = response.status;
    *http.headers_mut() = response.headers;
    http
}
