//! Authorizers: the Lambda functions that decide who may connect.
//!
//! A WebSocket API knows one type, `REQUEST`, for `$connect` alone. Members of HTTP
//! APIs (payload versions, a time to live, simple responses, JWT) are refused by name, even when they are set to
//! their default. The messages are AWS's, from a capture. An authorizer in use cannot be deleted; a change of one
//! is not live until it is deployed.
//!
//! `identityValidationExpression` is kept and shown, and not applied: a capture shows that identities
//! which do not match it reach the function all the same.

use http::Method;
use serde_json::Value;

use super::call::{ApiCall, ApiResult, fresh_id, quota};
use super::fields::{self, bad};
use super::integrations::is_invocation;
use super::view::{View, list, text, views};
use super::{Api, missing};
use crate::wire::ServiceError;

const AUTHORIZER_QUOTA: usize = 10;
/// Members of HTTP APIs, in the order in which AWS checks them.
const FOREIGN: [(&str, &str); 4] = [
    (
        "authorizerPayloadFormatVersion",
        "AuthorizerPayloadFormatVersion",
    ),
    (
        "authorizerResultTtlInSeconds",
        "AuthorizerResultTtlInSeconds",
    ),
    ("enableSimpleResponses", "EnableSimpleResponses"),
    ("jwtConfiguration", "JwtConfiguration"),
];

pub(super) async fn authorizers(call: &ApiCall<'_>, api: &str, rest: &[&str]) -> ApiResult {
    match rest {
        [] => match *call.method {
            Method::GET => call.list(api, |api| views(api.authorizers.values())),
            Method::POST => call.change(api, |api| create(call, api)).await,
            _ => Err(call.not_here()),
        },
        [id] => match *call.method {
            Method::GET => call.look(api, |api| authorizer(api, id).cloned()),
            Method::PATCH => call.change(api, |api| update(call, api, id)).await,
            Method::DELETE => call.change(api, |api| delete(api, id)).await,
            _ => Err(call.not_here()),
        },
        _ => Err(call.not_here()),
    }
}

fn create(call: &ApiCall<'_>, api: &mut Api) -> ApiResult {
    let mut view = fields::read(&call.body, fields::AUTHORIZER)?;
    check(call, &view, true)?;
    if api.authorizers.len() >= AUTHORIZER_QUOTA {
        return Err(quota("Authorizers"));
    }
    drop_empty(&mut view);
    let id = fresh_id(6, |id| api.authorizers.contains_key(id));
    view.insert("authorizerId".to_owned(), id.clone().into());
    api.authorizers.insert(id, view.clone());
    Ok((201, view.into()))
}

/// An empty credential, expression or list removes the old one; on a create it is refused.
fn update(call: &ApiCall<'_>, api: &mut Api, id: &str) -> ApiResult {
    let mut view = authorizer(api, id)?.clone();
    view.extend(fields::read(&call.body, fields::AUTHORIZER)?);
    for name in ["authorizerCredentialsArn", "identityValidationExpression"] {
        if text(&view, name).is_empty() {
            view.remove(name);
        }
    }
    check(call, &view, false)?;
    drop_empty(&mut view);
    api.authorizers.insert(id.to_owned(), view.clone());
    Ok((200, view.into()))
}

fn check(call: &ApiCall<'_>, view: &View, is_new: bool) -> Result<(), ServiceError> {
    if text(view, "name").is_empty() {
        return Err(bad("Name must be specified"));
    }
    if text(view, "authorizerType") != "REQUEST" {
        return Err(bad(
            "Invalid authorizer type. Only REQUEST authorizer type is supported on WEBSOCKET protocol Apis.",
        ));
    }
    for (name, title) in FOREIGN {
        let value = call.body.get(name).filter(|value| !value.is_null());
        // An update with an empty version passes, as on AWS.
        if value.is_some_and(|value| is_new || value.as_str() != Some("")) {
            return Err(bad(format!(
                "{title} cannot be set for WEBSOCKET protocol Apis."
            )));
        }
    }
    let credentials = view
        .get("authorizerCredentialsArn")
        .map(|_| text(view, "authorizerCredentialsArn"));
    if credentials.is_some_and(|arn| !is_role(arn)) {
        return Err(bad("Invalid role ARN"));
    }
    if !is_invocation(text(view, "authorizerUri")) {
        return Err(bad("Invalid authorizer URI"));
    }
    check_sources(view)?;
    check_expression(view)
}

/// `arn:aws:iam::{account}:role/{path and name}`.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, "iam", "", account, role] = parts.as_slice() else {
        return false;
    };
    let name = role.strip_prefix("role/").unwrap_or_default();
    account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty()
}

/// A list with one empty text counts as empty.
fn check_sources(view: &View) -> Result<(), ServiceError> {
    let sources = list(view, "identitySource");
    if sources == [""] {
        return Ok(());
    }
    match sources.into_iter().find(|source| !is_source(source)) {
        None => Ok(()),
        Some(source) => Err(bad(format!(
            "Invalid request identity source expression: {source}. The sources must be separated by comma, and each source must be either a request parameter, matching 'route.request.querystring|header.[a-zA-Z0-9._-]+', or a stage variable, matching 'stageVariables.[a-zA-Z0-9._-]+', or a context parameter, matching 'context.[a-zA-Z0-9._-]+'"
        ))),
    }
}

fn is_source(source: &str) -> bool {
    let kinds = [
        "route.request.header.",
        "route.request.querystring.",
        "stageVariables.",
        "context.",
    ];
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    kinds.into_iter().any(|kind| {
        let name = source.strip_prefix(kind).unwrap_or_default();
        !name.is_empty() && name.chars().all(fine)
    })
}

fn check_expression(view: &View) -> Result<(), ServiceError> {
    let Some(expression) = view
        .get("identityValidationExpression")
        .and_then(Value::as_str)
    else {
        return Ok(());
    };
    if expression.is_empty() {
        return Err(bad("IdentityValidationExpression must not be empty."));
    }
    // AWS's expressions may have look-around and back-references, which our library cannot parse: those are
    // accepted unchecked.
    let looks_around = ["(?=", "(?!", "(?<", "(?>", "\\1"]
        .iter()
        .any(|sign| expression.contains(sign));
    if !looks_around && regex::Regex::new(expression).is_err() {
        return Err(bad(format!("Invalid validation expression: {expression}")));
    }
    Ok(())
}

fn delete(api: &mut Api, id: &str) -> ApiResult {
    let name = text(authorizer(api, id)?, "name");
    let used = api
        .routes
        .values()
        .find(|route| text(&route.view, "authorizerId") == id);
    if let Some(route) = used {
        let words = format!(
            "Cannot delete authorizer '{name}', is referenced in route: {}",
            text(&route.view, "routeKey")
        );
        return Err(ServiceError::new(409, "ConflictException", words));
    }
    api.authorizers.remove(id);
    Ok((204, Value::Null))
}

/// Reads show sources only if there are any.
fn drop_empty(view: &mut View) {
    if list(view, "identitySource")
        .iter()
        .all(|source| source.is_empty())
    {
        view.remove("identitySource");
    }
}

fn authorizer<'a>(api: &'a Api, id: &str) -> Result<&'a View, ServiceError> {
    let none = || missing("Invalid Authorizer identifier specified");
    api.authorizers.get(id).ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_sources_are_parameters_variables_and_context() {
        for source in [
            "route.request.header.Authorization",
            "route.request.querystring.tenant",
            "stageVariables.tenant",
            "context.connectionId",
        ] {
            assert!(is_source(source), "{source}");
        }
        for source in [
            "route.request.header.",
            "$request.header.Authorization",
            "method.request.header.Authorization",
            "route.request.body.action",
            "route.request.header.Invalid Name",
            "invalid",
        ] {
            assert!(!is_source(source), "{source}");
        }
    }

    #[test]
    fn a_role_has_an_account_and_a_name() {
        assert!(is_role("arn:aws:iam::000000000000:role/path/name"));
        assert!(!is_role("not-an-arn"));
        assert!(!is_role(""));
        assert!(!is_role("arn:aws:iam::000000000000:user/name"));
    }
}
