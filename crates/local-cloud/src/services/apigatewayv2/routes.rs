//! Routes: the integration of each route key, and who may use it. A change is not live until it is deployed.

use http::Method;
use serde_json::Value;

use super::call::{ApiCall, ApiResult, fresh_id, quota};
use super::fields::{self, bad};
use super::integrations::integration;
use super::view::{View, text, views};
use super::{Api, Route, missing};
use crate::wire::ServiceError;

const ROUTE_QUOTA: usize = 300;

pub(super) async fn routes(call: &ApiCall<'_>, api: &str, rest: &[&str]) -> ApiResult {
    match rest {
        [] => match *call.method {
            Method::GET => call.list(api, |api| views(api.routes.values().map(|r| &r.view))),
            Method::POST => call.change(api, |api| create(call, api)).await,
            _ => Err(call.not_here()),
        },
        [id] => match *call.method {
            Method::GET => call.look(api, |api| Ok(route(api, id)?.view.clone())),
            Method::PATCH => call.change(api, |api| update(call, api, id)).await,
            Method::DELETE => {
                call.change(api, |api| {
                    api.routes.remove(*id).ok_or_else(no_route)?;
                    Ok((204, Value::Null))
                })
                .await
            }
            _ => Err(call.not_here()),
        },
        _ => Err(call.not_here()),
    }
}

fn create(call: &ApiCall<'_>, api: &mut Api) -> ApiResult {
    let body = fields::read(&call.body, fields::ROUTE)?;
    if text(&body, "routeKey").is_empty() {
        return Err(bad("RouteKey must be specified"));
    }
    if api.routes.len() >= ROUTE_QUOTA {
        return Err(quota("Routes"));
    }
    let id = fresh_id(7, |id| api.routes.contains_key(id));
    let mut view = View::new();
    view.insert("apiKeyRequired".to_owned(), false.into());
    view.insert("authorizationType".to_owned(), "NONE".into());
    view.insert("routeId".to_owned(), id.clone().into());
    view.extend(body);
    check(call, api, &id, &view)?;
    api.routes.insert(
        id,
        Route {
            view: view.clone(),
            ..Route::default()
        },
    );
    Ok((201, view.into()))
}

/// The model says 200; a capture of AWS shows 201, and clients take both.
fn update(call: &ApiCall<'_>, api: &mut Api, id: &str) -> ApiResult {
    let mut view = route(api, id)?.view.clone();
    let body = fields::read(&call.body, fields::ROUTE)?;
    // Without CUSTOM authorization a route has no authorizer any more.
    if body.contains_key("authorizationType") && text(&body, "authorizationType") != "CUSTOM" {
        view.remove("authorizerId");
    }
    view.extend(body);
    for name in [
        "target",
        "authorizerId",
        "operationName",
        "routeResponseSelectionExpression",
    ] {
        if text(&view, name).is_empty() {
            view.remove(name);
        }
    }
    check(call, api, id, &view)?;
    if let Some(route) = api.routes.get_mut(id) {
        route.view = view.clone();
    }
    Ok((201, view.into()))
}

fn check(call: &ApiCall<'_>, api: &Api, id: &str, view: &View) -> Result<(), ServiceError> {
    let key = text(view, "routeKey");
    if key.starts_with('$') && !matches!(key, "$connect" | "$disconnect" | "$default") {
        return Err(bad(format!(
            "Invalid route key {key}: only $connect, $disconnect and $default may begin with $"
        )));
    }
    let taken =
        |(other, route): (&String, &Route)| other != id && text(&route.view, "routeKey") == key;
    if api.routes.iter().any(taken) {
        let words = format!("Route with key {key} already exists for this API");
        return Err(ServiceError::new(409, "ConflictException", words));
    }
    check_authorization(api, view)?;
    check_support(call, view)?;
    check_target(api, text(view, "target"))
}

/// Uncertain: AWS's messages for a CUSTOM route without an authorizer, with one that does not exist, and for an
/// authorizer on a route of another type are not recorded. HTTP APIs refuse them, and a route that refuses every
/// client would be found out much later.
fn check_authorization(api: &Api, view: &View) -> Result<(), ServiceError> {
    let (kind, id) = (text(view, "authorizationType"), text(view, "authorizerId"));
    if kind != "NONE" && text(view, "routeKey") != "$connect" {
        return Err(bad(
            "Currently, authorization is restricted to the $connect route only",
        ));
    }
    match (kind, id) {
        ("JWT", _) => Err(bad("JWT authorization is not supported for WEBSOCKET APIs")),
        ("CUSTOM", "") => Err(bad(
            "AuthorizerId must be specified for CUSTOM authorization",
        )),
        ("CUSTOM", id) if !api.authorizers.contains_key(id) => Err(bad(format!(
            "Invalid authorizer identifier specified: {id}"
        ))),
        ("CUSTOM", _) | (_, "") => Ok(()),
        _ => Err(bad("AuthorizerId may only be set for CUSTOM authorization")),
    }
}

/// What the data plane does not support is refused here, by name, and not ignored at run time.
fn check_support(call: &ApiCall<'_>, view: &View) -> Result<(), ServiceError> {
    let filled = |name: &str| match view.get(name) {
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Bool(flag)) => *flag,
        _ => false,
    };
    let not_here = [
        "modelSelectionExpression",
        "requestModels",
        "requestParameters",
    ];
    match not_here.into_iter().find(|name| filled(name)) {
        Some(name) => Err(call.without(&format!("{name} on a route"))),
        None => Ok(()),
    }
}

fn check_target(api: &Api, target: &str) -> Result<(), ServiceError> {
    if target.is_empty() {
        return Ok(());
    }
    match target.strip_prefix("integrations/") {
        // Uncertain: AWS's message for an integration that does not exist is not recorded; this is the one of
        // reads.
        Some(id) => integration(api, id).map(drop),
        None => Err(bad(format!(
            "Invalid target {target}: it must be integrations/{{integrationId}}"
        ))),
    }
}

fn route<'a>(api: &'a Api, id: &str) -> Result<&'a Route, ServiceError> {
    api.routes.get(id).ok_or_else(no_route)
}

/// AWS's message, which names no id.
pub(super) fn no_route() -> ServiceError {
    missing("Invalid route identifier specified")
}
