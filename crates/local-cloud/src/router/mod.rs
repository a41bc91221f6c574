//! Routes each request to its service, and applies the fault that is planned for it.
//!
//! | file | what it does |
//! |---|---|
//! | `foreign` | the answer to a call of a service that is not here |
//! | `naming` | which service and operation a request means |
//! | `limits` | how large a body may be |
//! | `refusals` | the answer to a call that a fault refuses, and to an operation that is not here |

mod foreign;
mod limits;
mod naming;
mod refusals;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;

use crate::conditions::{self, FaultKind};
use crate::data_plane::Target;
use crate::services::sts;
use crate::state::Cloud;
use crate::wire::{Request, Response, ServerAction, ServiceError};
use crate::{control, operations};

pub(crate) use limits::body_limit;

/// Answers one request.
pub(crate) async fn route(
    cloud: &Arc<Cloud>,
    parts: Parts,
    body: Bytes,
    peer: IpAddr,
) -> ServerAction {
    let target = Target::of(&parts.headers, parts.uri.path());
    let (service, operation) = match &target {
        Some(target) => (
            "execute-api",
            naming::management_name(&parts.method, target),
        ),
        None => naming::name(&parts.method, &parts.uri, &parts.headers, &body),
    };
    let request = Request::new(parts, body, service, operation);
    if service == "chatctl" {
        return ServerAction::Send(control::serve(cloud, &request));
    }
    if request.access_key_id.as_ref() == Some(&cloud.observer_key) {
        return ServerAction::Send(serve(cloud, request, target.as_ref(), peer).await);
    }
    let caller = (caller(cloud, service, &request), agent(&request));
    let (number, fault) = begin(cloud, &request, caller).await;
    match fault {
        Some(FaultKind::Reset) => return ServerAction::HangUp,
        Some(FaultKind::LostAnswer) => {
            serve(cloud, request, target.as_ref(), peer).await;
            cloud.shared.changes.mark(service);
            return ServerAction::HangUp;
        }
        Some(FaultKind::Hang) => return ServerAction::Hang,
        Some(FaultKind::EmptyAnswer) => return send(cloud, number, refusals::empty(&request)),
        Some(FaultKind::Throttle) => return send(cloud, number, refusals::throttled(&request)),
        Some(FaultKind::ServiceError {
            status,
            code,
            message,
        }) => {
            let error = ServiceError::new(status, code, message);
            return send(cloud, number, refusals::refused(&request, &error));
        }
        Some(FaultKind::Error(status)) => {
            return send(cloud, number, refusals::failed(&request, status));
        }
        Some(FaultKind::Delay(millis)) => tokio::time::sleep(Duration::from_millis(millis)).await,
        None => {}
    }
    let may_change = conditions::changes(&request.operation);
    let response = serve(cloud, request, target.as_ref(), peer).await;
    if may_change {
        cloud.shared.changes.mark(service);
    }
    send(cloud, number, response)
}

/// Lists the call, finds the fault that is planned for it, and waits for the latency.
async fn begin(
    cloud: &Cloud,
    request: &Request,
    caller: (String, String),
) -> (u64, Option<FaultKind>) {
    let conditions = &cloud.shared.conditions;
    let now = cloud.shared.clock.now_ms();
    let name = (request.service, request.operation.as_str());
    let begun = conditions.begin(now, caller, name);
    let latency = Duration::from_millis(conditions.now().latency_millis);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    begun
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
    let principal = cloud.iam.principal_of(key);
    principal.arn(&cloud.shared.account_id)
}

fn send(cloud: &Cloud, number: u64, response: Response) -> ServerAction {
    cloud
        .shared
        .conditions
        .end(number, response.status.as_u16());
    ServerAction::Send(response)
}

async fn serve(
    cloud: &Arc<Cloud>,
    request: Request,
    target: Option<&Target>,
    peer: IpAddr,
) -> Response {
    if let Some(target) = target {
        return cloud.gateway.manage(&request, target, peer);
    }
    if !operations::is_here(request.service, &request.operation) {
        return refusals::missing(&request);
    }
    match request.service {
        "dynamodb" => cloud.tables.serve(request).await,
        "logs" => cloud.logs.serve(&request),
        "apigatewayv2" => cloud.apis.serve(&request).await,
        "apigateway" => cloud.account.serve(&request),
        "lambda" => cloud.functions.serve(request).await,
        "iam" => cloud.iam.serve(&request),
        "sts" => sts::serve(&cloud.shared, &cloud.iam, &request),
        _ => refusals::missing(&request),
    }
}
