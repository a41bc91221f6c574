//! Who may connect: with `AWS_IAM` the caller's policies decide, with `CUSTOM` a Lambda authorizer, before
//! `$connect` is invoked.
//!
//! | case | status and message |
//! |---|---|
//! | an identity source is missing or empty | 401 `Unauthorized`; the function is not invoked |
//! | the function fails with `Unauthorized` | 401 `Unauthorized` |
//! | its policy denies, or allows nothing that fits | 403, with different messages for the two |
//! | it fails otherwise, or may not be invoked | 500 `Internal server error` |
//! | its answer is malformed | 500 with an empty message |
//! | two `Authorization` headers | 400, an HTML page |
//!
//! Nothing is cached: WebSocket APIs invoke the authorizer for every handshake. The permission that it needs
//! names `{api}/authorizers/{id}`, not the route.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use serde_json::{Map, Value};

use super::events::{self, HandshakeRequest, RequestContext, domain_name};
use super::{Connection, Gateway, integration};
use crate::runtime::InvocationResult;
use crate::services::apigatewayv2::{LiveAuthorizer, LiveStage};
use crate::services::iam::policy::{self, AccessRequest, Decision, Document};
use crate::services::lambda::{InvokeRefusal, invoke_for_gateway};
use crate::wire::Request;

/// An authorizer's answer may have 8 KB.
const ANSWER_LIMIT: usize = 8 * 1024;
/// Uncertain: integrations have 29 s; the documents do not name a limit for authorizers. The same is assumed.
const TIME_LIMIT: Duration = Duration::from_secs(29);

/// A handshake that the authorizer allows.
#[derive(Debug)]
pub(super) struct Allowed {
    /// For `requestContext.authorizer` and `$context.authorizer`, as text.
    pub(super) said: Map<String, Value>,
    pub(super) latency: Duration,
}

/// Why a handshake is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Denied {
    TwoAuthorizations,
    Unauthorized,
    /// A statement denies it.
    Explicitly,
    /// No statement allows it.
    Implicitly,
    /// The function may not be invoked. What the execution log says about it.
    NotInvoked(&'static str),
    /// The function failed.
    Failed,
    /// The answer is malformed.
    BadAnswer,
}

impl Denied {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::TwoAuthorizations => 400,
            Self::Unauthorized => 401,
            Self::Explicitly | Self::Implicitly => 403,
            Self::NotInvoked(_) | Self::Failed | Self::BadAnswer => 500,
        }
    }

    /// Message, and the kind that `$context.error.responseType` shows.
    ///
    /// Uncertain: the kinds are the names of REST APIs' gateway responses; which of the two for
    /// authorizers goes with which failure is recorded for REST APIs only.
    pub(super) fn error(&self) -> (&'static str, &'static str) {
        match self {
            Self::TwoAuthorizations => ("Bad Request", "BAD_REQUEST_PARAMETERS"),
            Self::Unauthorized => ("Unauthorized", "UNAUTHORIZED"),
            Self::Explicitly => (
                "User is not authorized to access this resource with an explicit deny in an identity-based policy",
                "ACCESS_DENIED",
            ),
            Self::Implicitly => (
                "User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke action",
                "ACCESS_DENIED",
            ),
            Self::NotInvoked(_) => ("Internal server error", "AUTHORIZER_CONFIGURATION_ERROR"),
            Self::Failed => ("Internal server error", "AUTHORIZER_FAILURE"),
            Self::BadAnswer => ("", "AUTHORIZER_CONFIGURATION_ERROR"),
        }
    }
}

/// Invokes the authorizer of a `CUSTOM` route.
pub(super) async fn ask(
    gateway: &Gateway,
    stage: &LiveStage,
    authorizer: &LiveAuthorizer,
    connection: &Connection,
    context: &RequestContext,
    (headers, handshake): (&HeaderMap, &HandshakeRequest),
) -> Result<Allowed, Denied> {
    if headers.get_all("authorization").iter().count() > 1 {
        return Err(Denied::TwoAuthorizations);
    }
    let given = |source: &String| {
        let identity = identity(
            gateway,
            stage,
            source,
            connection,
            context,
            (headers, handshake),
        );
        identity.is_some_and(|identity| !identity.is_empty())
    };
    if !authorizer.identity_sources.iter().all(given) {
        return Err(Denied::Unauthorized);
    }
    let event = events::authorizer(&gateway.shared, stage, connection, context, handshake);
    let began = Instant::now();
    let outcome = invoke(gateway, stage, authorizer, event.to_string().into()).await?;
    let latency = began.elapsed();
    let (document, said) = read(&outcome)?;
    match verdict(gateway, stage, connection, document) {
        Decision::Allow => Ok(Allowed { said, latency }),
        Decision::ExplicitDeny => Err(Denied::Explicitly),
        Decision::ImplicitDeny => Err(Denied::Implicitly),
    }
}

async fn invoke(
    gateway: &Gateway,
    stage: &LiveStage,
    authorizer: &LiveAuthorizer,
    event: Bytes,
) -> Result<InvocationResult, Denied> {
    const NO_PERMISSION: &str =
        "Execution failed due to configuration error: Invalid permissions on Lambda function";
    let source = format!(
        "arn:aws:execute-api:{}:{}:{}/authorizers/{}",
        gateway.shared.region, gateway.shared.account_id, stage.api_id, authorizer.authorizer_id
    );
    let arn = integration::function_arn(stage, &authorizer.uri)
        .ok_or(Denied::NotInvoked(NO_PERMISSION))?;
    let role = authorizer.credentials_arn.as_deref();
    let invoking = invoke_for_gateway(&gateway.functions, &arn, &source, role, event);
    match tokio::time::timeout(TIME_LIMIT, invoking).await {
        Ok(Ok((_, outcome))) => Ok(outcome),
        Ok(Err(InvokeRefusal::NotPermitted)) => Err(Denied::NotInvoked(NO_PERMISSION)),
        Ok(Err(_)) | Err(_) => Err(Denied::Failed),
    }
}

/// The value of an identity source. A header that came several times is one value with commas, of a
/// query parameter the last value counts; `eventType` and some others that events show are no sources.
fn identity(
    gateway: &Gateway,
    stage: &LiveStage,
    source: &str,
    connection: &Connection,
    context: &RequestContext,
    (headers, handshake): (&HeaderMap, &HandshakeRequest),
) -> Option<String> {
    if let Some(name) = source.strip_prefix("route.request.header.") {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        return (!values.is_empty()).then(|| values.join(","));
    }
    if let Some(name) = source.strip_prefix("route.request.querystring.") {
        let mut all = handshake.query.iter().rev();
        return all
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone());
    }
    if let Some(name) = source.strip_prefix("stageVariables.") {
        return stage.stage_variables.get(name).cloned();
    }
    match source.strip_prefix("context.")? {
        "routeKey" => Some(context.route_key.clone()),
        "stage" => Some(stage.stage.clone()),
        "apiId" => Some(stage.api_id.clone()),
        "accountId" => Some(gateway.shared.account_id.clone()),
        "domainName" => Some(domain_name(&gateway.shared, &stage.api_id)),
        "domainPrefix" => Some(stage.api_id.clone()),
        "requestId" | "extendedRequestId" => Some(context.request_id.clone()),
        "requestTimeEpoch" => Some(context.at_ms.to_string()),
        "connectedAt" => Some(connection.connected_at.to_string()),
        "connectionId" => Some(connection.id.clone()),
        "identity.sourceIp" => Some(connection.source_ip.to_string()),
        "identity.userAgent" => connection.user_agent.clone(),
        _ => None,
    }
}

/// The policy of an answer, and its principal and context as text, which later events show.
fn read(outcome: &InvocationResult) -> Result<(Document, Map<String, Value>), Denied> {
    let answer = serde_json::from_slice::<Value>(&outcome.payload).ok();
    let error = answer
        .as_ref()
        .and_then(|answer| answer.get("errorMessage"));
    if error.and_then(Value::as_str) == Some("Unauthorized") {
        return Err(Denied::Unauthorized);
    }
    if outcome.failed {
        return Err(Denied::Failed);
    }
    // Uncertain: what AWS answers over 8 KB is not recorded; an answer that is too large is taken for
    // one that is malformed.
    if outcome.payload.len() > ANSWER_LIMIT {
        return Err(Denied::BadAnswer);
    }
    answer.and_then(read_answer).ok_or(Denied::BadAnswer)
}

/// `isAuthorized` is for HTTP APIs only. A principal may be missing; a context may hold no nested
/// values, and null is left out.
fn read_answer(answer: Value) -> Option<(Document, Map<String, Value>)> {
    if answer.get("isAuthorized").is_some() {
        return None;
    }
    let document = Document::from_value(answer.get("policyDocument")?)?;
    let mut said = Map::new();
    match answer.get("context") {
        None | Some(Value::Null) => {}
        Some(Value::Object(context)) => {
            for (name, value) in context {
                if let Some(text) = text(value)? {
                    said.insert(name.clone(), text.into());
                }
            }
        }
        Some(_) => return None,
    }
    match answer.get("principalId") {
        None => {}
        Some(principal) => {
            if let Some(principal) = text(principal)? {
                said.insert("principalId".to_owned(), principal.into());
            }
        }
    }
    Some((document, said))
}

/// `Some(None)` for null, `None` for arrays and objects.
#[expect(
    clippy::option_option,
    reason = "null is left out, an object is an error"
)]
fn text(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) => Some(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn verdict(
    gateway: &Gateway,
    stage: &LiveStage,
    connection: &Connection,
    document: Document,
) -> Decision {
    let resource = events::execute_arn(&gateway.shared, stage, "$connect");
    let keys = policy::ConditionKeys::from([
        (
            "aws:sourceip".to_owned(),
            vec![connection.source_ip.to_string()],
        ),
        ("aws:securetransport".to_owned(), vec!["true".to_owned()]),
        (
            "aws:currenttime".to_owned(),
            vec![gateway.shared.clock.now().to_string()],
        ),
    ]);
    let ask = AccessRequest {
        principal: None,
        action: "execute-api:Invoke",
        resource: &resource,
        context: &keys,
    };
    policy::evaluate(&[document], &ask)
}

/// `AWS_IAM`: the handshake must be signed, and the caller have the right to `execute-api:Invoke`. The caller's
/// ARN, or why not.
pub(super) fn ask_iam(
    gateway: &Gateway,
    stage: &LiveStage,
    parts: &Parts,
) -> Result<String, String> {
    let operation = "Invoke".to_owned();
    let request = Request::new(parts.clone(), Bytes::new(), "execute-api", operation);
    let resource = events::execute_arn(&gateway.shared, stage, "$connect");
    let action = "execute-api:Invoke";
    let checked = gateway.iam.admit(&request).and_then(|principal| {
        gateway.iam.authorize(&principal, action, &resource, &[])?;
        Ok(principal.arn(&gateway.shared.account_id))
    });
    checked.map_err(|error| error.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(more: &Value) -> Value {
        let mut answer = json!({
            "principalId": "alice",
            "policyDocument": {"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
            ]},
        });
        for (name, value) in more.as_object().unwrap() {
            answer[name] = value.clone();
        }
        answer
    }

    fn said(more: &Value) -> Option<Value> {
        read_answer(answer(more)).map(|(_, said)| said.into())
    }

    #[test]
    fn what_an_authorizer_says_becomes_text() {
        let context = json!({"context": {"a": 7, "b": true, "c": "", "d": null}});
        let wanted = json!({"a": "7", "b": "true", "c": "", "principalId": "alice"});
        assert_eq!(said(&context), Some(wanted));
    }

    #[test]
    fn a_principal_may_be_missing_or_a_number_but_not_an_object() {
        assert_eq!(said(&json!({"principalId": null})), Some(json!({})));
        assert_eq!(
            said(&json!({"principalId": 7})),
            Some(json!({"principalId": "7"}))
        );
        assert_eq!(said(&json!({"principalId": {"a": 1}})), None);
    }

    #[test]
    fn what_is_nested_or_made_for_http_apis_is_malformed() {
        for bad in [
            json!({"context": {"a": {"b": 1}}}),
            json!({"context": {"a": [1]}}),
            json!({"context": "text"}),
            json!({"isAuthorized": true}),
            json!({"policyDocument": null}),
            json!({"policyDocument": {"Statement": [{"Effect": "Maybe"}]}}),
        ] {
            assert_eq!(said(&bad), None, "{bad}");
        }
    }
}
