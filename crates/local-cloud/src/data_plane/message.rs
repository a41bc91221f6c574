//! One message from a client: its route, the invocation, and what is sent back; and `$disconnect`.
//!
//! Uncertain: AWS promises no order for the messages of one connection. They are started in the order of
//! arrival, and answered when the function is done, so two answers may come in the other order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::events::{self, RequestContext};
use super::integration::{self, Failure, IntegrationCall};
use super::request_log::{Caller, Entry, RequestLog};
use super::sockets::{MESSAGE_LIMIT, connection_id};
use super::{CloseReason, Connection, Gateway, selection};
use crate::conditions::FaultKind;
use crate::services::apigatewayv2::{LiveRoute, LiveStage};

const FORBIDDEN: (&str, &str) = ("Forbidden", "ACCESS_DENIED");
const BROKEN: (&str, &str) = ("Internal server error", "INTEGRATION_FAILURE");
/// Uncertain: AWS's text for a message that waits 29 seconds is not recorded; some reports have "Internal
/// server error". This is what REST APIs answer.
const LATE: (&str, &str) = ("Endpoint request timed out", "INTEGRATION_TIMEOUT");
/// Uncertain: no capture shows what a throttled message gets. The text is the one of the handshake.
const THROTTLED: (&str, &str) = ("Too Many Requests", "THROTTLED");

/// Handles a text message.
pub(super) async fn received(gateway: Arc<Gateway>, connection: Arc<Connection>, text: String) {
    let Some(stage) = gateway.apis.live(&connection.api_id, &connection.stage) else {
        gateway
            .sockets
            .close(&connection, CloseReason::going_away());
        return;
    };
    let (key, route) = route(&stage, &text);
    let mut context = RequestContext::new(&gateway.shared, "MESSAGE", &key);
    context.message_id = Some(connection_id());
    let mut log = RequestLog::begin(&gateway, &stage, &context, Caller::from(&*connection));
    log.info(|| {
        let (api, id) = (&stage.api_id, &connection.id);
        format!("WebSocket API [{api}] received message from client [Connection Id: {id}].")
    });
    let fault = gateway.shared.conditions.next_fault("Message");
    match &fault {
        Some(FaultKind::Reset) => return gateway.sockets.close(&connection, CloseReason::lost()),
        Some(FaultKind::Hang) => return,
        Some(FaultKind::Throttle) => {
            return refuse(&connection, &context, log, 429, THROTTLED, None);
        }
        Some(FaultKind::Error(status)) => {
            return refuse(&connection, &context, log, *status, BROKEN, None);
        }
        Some(FaultKind::Delay(millis)) => tokio::time::sleep(Duration::from_millis(*millis)).await,
        Some(FaultKind::LostAnswer | FaultKind::EmptyAnswer | FaultKind::ServiceError { .. })
        | None => {}
    }
    let throttles = &gateway.throttles;
    if !throttles.request(&gateway.shared.conditions.now()) || !throttles.route(&stage, &key) {
        return refuse(&connection, &context, log, 429, THROTTLED, None);
    }
    let Some(route) = route else {
        log.error(|| "No route found for message".to_owned());
        return refuse(&connection, &context, log, 403, FORBIDDEN, None);
    };
    let Some(integration) = &route.integration else {
        log.error(|| "Execution failed due to configuration error: No integration".to_owned());
        return refuse(&connection, &context, log, 500, BROKEN, None);
    };
    let event = events::message(&gateway.shared, &stage, &connection, &context, &text);
    log.trace(|| format!("Endpoint request body after transformations: {event}"));
    let called = integration::call(&gateway, &stage, &key, integration, &event).await;
    if fault == Some(FaultKind::LostAnswer) {
        gateway.sockets.close(&connection, CloseReason::lost());
    }
    answer(&connection, &context, log, route, called);
}

/// The route key that the message selects, and its route.
///
/// Uncertain: `$connect` and `$disconnect` cannot be reached by naming them, but what such a message
/// gets is not recorded. Here it goes to `$default` like any other unknown one.
fn route<'a>(stage: &'a LiveStage, text: &str) -> (String, Option<&'a LiveRoute>) {
    let selected = selection::select(&stage.route_selection_expression, text);
    let own = selected.filter(|key| !key.is_empty() && key != "$connect" && key != "$disconnect");
    if let Some((key, route)) = own.and_then(|key| Some((key.clone(), stage.routes.get(&key)?))) {
        return (key, Some(route));
    }
    ("$default".to_owned(), stage.routes.get("$default"))
}

fn answer(
    connection: &Connection,
    context: &RequestContext,
    mut log: RequestLog,
    route: &LiveRoute,
    called: IntegrationCall,
) {
    log_call(&mut log, &called);
    let latency = Some(called.latency);
    let reply = match called.result {
        Ok(reply) => reply,
        Err(Failure::TimedOut) => return refuse(connection, context, log, 504, LATE, latency),
        Err(_) => return refuse(connection, context, log, 500, BROKEN, latency),
    };
    log.info(|| {
        format!(
            "Message from client [Connection Id: {}] sent to API [{}] with response status code [{}].",
            connection.id, connection.api_id, reply.status
        )
    });
    // Only a deployed route response sends the body back, whatever the status is.
    if let Some(body) = reply.body.filter(|_| route.route_response) {
        // Uncertain: what a reply over 128 KB does is not recorded. A message to a client may not be
        // larger, so it counts as a failure of the integration.
        if body.len() > MESSAGE_LIMIT {
            return refuse(connection, context, log, 500, BROKEN, latency);
        }
        let _ = connection.post(Bytes::from(body));
    }
    log.finish(&Entry {
        status: reply.status,
        error: None,
        latency,
    });
}

/// An error frame; the socket stays open.
fn refuse(
    connection: &Connection,
    context: &RequestContext,
    mut log: RequestLog,
    status: u16,
    error: (&'static str, &'static str),
    latency: Option<std::time::Duration>,
) {
    let _ = connection.post(frame(error.0, &connection.id, &context.request_id).into());
    log.error(|| format!("Execution failed: {}", error.0));
    log.finish(&Entry {
        status,
        error: Some(error),
        latency,
    });
}

/// An error frame, with AWS's spacing: after `"message":` and after the commas.
pub(super) fn frame(message: &str, connection_id: &str, request_id: &str) -> String {
    let message = serde_json::Value::from(message);
    format!(
        r#"{{"message": {message}, "connectionId":"{connection_id}", "requestId":"{request_id}"}}"#
    )
}

/// What the execution log says about a call of the function.
pub(super) fn log_call(log: &mut RequestLog, called: &IntegrationCall) {
    if let Some(id) = &called.endpoint_request_id {
        log.info(|| format!("AWS Integration Endpoint RequestId : {id}"));
    }
    log.trace(|| {
        let payload = String::from_utf8_lossy(&called.payload);
        format!("Endpoint response body before transformations: {payload}")
    });
    if called.result.is_err() && !called.detail.is_empty() {
        log.error(|| called.detail.clone());
    }
}

/// Invokes `$disconnect`. Called exactly once for every connection.
///
/// AWS promises "best effort" only; faults can prevent it.
pub(super) async fn disconnected(
    gateway: &Arc<Gateway>,
    connection: &Connection,
    ending: &CloseReason,
) {
    match gateway.shared.conditions.next_fault("Disconnect") {
        None
        | Some(FaultKind::LostAnswer | FaultKind::EmptyAnswer | FaultKind::ServiceError { .. }) => {
        }
        Some(FaultKind::Delay(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
        Some(FaultKind::Reset | FaultKind::Hang | FaultKind::Throttle | FaultKind::Error(_)) => {
            return;
        }
    }
    let Some(stage) = gateway.apis.live(&connection.api_id, &connection.stage) else {
        return;
    };
    let key = "$disconnect";
    let mut context = RequestContext::new(&gateway.shared, "DISCONNECT", key);
    context.closed = Some((ending.code, ending.reason.clone()));
    let mut log = RequestLog::begin(gateway, &stage, &context, Caller::from(connection));
    let integration = stage
        .routes
        .get(key)
        .and_then(|route| route.integration.as_ref());
    let close = format!("Close reason: [{}: {}]", ending.code, ending.reason);
    let who = format!(
        "Client [Connection Id: {}] disconnected from API [{}]",
        connection.id, connection.api_id
    );
    let Some(integration) = integration else {
        log.info(|| format!("{who}. {close}"));
        return log.finish(&Entry {
            status: 200,
            ..Entry::default()
        });
    };
    let event = events::disconnect(&gateway.shared, &stage, connection, &context);
    let called = integration::call(gateway, &stage, key, integration, &event).await;
    log_call(&mut log, &called);
    let latency = Some(called.latency);
    let (status, error) = match &called.result {
        Ok(reply) => (reply.status, None),
        Err(Failure::TimedOut) => (504, Some(LATE)),
        Err(_) => (500, Some(BROKEN)),
    };
    log.info(|| format!("{who} with integration response status code [{status}]. {close}"));
    log.finish(&Entry {
        status,
        error,
        latency,
    });
}
