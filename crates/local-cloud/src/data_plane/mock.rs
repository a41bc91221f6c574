//! `MOCK`: an integration that answers without calling anything.
//!
//! The request template that the template selection expression selects has to be `{"statusCode": …}`;
//! if none fits, the message itself is used, as far as `passthroughBehavior` allows.
//! The integration response for that status then gives the body, which reaches the client only with a
//! route response, like any other. Templates here are plain text: one with variables or directives was
//! refused when it was set.

use serde_json::Value;

use super::reply::Reply;
use super::selection;
use crate::services::apigatewayv2::{TemplateResponse, TemplateSettings};

/// What the execution log says when there is no status to answer with.
pub(super) const NO_STATUS: &str = "Execution failed due to configuration error: Unable to parse statusCode. It should be an integer that is defined in the request template.";

/// The answer to a message; `None` if there is no status in it.
pub(super) fn answer(custom: &TemplateSettings, message: &str) -> Option<Reply> {
    let body = serde_json::from_str(message).unwrap_or(Value::Null);
    let key = selection::evaluate(&custom.template_selection, &body);
    let request = match custom.request_templates.get(&key) {
        Some(template) => serde_json::from_str(template).ok()?,
        None if passes_through(custom) => body.clone(),
        None => return None,
    };
    let status = u16::try_from(request.get("statusCode")?.as_u64()?).ok()?;
    let status = Some(status).filter(|status| (100..=599).contains(status))?;
    let response = response_for(custom, status);
    Some(Reply {
        status,
        body: response.and_then(|response| response_body(response, &body)),
        ..Reply::default()
    })
}

fn passes_through(custom: &TemplateSettings) -> bool {
    match custom.passthrough.as_str() {
        "NEVER" => false,
        "WHEN_NO_TEMPLATES" => custom.request_templates.is_empty(),
        _ => true,
    }
}

/// The response whose key is the status, or a pattern between slashes that fits it, or `$default`.
pub(super) fn response_for(custom: &TemplateSettings, status: u16) -> Option<&TemplateResponse> {
    let status = status.to_string();
    let fits = |key: &str| {
        let pattern = key.strip_prefix('/').and_then(|key| key.strip_suffix('/'));
        pattern.is_some_and(|pattern| {
            let whole = regex::Regex::new(&format!("^(?:{pattern})$"));
            whole.is_ok_and(|whole| whole.is_match(&status))
        })
    };
    let by_pattern = || {
        let mut all = custom.responses.iter();
        all.find(|(key, _)| fits(key)).map(|(_, response)| response)
    };
    custom
        .responses
        .get(&status)
        .or_else(by_pattern)
        .or_else(|| custom.responses.get("$default"))
}

/// Uncertain: a response without a template that fits has no body here, as in REST APIs; the documents
/// for WebSocket APIs do not say.
pub(super) fn response_body(response: &TemplateResponse, body: &Value) -> Option<String> {
    let key = selection::evaluate(&response.template_selection, body);
    response.templates.get(&key).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn custom() -> TemplateSettings {
        let texts = |key: &str, text: &str| BTreeMap::from([(key.to_owned(), text.to_owned())]);
        let response = |text: &str| TemplateResponse {
            templates: texts("200", text),
            template_selection: "200".to_owned(),
        };
        TemplateSettings {
            request_templates: texts("200", r#"{"statusCode":200}"#),
            template_selection: "200".to_owned(),
            passthrough: "WHEN_NO_MATCH".to_owned(),
            responses: BTreeMap::from([
                ("/2\\d\\d/".to_owned(), response("fine")),
                ("$default".to_owned(), response("other")),
            ]),
            ..TemplateSettings::default()
        }
    }

    fn of(custom: &TemplateSettings, message: &str) -> Option<(u16, Option<String>)> {
        answer(custom, message).map(|reply| (reply.status, reply.body))
    }

    #[test]
    fn a_template_gives_the_status_and_the_response_for_it_the_body() {
        assert_eq!(of(&custom(), "hi"), Some((200, Some("fine".to_owned()))));
    }

    #[test]
    fn without_a_template_that_fits_the_message_is_the_request() {
        let passing = TemplateSettings {
            template_selection: "none".to_owned(),
            ..custom()
        };
        let message = r#"{"statusCode":404}"#;
        assert_eq!(of(&passing, message), Some((404, Some("other".to_owned()))));
        assert_eq!(of(&passing, "hi"), None, "there is no status in it");
        let never = TemplateSettings {
            passthrough: "NEVER".to_owned(),
            ..passing
        };
        assert_eq!(of(&never, message), None);
    }
}
