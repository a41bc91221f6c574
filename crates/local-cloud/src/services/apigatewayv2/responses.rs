//! Route responses and integration responses, which are kept in the same way.

use http::Method;
use serde_json::json;

use super::call::{ApiCall, ApiResult, fresh_id};
use super::fields::{self, Field, bad};
use super::integrations::{has_variables, no_integration};
use super::routes::no_route;
use super::view::{View, text, views};
use super::{Api, missing};
use crate::wire::ServiceError;

pub(super) async fn of_route(
    call: &ApiCall<'_>,
    api: &str,
    route_id: &str,
    rest: &[&str],
) -> ApiResult {
    let kind = ResponseKind {
        fields: fields::ROUTE_RESPONSE,
        key: "routeResponseKey",
        id: "routeResponseId",
        name: "Route Response",
    };
    let check = |view: &View| match text(view, "routeResponseKey") {
        "$default" => Ok(()),
        _ => Err(bad("Only the $default route response key is supported")),
    };
    responses(call, api, rest, &kind, check, |api| {
        Ok(&mut api.routes.get_mut(route_id).ok_or_else(no_route)?.responses)
    })
    .await
}

pub(super) async fn of_integration(
    call: &ApiCall<'_>,
    api: &str,
    id: &str,
    rest: &[&str],
) -> ApiResult {
    let kind = ResponseKind {
        fields: fields::INTEGRATION_RESPONSE,
        key: "integrationResponseKey",
        id: "integrationResponseId",
        name: "Integration Response",
    };
    let check = |view: &View| match text(view, "integrationResponseKey") {
        "" => Err(bad("IntegrationResponseKey must be specified")),
        _ if has_variables(view.get("responseTemplates")) => {
            Err(call.without("a response template with variables or directives (VTL)"))
        }
        _ => Ok(()),
    };
    responses(call, api, rest, &kind, check, |api| {
        Ok(&mut api
            .integrations
            .get_mut(id)
            .ok_or_else(no_integration)?
            .responses)
    })
    .await
}

/// The differences between the two kinds of responses.
struct ResponseKind {
    fields: &'static [Field],
    key: &'static str,
    id: &'static str,
    name: &'static str,
}

type Responses = std::collections::BTreeMap<String, View>;

async fn responses(
    call: &ApiCall<'_>,
    api_id: &str,
    rest: &[&str],
    kind: &ResponseKind,
    check: impl Fn(&View) -> Result<(), ServiceError>,
    of: impl Fn(&mut Api) -> Result<&mut Responses, ServiceError>,
) -> ApiResult {
    // Uncertain: AWS's messages for these two are not recorded.
    let gone = |id: &str| missing(format!("Invalid {} identifier specified {id}", kind.name));
    let read = |base: View, responses: &Responses| {
        let mut view = base;
        view.extend(fields::read(&call.body, kind.fields)?);
        check(&view)?;
        let (id, key) = (text(&view, kind.id), text(&view, kind.key));
        let taken = |other: &View| text(other, kind.key) == key && text(other, kind.id) != id;
        if responses.values().any(taken) {
            let words = format!("{} with key {key} already exists", kind.name);
            return Err(ServiceError::new(409, "ConflictException", words));
        }
        Ok(view)
    };
    match (call.method, rest) {
        (&Method::GET, []) => {
            let items = call
                .apis
                .with(api_id, |api| Ok(views(of(&mut api.clone())?.values())))?;
            call.page(items)
        }
        (&Method::GET, [id]) => call.look(api_id, |api| {
            of(&mut api.clone())?
                .get(*id)
                .cloned()
                .ok_or_else(|| gone(id))
        }),
        (&Method::POST, []) => {
            call.change(api_id, |api| {
                let responses = of(api)?;
                let id = fresh_id(7, |id| responses.contains_key(id));
                let base = View::from_iter([(kind.id.to_owned(), id.clone().into())]);
                let view = read(base, responses)?;
                responses.insert(id, view.clone());
                Ok((201, view.into()))
            })
            .await
        }
        (&Method::PATCH, [id]) => {
            call.change(api_id, |api| {
                let responses = of(api)?;
                let old = responses.get(*id).cloned().ok_or_else(|| gone(id))?;
                let view = read(old, responses)?;
                responses.insert((*id).to_owned(), view.clone());
                Ok((200, view.into()))
            })
            .await
        }
        (&Method::DELETE, [id]) => {
            call.change(api_id, |api| {
                of(api)?.remove(*id).ok_or_else(|| gone(id))?;
                Ok((204, json!(null)))
            })
            .await
        }
        _ => Err(call.not_here()),
    }
}
