//! Makes the version live that was live before: code and configuration, in one call.

use super::execute::{Listener, execute};
use super::live::Done;
use super::ui::Ui;
use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::plan::Plan;
use crate::engine::read::Seen;
use crate::engine::{Ownership, Resource};
use crate::error::{Error, Result};
use crate::resources::alias::Alias;
use crate::resources::versions::{Published, Versions};
use crate::resources::{Kind, Observed, RunContext};
use crate::stack::{Desired, Stack};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;

/// What a rollback did.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// The chat's name.
    pub name: String,
    /// The stage.
    pub stage: String,
    /// Its region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// Where clients connect.
    pub url: String,
    /// The version that is live.
    pub version: u64,
    /// The digest of the source that it was built from.
    pub source: String,
    /// What was live before.
    pub left: String,
    /// It was not live already.
    pub changed: bool,
    /// Seconds until the chat answered; nothing if it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proved_in_seconds: Option<f64>,
    /// Seconds of the whole rollback.
    pub seconds: f64,
}

/// Makes version `to`, or the one that was live before, live again.
///
/// # Errors
/// There is no such version, or it does not work: then what is live stays so.
pub async fn rollback(
    clients: Clients,
    settings: &Settings,
    to: Option<u64>,
    no_prove: bool,
    ui: &impl Ui,
) -> Result<RolledBack> {
    let began = Instant::now();
    let run = RunContext::new(clients, settings, false).proving(settings, no_prove);
    let observed = Arc::new(Observed::read(Arc::new(run)).await?);
    let desired = Desired {
        settings,
        digest: None,
        with_logging_role: false,
    };
    let stack = Stack::wanted(&desired, &observed);
    let alias = our_alias(&stack, &observed, settings)?;
    let target = target(&observed.versions, to)?;
    let found = alias.found(&observed);
    let seen = Seen {
        wanted: Kind::from(alias.rolled_back(target)),
        found: found.clone().map(Kind::from),
    };
    let plan = Plan::converge(vec![seen], Vec::new(), &observed)?;
    let mut proof = None;
    if !plan.is_empty() {
        let stop = Listener::begin();
        let again = settings.command("rollback");
        execute(&plan, &observed.run, ui, &stop, &again).await?;
        let done = Done {
            run: &observed.run,
            outputs: &stack.outputs,
            plan: &plan,
            settings,
        };
        if !no_prove {
            proof = Some(done.prove(ui, &stop).await?);
        }
    }
    let names = &observed.run.names;
    let place = names.place();
    Ok(RolledBack {
        name: names.stack.clone(),
        stage: names.stage.clone(),
        region: place.region.clone(),
        account: place.account_id.clone(),
        url: names.socket_url(&stack.outputs.api.get()?),
        version: target.number,
        source: target.code.clone(),
        left: found
            .and_then(|found| found.target.version())
            .unwrap_or_default(),
        changed: !plan.is_empty(),
        proved_in_seconds: proof.map(|proof| proof.took.as_secs_f64()),
        seconds: began.elapsed().as_secs_f64(),
    })
}

/// The alias of a chat that is deployed, and ours.
fn our_alias(stack: &Stack, observed: &Observed, settings: &Settings) -> Result<Alias> {
    let names = &observed.run.names;
    let (name, stage) = (&names.stack, &names.stage);
    let not_deployed = || {
        Error::failed(format!(
            "{name}/{stage} is not deployed: there is no version to go back to"
        ))
        .hint(format!(
            "`{}` shows what is there",
            settings.command("status")
        ))
    };
    let foreign = |whose: String| {
        Error::failed(format!("{name}/{stage} is not a chat of chatctl's")).because_of(whose)
    };
    if stack.outputs.api.known().is_none() || observed.versions.live.is_none() {
        return Err(not_deployed());
    }
    for whose in [
        observed.gateway.ownership(names),
        observed.function_ownership(),
    ] {
        if let Ownership::Foreign(whose) = whose {
            return Err(foreign(whose));
        }
    }
    let alias = stack.resources.iter().find_map(|kind| match kind {
        Kind::Alias(alias) => Some(alias.clone()),
        _ => None,
    });
    let alias = alias.ok_or_else(not_deployed)?;
    match alias.ownership(observed) {
        Ownership::Ours => Ok(alias),
        Ownership::Foreign(whose) => Err(foreign(whose)),
    }
}

fn target(versions: &Versions, to: Option<u64>) -> Result<&Published> {
    let Some(number) = to else {
        return versions.way_back();
    };
    versions.numbered(number).ok_or_else(|| {
        Error::failed(format!("the function has no version {number}")).hint(versions.choice())
    })
}
