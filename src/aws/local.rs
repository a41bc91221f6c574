//! The local cloud says who it is: its region is the one that requests to it must be signed for.

use crate::config::{ChatFlags, Settings};
use crate::error::{Error, Result};
use axum::body::{Body, to_bytes};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::time::Duration;

/// It answers within milliseconds; this is for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(5);
const LONGEST_ANSWER: usize = 64 * 1024;

#[derive(Deserialize)]
struct Health {
    region: String,
}

/// The region of the local cloud on `port`; nothing if what answers there does not say one.
///
/// # Errors
/// Nothing listens on that port.
pub(super) async fn region(port: u16, flags: &ChatFlags) -> Result<Option<String>> {
    let asked = tokio::time::timeout(PATIENCE, health(port)).await;
    match asked {
        Ok(Ok(health)) => Ok(health.map(|health| health.region)),
        Ok(Err(_)) => Err(nothing_there(port, flags)),
        Err(_) => Ok(None),
    }
}

/// Nobody types a region to get another one. One of the environment or of a file is for AWS.
pub(super) fn require_region(running: &str, settings: &Settings) -> Result<()> {
    let flags = settings.chat_flags();
    match &settings.region {
        Some(typed) if flags.has("--region") && typed != running => Err(Error::usage(format!(
            "--region {typed}: the local cloud is in {running}"
        ))
        .hint("leave --region out: --local uses the region of the local cloud")
        .hint("`chatctl local --region` starts one in another region")),
        _ => Ok(()),
    }
}

fn nothing_there(port: u16, flags: &ChatFlags) -> Error {
    Error::failed(format!("no local cloud runs on port {port}")).hint(format!(
        "`{}` starts one; leave it running, and use a second shell",
        flags.command("local")
    ))
}

/// Fails only if nobody listens.
async fn health(
    port: u16,
) -> std::result::Result<Option<Health>, hyper_util::client::legacy::Error> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let Ok(url) = format!("http://127.0.0.1:{port}/_chatctl/health").parse() else {
        return Ok(None);
    };
    let answer = match client.get(url).await {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => return Err(error),
        Err(_) => return Ok(None),
    };
    let body = to_bytes(Body::new(answer.into_body()), LONGEST_ANSWER).await;
    Ok(body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok()))
}
