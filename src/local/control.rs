//! `/_chatctl/…`: the switchboard of the local cloud, in JSON.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /_chatctl/health` | endpoint, account, region, open sockets, running environments |
//! | `GET`, `PATCH /_chatctl/weather` | shows, or changes the members that are sent |
//! | `GET`, `POST`, `DELETE /_chatctl/faults` | lists, plans one, calls all off |
//! | `GET`, `DELETE /_chatctl/calls` | every control-plane call since the start; forgets them |
//! | `GET /_chatctl/operations` | the operations of AWS that are here, by service |
//! | `GET`, `POST /_chatctl/clock` | shows the clock; `{"turnMillis": 600000}` turns it forward |
//! | `GET`, `DELETE /_chatctl/live-tails` | counts the StartLiveTail sessions; breaks them off |
//! | `GET /_chatctl/functions/{name}/code.zip` | the uploaded zip, where GetFunction points to |

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Cloud;
use super::operations;
use super::weather::Fault as Misfortune;
use super::wire::{Fault, Request, Response};

pub(crate) async fn serve(cloud: &Arc<Cloud>, request: Request) -> Response {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let answer = match (&request.method, path.as_slice()) {
        (&Method::GET, ["health"]) => Ok(health(cloud)),
        (&Method::GET, ["weather"]) => Ok(json!(cloud.weather.now())),
        (&Method::PATCH | &Method::POST, ["weather"]) => set_weather(cloud, &request),
        (&Method::GET, ["faults"]) => Ok(json!(cloud.weather.faults())),
        (&Method::POST, ["faults"]) => read::<Misfortune>(&request).map(|fault| {
            cloud.weather.add(fault);
            json!(cloud.weather.faults())
        }),
        (&Method::DELETE, ["faults"]) => {
            cloud.weather.clear_faults();
            Ok(json!([]))
        }
        (&Method::GET, ["calls"]) => Ok(json!(cloud.weather.calls())),
        (&Method::DELETE, ["calls"]) => {
            cloud.weather.clear_calls();
            Ok(json!([]))
        }
        (&Method::GET, ["operations"]) => Ok(json!(operations::here())),
        (&Method::GET, ["clock"]) => Ok(clock(cloud)),
        (&Method::POST, ["clock"]) => read::<Turn>(&request).map(|turn| {
            cloud.clock.turn(Duration::from_millis(turn.turn_millis));
            clock(cloud)
        }),
        (&Method::GET, ["live-tails"]) => Ok(json!({ "open": cloud.logs.tails() })),
        (&Method::DELETE, ["live-tails"]) => {
            cloud.logs.cut_tails();
            Ok(json!({ "open": 0 }))
        }
        (&Method::GET, ["functions", name, "code.zip"]) => return zip(cloud, name),
        _ => {
            let words = format!("there is no {} {} here", request.method, request.path);
            Err(Fault::new(404, "NotFoundException", words))
        }
    };
    match answer {
        Ok(body) => Response::json(StatusCode::OK, &body),
        Err(fault) => fault.rest(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Turn {
    turn_millis: u64,
}

fn health(cloud: &Cloud) -> Value {
    json!({
        "service": "chatctl local",
        "endpoint": cloud.endpoint,
        "accountId": cloud.account_id,
        "region": cloud.region,
        "connections": cloud.sockets.count(),
        "environments": cloud.environments.count(),
    })
}

/// Members that are not sent stay as they are.
fn set_weather(cloud: &Cloud, request: &Request) -> Result<Value, Fault> {
    let mut weather = json!(cloud.weather.now());
    for (name, value) in request.json()? {
        weather[name] = value;
    }
    let weather = serde_json::from_value(weather).map_err(|error| unreadable(&error))?;
    cloud.weather.set(weather);
    Ok(json!(cloud.weather.now()))
}

fn clock(cloud: &Cloud) -> Value {
    json!({ "nowMillis": cloud.clock.now_ms(), "now": cloud.clock.now().to_string() })
}

fn zip(cloud: &Cloud, name: &str) -> Response {
    let Some(zip) = cloud.functions.zip(name) else {
        let words = format!("there is no function {name}");
        return Fault::new(404, "NotFoundException", words).rest();
    };
    let mut response = Response::empty(StatusCode::OK).with("content-type", "application/zip");
    response.body = zip;
    response
}

fn read<T: serde::de::DeserializeOwned>(request: &Request) -> Result<T, Fault> {
    serde_json::from_slice(&request.body).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Fault {
    Fault::new(
        400,
        "BadRequestException",
        format!("cannot use this: {error}"),
    )
}
