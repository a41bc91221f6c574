//! Routes and integrations, and what hangs on them: route responses and integration responses.
//! Changes here are not live until a deployment takes them.

use http::Method;
use serde_json::{Value, json};

use super::super::wire::Fault;
use super::fields::{self, Field, bad};
use super::live::text;
use super::wire::{Answer, Call, fresh_id, quota};
use super::{Api, Integration, Route, View, missing};

const ROUTE_QUOTA: usize = 300;
const INTEGRATION_QUOTA: usize = 300;

pub(super) async fn routes(call: &Call<'_>, api: &str, rest: &[&str]) -> Answer {
    match rest {
        [] => match *call.method {
            Method::GET => list(call, api, |api| views(api.routes.values().map(|r| &r.view))),
            Method::POST => change(call, api, |api| create_route(call, api)).await,
            _ => Err(call.not_here()),
        },
        [id] => match *call.method {
            Method::GET => look(call, api, |api| Ok(route(api, id)?.view.clone())),
            Method::PATCH => change(call, api, |api| update_route(call, api, id)).await,
            Method::DELETE => {
                change(call, api, |api| {
                    api.routes.remove(*id).ok_or_else(|| no_route(id))?;
                    Ok((204, Value::Null))
                })
                .await
            }
            _ => Err(call.not_here()),
        },
        [id, "routeresponses", rest @ ..] => route_responses(call, api, id, rest).await,
        _ => Err(call.not_here()),
    }
}

pub(super) async fn integrations(call: &Call<'_>, api: &str, rest: &[&str]) -> Answer {
    match rest {
        [] => match *call.method {
            Method::GET => list(call, api, |api| {
                views(api.integrations.values().map(|i| &i.view))
            }),
            Method::POST => change(call, api, |api| create_integration(call, api)).await,
            _ => Err(call.not_here()),
        },
        [id] => match *call.method {
            Method::GET => look(call, api, |api| Ok(integration(api, id)?.view.clone())),
            Method::PATCH => change(call, api, |api| update_integration(call, api, id)).await,
            Method::DELETE => change(call, api, |api| delete_integration(api, id)).await,
            _ => Err(call.not_here()),
        },
        [id, "integrationresponses", rest @ ..] => integration_responses(call, api, id, rest).await,
        _ => Err(call.not_here()),
    }
}

fn create_route(call: &Call<'_>, api: &mut Api) -> Answer {
    let body = fields::read(&call.body, fields::ROUTE)?;
    if text(&body, "routeKey").is_empty() {
        return Err(bad("RouteKey must be specified"));
    }
    if api.routes.len() >= ROUTE_QUOTA {
        return Err(quota("Routes", ROUTE_QUOTA));
    }
    let id = fresh_id(7, |id| api.routes.contains_key(id));
    let mut view = View::new();
    view.insert("apiKeyRequired".to_owned(), false.into());
    view.insert("authorizationType".to_owned(), "NONE".into());
    view.insert("routeId".to_owned(), id.clone().into());
    view.extend(body);
    check_route(api, &id, &view)?;
    api.routes.insert(
        id,
        Route {
            view: view.clone(),
            ..Route::default()
        },
    );
    Ok((201, view.into()))
}

fn update_route(call: &Call<'_>, api: &mut Api, id: &str) -> Answer {
    let mut view = route(api, id)?.view.clone();
    view.extend(fields::read(&call.body, fields::ROUTE)?);
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
    check_route(api, id, &view)?;
    if let Some(route) = api.routes.get_mut(id) {
        route.view = view.clone();
    }
    Ok((200, view.into()))
}

fn check_route(api: &Api, id: &str, view: &View) -> Result<(), Fault> {
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
        return Err(Fault::new(409, "ConflictException", words));
    }
    if text(view, "authorizationType") != "NONE" && key != "$connect" {
        return Err(bad(
            "Currently, authorization is restricted to the $connect route only",
        ));
    }
    if text(view, "authorizationType") == "JWT" {
        return Err(bad("JWT authorization is not supported for WEBSOCKET APIs"));
    }
    check_target(api, text(view, "target"))
}

fn check_target(api: &Api, target: &str) -> Result<(), Fault> {
    if target.is_empty() {
        return Ok(());
    }
    match target.strip_prefix("integrations/") {
        // AWS does not document the words for an integration that is not there; these are those of
        // reads, because that is the fact that is wrong.
        Some(id) => integration(api, id).map(drop),
        None => Err(bad(format!(
            "Invalid target {target}: it must be integrations/{{integrationId}}"
        ))),
    }
}

fn create_integration(call: &Call<'_>, api: &mut Api) -> Answer {
    let body = fields::read(&call.body, fields::INTEGRATION)?;
    if text(&body, "integrationType").is_empty() {
        return Err(bad("IntegrationType must be specified"));
    }
    if api.integrations.len() >= INTEGRATION_QUOTA {
        return Err(quota("Integrations", INTEGRATION_QUOTA));
    }
    let id = fresh_id(7, |id| api.integrations.contains_key(id));
    let mut view = View::new();
    view.insert("connectionType".to_owned(), "INTERNET".into());
    view.insert("integrationId".to_owned(), id.clone().into());
    view.insert("passthroughBehavior".to_owned(), "WHEN_NO_MATCH".into());
    view.insert("payloadFormatVersion".to_owned(), "1.0".into());
    view.insert("timeoutInMillis".to_owned(), 29_000.into());
    view.extend(body);
    if !text(&view, "integrationType").ends_with("_PROXY") {
        let expression = "${integration.response.statuscode}";
        view.entry("integrationResponseSelectionExpression")
            .or_insert_with(|| expression.into());
    }
    check_integration(&view)?;
    api.integrations.insert(
        id,
        Integration {
            view: view.clone(),
            ..Integration::default()
        },
    );
    Ok((201, view.into()))
}

fn update_integration(call: &Call<'_>, api: &mut Api, id: &str) -> Answer {
    let mut view = integration(api, id)?.view.clone();
    let mut body = fields::read(&call.body, fields::INTEGRATION)?;
    for name in ["requestParameters", "requestTemplates"] {
        merge_texts(name, &view, &mut body);
    }
    view.extend(body);
    for name in [
        "credentialsArn",
        "description",
        "connectionId",
        "contentHandlingStrategy",
    ] {
        if text(&view, name).is_empty() {
            view.remove(name);
        }
    }
    check_integration(&view)?;
    if let Some(integration) = api.integrations.get_mut(id) {
        integration.view = view.clone();
    }
    Ok((200, view.into()))
}

/// Maps merge; an empty text takes its name away.
fn merge_texts(name: &str, old: &View, body: &mut View) {
    let Some(new) = body.get(name).and_then(Value::as_object).cloned() else {
        return;
    };
    let mut merged = old
        .get(name)
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    merged.extend(new);
    merged.retain(|_, value| value.as_str() != Some(""));
    body.insert(name.to_owned(), merged.into());
}

/// A Lambda integration must name a function the way API Gateway calls it; a bare function ARN is
/// the usual mistake. Whether the function exists shows only when a client connects, as on AWS.
fn check_integration(view: &View) -> Result<(), Fault> {
    let (kind, uri) = (text(view, "integrationType"), text(view, "integrationUri"));
    let lambda = uri.starts_with("arn:")
        && uri.contains(":lambda:path/2015-03-31/functions/")
        && uri.ends_with("/invocations");
    match kind {
        "MOCK" => Ok(()),
        "AWS_PROXY" if lambda => Ok(()),
        "AWS_PROXY" => Err(bad("Invalid ARN specified in the request")),
        _ if uri.is_empty() => Err(bad("IntegrationUri must be specified")),
        _ => Ok(()),
    }
}

fn delete_integration(api: &mut Api, id: &str) -> Answer {
    integration(api, id)?;
    let target = format!("integrations/{id}");
    let used: Vec<_> = api
        .routes
        .iter()
        .filter(|(_, route)| text(&route.view, "target") == target)
        .map(|(id, _)| id.as_str())
        .collect();
    if !used.is_empty() {
        let words = format!(
            "Cannot delete Integration because it is referenced by the following Routes with Ids: [{}]",
            used.join(", ")
        );
        return Err(Fault::new(409, "ConflictException", words));
    }
    api.integrations.remove(id);
    Ok((204, Value::Null))
}

async fn route_responses(call: &Call<'_>, api: &str, route_id: &str, rest: &[&str]) -> Answer {
    let kind = Kind {
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
        Ok(&mut api
            .routes
            .get_mut(route_id)
            .ok_or_else(|| no_route(route_id))?
            .responses)
    })
    .await
}

async fn integration_responses(call: &Call<'_>, api: &str, id: &str, rest: &[&str]) -> Answer {
    let kind = Kind {
        fields: fields::INTEGRATION_RESPONSE,
        key: "integrationResponseKey",
        id: "integrationResponseId",
        name: "Integration Response",
    };
    let check = |view: &View| match text(view, "integrationResponseKey") {
        "" => Err(bad("IntegrationResponseKey must be specified")),
        _ => Ok(()),
    };
    responses(call, api, rest, &kind, check, |api| {
        Ok(&mut api
            .integrations
            .get_mut(id)
            .ok_or_else(|| no_integration(id))?
            .responses)
    })
    .await
}

/// What tells the two kinds of responses apart.
struct Kind {
    fields: &'static [Field],
    key: &'static str,
    id: &'static str,
    name: &'static str,
}

type Responses = std::collections::BTreeMap<String, View>;

async fn responses(
    call: &Call<'_>,
    api_id: &str,
    rest: &[&str],
    kind: &Kind,
    check: impl Fn(&View) -> Result<(), Fault>,
    of: impl Fn(&mut Api) -> Result<&mut Responses, Fault>,
) -> Answer {
    let gone = |id: &str| missing(format!("Invalid {} identifier specified {id}", kind.name));
    let read = |base: View, responses: &Responses| {
        let mut view = base;
        view.extend(fields::read(&call.body, kind.fields)?);
        check(&view)?;
        let (id, key) = (text(&view, kind.id), text(&view, kind.key));
        let taken = |other: &View| text(other, kind.key) == key && text(other, kind.id) != id;
        if responses.values().any(taken) {
            let words = format!("{} with key {key} already exists", kind.name);
            return Err(Fault::new(409, "ConflictException", words));
        }
        Ok(view)
    };
    match (call.method, rest) {
        (&Method::GET, []) => {
            let items = call.cloud.apis.with(call.cloud, api_id, |api| {
                Ok(views(of(&mut api.clone())?.values()))
            })?;
            call.page(items)
        }
        (&Method::GET, [id]) => look(call, api_id, |api| {
            of(&mut api.clone())?
                .get(*id)
                .cloned()
                .ok_or_else(|| gone(id))
        }),
        (&Method::POST, []) => {
            change(call, api_id, |api| {
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
            change(call, api_id, |api| {
                let responses = of(api)?;
                let old = responses.get(*id).cloned().ok_or_else(|| gone(id))?;
                let view = read(old, responses)?;
                responses.insert((*id).to_owned(), view.clone());
                Ok((200, view.into()))
            })
            .await
        }
        (&Method::DELETE, [id]) => {
            change(call, api_id, |api| {
                of(api)?.remove(*id).ok_or_else(|| gone(id))?;
                Ok((204, json!(null)))
            })
            .await
        }
        _ => Err(call.not_here()),
    }
}

fn list(call: &Call<'_>, api: &str, items: impl FnOnce(&Api) -> Vec<Value>) -> Answer {
    let items = call
        .cloud
        .apis
        .with(call.cloud, api, |api| Ok(items(api)))?;
    call.page(items)
}

fn look(call: &Call<'_>, api: &str, work: impl FnOnce(&Api) -> Result<View, Fault>) -> Answer {
    call.cloud
        .apis
        .with(call.cloud, api, |api| Ok((200, work(api)?.into())))
}

async fn change(call: &Call<'_>, api_id: &str, work: impl FnOnce(&mut Api) -> Answer) -> Answer {
    let _writing = call.cloud.apis.write(call.cloud, api_id).await?;
    call.cloud.apis.change(call.cloud, api_id, true, work)
}

fn views<'a>(items: impl Iterator<Item = &'a View>) -> Vec<Value> {
    items.map(|view| Value::Object(view.clone())).collect()
}

fn route<'a>(api: &'a Api, id: &str) -> Result<&'a Route, Fault> {
    api.routes.get(id).ok_or_else(|| no_route(id))
}

fn integration<'a>(api: &'a Api, id: &str) -> Result<&'a Integration, Fault> {
    api.integrations.get(id).ok_or_else(|| no_integration(id))
}

fn no_route(id: &str) -> Fault {
    missing(format!("Invalid Route identifier specified {id}"))
}

fn no_integration(id: &str) -> Fault {
    missing(format!("Invalid Integration identifier specified {id}"))
}
