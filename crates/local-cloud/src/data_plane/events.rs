//! The events that functions are invoked with: CONNECT, MESSAGE and DISCONNECT, and the one of an authorizer.
//!
//! What differs between them: only CONNECT has the client's headers and query, and no
//! `body` at all; MESSAGE has only context and body; DISCONNECT has four headers of its own,
//! three of them empty. `requestId` and `extendedRequestId` are equal. The authorizer's
//! context is in every later event of its connection, as text; its latency in CONNECT alone.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::request::Parts;
use serde_json::{Map, Value, json};

use super::sockets::Connection;
use crate::services::apigatewayv2::LiveStage;
use crate::shared::Shared;
use crate::wire;

/// What every event's `requestContext` says about the request.
#[derive(Debug, Clone)]
pub(crate) struct RequestContext {
    pub(crate) route_key: String,
    /// `CONNECT`, `MESSAGE`, `DISCONNECT`, and in logs `CONNECTION_API`.
    pub(crate) event_type: &'static str,
    pub(crate) request_id: String,
    pub(crate) message_id: Option<String>,
    pub(crate) at_ms: i64,
    /// The close code and reason of a DISCONNECT.
    pub(crate) closed: Option<(u16, String)>,
    /// The caller's ARN, on a route with `AWS_IAM`.
    pub(crate) caller_arn: Option<String>,
    /// How long the authorizer of this handshake took.
    pub(crate) authorizer_latency_ms: Option<u64>,
}

/// What a client sent with its handshake.
#[derive(Debug, Clone, Default)]
pub(crate) struct HandshakeRequest {
    /// The headers, and what API Gateway adds to them.
    pub(crate) headers: Vec<(String, String)>,
    /// The query, decoded, in the order sent.
    pub(crate) query: Vec<(String, String)>,
}

impl RequestContext {
    /// The context of a new request.
    pub(crate) fn new(shared: &Shared, event_type: &'static str, route_key: &str) -> Self {
        Self {
            route_key: route_key.to_owned(),
            event_type,
            request_id: super::sockets::request_id(),
            message_id: None,
            at_ms: shared.clock.now_ms(),
            closed: None,
            caller_arn: None,
            authorizer_latency_ms: None,
        }
    }

    /// `19/Feb/2024:07:11:42 +0000`.
    pub(crate) fn request_time(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or_default();
        at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    fn json(&self, shared: &Shared, connection: &Connection) -> Value {
        let mut context = Map::new();
        let mut set = |name: &str, value: Value| drop(context.insert(name.to_owned(), value));
        set("routeKey", json!(self.route_key));
        if let Some((code, _)) = &self.closed {
            set("disconnectStatusCode", json!(code));
        }
        if let Some(authorizer) = self.authorizer(connection) {
            set("authorizer", authorizer);
        }
        if let Some(id) = &self.message_id {
            set("messageId", json!(id));
        }
        set("eventType", json!(self.event_type));
        set("extendedRequestId", json!(self.request_id));
        set("requestTime", json!(self.request_time()));
        set("messageDirection", json!("IN"));
        if let Some((_, reason)) = &self.closed {
            set("disconnectReason", json!(reason));
        }
        set("stage", json!(connection.stage));
        set("connectedAt", json!(connection.connected_at));
        set("requestTimeEpoch", json!(self.at_ms));
        set("identity", self.identity(connection));
        set("requestId", json!(self.request_id));
        set("domainName", json!(domain_name(shared, &connection.api_id)));
        set("connectionId", json!(connection.id));
        set("apiId", json!(connection.api_id));
        Value::Object(context)
    }

    fn authorizer(&self, connection: &Connection) -> Option<Value> {
        let mut said = Map::clone(connection.authorizer()?);
        if let Some(latency) = self.authorizer_latency_ms {
            said.insert("integrationLatency".to_owned(), latency.into());
        }
        Some(said.into())
    }

    fn identity(&self, connection: &Connection) -> Value {
        let mut identity = json!({ "sourceIp": connection.source_ip.to_string() });
        if let Some(agent) = &connection.user_agent {
            identity["userAgent"] = json!(agent);
        }
        if let Some(arn) = &self.caller_arn {
            identity["userArn"] = json!(arn);
        }
        identity
    }
}

/// The host name that the API would have on AWS. It does not resolve here: a function that posts
/// back needs the management endpoint from its environment.
pub(crate) fn domain_name(shared: &Shared, api_id: &str) -> String {
    format!("{api_id}.execute-api.{}.amazonaws.com", shared.region)
}

impl HandshakeRequest {
    /// Reads a handshake, and adds the headers of a proxy; `X-Forwarded-For` of the client is kept.
    pub(crate) fn read(parts: &Parts, connection: &Connection) -> Self {
        let mut headers = headers_of(&parts.headers);
        let mut chain = connection.source_ip.to_string();
        headers.retain(|(name, value)| match name.as_str() {
            "X-Forwarded-For" => {
                chain = format!("{value}, {chain}");
                false
            }
            "X-Forwarded-Port" | "X-Forwarded-Proto" => false,
            _ => true,
        });
        if !headers.iter().any(|(name, _)| name == "X-Amzn-Trace-Id") {
            let id = trace_id(connection.connected_at);
            headers.push(("X-Amzn-Trace-Id".to_owned(), id));
        }
        headers.push(("X-Forwarded-For".to_owned(), chain));
        headers.push(("X-Forwarded-Port".to_owned(), "443".to_owned()));
        headers.push(("X-Forwarded-Proto".to_owned(), "https".to_owned()));
        let query = wire::parse_form(parts.uri.query().unwrap_or_default());
        Self { headers, query }
    }

    /// Every header that is not hop-by-hop, and `more`.
    fn headers_with(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let hop = |name: &str| matches!(name, "Connection" | "Upgrade" | "Content-Length");
        let own = self.headers.iter().filter(|(name, _)| !hop(name)).cloned();
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        own.chain(more).collect()
    }
}

/// The event of `$connect`.
pub(crate) fn connect(
    shared: &Shared,
    stage: &LiveStage,
    connection: &Connection,
    context: &RequestContext,
    handshake: &HandshakeRequest,
) -> Value {
    let mut event = Map::new();
    put(
        &mut event,
        "headers",
        "multiValueHeaders",
        &handshake.headers_with(&[]),
    );
    if !handshake.query.is_empty() {
        put_query(&mut event, handshake);
    }
    finish(event, shared, stage, connection, context)
}

/// The event of an authorizer of type `REQUEST`. The members for queries and stage variables are
/// there even when they are empty, and the headers of the upgrade too.
pub(crate) fn authorizer(
    shared: &Shared,
    stage: &LiveStage,
    connection: &Connection,
    context: &RequestContext,
    handshake: &HandshakeRequest,
) -> Value {
    let upgrade = [
        ("Connection", "upgrade"),
        ("content-length", "0"),
        ("Upgrade", "websocket"),
    ];
    let mut event = Map::new();
    event.insert("type".to_owned(), "REQUEST".into());
    let arn = execute_arn(shared, stage, "$connect");
    event.insert("methodArn".to_owned(), arn.into());
    put(
        &mut event,
        "headers",
        "multiValueHeaders",
        &handshake.headers_with(&upgrade),
    );
    put_query(&mut event, handshake);
    event.insert("stageVariables".to_owned(), json!(stage.stage_variables));
    event.insert(
        "requestContext".to_owned(),
        context.json(shared, connection),
    );
    Value::Object(event)
}

/// `arn:aws:execute-api:{region}:{account}:{api}/{stage}/{route}`.
pub(crate) fn execute_arn(shared: &Shared, stage: &LiveStage, route_key: &str) -> String {
    format!(
        "arn:aws:execute-api:{}:{}:{}/{}/{route_key}",
        shared.region, shared.account_id, stage.api_id, stage.stage
    )
}

/// The event of a message.
pub(crate) fn message(
    shared: &Shared,
    stage: &LiveStage,
    connection: &Connection,
    context: &RequestContext,
    body: &str,
) -> Value {
    let mut event = finish(Map::new(), shared, stage, connection, context);
    // AWS writes the body before the last member.
    let encoded = event
        .as_object_mut()
        .and_then(|event| event.remove("isBase64Encoded"));
    event["body"] = json!(body);
    event["isBase64Encoded"] = encoded.unwrap_or(json!(false));
    event
}

/// The event of `$disconnect`.
pub(crate) fn disconnect(
    shared: &Shared,
    stage: &LiveStage,
    connection: &Connection,
    context: &RequestContext,
) -> Value {
    let headers = [
        ("Host".to_owned(), domain_name(shared, &connection.api_id)),
        ("x-api-key".to_owned(), String::new()),
        ("X-Forwarded-For".to_owned(), String::new()),
        ("x-restapi".to_owned(), String::new()),
    ];
    let mut event = Map::new();
    put(&mut event, "headers", "multiValueHeaders", &headers);
    finish(event, shared, stage, connection, context)
}

fn finish(
    mut event: Map<String, Value>,
    shared: &Shared,
    stage: &LiveStage,
    connection: &Connection,
    context: &RequestContext,
) -> Value {
    if !stage.stage_variables.is_empty() {
        event.insert("stageVariables".to_owned(), json!(stage.stage_variables));
    }
    event.insert(
        "requestContext".to_owned(),
        context.json(shared, connection),
    );
    event.insert("isBase64Encoded".to_owned(), json!(false));
    Value::Object(event)
}

fn put_query(event: &mut Map<String, Value>, handshake: &HandshakeRequest) {
    let (last, every) = ("queryStringParameters", "multiValueQueryStringParameters");
    put(event, last, every, &handshake.query);
}

/// Names and values, sorted as AWS sorts them: the last value of each name, and all of its values.
fn put(event: &mut Map<String, Value>, last: &str, every: &str, pairs: &[(String, String)]) {
    let mut sorted: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        let key = (name.to_ascii_lowercase(), name.as_str());
        sorted.entry(key).or_default().push(value);
    }
    let (mut singles, mut multiples) = (Map::new(), Map::new());
    for ((_, name), values) in sorted {
        singles.insert(name.to_owned(), json!(values.last()));
        multiples.insert(name.to_owned(), json!(values));
    }
    event.insert(last.to_owned(), singles.into());
    event.insert(every.to_owned(), multiples.into());
}

/// Headers as clients usually write them.
fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                title_case(name.as_str()),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect()
}

/// `sec-websocket-key` becomes `Sec-WebSocket-Key`, as clients write it. hyper keeps names in lower
/// case only, so a client's own unusual casing is lost here.
fn title_case(name: &str) -> String {
    let part = |part: &str| match part {
        "websocket" => "WebSocket".to_owned(),
        part => {
            let (first, rest) = part.split_at(part.len().min(1));
            first.to_ascii_uppercase() + rest
        }
    };
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

fn trace_id(at_ms: i64) -> String {
    format!(
        "Root=1-{:08x}-{:024x}",
        at_ms / 1000,
        fastrand::u128(..) >> 32
    )
}
