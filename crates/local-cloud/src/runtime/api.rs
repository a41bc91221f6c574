//! The Runtime API, for one environment on a port of its own; `extensions` answers the other API there.
//!
//! Requests become events for the environment's actor; the long poll of `next` stays open until the actor
//! delivers an invocation. Wrong use is answered with AWS's errors.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::FunctionSpec;
use super::extensions::Extensions;
use super::protocol::{AnswerStatus, ApiResponse, RuntimeEvent, accepted, refuse, text};
use crate::transport::{Acceptor, BodyError, QUIET_LIMIT};
use crate::{origin_check, transport};

/// Bytes of a synchronous answer: a little more than 6 MB.
const ANSWER_LIMIT: usize = 6_291_556;

/// The port of one environment.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<ApiState>,
    _serving: DropGuard,
}

#[derive(Debug)]
struct ApiState {
    events: mpsc::UnboundedSender<RuntimeEvent>,
    extensions: Extensions,
}

impl RuntimeApi {
    /// Opens the port. The receiver gets everything that happens on it.
    pub(super) async fn open(
        spec: Arc<FunctionSpec>,
        acceptor: &Arc<Acceptor>,
    ) -> std::io::Result<(Self, mpsc::UnboundedReceiver<RuntimeEvent>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (events, received) = mpsc::unbounded_channel();
        let shared = Arc::new(ApiState {
            extensions: Extensions::new(spec, events.clone()),
            events,
        });
        let stop = CancellationToken::new();
        let (acceptor, state) = (Arc::clone(acceptor), Arc::clone(&shared));
        let stopped = stop.clone();
        tokio::spawn(async move {
            let serve = |stream| connection(stream, Arc::clone(&state));
            acceptor.serve(listener, stopped, serve).await;
        });
        Ok((
            Self {
                address,
                shared,
                _serving: stop.drop_guard(),
            },
            received,
        ))
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The extensions within the process.
    pub(super) fn extensions(&self) -> &Extensions {
        &self.shared.extensions
    }
}

/// Whoever asks for nothing is disconnected. After the first request a connection is kept however long it is
/// quiet: a frozen function must find it as it was.
async fn connection(stream: TcpStream, shared: Arc<ApiState>) {
    let began = CancellationToken::new();
    let service = service_fn(|request| {
        began.cancel();
        answer(Arc::clone(&shared), request)
    });
    let http = hyper::server::conn::http1::Builder::new();
    let mut serving = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let first = tokio::time::timeout(QUIET_LIMIT, began.cancelled());
    tokio::select! {
        _ = &mut serving => return,
        first = first => if first.is_err() { return },
    }
    let _ = serving.await;
}

async fn answer(
    shared: Arc<ApiState>,
    request: http::Request<Incoming>,
) -> Result<ApiResponse, Infallible> {
    let (parts, body) = request.into_parts();
    if let Some(why) = origin_check::runtime_refusal(&parts.headers) {
        return Ok(refuse(StatusCode::FORBIDDEN, "Forbidden", why));
    }
    let body = transport::read(body, ANSWER_LIMIT).await;
    Ok(match body {
        Ok(body) => route(&shared, &parts, body).await,
        Err(BodyError::TooLarge) => too_large(&shared, &parts).await,
        Err(BodyError::Late | BodyError::BrokenOff) => refuse(
            StatusCode::BAD_REQUEST,
            "InvalidRequest",
            "The body broke off",
        ),
    })
}

/// An answer over the limit fails the invocation.
async fn too_large(shared: &ApiState, parts: &Parts) -> ApiResponse {
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    let message = format!("Exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes).");
    let refused = refuse(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestEntityTooLarge",
        &message,
    );
    match (&parts.method, path.as_slice()) {
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            let verdict = shared.too_large(id).await;
            match verdict {
                Some(AnswerStatus::Accepted) => refused,
                verdict => verdict_answer(verdict, "InvocationResponse"),
            }
        }
        _ => refused,
    }
}

async fn route(shared: &ApiState, parts: &Parts, body: Bytes) -> ApiResponse {
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    match (&parts.method, path.as_slice()) {
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => {
            shared.extensions.close_registration();
            shared.next().await
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            shared.response(id, body).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
            shared.failure(id, &parts.headers, body).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
            if shared.extensions.registration_is_closed() {
                return not_allowed("Running", "InitError");
            }
            let kind = error_type(&parts.headers);
            let _ = shared.events.send(RuntimeEvent::InitFailure(kind, body));
            accepted()
        }
        (method, ["2020-01-01", "extension", what @ ..]) => {
            let extensions = &shared.extensions;
            extensions.answer(method, what, &parts.headers, &body).await
        }
        _ => refuse(
            StatusCode::NOT_FOUND,
            "NotFound",
            "There is no such path in the Runtime API",
        ),
    }
}

impl ApiState {
    async fn next(&self) -> ApiResponse {
        let (deliver, delivered) = oneshot::channel();
        let _ = self.events.send(RuntimeEvent::Next(deliver));
        let Ok(delivery) = delivered.await else {
            return refuse(StatusCode::GONE, "Gone", "The environment ends");
        };
        let mut answer = http::Response::new(Full::new(delivery.payload));
        for (name, value) in delivery.headers {
            if let Ok(value) = http::HeaderValue::from_str(&value) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }

    async fn response(&self, id: &str, body: Bytes) -> ApiResponse {
        let (say, said) = oneshot::channel();
        let event = RuntimeEvent::Response(id.to_owned(), body, say);
        let _ = self.events.send(event);
        verdict_answer(said.await.ok(), "InvocationResponse")
    }

    async fn too_large(&self, id: &str) -> Option<AnswerStatus> {
        let (say, said) = oneshot::channel();
        let kind = "Function.ResponseSizeTooLarge";
        let message = format!(
            "Response payload size exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."
        );
        let error = json!({ "errorType": kind, "errorMessage": message }).to_string();
        let (id, kind) = (id.to_owned(), Some(kind.to_owned()));
        let event = RuntimeEvent::Failure(id, kind, error.into(), say);
        let _ = self.events.send(event);
        said.await.ok()
    }

    async fn failure(&self, id: &str, headers: &HeaderMap, body: Bytes) -> ApiResponse {
        let (say, said) = oneshot::channel();
        let _ = self.events.send(RuntimeEvent::Failure(
            id.to_owned(),
            error_type(headers),
            body,
            say,
        ));
        verdict_answer(said.await.ok(), "InvocationErrorResponse")
    }
}

fn verdict_answer(verdict: Option<AnswerStatus>, transition: &str) -> ApiResponse {
    match verdict {
        Some(AnswerStatus::Accepted) => accepted(),
        Some(AnswerStatus::AnsweredAlready) => not_allowed("Ready", transition),
        Some(AnswerStatus::UnknownRequest) | None => refuse(
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            "Invalid request ID",
        ),
    }
}

/// The runtime is in the wrong state for this request.
fn not_allowed(from: &str, to: &str) -> ApiResponse {
    let words = format!(
        "State transition from {from} to {to} failed for runtime. Error: State transition is not allowed"
    );
    refuse(StatusCode::FORBIDDEN, "InvalidStateTransition", &words)
}

fn error_type(headers: &HeaderMap) -> Option<String> {
    text(headers, "lambda-runtime-function-error-type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n";

    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

    async fn open() -> (RuntimeApi, mpsc::UnboundedReceiver<RuntimeEvent>) {
        let acceptor = Arc::new(Acceptor::default());
        let spec = Arc::new(FunctionSpec::example());
        RuntimeApi::open(spec, &acceptor).await.unwrap()
    }

    async fn send(api: &RuntimeApi, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(api.address()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// The first line of the answer.
    async fn status(stream: &mut TcpStream) -> String {
        let mut head = [0; 12];
        let answered = tokio::time::timeout(PATIENCE, stream.read_exact(&mut head));
        answered.await.expect("it is answered at once").unwrap();
        String::from_utf8_lossy(&head).into_owned()
    }

    #[tokio::test]
    async fn a_web_page_gets_no_event() {
        let (api, mut events) = open().await;
        let own = api.address();
        for headers in [
            "Host: evil.example".to_owned(),
            format!("Host: {own}\r\nOrigin: https://evil.example"),
            format!("Host: {own}\r\nOrigin: http://{own}"),
            format!("Host: {own}\r\nOrigin: null"),
        ] {
            let mut refused = send(&api, &format!("{NEXT}{headers}\r\n\r\n")).await;
            assert_eq!(status(&mut refused).await, "HTTP/1.1 403", "{headers}");
        }
        assert!(events.try_recv().is_err());
        let _function = send(&api, &format!("{NEXT}Host: {own}\r\n\r\n")).await;
        assert!(matches!(events.recv().await, Some(RuntimeEvent::Next(_))));
    }

    #[tokio::test]
    async fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
        let (api, mut events) = open().await;
        let head = "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: localhost\r\n";
        let huge = format!("{head}Content-Length: 900000000000\r\n\r\n");
        assert_eq!(status(&mut send(&api, &huge).await).await, "HTTP/1.1 413");
        assert!(events.try_recv().is_err());
    }

    #[tokio::test]
    async fn half_a_head_is_not_waited_for_and_a_quiet_function_is() {
        let (api, mut events) = open().await;
        let mut quiet = send(&api, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(status(&mut quiet).await, "HTTP/1.1 404");
        let mut half = send(&api, NEXT).await;
        let mut unused = send(&api, "").await;
        assert_eq!(half.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(unused.read(&mut [0]).await.unwrap(), 0);
        // By now it has been quiet for longer than the other two.
        let next = format!("{NEXT}Host: localhost\r\n\r\n");
        quiet.write_all(next.as_bytes()).await.unwrap();
        assert!(matches!(events.recv().await, Some(RuntimeEvent::Next(_))));
    }
}
