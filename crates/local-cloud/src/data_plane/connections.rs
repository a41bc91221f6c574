//! The `@connections` management API: post to a client, describe its connection, close it.
//!
//! The order of the checks is AWS's: the form of the id comes before the signature, the caller's
//! right before the connection. Policies are evaluated for the literal template
//! `{api}/{stage}/{VERB}/@connections/{connectionId}`, so a policy for one concrete id, or for
//! `/@connections` alone, does not match. Any stage of the API manages any of its connections, even one
//! that nothing is deployed on.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;

use super::events::RequestContext;
use super::request_log::{Caller, Entry, RequestLog};
use super::sockets::{MESSAGE_LIMIT, PostError, is_connection_id};
use super::{CloseReason, Connection, Gateway, Target, forbidden};
use crate::services::apigatewayv2::LiveStage;
use crate::wire::{Request, Response, ServiceError, decode};

impl Gateway {
    /// Answers a call of `@connections`.
    pub(crate) fn manage(
        self: &Arc<Self>,
        request: &Request,
        target: &Target,
        peer: IpAddr,
    ) -> Response {
        let Some(id) = connection_id(&target.rest) else {
            return forbidden().identified(&request.request_id);
        };
        let stage = self.apis.live(&target.api_id, &target.stage);
        let result = manage(self, request, stage.as_deref(), target, &id);
        if let Some(stage) = &stage {
            log(self, stage, request, peer, &id, &result);
        }
        match result {
            Ok(response) => response,
            // Over the limit there is neither a body nor an error type.
            Err(error) if error.status == 413 => Response::empty(StatusCode::PAYLOAD_TOO_LARGE),
            Err(error) => error.rest(),
        }
        .identified(&request.request_id)
    }
}

/// The decoded id in `@connections/{id}`; some clients write `@` as `%40`.
fn connection_id(rest: &str) -> Option<String> {
    let (folder, id) = rest.split_once('/')?;
    (decode(folder) == "@connections").then(|| decode(id))
}

fn manage(
    gateway: &Arc<Gateway>,
    request: &Request,
    stage: Option<&LiveStage>,
    target: &Target,
    id: &str,
) -> Result<Response, ServiceError> {
    if !is_connection_id(id) {
        let words = format!("Invalid connectionId: {id}");
        return Err(ServiceError::new(400, "BadRequestException", words));
    }
    let principal = gateway.iam.admit(request)?;
    if stage.is_none() {
        return Err(ServiceError::new(403, "ForbiddenException", "Forbidden"));
    }
    let resource = format!(
        "arn:aws:execute-api:{}:{}:{}/{}/{}/@connections/{{connectionId}}",
        gateway.shared.region,
        gateway.shared.account_id,
        target.api_id,
        target.stage,
        request.method
    );
    let action = "execute-api:ManageConnections";
    gateway
        .iam
        .authorize(&principal, action, &resource, &[])
        .map_err(|mut error| {
            error.status = 403;
            error
        })?;
    if !gateway.throttles.request(&gateway.shared.conditions.now()) {
        return Err(ServiceError::new(
            429,
            "LimitExceededException",
            "Too Many Requests",
        ));
    }
    if request.body.len() > MESSAGE_LIMIT {
        return Err(ServiceError::new(413, "PayloadTooLargeException", ""));
    }
    let found = gateway.sockets.get(&target.api_id, id);
    let found = found.ok_or_else(|| ServiceError::new(410, "GoneException", "Gone"))?;
    act(gateway, request, &found)
}

fn act(
    gateway: &Gateway,
    request: &Request,
    connection: &Connection,
) -> Result<Response, ServiceError> {
    match request.method {
        Method::POST => post(gateway, connection, request.body.clone()),
        Method::GET => Ok(Response::json(StatusCode::OK, &look(connection))),
        Method::DELETE => {
            gateway.sockets.close(connection, CloseReason::deleted());
            Ok(Response::empty(StatusCode::NO_CONTENT))
        }
        _ => Err(ServiceError::new(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )),
    }
}

fn post(gateway: &Gateway, connection: &Connection, body: Bytes) -> Result<Response, ServiceError> {
    // Clients get text frames only; what is not UTF-8 arrives as U+FFFD.
    let text = match std::str::from_utf8(&body) {
        Ok(_) => body,
        Err(_) => Bytes::from(String::from_utf8_lossy(&body).into_owned()),
    };
    match connection.post(text) {
        Ok(()) => {
            connection.touch(gateway.shared.clock.now_ms());
            Ok(Response::empty(StatusCode::OK))
        }
        Err(PostError::Gone) => Err(ServiceError::new(410, "GoneException", "Gone")),
        Err(PostError::BufferFull) => {
            let words = "WebSocket client side buffer is full";
            Err(ServiceError::new(429, "LimitExceededException", words))
        }
    }
}

fn look(connection: &Connection) -> serde_json::Value {
    let time = |ms| {
        let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
        at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    };
    let mut identity = json!({ "sourceIp": connection.source_ip.to_string() });
    if let Some(agent) = &connection.user_agent {
        identity["userAgent"] = json!(agent);
    }
    json!({
        "connectedAt": time(connection.connected_at),
        "identity": identity,
        "lastActiveAt": time(connection.last_active()),
    })
}

fn log(
    gateway: &Arc<Gateway>,
    stage: &Arc<LiveStage>,
    request: &Request,
    peer: IpAddr,
    id: &str,
    result: &Result<Response, ServiceError>,
) {
    let route_key = format!("{} /@connections/{{connectionId}}", request.method);
    let context = RequestContext::new(&gateway.shared, "CONNECTION_API", &route_key);
    let principal = request
        .access_key_id
        .as_ref()
        .map(|key| gateway.iam.principal_of(key));
    let caller = Caller {
        connection_id: id.to_owned(),
        connected_at: None,
        source_ip: peer.to_string(),
        user_agent: request.header("user-agent").map(str::to_owned),
        arn: principal.map(|principal| principal.arn(&gateway.shared.account_id)),
        authorizer: None,
    };
    let mut log = RequestLog::begin(gateway, stage, &context, caller);
    let (status, error) = match result {
        Ok(response) => (response.status.as_u16(), None),
        Err(error) => (error.status, error_of(error)),
    };
    match (result, error) {
        (Ok(_), _) => {
            log.info(|| format!("Connection API request completed with status: {status}"));
        }
        // A gone connection has a status but no error in the access log.
        (Err(error), None) => {
            log.error(|| format!("Connection API request failed: {}", error.code));
        }
        (Err(error), Some(_)) => log.error(|| format!("Execution failed: {}", error.message)),
    }
    log.finish(&Entry {
        status,
        error,
        latency: Some(std::time::Duration::ZERO),
    });
}

fn error_of(error: &ServiceError) -> Option<(&'static str, &'static str)> {
    match error.code.as_ref() {
        "GoneException" => None,
        "AccessDeniedException" | "ForbiddenException" => Some(("Forbidden", "ACCESS_DENIED")),
        "MissingAuthenticationTokenException" => Some((
            "Missing Authentication Token",
            "MISSING_AUTHENTICATION_TOKEN",
        )),
        "LimitExceededException" => Some(("Too Many Requests", "THROTTLED")),
        "BadRequestException" | "PayloadTooLargeException" => {
            Some(("Bad Request", "BAD_REQUEST_BODY"))
        }
        _ => Some(("Internal server error", "DEFAULT_5XX")),
    }
}
