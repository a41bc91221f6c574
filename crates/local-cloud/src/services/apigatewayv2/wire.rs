//! API Gateway v2's REST-JSON: which operation a method and path mean, the APIs themselves, and how
//! lists are paged.

use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value, json};

use super::fields::{self, bad};
use super::{Api, View, authorizers, deploy, endpoint, integrations, lock, routes, stages, tags};
use crate::Cloud;
use crate::wire::{Request, Response, ServiceError, iso8601, random_id};

const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// APIs in one region.
const API_QUOTA: usize = 600;

/// Status and body of an answer.
pub(super) type ApiResult = Result<(u16, Value), ServiceError>;

/// One call, taken apart.
#[derive(Debug)]
pub(super) struct ApiCall<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) method: &'a Method,
    pub(super) body: Map<String, Value>,
    pub(super) request: &'a Request,
}

pub(crate) async fn serve(cloud: &Arc<Cloud>, request: Request) -> Response {
    let response = match answer(cloud, &request).await {
        Ok((status, body)) => Response::rest(status, &body),
        Err(mut fault) => {
            if fault.code == "AccessDeniedException" {
                fault.status = 403;
            }
            fault.rest()
        }
    };
    response.identified(&request.request_id)
}

async fn answer(cloud: &Cloud, request: &Request) -> ApiResult {
    let caller = cloud.iam.admit(cloud, request)?;
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    let resource = format!("arn:aws:apigateway:{}::/{}", cloud.region, path.join("/"));
    let action = format!("apigateway:{}", request.method);
    cloud
        .iam
        .authorize(cloud, &caller, &action, &resource, &[])?;
    let deploys = request.method == Method::POST && path.get(2) == Some(&"deployments");
    cloud
        .apis
        .rates
        .take(cloud, deploys.then_some(("CreateDeployment", 0.2)))?;
    let call = ApiCall {
        cloud,
        method: &request.method,
        body: request.json()?,
        request,
    };
    match path.as_slice() {
        ["apis"] => apis(&call),
        ["apis", api] => one_api(&call, api).await,
        ["apis", api, "routes", rest @ ..] => routes::routes(&call, api, rest).await,
        ["apis", api, "integrations", rest @ ..] => {
            integrations::integrations(&call, api, rest).await
        }
        ["apis", api, "authorizers", rest @ ..] => authorizers::authorizers(&call, api, rest).await,
        ["apis", api, "deployments", rest @ ..] => deploy::deployments(&call, api, rest).await,
        ["apis", api, "stages", rest @ ..] => stages::stages(&call, api, rest).await,
        ["tags", arn @ ..] => tags::tags(&call, &arn.join("/")),
        _ => Err(call.not_here()),
    }
}

impl ApiCall<'_> {
    /// The answer to an operation that the local cloud does not have.
    pub(super) fn not_here(&self) -> ServiceError {
        ServiceError::not_here(self.request.service, &self.request.operation)
    }

    /// The answer to a member that the local cloud does not have, said where it is asked for.
    pub(super) fn without(&self, what: &str) -> ServiceError {
        let operation = format!("{} with {what}", self.request.operation);
        ServiceError::not_here("apigatewayv2", &operation)
    }

    /// One page of what hangs on an API.
    pub(super) fn list(&self, api: &str, items: impl FnOnce(&Api) -> Vec<Value>) -> ApiResult {
        let items = self
            .cloud
            .apis
            .with(self.cloud, api, |api| Ok(items(api)))?;
        self.page(items)
    }

    /// One thing of an API.
    pub(super) fn look(
        &self,
        api: &str,
        work: impl FnOnce(&Api) -> Result<View, ServiceError>,
    ) -> ApiResult {
        self.cloud
            .apis
            .with(self.cloud, api, |api| Ok((200, work(api)?.into())))
    }

    /// A write to something that deployments take.
    pub(super) async fn change(
        &self,
        api_id: &str,
        work: impl FnOnce(&mut Api) -> ApiResult,
    ) -> ApiResult {
        let _writing = self.cloud.apis.write(self.cloud, api_id).await?;
        self.cloud.apis.change(self.cloud, api_id, true, work)
    }

    /// ISO 8601, now.
    pub(super) fn now(&self) -> String {
        iso8601(self.cloud.clock.now_ms())
    }

    /// One page of a list: `maxResults` items after `nextToken`.
    ///
    /// Uncertain: AWS does not document the default size; 25 is that of v1's lists, and small enough to
    /// find clients that ignore `nextToken`.
    pub(super) fn page(&self, items: Vec<Value>) -> ApiResult {
        let limit = match self
            .request
            .param("maxResults")
            .map(|text| text.parse::<usize>())
        {
            None => 25,
            Some(Ok(limit @ 1..=500)) => limit,
            Some(_) => {
                return Err(bad(
                    "Invalid value for maxResults: it must be between 1 and 500",
                ));
            }
        };
        let start = match self.request.param("nextToken") {
            None => 0,
            Some(token) => offset(&token, items.len()).ok_or_else(|| bad("Invalid nextToken"))?,
        };
        let end = items.len().min(start + limit);
        let mut body = json!({ "items": items[start..end] });
        if end < items.len() {
            body["nextToken"] = format!("page{end:06}").into();
        }
        Ok((200, body))
    }
}

fn offset(token: &str, length: usize) -> Option<usize> {
    token
        .strip_prefix("page")?
        .parse()
        .ok()
        .filter(|start| *start <= length)
}

/// A fresh id of `count` characters that `taken` does not hold.
pub(super) fn fresh_id(count: usize, taken: impl Fn(&str) -> bool) -> String {
    loop {
        let id = random_id(LOWER, count);
        if !taken(&id) {
            return id;
        }
    }
}

fn apis(call: &ApiCall<'_>) -> ApiResult {
    match *call.method {
        Method::GET => {
            let state = lock(&call.cloud.apis.state);
            let items = state
                .apis
                .values()
                .map(|api| Value::Object(api.view.clone()))
                .collect();
            call.page(items)
        }
        Method::POST => create_api(call),
        _ => Err(call.not_here()),
    }
}

fn create_api(call: &ApiCall<'_>) -> ApiResult {
    let body = fields::read(&call.body, fields::API)?;
    match call.body.get("protocolType").and_then(Value::as_str) {
        Some("WEBSOCKET") => {}
        Some("HTTP") => return Err(ServiceError::not_here("apigatewayv2", "CreateApi for HTTP")),
        _ => {
            return Err(bad(
                "Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]",
            ));
        }
    }
    if body
        .get("name")
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err(bad("Name must be specified"));
    }
    check_selection(&body, true)?;
    let mut state = lock(&call.cloud.apis.state);
    if state.apis.len() >= API_QUOTA {
        // Uncertain: the words are those of authorizers, which are recorded, with another noun.
        let words = "Maximum number of APIs for this account has been reached. Please contact AWS if you need additional APIs.";
        return Err(ServiceError::new(429, "ConflictException", words));
    }
    let id = fresh_id(10, |id| state.apis.contains_key(id));
    let mut view = View::new();
    view.insert("apiEndpoint".to_owned(), endpoint(call.cloud, &id).into());
    view.insert("apiId".to_owned(), id.clone().into());
    view.insert(
        "apiKeySelectionExpression".to_owned(),
        "$request.header.x-api-key".into(),
    );
    view.insert("createdDate".to_owned(), call.now().into());
    view.insert("disableExecuteApiEndpoint".to_owned(), false.into());
    view.insert("ipAddressType".to_owned(), "ipv4".into());
    view.insert("protocolType".to_owned(), "WEBSOCKET".into());
    // An API without tags has no such member; a stage has an empty one.
    let tags = tags::read(&call.body)?;
    if !tags.is_empty() {
        view.insert("tags".to_owned(), tags.into());
    }
    view.extend(body);
    state.apis.insert(
        id,
        Api {
            view: view.clone(),
            ..Api::default()
        },
    );
    Ok((201, view.into()))
}

/// WebSocket APIs need a selection expression over the request's body.
fn check_selection(body: &View, required: bool) -> Result<(), ServiceError> {
    match body.get("routeSelectionExpression").and_then(Value::as_str) {
        None if !required => Ok(()),
        None | Some("") => Err(bad(
            "RouteSelectionExpression is required for WEBSOCKET protocol",
        )),
        Some(_) => Ok(()),
    }
}

async fn one_api(call: &ApiCall<'_>, id: &str) -> ApiResult {
    let apis = &call.cloud.apis;
    match *call.method {
        Method::GET => apis.with(call.cloud, id, |api| Ok((200, api.view.clone().into()))),
        Method::PATCH => {
            let body = fields::read(&call.body, fields::API)?;
            check_selection(&body, false)?;
            let _writing = apis.write(call.cloud, id).await?;
            apis.change(call.cloud, id, true, |api| {
                api.view.extend(body);
                Ok((200, api.view.clone().into()))
            })
        }
        Method::DELETE => {
            let _writing = apis.write(call.cloud, id).await?;
            apis.with(call.cloud, id, |_| Ok(()))?;
            lock(&apis.state).apis.remove(id);
            apis.serve_stages(call.cloud, id, None);
            call.cloud.sockets.close_all(id, None);
            Ok((204, Value::Null))
        }
        _ => Err(call.not_here()),
    }
}

/// AWS carries a full quota as a `ConflictException` on status 429.
///
/// Uncertain: the words are recorded for authorizers; for other nouns they are assumed.
pub(super) fn quota(what: &str) -> ServiceError {
    let words = format!(
        "Maximum number of {what} for this API has been reached. Please contact AWS if you need additional {what}."
    );
    ServiceError::new(429, "ConflictException", words)
}

pub(super) fn views<'a>(items: impl Iterator<Item = &'a View>) -> Vec<Value> {
    items.map(|view| Value::Object(view.clone())).collect()
}
