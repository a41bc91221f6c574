//! Everything around the function, on one loopback port: Runtime API, DynamoDB, connections.
//!
//! The DynamoDB is dynoxide, an emulator by other authors, behind the real wire protocol. Faults can
//! be put in front of it. Connections behave as each test says. `next` hands out events to whichever
//! process asks first, as Lambda hands them to its environments, and counts the processes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chat_lambda::clock::Millis;
use chat_lambda::config::Connections;
use chat_lambda::http::{Endpoint, Http};
use chat_lambda::push::gateway::Gateway;
use chat_lambda::sign::{Credentials, Signer};
use chat_lambda::store::dynamo::Table;
use chat_lambda::store::wire::Dynamo;
use dynoxide::Database;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

/// How a connection takes a post.
#[derive(Clone, Debug, Default)]
pub enum Manner {
    #[default]
    Well,
    Gone,
    /// Answers after this long.
    Slowly(Duration),
    /// Never answers.
    Never,
    /// Answers 429 this many times first.
    Throttled(u32),
    /// Answers this.
    Always(u16),
    /// Takes the post, and cuts the line instead of answering the first time.
    CutOnce,
}

/// What the DynamoDB does instead of answering, for the next requests.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Refuses with this type.
    Refuse(&'static str),
    /// Does it, and loses the answer.
    LoseAnswer,
}

#[derive(Debug)]
pub struct Frame {
    pub to: String,
    pub body: Value,
    pub at: Instant,
}

#[derive(Default)]
struct State {
    manners: BTreeMap<String, Manner>,
    frames: Vec<Frame>,
    closed: Vec<String>,
    queue: VecDeque<(String, Value)>,
    waiting: BTreeMap<String, oneshot::Sender<Value>>,
    callers: BTreeSet<SocketAddr>,
    events: u64,
    faults: VecDeque<Fault>,
    later: Option<(&'static str, u64, Fault)>,
    page_limit: Option<u64>,
    calls: BTreeMap<String, u64>,
    most_posts: usize,
    posts_now: usize,
}

pub struct World {
    pub address: SocketAddr,
    db: Database,
    state: Mutex<State>,
    queued: Notify,
    invocation_ms: u64,
}

pub const TABLE: &str = "chat-production";

impl World {
    /// Starts it on a free port. It ends with the test process.
    pub fn start() -> Arc<Self> {
        Self::with_limit(Duration::from_secs(60))
    }

    /// As `start`, with this much time for each event.
    pub fn with_limit(limit: Duration) -> Arc<Self> {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            tokio.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let world = Arc::new(Self {
                    address: listener.local_addr().unwrap(),
                    db: database(),
                    state: Mutex::default(),
                    queued: Notify::new(),
                    invocation_ms: limit.as_millis() as u64,
                });
                sender.send(world.clone()).unwrap();
                world.serve(listener).await;
            });
        });
        receiver.recv().unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn template(&self) -> String {
        format!("{}/_aws/execute-api/{{apiId}}/{{stage}}", self.url())
    }

    /// The real store, on this DynamoDB.
    pub fn table(&self) -> Table {
        let endpoint = Endpoint::parse(&self.url()).unwrap();
        let signer = Signer::new(credentials(), "eu-west-1", "dynamodb").unwrap();
        Table::new(
            Dynamo::new(Http::new().unwrap(), endpoint, signer),
            TABLE.into(),
        )
    }

    /// The real push side, on these connections.
    pub fn gateway(&self) -> Gateway {
        let connections = Connections {
            template: Some(self.template()),
            region: "eu-west-1".into(),
            suffix: "amazonaws.com".into(),
        };
        let signer = Signer::new(credentials(), "eu-west-1", "execute-api").unwrap();
        Gateway::new(Http::new().unwrap(), signer, connections)
    }

    pub fn behave(&self, connection: &str, manner: Manner) {
        self.state().manners.insert(connection.to_owned(), manner);
    }

    pub fn page_limit(&self, limit: u64) {
        self.state().page_limit = Some(limit);
    }

    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// The first query after `n` more calls of this operation meets the fault.
    pub fn refuse_query_after(&self, operation: &'static str, n: u64, fault: Fault) {
        let calls = self.calls(operation);
        self.state().later = Some((operation, calls + n, fault));
    }

    pub fn calls(&self, operation: &str) -> u64 {
        self.state()
            .calls
            .get(operation)
            .copied()
            .unwrap_or_default()
    }

    /// Everything delivered since the last call.
    pub fn take(&self) -> Vec<Frame> {
        std::mem::take(&mut self.state().frames)
    }

    pub fn closed(&self) -> Vec<String> {
        self.state().closed.clone()
    }

    pub fn processes(&self) -> usize {
        self.state().callers.len()
    }

    pub fn most_posts_at_once(&self) -> usize {
        self.state().most_posts
    }

    /// Reads or writes the table behind the function's back.
    pub fn dynamo(&self, operation: &str, body: &Value) -> Result<Value, String> {
        dispatch(&self.db, operation, &body.to_string())
            .map(|text| serde_json::from_str(&text).unwrap())
    }

    /// Every item of the table.
    pub fn items(&self) -> Vec<Value> {
        let all = self.dynamo("Scan", &json!({ "TableName": TABLE })).unwrap();
        all["Items"].as_array().unwrap().clone()
    }

    /// Hands an event to the next free process and waits for its answer.
    pub async fn invoke(&self, event: Value) -> Value {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.state();
            state.events += 1;
            let id = format!("request-{}", state.events);
            state.waiting.insert(id.clone(), sender);
            state.queue.push_back((id, event));
        }
        self.queued.notify_one();
        receiver.await.unwrap()
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let (stream, peer) = listener.accept().await.unwrap();
            let _ = stream.set_nodelay(true);
            let world = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| world.clone().answer(peer, request));
                let mut http = hyper::server::conn::http1::Builder::new();
                // A connection that `CutOnce` breaks ends in an error here, as it should.
                let _ = http
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    async fn answer(
        self: Arc<Self>,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Cut> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let path = parts.uri.path().to_owned();
        if let Some(rest) = path.strip_prefix("/2018-06-01/runtime/") {
            return Ok(self.runtime(peer, rest, &body).await);
        }
        let signed = parts
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if !signed.is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")) {
            return Ok(reply(
                403,
                Bytes::from("{\"message\":\"Missing Authentication Token\"}"),
            ));
        }
        if let Some((_, id)) = path.split_once("/@connections/") {
            return self
                .connection(&parts.method, &id.replace("%3D", "="), &body)
                .await;
        }
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok());
        let operation = target
            .and_then(|target| target.split_once('.'))
            .map_or("", |(_, op)| op);
        self.database(operation, &body)
    }

    async fn runtime(&self, peer: SocketAddr, path: &str, body: &Bytes) -> Response<Full<Bytes>> {
        if path == "invocation/next" {
            self.state().callers.insert(peer);
            return self.next().await;
        }
        let mut parts = path.split('/').skip(1);
        let (id, kind) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let value = if kind == "error" {
            json!({ "failed": value })
        } else {
            value
        };
        if let Some(waiting) = self.state().waiting.remove(id) {
            let _ = waiting.send(value);
        }
        reply(202, Bytes::new())
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        loop {
            let queued = self.queued.notified();
            let next = self.state().queue.pop_front();
            if let Some((id, event)) = next {
                let deadline = Millis::now().0 + self.invocation_ms;
                return Response::builder()
                    .header("Lambda-Runtime-Aws-Request-Id", id)
                    .header("Lambda-Runtime-Deadline-Ms", deadline)
                    .body(Full::new(event.to_string().into()))
                    .unwrap();
            }
            queued.await;
        }
    }

    async fn connection(
        &self,
        method: &Method,
        id: &str,
        body: &Bytes,
    ) -> Result<Response<Full<Bytes>>, Cut> {
        let manner = {
            let mut state = self.state();
            state.posts_now += 1;
            state.most_posts = state.most_posts.max(state.posts_now);
            state.manners.get(id).cloned().unwrap_or_default()
        };
        let status = self.treat(manner, method, id, body).await;
        self.state().posts_now -= 1;
        status.map(|status| reply(status, Bytes::new()))
    }

    async fn treat(
        &self,
        manner: Manner,
        method: &Method,
        id: &str,
        body: &Bytes,
    ) -> Result<u16, Cut> {
        match manner {
            Manner::Well => {}
            Manner::Gone => return Ok(410),
            Manner::Slowly(time) => tokio::time::sleep(time).await,
            Manner::Never => std::future::pending().await,
            Manner::Throttled(0) => {}
            Manner::Throttled(n) => {
                self.behave(id, Manner::Throttled(n - 1));
                return Ok(429);
            }
            Manner::Always(status) => return Ok(status),
            Manner::CutOnce => {
                self.behave(id, Manner::Well);
                return Err(Cut);
            }
        }
        match *method {
            Method::GET => Ok(200),
            Method::DELETE => {
                self.behave(id, Manner::Gone);
                self.state().closed.push(id.to_owned());
                Ok(204)
            }
            _ => {
                let body = serde_json::from_slice(body).unwrap();
                self.state().frames.push(Frame {
                    to: id.to_owned(),
                    body,
                    at: Instant::now(),
                });
                Ok(200)
            }
        }
    }

    fn database(&self, operation: &str, body: &Bytes) -> Result<Response<Full<Bytes>>, Cut> {
        let (fault, limit) = {
            let mut state = self.state();
            *state.calls.entry(operation.to_owned()).or_default() += 1;
            let is_due = |(after, calls, _): &(&str, u64, Fault)| {
                operation == "Query" && state.calls.get(*after).is_some_and(|n| n >= calls)
            };
            let later = state.later.as_ref().is_some_and(is_due);
            let later = later.then(|| state.later.take()).flatten();
            let fault = state
                .faults
                .pop_front()
                .or(later.map(|(_, _, fault)| fault));
            (fault, state.page_limit)
        };
        if let Some(Fault::Refuse(kind)) = fault {
            let kind = format!("com.amazonaws.dynamodb.v20120810#{kind}");
            return Ok(reply(
                400,
                json!({ "__type": kind, "message": "m" }).to_string().into(),
            ));
        }
        let mut body: Value = serde_json::from_slice(body).map_err(|_| Cut)?;
        if let Some(limit) = limit.filter(|_| operation == "Query") {
            body["Limit"] = limit.into();
        }
        let answer = dispatch(&self.db, operation, &body.to_string());
        if matches!(fault, Some(Fault::LoseAnswer)) {
            return Err(Cut);
        }
        Ok(match answer {
            Ok(text) => reply(200, text.into()),
            Err(text) => reply(400, text.into()),
        })
    }
}

/// Ends the connection without an answer.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

pub fn credentials() -> Credentials {
    Credentials {
        key_id: "AKID".into(),
        secret: "secret".into(),
        token: Some("token".into()),
    }
}

fn reply(status: u16, body: Bytes) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(status).unwrap();
    Response::builder()
        .status(status)
        .body(Full::new(body))
        .unwrap()
}

fn database() -> Database {
    let db = Database::memory().unwrap();
    let create = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"}],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"}],
    });
    db.create_table(serde_json::from_value(create).unwrap())
        .unwrap();
    db
}

/// The wire's operation by name, as dynoxide's own server does it.
fn dispatch(db: &Database, operation: &str, body: &str) -> Result<String, String> {
    macro_rules! call {
        ($method:ident) => {{
            let request = serde_json::from_str(body)
                .map_err(|e| json!({"__type": "x#ValidationException", "message": e.to_string()}).to_string())?;
            let answer = db.$method(request).map_err(|e| e.to_json())?;
            serde_json::to_string(&answer).map_err(|e| e.to_string())
        }};
    }
    match operation {
        "GetItem" => call!(get_item),
        "PutItem" => call!(put_item),
        "UpdateItem" => call!(update_item),
        "DeleteItem" => call!(delete_item),
        "Query" => call!(query),
        "Scan" => call!(scan),
        "TransactWriteItems" => call!(transact_write_items),
        _ => Err(json!({ "__type": "x#UnknownOperationException" }).to_string()),
    }
}

/// An event as API Gateway sends it.
pub fn event(route: &str, connection: &str, body: Option<&Value>) -> Value {
    let now = Millis::now().0;
    let id = format!("id-{}", fastrand::u64(..));
    let mut event = json!({
        "requestContext": {
            "routeKey": route,
            "eventType": match route { "$connect" => "CONNECT", "$disconnect" => "DISCONNECT", _ => "MESSAGE" },
            "extendedRequestId": id,
            "requestTime": "19/Feb/2024:07:11:42 +0000",
            "messageDirection": "IN",
            "stage": "production",
            "connectedAt": now,
            "requestTimeEpoch": now,
            "identity": {"sourceIp": "127.0.0.1"},
            "requestId": id,
            "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "connectionId": connection,
            "apiId": "abcdefghij",
        },
        "isBase64Encoded": false,
    });
    match body {
        Some(body) => {
            event["requestContext"]["messageId"] = id.into();
            event["body"] = body.to_string().into();
        }
        None => {
            event["headers"] = json!({"Host": "h"});
            event["multiValueHeaders"] = json!({"Host": ["h"]});
        }
    }
    event
}

/// A message, on the route that API Gateway would choose for it.
pub fn message(connection: &str, body: &Value) -> Value {
    let known = |action: &&str| matches!(*action, "setName" | "sendPublic" | "sendPrivate");
    let route = body["action"].as_str().filter(known).unwrap_or("$default");
    event(route, connection, Some(body))
}

/// Runs a future on a thread of its own kind: single, as in the function.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
