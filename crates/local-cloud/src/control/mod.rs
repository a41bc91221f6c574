//! `/_chatctl/…`: how tests and users control the local cloud, in JSON.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_chatctl/health` | who this is, endpoint, account, region, open sockets, environments |
//! | `GET`, `PATCH`, `DELETE /_chatctl/conditions` | shows; changes the members that are sent; resets to those of the start |
//! | `GET`, `POST`, `DELETE /_chatctl/faults` | lists; plans one or a list; cancels all |
//! | `DELETE /_chatctl/faults/{id}` | cancels one |
//! | `GET`, `PATCH /_chatctl/clock` | shows; `{"turnMillis": 600000}` turns it, `{"speed": 60}` speeds it up |
//! | `GET`, `DELETE /_chatctl/connections` | the open sockets; drops all of them |
//! | `GET`, `DELETE /_chatctl/connections/{id}` | one; drops it, or closes it with `?code=…&reason=…` |
//! | `GET`, `DELETE /_chatctl/calls` | every control-plane call since the start; clears the list |
//! | `GET /_chatctl/operations` | the operations of AWS that are here, by service |
//! | `GET`, `DELETE /_chatctl/live-tails` | counts the StartLiveTail sessions; cuts them off |
//! | `GET /_chatctl/functions/{name}/code.zip?version=…` | the uploaded zip of a version, where GetFunction points to |
//!
//! `POST` does what `PATCH` does, because it is what `curl -d` sends. Unknown members are refused by
//! name, and then no part of the request has an effect. `/_chatctl/weather` is the former name of
//! `/_chatctl/conditions` and still answers.

mod connections;
mod faults;
mod input;

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::operations;
use crate::port_owner;
use crate::state::Cloud;
use crate::wire::{Request, Response, ServiceError};

use input::{missing, nothing, object, unusable, verb};

/// Answers a request.
pub(crate) fn serve(cloud: &Cloud, request: &Request) -> Response {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    if let (&Method::GET, ["functions", name, "code.zip"]) = (&request.method, path.as_slice()) {
        return zip(cloud, name, request.param("version").as_deref());
    }
    match answer(cloud, request, &path) {
        Ok(body) => Response::json(StatusCode::OK, &body),
        Err(error) => error.rest(),
    }
}

fn answer(cloud: &Cloud, request: &Request, path: &[&str]) -> Result<Value, ServiceError> {
    match (verb(&request.method), path) {
        ("GET", ["health"]) => Ok(health(cloud)),
        (_, ["conditions" | "weather"]) => faults::conditions(&cloud.shared.conditions, request),
        (_, ["faults", ..]) => faults::faults(&cloud.shared.conditions, request, &path[1..]),
        ("GET", ["clock"]) => Ok(clock(cloud)),
        ("PATCH", ["clock"]) => turn(cloud, request),
        (_, ["connections", ..]) => connections::connections(&cloud.sockets, request, &path[1..]),
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
    check(&cloud.shared.clock, &turn)?;
    if let Some(speed) = turn.speed {
        cloud.shared.clock.set_speed(speed);
    }
    if let Some(millis) = turn.turn_millis {
        cloud.shared.clock.turn(Duration::from_millis(millis));
    }
    cloud.shared.changes.mark("clock");
    Ok(clock(cloud))
}

/// Both members, before either has an effect.
fn check(clock: &Clock, turn: &ClockChange) -> Result<(), ServiceError> {
    let left = u64::try_from(Clock::END_MS - clock.now_ms()).unwrap_or_default();
    if let Some(millis) = turn.turn_millis.filter(|millis| *millis > left) {
        return Err(unusable(format!(
            "turnMillis: {millis} is not from 0 to {left}, where the clock ends, in the year 9000"
        )));
    }
    if let Some(speed) = turn.speed.filter(|speed| !Clock::SPEEDS.contains(speed)) {
        let (slowest, fastest) = (Clock::SPEEDS.start(), Clock::SPEEDS.end());
        return Err(unusable(format!(
            "speed: {speed} is not from {slowest} to {fastest}"
        )));
    }
    Ok(())
}

fn clock(cloud: &Cloud) -> Value {
    json!({
        "nowMillis": cloud.shared.clock.now_ms(),
        "now": cloud.shared.clock.now().to_string(),
        "aheadMillis": cloud.shared.clock.ahead_ms(),
        "speed": cloud.shared.clock.speed(),
    })
}

fn zip(cloud: &Cloud, name: &str, version: Option<&str>) -> Response {
    let Some(zip) = cloud.functions.zip(name, version) else {
        return missing(format!("there is no such version of a function {name}")).rest();
    };
    let mut response = Response::empty(StatusCode::OK).with("content-type", "application/zip");
    response.body = zip;
    response
}
