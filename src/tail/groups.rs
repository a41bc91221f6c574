//! Which log groups the chat has, and how to find them.
//!
//! Two of the names follow from the chat's own name. The execution log carries the API's id, which
//! only AWS knows, so the API is looked up by our tags.

use super::event::Group;
use crate::aws::{Clients, explain};
use crate::cli::LogSource;
use crate::config::Settings;
use crate::error::Result;
use aws_sdk_apigatewayv2::types::Api;

/// The function's name.
pub fn function_name(settings: &Settings) -> String {
    settings
        .function
        .name
        .clone()
        .unwrap_or_else(|| format!("{}-{}", settings.name, settings.stage))
}

/// The function's log group.
pub fn function_group(settings: &Settings) -> String {
    format!("/aws/lambda/{}", function_name(settings))
}

/// The access log's group.
pub fn access_group(settings: &Settings) -> String {
    format!("/chatctl/{}/{}/access", settings.name, settings.stage)
}

/// The execution log's group; API Gateway chose this name.
pub fn execution_group(settings: &Settings, api: &str) -> String {
    format!("/aws/apigateway/{api}/{}", settings.stage)
}

/// The groups of the sources asked for (none: all); the execution log only when the API exists.
pub fn wanted(settings: &Settings, sources: &[LogSource], api: Option<&str>) -> Vec<Group> {
    let all = [
        (LogSource::Function, Some(function_group(settings))),
        (
            LogSource::Execution,
            api.map(|api| execution_group(settings, api)),
        ),
        (LogSource::Access, Some(access_group(settings))),
    ];
    all.into_iter()
        .filter(|(source, _)| sources.is_empty() || sources.contains(source))
        .filter_map(|(source, name)| {
            Some(Group {
                source,
                name: name?.into(),
            })
        })
        .collect()
}

/// The chat's API: the one that carries our tags.
///
/// # Errors
/// AWS does not answer, or does not let us look.
pub async fn find_api(clients: &Clients, settings: &Settings) -> Result<Option<Api>> {
    let mut token = None;
    loop {
        let page = clients
            .apigatewayv2
            .get_apis()
            .max_results("100")
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| explain("look for the API", error))?;
        let ours = page.items.unwrap_or_default().into_iter().find(|api| {
            let tag = |key: &str| {
                api.tags()
                    .and_then(|tags| tags.get(key))
                    .map(String::as_str)
            };
            tag("chatctl:stack") == Some(&settings.name)
                && tag("chatctl:stage") == Some(&settings.stage)
        });
        token = page.next_token;
        if ours.is_some() || token.is_none() {
            return Ok(ours);
        }
    }
}
