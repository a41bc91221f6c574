//! Which room a request is meant for, and which operation of AWS it is.
//!
//! One port carries every service, so the protocol itself has to tell them apart: the
//! `X-Amz-Target` header, the path, or the `Action` of a form. The data plane has paths of its own,
//! `/_aws/execute-api/{api}/{stage}`, or is known by a `Host` of `{api}.execute-api.…`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};

use crate::conditions::{self, FaultKind};
use crate::data_plane::Target;
use crate::data_plane::connections;
use crate::services::{apigateway, apigatewayv2, dynamodb, iam, lambda, logs, sts};
use crate::wire::{self, Request, Response};
use crate::{Cloud, control, operations};

/// What the server does with a request that was served.
pub(crate) enum ServerAction {
    /// Sends it.
    Send(Response),
    /// Closes the connection without a word: the weather wants it so.
    HangUp,
}

/// Hands one request to its room, through the weather.
pub(crate) async fn route(
    cloud: &Arc<Cloud>,
    parts: Parts,
    body: Bytes,
    peer: IpAddr,
) -> ServerAction {
    let target = target(&parts.headers, parts.uri.path());
    let (service, operation) = match &target {
        Some(target) => ("execute-api", management_name(&parts.method, target)),
        None => name(&parts.method, &parts.uri, &parts.headers, &body),
    };
    let request = request(parts, body, service, operation);
    if service == "chatctl" {
        return ServerAction::Send(control::serve(cloud, request).await);
    }
    if request.access_key_id.as_ref() == Some(&cloud.observer_key) {
        return ServerAction::Send(serve(cloud, request, target.as_ref(), peer).await);
    }
    let now = cloud.clock.now_ms();
    // Asked before the weather is: IAM looks at the weather too, and two rooms that wait for each
    // other stop the whole cloud.
    let caller = (caller(cloud, service, &request), agent(&request));
    let name = (service, request.operation.as_str());
    let (number, fault) = cloud.conditions.begin(now, caller, name);
    let latency = Duration::from_millis(cloud.conditions.now().latency_millis);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match fault {
        Some(FaultKind::Reset) => return ServerAction::HangUp,
        Some(FaultKind::LostAnswer) => {
            serve(cloud, request, target.as_ref(), peer).await;
            cloud.keeper.changed(service);
            return ServerAction::HangUp;
        }
        Some(FaultKind::Delay(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
        Some(FaultKind::Throttle) => return send(cloud, number, throttled(&request)),
        Some(FaultKind::Error(status)) => return send(cloud, number, failed(&request, status)),
        None => {}
    }
    let may_change = conditions::changes(&request.operation);
    let response = serve(cloud, request, target.as_ref(), peer).await;
    if may_change {
        cloud.keeper.changed(service);
    }
    send(cloud, number, response)
}

/// The first product that the client's User-Agent names.
fn agent(request: &Request) -> String {
    let products = request.header("user-agent").unwrap_or_default();
    let end = products.find(['/', ' ']).unwrap_or(products.len());
    products[..end].to_owned()
}

/// Who calls, as an ARN. Posts to connections come by the million and are not listed.
fn caller(cloud: &Cloud, service: &str, request: &Request) -> String {
    if service == "execute-api" {
        return String::new();
    }
    let key = request.access_key_id.as_deref().unwrap_or_default();
    cloud.iam.principal_of(key).arn(&cloud.account_id)
}

fn send(cloud: &Cloud, number: u64, response: Response) -> ServerAction {
    cloud.conditions.end(number, response.status.as_u16());
    ServerAction::Send(response)
}

async fn serve(
    cloud: &Arc<Cloud>,
    request: Request,
    target: Option<&Target>,
    peer: IpAddr,
) -> Response {
    if let Some(target) = target {
        return connections::serve(cloud, request, target, peer).await;
    }
    if !operations::is_here(request.service, &request.operation) {
        return missing(&request);
    }
    match request.service {
        "dynamodb" => dynamodb::serve(cloud, request).await,
        "logs" => logs::serve(cloud, request).await,
        "apigatewayv2" => apigatewayv2::serve(cloud, request).await,
        "apigateway" => apigateway::serve(cloud, request).await,
        "lambda" => lambda::serve(cloud, request).await,
        "iam" => iam::serve(cloud, request).await,
        "sts" => sts::serve(cloud, request).await,
        _ => missing(&request),
    }
}

/// The answer to an operation that is not in the table, in its service's protocol.
fn missing(request: &Request) -> Response {
    let fault = wire::ServiceError::not_here(request.service, &request.operation);
    let response = match request.service {
        "dynamodb" => fault.versioned("1.0", "com.amazonaws.dynamodb.v20120810#"),
        "logs" => fault.versioned("1.1", ""),
        "iam" | "sts" => fault.xml(namespace(request.service), &request.request_id),
        _ => fault.rest(),
    };
    response.identified(&request.request_id)
}

/// A request as the rooms see it.
pub(crate) fn request(
    parts: Parts,
    body: Bytes,
    service: &'static str,
    operation: String,
) -> Request {
    let mut request = Request {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        method: parts.method,
        headers: parts.headers,
        body,
        service,
        operation,
        access_key_id: None,
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    request.access_key_id = request.signature().map(|signature| signature.access_key_id);
    request
}

/// The stage that an address means, if it is one of the data plane.
pub(crate) fn target(headers: &HeaderMap, path: &str) -> Option<Target> {
    let host = headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    let by_host = host
        .and_then(|host| host.split_once(".execute-api."))
        .map(|(api, _)| api);
    let (api_id, rest) = match path.strip_prefix("/_aws/execute-api/") {
        Some(rest) => rest.split_once('/').unwrap_or((rest, "")),
        None => (by_host?, path.trim_start_matches('/')),
    };
    // A slash at the end is no path of its own.
    let (stage, rest) = rest.split_once('/').unwrap_or((rest, ""));
    Some(Target {
        api_id: api_id.to_owned(),
        stage: wire::decode(stage),
        rest: rest.to_owned(),
    })
}

fn management_name(method: &Method, target: &Target) -> String {
    match (
        method,
        wire::decode(&target.rest).starts_with("@connections/"),
    ) {
        (&Method::POST, true) => "PostToConnection".to_owned(),
        (&Method::GET, true) => "GetConnection".to_owned(),
        (&Method::DELETE, true) => "DeleteConnection".to_owned(),
        _ => format!("{method} /{}", target.rest),
    }
}

/// The service, by AWS's endpoint prefix, and the operation.
fn name(
    method: &Method,
    uri: &http::Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> (&'static str, String) {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let unnamed = || format!("{method} {path}");
    if let Some(target) = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
    {
        let (prefix, operation) = target.split_once('.').unwrap_or((target, ""));
        let service = match prefix {
            "DynamoDB_20120810" => "dynamodb",
            "Logs_20140328" => "logs",
            _ => return ("unknown", target.to_owned()),
        };
        return (service, operation.to_owned());
    }
    if path.starts_with("/_chatctl/") {
        return ("chatctl", unnamed());
    }
    if let Some((service, operation)) = operations::rest(method, path, query) {
        return (service, operation.to_owned());
    }
    match operations::service(path) {
        Some(service) => (service, unnamed()),
        None => form_action(body).unwrap_or(("unknown", unnamed())),
    }
}

/// IAM and STS are told apart by the version of their API.
fn form_action(body: &[u8]) -> Option<(&'static str, String)> {
    let form = wire::parse_form(std::str::from_utf8(body).ok()?);
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let service = match field("Version")?.as_str() {
        "2010-05-08" => "iam",
        "2011-06-15" => "sts",
        _ => "unknown",
    };
    Some((service, field("Action")?))
}

/// Refused as this service refuses a caller who is too fast.
fn throttled(request: &Request) -> Response {
    let rest = |words| wire::ServiceError::new(429, "TooManyRequestsException", words);
    let json = || wire::ServiceError::new(400, "ThrottlingException", "Rate exceeded");
    let response = match request.service {
        "dynamodb" => dynamodb::throttled(request),
        "logs" => json().versioned("1.1", ""),
        "iam" | "sts" => wire::ServiceError::new(400, "Throttling", "Rate exceeded")
            .xml(namespace(request.service), &request.request_id),
        "lambda" => rest("Rate exceeded")
            .with("Reason", "CallerRateLimitExceeded")
            .with("Type", "User")
            .rest(),
        "execute-api" => {
            wire::ServiceError::new(429, "LimitExceededException", "Too Many Requests").rest()
        }
        _ => rest("Too Many Requests").rest(),
    };
    response.identified(&request.request_id)
}

/// A failure of the service itself.
fn failed(request: &Request, status: u16) -> Response {
    if status == 410 {
        let gone = wire::ServiceError::new(410, "GoneException", "Gone").rest();
        return gone.identified(&request.request_id);
    }
    let status = if (500..600).contains(&status) {
        status
    } else {
        500
    };
    let fault = |code| {
        wire::ServiceError::new(
            status,
            code,
            "We encountered an internal error. Please try again.",
        )
    };
    let response = match request.service {
        "dynamodb" => {
            fault("InternalServerError").versioned("1.0", "com.amazonaws.dynamodb.v20120810#")
        }
        "logs" => fault("ServiceUnavailableException").versioned("1.1", ""),
        "iam" | "sts" => {
            fault("ServiceFailure").xml(namespace(request.service), &request.request_id)
        }
        "lambda" => fault("ServiceException").rest(),
        _ => fault("InternalServerErrorException").rest(),
    };
    response.identified(&request.request_id)
}

fn namespace(service: &str) -> &'static str {
    match service {
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(host: &str, path: &str) -> Option<(String, String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, host.parse().unwrap());
        target(&headers, path).map(|target| (target.api_id, target.stage, target.rest))
    }

    #[test]
    fn a_stage_is_found_by_path_and_by_host() {
        let want = |rest: &str| Some(("a1".to_owned(), "prod".to_owned(), rest.to_owned()));
        assert_eq!(found("127.0.0.1:1", "/_aws/execute-api/a1/prod"), want(""));
        assert_eq!(
            found("127.0.0.1:1", "/_aws/execute-api/a1/prod/@connections/x%3D"),
            want("@connections/x%3D")
        );
        assert_eq!(found("a1.execute-api.localhost:1", "/prod"), want(""));
        assert_eq!(found("127.0.0.1:1", "/prod"), None);
    }
}
