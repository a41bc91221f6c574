//! Which log groups the chat has, and how to find them.
//!
//! Two of the names follow from the chat's own name. The execution log carries the API's id, which
//! only AWS knows: the API is looked up by our tags, and again when its log group is gone, because
//! a chat that was torn down and deployed again has another API.

use super::event::Group;
use crate::aws::{Clients, explain};
use crate::cli::LogSource;
use crate::error::Result;
use crate::naming::Names;
use crate::naming::names::API_UNKNOWN;
use crate::naming::tags::{STACK, STAGE};
use std::sync::Arc;

/// The groups of the sources asked for; none means all.
pub fn wanted(clients: &Clients, names: &Names, sources: &[LogSource]) -> Vec<Group> {
    let finder = Finder {
        client: clients.apigatewayv2.clone(),
        names: names.clone(),
    };
    let all = [
        (LogSource::Function, names.function_group(), None),
        (
            LogSource::Execution,
            names.execution_group(API_UNKNOWN),
            Some(finder),
        ),
        (LogSource::Access, names.access_group(), None),
    ];
    all.into_iter()
        .filter(|(source, ..)| sources.is_empty() || sources.contains(source))
        .map(|(source, name, finder)| Group {
            source,
            name: name.into(),
            finder,
        })
        .collect()
}

/// Finds the name of the execution log's group.
#[derive(Debug, Clone)]
pub struct Finder {
    client: aws_sdk_apigatewayv2::Client,
    names: Names,
}

impl Finder {
    /// The name, if there is an API.
    ///
    /// # Errors
    /// AWS does not answer, or does not let us look.
    pub async fn find(&self) -> Result<Option<Arc<str>>> {
        let api = self.api().await?;
        Ok(api.map(|api| self.names.execution_group(&api).into()))
    }

    async fn api(&self) -> Result<Option<String>> {
        let mut token = None;
        loop {
            let page = self
                .client
                .get_apis()
                .max_results("100")
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| explain("look for the API", error))?;
            let ours = page.items.unwrap_or_default().into_iter().find(|api| {
                let tag = |key: &str| api.tags().and_then(|tags| tags.get(key));
                tag(STACK) == Some(&self.names.stack) && tag(STAGE) == Some(&self.names.stage)
            });
            token = page.next_token;
            if ours.is_some() || token.is_none() {
                return Ok(ours.and_then(|api| api.api_id));
            }
        }
    }
}
