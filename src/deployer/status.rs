//! What is deployed, and what drifted from the settings.

use super::Assessment;
use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::plan::Action;
use crate::engine::view::PlanView;
use crate::error::Result;
use crate::naming::ids;
use crate::package;
use serde::Serialize;

/// A stack as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The chat's name.
    pub name: String,
    /// The stage.
    pub stage: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// The API, the function and the stage are there and ours.
    pub deployed: bool,
    /// A deploy would change nothing.
    pub up_to_date: bool,
    /// Where clients connect, if it is deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Every resource, and what a deploy would do to it.
    pub resources: PlanView,
}

/// Looks at the stack.
///
/// # Errors
/// What is there cannot be read.
pub async fn status(clients: Clients, settings: &Settings) -> Result<Status> {
    let digest = package::digest(settings)?;
    let assessment = Assessment::for_deploy(settings, clients, &digest, false).await?;
    let Assessment { plan, stack, .. } = &assessment;
    let names = &assessment.run().names;
    let there = |id: &&str| {
        plan.step(id)
            .is_some_and(|step| step.action != Action::Create && step.foreign.is_none())
    };
    let deployed = [ids::API, ids::FUNCTION, ids::STAGE].iter().all(there);
    let api = stack.outputs.api.known().filter(|_| deployed);
    let place = names.place();
    Ok(Status {
        name: settings.name.clone(),
        stage: settings.stage.clone(),
        region: place.region.clone(),
        account: place.account_id.clone(),
        up_to_date: plan.is_empty(),
        url: api.map(|api| names.socket_url(&api)),
        resources: PlanView::of(plan),
        deployed,
    })
}
