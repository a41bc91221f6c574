//! The Runtime API and the Extensions API, for one environment on a port of its own.
//!
//! Requests become events for the environment's actor; the long poll of `next` stays open until the
//! actor delivers something. Misuse gets AWS's own refusals.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Spec, lock};

/// A synchronous answer may have 6 MB and a little.
const ANSWER_LIMIT: usize = 6_291_556;

/// What the process asked or said.
#[derive(Debug)]
pub(super) enum Event {
    /// The runtime waits for work.
    Next(oneshot::Sender<Delivery>),
    /// The answer to an invocation.
    Response(String, Bytes, oneshot::Sender<Verdict>),
    /// The invocation failed; with the type from the header.
    Failure(String, Option<String>, Bytes, oneshot::Sender<Verdict>),
    /// Initialisation failed.
    InitFailure(Option<String>, Bytes),
    /// An extension waits for its next event.
    ExtensionNext(usize, oneshot::Sender<Value>),
}

/// One invocation, as headers and a body.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) payload: Bytes,
}

/// What the actor says to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    UnknownRequest,
    AnsweredAlready,
}

/// The port of one environment.
#[derive(Debug)]
pub(super) struct Api {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: DropGuard,
}

#[derive(Debug)]
struct Shared {
    spec: Arc<Spec>,
    events: mpsc::UnboundedSender<Event>,
    extensions: Mutex<Vec<Extension>>,
}

#[derive(Debug)]
struct Extension {
    id: String,
    invoke: bool,
}

type Answer = http::Response<Full<Bytes>>;

impl Api {
    /// Opens the port. The receiver gets everything that happens on it.
    pub(super) async fn open(
        spec: Arc<Spec>,
    ) -> std::io::Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (events, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            spec,
            events,
            extensions: Mutex::default(),
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

    /// How many extensions have registered.
    pub(super) fn extensions(&self) -> usize {
        lock(&self.shared.extensions).len()
    }

    /// Whether this extension wants INVOKE events.
    pub(super) fn wants_invoke(&self, extension: usize) -> bool {
        lock(&self.shared.extensions)
            .get(extension)
            .is_some_and(|extension| extension.invoke)
    }

    /// A new process registers anew.
    pub(super) fn forget_extensions(&self) {
        lock(&self.shared.extensions).clear();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
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
    shared: Arc<Shared>,
    request: http::Request<Incoming>,
) -> Result<Answer, Infallible> {
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
        (&Method::GET, ["2018-06-01", "runtime", "invocation", "next"]) => shared.next().await,
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "response"]) => {
            shared.response(id, body).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "invocation", id, "error"]) => {
            shared.failure(id, &parts.headers, body).await
        }
        (&Method::POST, ["2018-06-01", "runtime", "init", "error"]) => {
            let _ = shared
                .events
                .send(Event::InitFailure(error_type(&parts.headers), body));
            accepted()
        }
        (&Method::POST, ["2020-01-01", "extension", "register"]) => {
            shared.register(&parts.headers, &body)
        }
        (&Method::GET, ["2020-01-01", "extension", "event", "next"]) => {
            shared.extension_next(&parts.headers).await
        }
        (&Method::POST, ["2020-01-01", "extension", "init" | "exit", "error"]) => accepted(),
        _ => refuse(
            StatusCode::NOT_FOUND,
            "NotFound",
            "There is no such path in the Runtime API",
        ),
    })
}

impl Shared {
    async fn next(&self) -> Answer {
        let (deliver, delivered) = oneshot::channel();
        let _ = self.events.send(Event::Next(deliver));
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

    async fn response(&self, id: &str, body: Bytes) -> Answer {
        let (say, said) = oneshot::channel();
        let too_large = body.len() > ANSWER_LIMIT;
        let event = if too_large {
            let message = format!(
                "Response payload size exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."
            );
            let kind = "Function.ResponseSizeTooLarge";
            let error = json!({ "errorType": kind, "errorMessage": message });
            Event::Failure(
                id.to_owned(),
                Some(kind.to_owned()),
                error.to_string().into(),
                say,
            )
        } else {
            Event::Response(id.to_owned(), body, say)
        };
        let _ = self.events.send(event);
        match said.await {
            Ok(Verdict::Accepted) if too_large => refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!("Exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."),
            ),
            verdict => verdict_answer(verdict.ok(), "InvocationResponse"),
        }
    }

    async fn failure(&self, id: &str, headers: &HeaderMap, body: Bytes) -> Answer {
        let (say, said) = oneshot::channel();
        let _ = self.events.send(Event::Failure(
            id.to_owned(),
            error_type(headers),
            body,
            say,
        ));
        verdict_answer(said.await.ok(), "InvocationErrorResponse")
    }

    fn register(&self, headers: &HeaderMap, body: &[u8]) -> Answer {
        let Some(name) = text(headers, "lambda-extension-name").filter(|name| !name.is_empty())
        else {
            let what = "Lambda-Extension-Name is missing";
            return refuse(
                StatusCode::BAD_REQUEST,
                "Extension.InvalidExtensionName",
                what,
            );
        };
        let events: Value = serde_json::from_slice(body).unwrap_or_default();
        let wants = |event: &str| {
            events["events"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == event))
        };
        if wants("SHUTDOWN") {
            let what = format!("Shutdown event not supported for internal extensions ({name})");
            return refuse(StatusCode::FORBIDDEN, "Extension.InvalidEventType", &what);
        }
        let id = uuid::Uuid::new_v4().to_string();
        lock(&self.extensions).push(Extension {
            id: id.clone(),
            invoke: wants("INVOKE"),
        });
        let body = json!({
            "functionName": self.spec.name, "functionVersion": self.spec.version,
            "handler": self.spec.handler, "accountId": account_of(&self.spec.function_arn),
        });
        let mut answer = with_json(StatusCode::OK, &body);
        if let Ok(value) = http::HeaderValue::from_str(&id) {
            answer
                .headers_mut()
                .insert("lambda-extension-identifier", value);
        }
        answer
    }

    async fn extension_next(&self, headers: &HeaderMap) -> Answer {
        let id = text(headers, "lambda-extension-identifier").unwrap_or_default();
        let index = lock(&self.extensions)
            .iter()
            .position(|extension| extension.id == id);
        let Some(index) = index else {
            let what = "Unknown Lambda-Extension-Identifier";
            return refuse(
                StatusCode::FORBIDDEN,
                "Extension.UnknownExtensionIdentifier",
                what,
            );
        };
        let (deliver, delivered) = oneshot::channel();
        let _ = self.events.send(Event::ExtensionNext(index, deliver));
        match delivered.await {
            Ok(event) => with_json(StatusCode::OK, &event),
            Err(_) => refuse(StatusCode::GONE, "Gone", "The environment ends"),
        }
    }
}

fn verdict_answer(verdict: Option<Verdict>, transition: &str) -> Answer {
    match verdict {
        Some(Verdict::Accepted) => accepted(),
        Some(Verdict::AnsweredAlready) => refuse(
            StatusCode::FORBIDDEN,
            "InvalidStateTransition",
            &format!(
                "State transition from Ready to {transition} failed for runtime. Error: State transition is not allowed"
            ),
        ),
        Some(Verdict::UnknownRequest) | None => refuse(
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            "Invalid request ID",
        ),
    }
}

fn error_type(headers: &HeaderMap) -> Option<String> {
    text(headers, "lambda-runtime-function-error-type")
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn accepted() -> Answer {
    with_json(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Answer {
    with_json(
        status,
        &json!({ "errorMessage": message, "errorType": kind }),
    )
}

fn with_json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = http::Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    answer
}
