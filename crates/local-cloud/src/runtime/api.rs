//! The Runtime API, for one environment on a port of its own; `extensions` answers the other API there.
//!
//! Requests become events for the environment's actor; the long poll of `next` stays open until the actor
//! delivers an invocation. Wrong use is answered with AWS's errors.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::FunctionSpec;
use super::extensions::Extensions;
use super::protocol::{AnswerStatus, ApiResponse, RuntimeEvent, accepted, refuse, text};

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
    ) -> std::io::Result<(Self, mpsc::UnboundedReceiver<RuntimeEvent>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (events, received) = mpsc::unbounded_channel();
        let shared = Arc::new(ApiState {
            extensions: Extensions::new(spec, events.clone()),
            events,
        });
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, Arc::clone(&shared), stop.clone()));
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

async fn serve(listener: TcpListener, shared: Arc<ApiState>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }
    }
    connections.shutdown().await;
}

async fn answer(
    shared: Arc<ApiState>,
    request: http::Request<Incoming>,
) -> Result<ApiResponse, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(refuse(
            StatusCode::BAD_REQUEST,
            "InvalidRequest",
            "The body broke off",
        ));
    };
    let body = body.to_bytes();
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    Ok(match (&parts.method, path.as_slice()) {
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
                return Ok(not_allowed("Running", "InitError"));
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
    })
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
        let too_large = body.len() > ANSWER_LIMIT;
        let event = if too_large {
            let message = format!(
                "Response payload size exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."
            );
            let kind = "Function.ResponseSizeTooLarge";
            let error = json!({ "errorType": kind, "errorMessage": message });
            RuntimeEvent::Failure(
                id.to_owned(),
                Some(kind.to_owned()),
                error.to_string().into(),
                say,
            )
        } else {
            RuntimeEvent::Response(id.to_owned(), body, say)
        };
        let _ = self.events.send(event);
        match said.await {
            Ok(AnswerStatus::Accepted) if too_large => refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!("Exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."),
            ),
            verdict => verdict_answer(verdict.ok(), "InvocationResponse"),
        }
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
