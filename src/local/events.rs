//! The JSON that API Gateway hands to a function: CONNECT, MESSAGE and DISCONNECT.
//!
//! Three shapes that are easy to get wrong: only CONNECT has the client's headers and query, and no
//! `body` at all; MESSAGE has nothing but context and body; DISCONNECT has four headers of its own,
//! three of them empty. `requestId` and `extendedRequestId` are equal.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::Cloud;
use super::apigatewayv2::LiveStage;
use super::gateway::Connection;

/// What every event says about its request.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) route_key: String,
    /// `CONNECT`, `MESSAGE`, `DISCONNECT`, and in logs `CONNECTION_API`.
    pub(crate) event_type: &'static str,
    pub(crate) request_id: String,
    pub(crate) message_id: Option<String>,
    pub(crate) at_ms: i64,
    /// The close code and reason of a DISCONNECT.
    pub(crate) closed: Option<(u16, String)>,
    /// What an IAM authorizer found out about the caller.
    pub(crate) caller_arn: Option<String>,
}

impl Context {
    /// The context of a new request.
    pub(crate) fn new(cloud: &Cloud, event_type: &'static str, route_key: &str) -> Self {
        Self {
            route_key: route_key.to_owned(),
            event_type,
            request_id: super::gateway::request_id(),
            message_id: None,
            at_ms: cloud.clock.now_ms(),
            closed: None,
            caller_arn: None,
        }
    }

    /// `19/Feb/2024:07:11:42 +0000`.
    pub(crate) fn request_time(&self) -> String {
        let at = jiff::Timestamp::from_millisecond(self.at_ms).unwrap_or_default();
        at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    fn json(&self, cloud: &Cloud, connection: &Connection) -> Value {
        let mut context = Map::new();
        let mut set = |name: &str, value: Value| drop(context.insert(name.to_owned(), value));
        set("routeKey", json!(self.route_key));
        if let Some((code, _)) = &self.closed {
            set("disconnectStatusCode", json!(code));
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
        set("domainName", json!(domain_name(cloud, &connection.api_id)));
        set("connectionId", json!(connection.id));
        set("apiId", json!(connection.api_id));
        Value::Object(context)
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
pub(crate) fn domain_name(cloud: &Cloud, api_id: &str) -> String {
    format!("{api_id}.execute-api.{}.amazonaws.com", cloud.region)
}

/// The event of a handshake.
pub(crate) fn connect(
    cloud: &Cloud,
    stage: &LiveStage,
    connection: &Connection,
    context: &Context,
    headers: &[(String, String)],
    query: &[(String, String)],
) -> Value {
    let mut all = headers.to_vec();
    all.retain(|(name, _)| !is_hop_by_hop(name));
    all.push(("X-Amzn-Trace-Id".to_owned(), trace_id(context.at_ms)));
    all.push((
        "X-Forwarded-For".to_owned(),
        connection.source_ip.to_string(),
    ));
    all.push(("X-Forwarded-Port".to_owned(), "443".to_owned()));
    all.push(("X-Forwarded-Proto".to_owned(), "https".to_owned()));
    let mut event = Map::new();
    let (last, every) = singles_and_multiples(&all);
    event.insert("headers".to_owned(), last);
    event.insert("multiValueHeaders".to_owned(), every);
    if !query.is_empty() {
        let (last, every) = singles_and_multiples(query);
        event.insert("queryStringParameters".to_owned(), last);
        event.insert("multiValueQueryStringParameters".to_owned(), every);
    }
    finish(event, cloud, stage, connection, context)
}

/// The event of a message.
pub(crate) fn message(
    cloud: &Cloud,
    stage: &LiveStage,
    connection: &Connection,
    context: &Context,
    body: &str,
) -> Value {
    let mut event = finish(Map::new(), cloud, stage, connection, context);
    // AWS writes the body before the last member.
    let encoded = event
        .as_object_mut()
        .and_then(|event| event.remove("isBase64Encoded"));
    event["body"] = json!(body);
    event["isBase64Encoded"] = encoded.unwrap_or(json!(false));
    event
}

/// The event after the end.
pub(crate) fn disconnect(
    cloud: &Cloud,
    stage: &LiveStage,
    connection: &Connection,
    context: &Context,
) -> Value {
    let headers = [
        ("Host".to_owned(), domain_name(cloud, &connection.api_id)),
        ("x-api-key".to_owned(), String::new()),
        ("X-Forwarded-For".to_owned(), String::new()),
        ("x-restapi".to_owned(), String::new()),
    ];
    let (last, every) = singles_and_multiples(&headers);
    let mut event = Map::new();
    event.insert("headers".to_owned(), last);
    event.insert("multiValueHeaders".to_owned(), every);
    finish(event, cloud, stage, connection, context)
}

fn finish(
    mut event: Map<String, Value>,
    cloud: &Cloud,
    stage: &LiveStage,
    connection: &Connection,
    context: &Context,
) -> Value {
    if !stage.stage_variables.is_empty() {
        event.insert("stageVariables".to_owned(), json!(stage.stage_variables));
    }
    event.insert("requestContext".to_owned(), context.json(cloud, connection));
    event.insert("isBase64Encoded".to_owned(), json!(false));
    Value::Object(event)
}

/// Names and values as they came in; a name that repeats keeps its last value and all of them.
fn singles_and_multiples(pairs: &[(String, String)]) -> (Value, Value) {
    let mut every: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        every.entry(name).or_default().push(value);
    }
    let last: BTreeMap<_, _> = every
        .iter()
        .map(|(name, values)| (name, values.last()))
        .collect();
    (json!(last), json!(every))
}

/// Headers with the client's own casing, if hyper has kept it.
pub(crate) fn headers_of(headers: &HeaderMap) -> Vec<(String, String)> {
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

fn is_hop_by_hop(name: &str) -> bool {
    name.eq_ignore_ascii_case("connection") || name.eq_ignore_ascii_case("upgrade")
}

fn trace_id(at_ms: i64) -> String {
    format!(
        "Root=1-{:08x}-{:024x}",
        at_ms / 1000,
        fastrand::u128(..) >> 32
    )
}
