//! `/_chatctl/…`: the switchboard of the local cloud, in JSON.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_chatctl/health` | who this is, endpoint, account, region, open sockets, environments |
//! | `GET`, `PATCH`, `DELETE /_chatctl/weather` | shows; changes the members that are sent; back to the start's |
//! | `GET`, `POST`, `DELETE /_chatctl/faults` | lists; plans one or a list; calls all off |
//! | `DELETE /_chatctl/faults/{id}` | calls one off |
//! | `GET`, `PATCH /_chatctl/clock` | shows; `{"turnMillis": 600000}` turns it, `{"speed": 60}` speeds it up |
//! | `GET`, `DELETE /_chatctl/connections` | the open sockets; drops all of them |
//! | `GET`, `DELETE /_chatctl/connections/{id}` | one; drops it, or closes it with `?code=…&reason=…` |
//! | `GET`, `DELETE /_chatctl/calls` | every control-plane call since the start; forgets them |
//! | `GET /_chatctl/operations` | the operations of AWS that are here, by service |
//! | `GET`, `DELETE /_chatctl/live-tails` | counts the StartLiveTail sessions; breaks them off |
//! | `GET /_chatctl/functions/{name}/code.zip` | the uploaded zip, where GetFunction points to |
//!
//! `POST` does what `PATCH` does, because it is what `curl -d` sends. Unknown members are refused by
//! name, and then nothing of the request has happened.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::conditions::{read_fault, read_faults};
use crate::data_plane::{CloseReason, Connection};
use crate::operations;
use crate::port_owner;
use crate::state::Cloud;
use crate::wire::{Request, Response, ServiceError};

/// Answers a request.
pub(crate) fn serve(cloud: &Cloud, request: &Request) -> Response {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    if let (&Method::GET, ["functions", name, "code.zip"]) = (&request.method, path.as_slice()) {
        return zip(cloud, name);
    }
    match answer(cloud, request, &path) {
        Ok(body) => Response::json(StatusCode::OK, &body),
        Err(fault) => fault.rest(),
    }
}

/// `POST` and `PATCH` are one.
fn verb(method: &Method) -> &str {
    match *method {
        Method::POST => "PATCH",
        _ => method.as_str(),
    }
}

fn answer(cloud: &Cloud, request: &Request, path: &[&str]) -> Result<Value, ServiceError> {
    match (verb(&request.method), path) {
        ("GET", ["health"]) => Ok(health(cloud)),
        (_, ["weather"]) => weather(cloud, request),
        (_, ["faults", ..]) => faults(cloud, request, &path[1..]),
        ("GET", ["clock"]) => Ok(clock(cloud)),
        ("PATCH", ["clock"]) => turn(cloud, request),
        (_, ["connections", ..]) => connections(cloud, request, &path[1..]),
        ("GET", ["operations"]) => Ok(json!(operations::here())),
        ("GET", ["live-tails"]) => Ok(json!({ "open": cloud.logs.tails() })),
        ("DELETE", ["live-tails"]) => {
            cloud.logs.cut_tails();
            Ok(json!({ "open": 0 }))
        }
        ("GET", ["calls"]) => Ok(json!(cloud.shared.conditions.calls())),
        ("DELETE", ["calls"]) => {
            cloud.shared.conditions.clear_calls();
            Ok(json!([]))
        }
        _ => Err(nothing(request)),
    }
}

fn health(cloud: &Cloud) -> Value {
    json!({
        "service": port_owner::SERVICE,
        "version": env!("CARGO_PKG_VERSION"),
        "processId": std::process::id(),
        "endpoint": cloud.shared.endpoint,
        "accountId": cloud.shared.account_id,
        "region": cloud.shared.region,
        "connections": cloud.sockets.count(),
        "environments": cloud.environments.count(),
        "persist": cloud.keeper.folder(),
    })
}

fn weather(cloud: &Cloud, request: &Request) -> Result<Value, ServiceError> {
    match verb(&request.method) {
        "GET" => {}
        "PATCH" => {
            let changes = object(request)?;
            let changed = cloud
                .shared
                .conditions
                .scenario()
                .with(&changes)
                .map_err(unusable)?;
            cloud.shared.conditions.set(changed.conditions);
            if changes.contains_key("faults") {
                cloud.shared.conditions.replace_faults(changed.faults);
            }
        }
        "DELETE" => cloud.shared.conditions.restart(),
        _ => return Err(nothing(request)),
    }
    Ok(json!(cloud.shared.conditions.scenario()))
}

fn faults(cloud: &Cloud, request: &Request, path: &[&str]) -> Result<Value, ServiceError> {
    match (verb(&request.method), path) {
        ("GET", []) => {}
        ("PATCH", []) => {
            let planned = match any(request)? {
                list @ Value::Array(_) => read_faults(&list),
                one => read_fault(&one).map(|fault| vec![fault]),
            };
            let planned = planned.map_err(unusable)?;
            planned
                .into_iter()
                .for_each(|fault| cloud.shared.conditions.add(fault));
        }
        ("DELETE", []) => cloud.shared.conditions.replace_faults(Vec::new()),
        ("DELETE", [id]) => {
            if !id
                .parse()
                .is_ok_and(|id| cloud.shared.conditions.cancel(id))
            {
                return Err(missing(format!("there is no fault {id}, or no longer")));
            }
        }
        _ => return Err(nothing(request)),
    }
    Ok(json!(cloud.shared.conditions.statuses()))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockChange {
    turn_millis: Option<u64>,
    speed: Option<f64>,
}

fn turn(cloud: &Cloud, request: &Request) -> Result<Value, ServiceError> {
    let turn: ClockChange = serde_json::from_value(Value::Object(object(request)?))
        .map_err(|error| unusable(error.to_string()))?;
    if turn.turn_millis.is_none() && turn.speed.is_none() {
        return Err(unusable("say turnMillis, speed, or both".to_owned()));
    }
    if let Some(speed) = turn.speed {
        if !Clock::SPEEDS.contains(&speed) {
            let (slowest, fastest) = (Clock::SPEEDS.start(), Clock::SPEEDS.end());
            return Err(unusable(format!(
                "speed: {speed} is not from {slowest} to {fastest}"
            )));
        }
        cloud.shared.clock.set_speed(speed);
    }
    if let Some(millis) = turn.turn_millis {
        cloud.shared.clock.turn(Duration::from_millis(millis));
    }
    cloud.shared.changes.mark("clock");
    Ok(clock(cloud))
}

fn clock(cloud: &Cloud) -> Value {
    json!({
        "nowMillis": cloud.shared.clock.now_ms(),
        "now": cloud.shared.clock.now().to_string(),
        "aheadMillis": cloud.shared.clock.ahead_ms(),
        "speed": cloud.shared.clock.speed(),
    })
}

fn connections(cloud: &Cloud, request: &Request, path: &[&str]) -> Result<Value, ServiceError> {
    let find = |id: &str| {
        let found = cloud.sockets.all().into_iter().find(|found| found.id == id);
        found.ok_or_else(|| missing(format!("there is no connection {id}, or no longer")))
    };
    let list =
        |found: Vec<Arc<Connection>>| json!(found.iter().map(|one| show(one)).collect::<Vec<_>>());
    match (verb(&request.method), path) {
        ("GET", []) => Ok(list(cloud.sockets.all())),
        ("GET", [id]) => Ok(show(&*find(id)?)),
        ("DELETE", []) => {
            let ending = ending(request)?;
            let ended = cloud.sockets.all();
            for connection in &ended {
                cloud.sockets.close(connection, ending.clone());
            }
            Ok(list(ended))
        }
        ("DELETE", [id]) => {
            let (ending, found) = (ending(request)?, find(id)?);
            cloud.sockets.close(&found, ending);
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
fn ending(request: &Request) -> Result<CloseReason, ServiceError> {
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
    // Those that may stand in a close frame.
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

fn zip(cloud: &Cloud, name: &str) -> Response {
    let Some(zip) = cloud.functions.zip(name) else {
        return missing(format!("there is no function {name}")).rest();
    };
    let mut response = Response::empty(StatusCode::OK).with("content-type", "application/zip");
    response.body = zip;
    response
}

fn any(request: &Request) -> Result<Value, ServiceError> {
    serde_json::from_slice(&request.body)
        .map_err(|error| unusable(format!("the body is not JSON: {error}")))
}

fn object(request: &Request) -> Result<Map<String, Value>, ServiceError> {
    match any(request)? {
        Value::Object(members) => Ok(members),
        _ => Err(unusable("the body is a JSON object".to_owned())),
    }
}

fn unusable(words: String) -> ServiceError {
    ServiceError::new(400, "BadRequestException", words)
}

fn missing(words: String) -> ServiceError {
    ServiceError::new(404, "NotFoundException", words)
}

fn nothing(request: &Request) -> ServiceError {
    let (method, path) = (&request.method, &request.path);
    missing(format!(
        "there is no {method} {path} here; there are health, weather, faults, clock, connections and calls"
    ))
}
