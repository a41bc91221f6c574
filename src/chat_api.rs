//! Finds the chat's API among those of the region, by its tags.
//!
//! The name of an API is not unique, and a create that was interrupted can leave a second API with
//! the same tags. Everybody must mean the same one: the oldest, and of those of one second the one
//! with the lowest id, as the deployer chooses.

use crate::aws::explain;
use crate::error::Result;
use crate::naming::Names;
use crate::naming::tags::{STACK, STAGE};
use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::Api;

/// The most that API Gateway gives in a page; its default of 25 needs many more round trips.
pub const PAGE: &str = "500";

/// The APIs that carry the chat's tags: the chat's own first, then those that should not be there.
///
/// # Errors
/// AWS does not answer, or does not let us look.
pub async fn tagged(client: &Client, stack: &str, stage: &str) -> Result<Vec<Api>> {
    Ok(tagged_of(all(client).await?, stack, stage))
}

/// The same of APIs that are read already.
pub fn tagged_of(mut all: Vec<Api>, stack: &str, stage: &str) -> Vec<Api> {
    all.retain(|api| {
        let tag = |key: &str| api.tags()?.get(key).map(String::as_str);
        tag(STACK) == Some(stack) && tag(STAGE) == Some(stage)
    });
    all.sort_by_key(|api| {
        let created = api.created_date().map(|date| date.as_nanos());
        (created, api.api_id().map(str::to_owned))
    });
    all
}

/// The APIs that carry these names' tags.
///
/// # Errors
/// AWS does not answer, or does not let us look.
pub async fn of(client: &Client, names: &Names) -> Result<Vec<Api>> {
    tagged(client, &names.stack, &names.stage).await
}

/// The id of the chat's API, if it has one.
///
/// # Errors
/// AWS does not answer, or does not let us look.
pub async fn id(client: &Client, names: &Names) -> Result<Option<String>> {
    let apis = of(client, names).await?;
    Ok(apis.into_iter().next().and_then(|api| api.api_id))
}

/// Every API of the region, page by page: the SDK has no paginator for this operation.
///
/// # Errors
/// AWS does not answer, or does not let us look.
pub async fn all(client: &Client) -> Result<Vec<Api>> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let call = client.get_apis().max_results(PAGE).set_next_token(token);
        let page = call.send().await;
        let page = page.map_err(|error| explain("list the APIs", error))?;
        all.extend(page.items.unwrap_or_default());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
}
