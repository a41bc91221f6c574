//! `HTTP_PROXY` and `HTTP`: an HTTP server behind a route.
//!
//! A message is sent on as the body; `$connect` and `$disconnect` have none. The server is told about the
//! connection only by request parameters, such as
//! `integration.request.header.connectionId: context.connectionId`. Its answer is the answer of the route; with
//! `HTTP`, a body comes back only if there is an integration response.
//!
//! Uncertain, and chosen: with `HTTP_PROXY` a handshake's headers and query are sent on too, because they are
//! delivered nowhere else; `ANY` and no method at all are POST; the headers that API Gateway
//! adds are those of REST APIs.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

use super::reply::{Reply, body_of, substituted};
use super::{mock, selection};
use crate::services::apigatewayv2::{LiveIntegration, LiveStage};

/// What the execution log says when the server cannot be reached.
pub(super) const NO_ANSWER: &str =
    "Execution failed due to an internal error: Network error communicating with endpoint";

/// The HTTP client of all integrations, made at the first call.
#[derive(Debug, Default)]
pub(crate) struct HttpClient {
    connector: OnceLock<Connector>,
}

impl HttpClient {
    fn connector(&self) -> &Connector {
        self.connector.get_or_init(|| {
            let ring = tls::rustls_provider::CryptoMode::Ring;
            Connector::builder()
                .tls_provider(tls::Provider::Rustls(ring))
                .build()
        })
    }
}

/// A request to the server.
#[derive(Debug, PartialEq, Eq)]
struct OutgoingRequest {
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Calls the server; `None` if it does not answer.
pub(super) async fn send(
    client: &HttpClient,
    stage: &LiveStage,
    integration: &LiveIntegration,
    event: &Value,
) -> Option<Reply> {
    let outgoing = compose(stage, integration, event);
    let mut request = http::Request::builder()
        .method(outgoing.method.as_str())
        .uri(outgoing.uri);
    for (name, value) in &outgoing.headers {
        request = request.header(name, value);
    }
    let request = request.body(SdkBody::from(outgoing.body)).ok()?;
    let answer = client
        .connector()
        .call(request.try_into().ok()?)
        .await
        .ok()?;
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = ByteStream::new(answer.into_body()).collect().await.ok()?;
    let text = String::from_utf8_lossy(&body.into_bytes()).into_owned();
    Some(Reply {
        status,
        body: body_for(integration, status, text, event),
        headers,
    })
}

/// With `HTTP_PROXY` the server's body is the body. With `HTTP` the integration response for the status
/// may replace it by a text; without such a response there is no body.
fn body_for(
    integration: &LiveIntegration,
    status: u16,
    text: String,
    event: &Value,
) -> Option<String> {
    if integration.integration_type == "HTTP_PROXY" {
        return Some(text);
    }
    let response = mock::response_for(&integration.custom, status)?;
    let message = serde_json::from_str(body_of(event)).unwrap_or(Value::Null);
    Some(mock::response_body(response, &message).unwrap_or(text))
}

fn compose(stage: &LiveStage, integration: &LiveIntegration, event: &Value) -> OutgoingRequest {
    let custom = &integration.custom;
    let mut headers = BTreeMap::from([
        ("content-type".to_owned(), "application/json".to_owned()),
        (
            "user-agent".to_owned(),
            format!("AmazonAPIGateway_{}", stage.api_id),
        ),
        ("x-amzn-apigateway-api-id".to_owned(), stage.api_id.clone()),
    ]);
    let mut query = Vec::new();
    if integration.integration_type == "HTTP_PROXY" {
        headers.extend(pairs(event, "headers").filter(|(name, _)| goes_out(name)));
        query.extend(pairs(event, "queryStringParameters"));
    }
    for (target, source) in &custom.request_parameters {
        let Some(value) = value_of(source, event) else {
            continue;
        };
        if let Some(name) = target.strip_prefix(HEADER) {
            headers.insert(name.to_ascii_lowercase(), value);
        } else if let Some(name) = target.strip_prefix(QUERY) {
            query.push((name.to_owned(), value));
        }
    }
    let message = body_of(event);
    let parsed = serde_json::from_str(message).unwrap_or(Value::Null);
    let key = selection::evaluate(&custom.template_selection, &parsed);
    let body = custom
        .request_templates
        .get(&key)
        .map_or(message, String::as_str);
    OutgoingRequest {
        method: match custom.method.as_str() {
            "" | "ANY" => "POST".to_owned(),
            method => method.to_owned(),
        },
        uri: with_query(&substituted(stage, &integration.uri), &query),
        headers,
        body: body.to_owned(),
    }
}

const HEADER: &str = "integration.request.header.";
const QUERY: &str = "integration.request.querystring.";

/// Whether a header is sent on: not those of the handshake, nor those that the new connection sets.
fn goes_out(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !name.starts_with("sec-websocket-") && !matches!(name.as_str(), "host" | "content-length")
}

fn pairs<'a>(event: &'a Value, name: &str) -> impl Iterator<Item = (String, String)> + use<'a> {
    let all = event.get(name).and_then(Value::as_object);
    all.into_iter()
        .flatten()
        .filter(|(name, _)| !name.starts_with("x-restapi") && !name.starts_with("x-api-key"))
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned())))
        .filter(|(_, value)| !value.is_empty())
}

/// Where a request parameter takes its value from. The control plane refuses any other.
fn value_of(source: &str, event: &Value) -> Option<String> {
    if let Some(text) = source.strip_prefix('\'') {
        return Some(text.strip_suffix('\'')?.to_owned());
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some(path) = source.strip_prefix("context.") {
        let path = format!("/requestContext/{}", path.replace('.', "/"));
        return event.pointer(&path).map(text);
    }
    if let Some(name) = source.strip_prefix("stageVariables.") {
        return event.get("stageVariables")?.get(name).map(text);
    }
    if let Some(name) = source.strip_prefix("route.request.header.") {
        let mut all = event.get("headers")?.as_object()?.iter();
        return all
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| text(value));
    }
    if let Some(name) = source.strip_prefix("route.request.querystring.") {
        return event.get("queryStringParameters")?.get(name).map(text);
    }
    let path = source.strip_prefix("route.request.body")?;
    let body = body_of(event);
    if path.is_empty() {
        return Some(body.to_owned());
    }
    let body = serde_json::from_str(body).ok()?;
    selection::look_up(&body, path).as_ref().map(text)
}

fn with_query(uri: &str, query: &[(String, String)]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let mut uri = uri.to_owned();
    for (name, value) in query {
        uri.push(if uri.contains('?') { '&' } else { '?' });
        uri.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
        uri.push('=');
        uri.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn integration(kind: &str, parameters: &[(&str, &str)]) -> LiveIntegration {
        let mut integration = LiveIntegration {
            integration_type: kind.to_owned(),
            uri: "http://127.0.0.1:1/${stageVariables.path}?a=1".to_owned(),
            ..LiveIntegration::default()
        };
        integration.custom.request_parameters = parameters
            .iter()
            .map(|(target, source)| ((*target).to_owned(), (*source).to_owned()))
            .collect();
        integration
    }

    fn stage() -> LiveStage {
        LiveStage {
            api_id: "abc".to_owned(),
            stage_variables: BTreeMap::from([("path".to_owned(), "hook".to_owned())]),
            ..LiveStage::default()
        }
    }

    #[test]
    fn request_parameters_tell_the_server_what_it_could_not_know() {
        let parameters = [
            (
                "integration.request.header.Connection-Id",
                "context.connectionId",
            ),
            ("integration.request.header.ip", "context.identity.sourceIp"),
            ("integration.request.header.kind", "'chat'"),
            (
                "integration.request.querystring.to",
                "route.request.body.to.name",
            ),
            (
                "integration.request.querystring.none",
                "route.request.body.none",
            ),
        ];
        let event = json!({
            "requestContext": {"connectionId": "id==", "identity": {"sourceIp": "127.0.0.1"}},
            "body": r#"{"to":{"name":"Bob & Co"}}"#,
        });
        let sent = compose(&stage(), &integration("HTTP", &parameters), &event);
        assert_eq!(sent.uri, "http://127.0.0.1:1/hook?a=1&to=Bob%20%26%20Co");
        assert_eq!(sent.headers["connection-id"], "id==");
        assert_eq!(sent.headers["ip"], "127.0.0.1");
        assert_eq!(sent.headers["kind"], "chat");
        assert_eq!(sent.body, r#"{"to":{"name":"Bob & Co"}}"#);
        assert_eq!(sent.method, "POST");
    }

    #[test]
    fn a_proxy_hands_on_the_handshake_and_http_does_not() {
        let event = json!({
            "headers": {"Authorization": "me", "Host": "x", "Sec-WebSocket-Key": "k"},
            "queryStringParameters": {"room": "a b"},
            "requestContext": {},
        });
        let proxy = compose(&stage(), &integration("HTTP_PROXY", &[]), &event);
        assert_eq!(proxy.uri, "http://127.0.0.1:1/hook?a=1&room=a%20b");
        assert_eq!(proxy.headers["authorization"], "me");
        assert!(!proxy.headers.contains_key("sec-websocket-key"));
        assert!(!proxy.headers.contains_key("host"));
        let plain = compose(&stage(), &integration("HTTP", &[]), &event);
        assert!(!plain.headers.contains_key("authorization"));
        assert_eq!(plain.uri, "http://127.0.0.1:1/hook?a=1");
    }
}
