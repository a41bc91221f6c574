//! What is ours and no longer wanted.

use crate::engine::Id;
use crate::error::Result;
use crate::naming::ids;
use crate::naming::tags::Tags;
use crate::resources::{Kind, Observed, Outputs, api, deployment, integration, log_group, route};

/// What is ours and not wanted: APIs that a killed run left, routes and integrations that somebody
/// added by hand, deployments that nobody needs once the one with this digest is live,
/// and, if `thorough` or if there is no API, log groups of APIs that are gone.
///
/// # Errors
/// A read that fails.
pub async fn orphans(
    observed: &Observed,
    outputs: &Outputs,
    digest: &str,
    thorough: bool,
) -> Result<Vec<Kind>> {
    let (gateway, api) = (&observed.gateway, &outputs.api);
    let mut all: Vec<Kind> = Vec::new();
    // The parts of an API that is not ours are read only if it is being adopted.
    all.extend(route::orphans(gateway, outputs).into_iter().map(Kind::from));
    all.extend(
        integration::orphans(gateway, api)
            .into_iter()
            .map(Kind::from),
    );
    let deployments = deployment::orphans(gateway, api, digest);
    all.extend(deployments.into_iter().map(Kind::from));
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
