//! Which room a request is meant for, and which operation of AWS it is.
//!
//! One port carries every service, so the protocol itself has to tell them apart: the
//! `X-Amz-Target` header, the path, or the `Action` of a form.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};

use super::wire::{Request, Response};
use super::{
    Cloud, apigateway, apigatewayv2, connections, control, dynamodb, iam, lambda, logs, sts,
};

/// Hands one request to its room.
pub(crate) async fn route(cloud: &Arc<Cloud>, parts: Parts, body: Bytes) -> Response {
    let (service, operation) = name(&parts.method, parts.uri.path(), &parts.headers, &body);
    let request = Request {
        access_key_id: access_key_id(&parts.headers),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        headers: parts.headers,
        body,
        service,
        operation,
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    match service {
        "dynamodb" => dynamodb::serve(cloud, request).await,
        "logs" => logs::serve(cloud, request).await,
        "apigatewayv2" => apigatewayv2::serve(cloud, request).await,
        "apigateway" => apigateway::serve(cloud, request).await,
        "lambda" => lambda::serve(cloud, request).await,
        "iam" => iam::serve(cloud, request).await,
        "sts" => sts::serve(cloud, request).await,
        "execute-api" => connections::serve(cloud, request).await,
        "chatctl" => control::serve(cloud, request).await,
        _ => Response::not_here(&request),
    }
}

/// The service, by AWS's endpoint prefix, and the operation.
fn name(method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> (&'static str, String) {
    if let Some(target) = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
    {
        let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
        let service = match prefix {
            "DynamoDB_20120810" => "dynamodb",
            "Logs_20140328" => "logs",
            _ => "unknown",
        };
        return (service, operation.to_owned());
    }
    if path.starts_with("/_chatctl/") {
        return ("chatctl", format!("{method} {path}"));
    }
    if path.starts_with("/_aws/execute-api/") {
        return ("execute-api", format!("{method} {path}"));
    }
    if path == "/account" {
        return (
            "apigateway",
            if method == Method::GET {
                "GetAccount"
            } else {
                "UpdateAccount"
            }
            .to_owned(),
        );
    }
    if path.starts_with("/v2/") {
        return ("apigatewayv2", format!("{method} {path}"));
    }
    if path.starts_with("/2015-03-31/") || path.starts_with("/2017-") {
        return ("lambda", format!("{method} {path}"));
    }
    form_action(body).unwrap_or(("unknown", format!("{method} {path}")))
}

/// IAM and STS are told apart by the version of their API.
fn form_action(body: &[u8]) -> Option<(&'static str, String)> {
    let text = std::str::from_utf8(body).ok()?;
    let field = |name: &str| {
        text.split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|pair| pair.0 == name)
            .map(|pair| pair.1)
    };
    let service = match field("Version")? {
        "2010-05-08" => "iam",
        "2011-06-15" => "sts",
        _ => "unknown",
    };
    Some((service, field("Action")?.to_owned()))
}

/// The key of `Authorization: AWS4-HMAC-SHA256 Credential=KEY/date/region/service/aws4_request, …`.
fn access_key_id(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let scope = value
        .strip_prefix("AWS4-HMAC-SHA256")?
        .split_once("Credential=")?
        .1;
    Some(scope.split('/').next()?.to_owned())
}
