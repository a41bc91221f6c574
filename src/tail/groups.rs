//! Which log groups the chat has, and how to find them.
//!
//! Two of the names follow from the chat's own name. The execution log carries the API's id, which
//! only AWS knows, so the API is looked up by our tags.

use super::event::Group;
use crate::aws::{Clients, explain};
use crate::cli::LogSource;
use crate::error::Result;
use crate::stack::Names;
use crate::stack::tags::{STACK, STAGE};

/// The groups of the sources asked for (none: all); the execution log only when the API exists.
pub fn wanted(names: &Names, sources: &[LogSource], api: Option<&str>) -> Vec<Group> {
    let all = [
        (LogSource::Function, Some(names.function_group())),
        (
            LogSource::Execution,
            api.map(|api| names.execution_group(api)),
        ),
        (LogSource::Access, Some(names.access_group())),
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

/// The id of the chat's API: the one that carries our tags.
///
/// # Errors
/// AWS does not answer, or does not let us look.
pub async fn find_api(clients: &Clients, names: &Names) -> Result<Option<String>> {
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
            let tag = |key: &str| api.tags().and_then(|tags| tags.get(key));
            tag(STACK) == Some(&names.stack) && tag(STAGE) == Some(&names.stage)
        });
        token = page.next_token;
        if ours.is_some() || token.is_none() {
            return Ok(ours.and_then(|api| api.api_id));
        }
    }
}
