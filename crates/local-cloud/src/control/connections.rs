//! `/_chatctl/connections`: the open sockets.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::data_plane::{CloseReason, Connection, Sockets};
use crate::wire::{Request, ServiceError};

use super::input::{missing, nothing, unusable, verb};

/// Lists the open sockets, or closes them.
pub(super) fn connections(
    sockets: &Sockets,
    request: &Request,
    path: &[&str],
) -> Result<Value, ServiceError> {
    let find = |id: &str| {
        let found = sockets.all().into_iter().find(|found| found.id == id);
        found.ok_or_else(|| missing(format!("there is no connection {id}, or no longer")))
    };
    let list =
        |found: Vec<Arc<Connection>>| json!(found.iter().map(|one| show(one)).collect::<Vec<_>>());
    match (verb(&request.method), path) {
        ("GET", []) => Ok(list(sockets.all())),
        ("GET", [id]) => Ok(show(&*find(id)?)),
        ("DELETE", []) => {
            let reason = close_reason(request)?;
            let ended = sockets.all();
            for connection in &ended {
                sockets.close(connection, reason.clone());
            }
            Ok(list(ended))
        }
        ("DELETE", [id]) => {
            let (reason, found) = (close_reason(request)?, find(id)?);
            sockets.close(&found, reason);
            Ok(show(&found))
        }
        _ => Err(nothing(request)),
    }
}

fn show(connection: &Connection) -> Value {
    json!({
        "connectionId": connection.id,
        "apiId": connection.api_id,
        "stage": connection.stage,
        "connectedAt": connection.connected_at,
        "lastActiveAt": connection.last_active(),
        "sourceIp": connection.source_ip.to_string(),
        "userAgent": connection.user_agent,
    })
}

/// Without a code the socket is dropped as a broken network drops it.
fn close_reason(request: &Request) -> Result<CloseReason, ServiceError> {
    for (name, _) in request.params() {
        if name != "code" && name != "reason" {
            return Err(unusable(format!(
                "unknown field `{name}`, expected code or reason"
            )));
        }
    }
    let reason = request.param("reason").unwrap_or_default();
    let Some(code) = request.param("code") else {
        if !reason.is_empty() {
            return Err(unusable("reason: a reason needs a code".to_owned()));
        }
        return Ok(CloseReason::lost());
    };
    // The codes that a close frame may carry.
    let sendable = |code: &u16| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    let Some(code) = code.parse().ok().filter(sendable) else {
        return Err(unusable(format!(
            "code: {code} cannot stand in a close frame; 1000, 1001, 1011 and 4000 to 4999 can"
        )));
    };
    if reason.len() > 123 {
        return Err(unusable(
            "reason: a close frame has room for 123 bytes".to_owned(),
        ));
    }
    Ok(CloseReason::with(code, &reason))
}
