//! The APIs themselves.

use http::Method;
use serde_json::Value;

use crate::wire::ServiceError;

use super::call::{ApiCall, ApiResult, fresh_id};
use super::fields::{self, bad};
use super::view::View;
use super::{Api, endpoint, late_lines, lock, tags};

/// APIs in one region.
const API_QUOTA: usize = 600;

pub(super) fn all(call: &ApiCall<'_>) -> ApiResult {
    match *call.method {
        Method::GET => {
            let state = lock(&call.apis.state);
            let items = state
                .apis
                .values()
                .map(|api| Value::Object(api.view.clone()))
                .collect();
            call.page(items)
        }
        Method::POST => create(call),
        _ => Err(call.not_here()),
    }
}

fn create(call: &ApiCall<'_>) -> ApiResult {
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
    let mut state = lock(&call.apis.state);
    if state.apis.len() >= API_QUOTA {
        // Uncertain: the message is that of authorizers, which is recorded, with another noun.
        let words = "Maximum number of APIs for this account has been reached. Please contact AWS if you need additional APIs.";
        return Err(ServiceError::new(429, "ConflictException", words));
    }
    let id = fresh_id(10, |id| state.apis.contains_key(id));
    let mut view = View::new();
    view.insert(
        "apiEndpoint".to_owned(),
        endpoint(&call.apis.shared, &id).into(),
    );
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

pub(super) async fn one(call: &ApiCall<'_>, id: &str) -> ApiResult {
    let apis = call.apis;
    match *call.method {
        Method::GET => apis.with(id, |api| Ok((200, api.view.clone().into()))),
        Method::PATCH => {
            let body = fields::read(&call.body, fields::API)?;
            check_selection(&body, false)?;
            let _writing = apis.write(id).await?;
            apis.change(id, true, |api| {
                api.view.extend(body);
                Ok((200, api.view.clone().into()))
            })
        }
        Method::DELETE => {
            let _writing = apis.write(id).await?;
            apis.with(id, |api| {
                late_lines::write_later(apis, id, api);
                Ok(())
            })?;
            lock(&apis.state).apis.remove(id);
            apis.serve_stages(id, None);
            apis.connections.close_all(id, None);
            Ok((204, Value::Null))
        }
        _ => Err(call.not_here()),
    }
}
