//! What is ours and no longer wanted.

use super::Stack;
use crate::engine::Id;
use crate::error::Result;
use crate::naming::ids;
use crate::naming::tags::Tags;
use crate::resources::{
    Kind, Observed, api, authorizer, deployment, integration, log_group, permission, route, table,
    version,
};

/// What is ours and not wanted: APIs that a killed run left, routes and integrations that somebody
/// added by hand, deployments that nobody needs once the one of this stack is live, versions of the
/// function beyond the `keep` newest, the API's right to call `$LATEST`, and, if `thorough` or if there
/// is no API, log groups of APIs that are gone.
///
/// # Errors
/// A read that fails.
pub async fn orphans(
    observed: &Observed,
    stack: &Stack,
    keep: usize,
    thorough: bool,
) -> Result<Vec<Kind>> {
    let (gateway, outputs) = (&observed.gateway, &stack.outputs);
    let api = &outputs.api;
    let mut all: Vec<Kind> = Vec::new();
    // The parts of an API that is not ours are read only if it is being adopted.
    all.extend(
        route::orphans(gateway, outputs, &stack.route_keys())
            .into_iter()
            .map(Kind::from),
    );
    all.extend(
        integration::orphans(gateway, api)
            .into_iter()
            .map(Kind::from),
    );
    if let Some(table) = stack.unwanted_table.clone() {
        let table = Box::pin(table::orphan(table, observed));
        all.extend(table.await?.map(Kind::from));
    }
    let deployments = deployment::orphans(gateway, api, &stack.digest);
    all.extend(deployments.into_iter().map(Kind::from));
    if !stack.authorizes() {
        all.extend(authorizer::orphan(gateway, api).map(Kind::from));
    }
    all.extend(permission::orphan(observed, api).map(Kind::from));
    let versions = version::orphans(observed, keep, stack.publishes);
    all.extend(versions.into_iter().map(Kind::from));
    let duplicates = gateway.duplicates.iter().map(|one| {
        let id = one.api_id().unwrap_or_default();
        let id = Id::new(format!("{}/{id}", ids::API));
        Kind::from(api::Api::from_found(id, one, &Tags::default()))
    });
    all.extend(duplicates);
    if thorough || gateway.api.is_none() {
        let groups = log_group::orphans(observed).await?;
        all.extend(groups.into_iter().map(Kind::from));
    }
    Ok(all)
}
