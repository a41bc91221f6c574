//! Integrations: what a route calls. A change is not live until it is deployed.
//!
//! | type | here |
//! |---|---|
//! | `AWS_PROXY` | a Lambda function |
//! | `MOCK` | a status and a body from templates without variables |
//! | `HTTP_PROXY`, `HTTP` | an HTTP server, with the message as it came |
//! | `AWS`, VPC links, templates with variables, conversions to binary | refused with 501 |

use http::Method;
use serde_json::Value;

use super::call::{ApiCall, ApiResult, fresh_id, quota};
use super::fields::{self, bad};
use super::view::{View, text, views};
use super::{Api, Integration, missing};
use crate::wire::ServiceError;

const INTEGRATION_QUOTA: usize = 300;

pub(super) async fn integrations(call: &ApiCall<'_>, api: &str, rest: &[&str]) -> ApiResult {
    match rest {
        [] => match *call.method {
            Method::GET => call.list(api, |api| views(api.integrations.values().map(|i| &i.view))),
            Method::POST => call.change(api, |api| create(call, api)).await,
            _ => Err(call.not_here()),
        },
        [id] => match *call.method {
            Method::GET => call.look(api, |api| Ok(integration(api, id)?.view.clone())),
            Method::PATCH => call.change(api, |api| update(call, api, id)).await,
            Method::DELETE => call.change(api, |api| delete(api, id)).await,
            _ => Err(call.not_here()),
        },
        _ => Err(call.not_here()),
    }
}

fn create(call: &ApiCall<'_>, api: &mut Api) -> ApiResult {
    let body = fields::read(&call.body, fields::INTEGRATION)?;
    if text(&body, "integrationType").is_empty() {
        return Err(bad("IntegrationType must be specified"));
    }
    if api.integrations.len() >= INTEGRATION_QUOTA {
        return Err(quota("Integrations"));
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
    check(call, &view)?;
    api.integrations.insert(
        id,
        Integration {
            view: view.clone(),
            ..Integration::default()
        },
    );
    Ok((201, view.into()))
}

fn update(call: &ApiCall<'_>, api: &mut Api, id: &str) -> ApiResult {
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
        "templateSelectionExpression",
    ] {
        if text(&view, name).is_empty() {
            view.remove(name);
        }
    }
    check(call, &view)?;
    if let Some(integration) = api.integrations.get_mut(id) {
        integration.view = view.clone();
    }
    Ok((200, view.into()))
}

/// Maps merge; an empty text removes its name.
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
/// a common mistake. Whether the function exists is found out when a client connects, as on AWS.
fn check(call: &ApiCall<'_>, view: &View) -> Result<(), ServiceError> {
    check_support(call, view)?;
    check_parameters(view)?;
    let (kind, uri) = (text(view, "integrationType"), text(view, "integrationUri"));
    match kind {
        "MOCK" => Ok(()),
        "AWS_PROXY" if is_invocation(uri) => Ok(()),
        "AWS_PROXY" => Err(bad("Invalid ARN specified in the request")),
        _ if uri.is_empty() => Err(bad("IntegrationUri must be specified")),
        // Uncertain: AWS's message is not recorded for WebSocket APIs; this is the one of REST APIs.
        _ if !uri.starts_with("http://") && !uri.starts_with("https://") => {
            Err(bad("Invalid HTTP endpoint specified for URI"))
        }
        _ => Ok(()),
    }
}

/// `arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations`.
pub(super) fn is_invocation(uri: &str) -> bool {
    uri.starts_with("arn:")
        && uri.contains(":lambda:path/2015-03-31/functions/")
        && uri.ends_with("/invocations")
}

/// What the data plane does not support is refused here, by name, and not ignored at run time.
fn check_support(call: &ApiCall<'_>, view: &View) -> Result<(), ServiceError> {
    let is = |name: &str, word: &str| text(view, name) == word;
    let what = if is("integrationType", "AWS") {
        "an AWS integration; AWS_PROXY is"
    } else if is("connectionType", "VPC_LINK") || !text(view, "connectionId").is_empty() {
        "a VPC link"
    } else if is("contentHandlingStrategy", "CONVERT_TO_BINARY") {
        "a conversion to binary"
    } else if has_variables(view.get("requestTemplates")) {
        "a request template with variables or directives (VTL)"
    } else if is("integrationType", "AWS_PROXY") && !parameters(view).is_empty() {
        "requestParameters on an AWS_PROXY integration"
    } else {
        return Ok(());
    };
    Err(call.without(what))
}

fn parameters(view: &View) -> View {
    let parameters = view.get("requestParameters").and_then(Value::as_object);
    parameters.cloned().unwrap_or_default()
}

/// Uncertain: the message is that of REST APIs; for WebSocket APIs none is recorded.
fn check_parameters(view: &View) -> Result<(), ServiceError> {
    let targets = [
        "integration.request.header.",
        "integration.request.querystring.",
    ];
    let sources = [
        "context.",
        "stageVariables.",
        "route.request.header.",
        "route.request.querystring.",
        "route.request.body",
    ];
    for (target, source) in parameters(view) {
        let source = source.as_str().unwrap_or_default();
        let is_text = source.len() >= 2 && source.starts_with('\'') && source.ends_with('\'');
        let known = is_text || sources.iter().any(|begin| source.starts_with(begin));
        let target_known = targets.iter().any(|begin| target.starts_with(begin));
        if let Some(bad_one) = [(known, source), (target_known, target.as_str())]
            .into_iter()
            .find(|(fine, _)| !fine)
        {
            return Err(bad(format!(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: {}]",
                bad_one.1
            )));
        }
    }
    Ok(())
}

/// Whether one of the templates is more than text: `$` and `#` are what VTL begins with.
pub(super) fn has_variables(templates: Option<&Value>) -> bool {
    let templates = templates.and_then(Value::as_object);
    let mut texts = templates.into_iter().flat_map(|map| map.values());
    texts.any(|template| {
        let template = template.as_str().unwrap_or_default();
        template.contains(['$', '#'])
    })
}

fn delete(api: &mut Api, id: &str) -> ApiResult {
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
        return Err(ServiceError::new(409, "ConflictException", words));
    }
    api.integrations.remove(id);
    Ok((204, Value::Null))
}

pub(super) fn integration<'a>(api: &'a Api, id: &str) -> Result<&'a Integration, ServiceError> {
    api.integrations.get(id).ok_or_else(no_integration)
}

/// Uncertain: AWS's message is recorded for routes, where it names no id; this one follows it.
pub(super) fn no_integration() -> ServiceError {
    missing("Invalid Integration identifier specified")
}
