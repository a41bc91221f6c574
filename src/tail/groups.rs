//! Which log groups the chat has, and how to find them.
//!
//! Two of the names follow from the chat's own name. The execution log carries the API's id, which
//! only AWS knows: the API is looked up by our tags, and again when its log group is gone, because
//! a chat that was torn down and deployed again has another API.

use super::event::Group;
use crate::aws::Clients;
use crate::chat_api;
use crate::error::Result;
use crate::naming::Names;
use crate::naming::names::API_UNKNOWN;
use crate::tail::LogSource;
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
        let api = chat_api::id(&self.client, &self.names).await?;
        Ok(api.map(|api| self.names.execution_group(&api).into()))
    }
}
