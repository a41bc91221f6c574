//! What loses data is not done by mistake: a protected chat, and a table of somebody else, are replaced
//! or deleted only if the chat is named.

use crate::config::Settings;
use crate::engine::plan::{Action, Plan, Step};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::resources::Kind;

/// The chat that was named by `--force` is this one.
///
/// # Errors
/// It is another.
pub(super) fn require_this_chat(settings: &Settings, force: Option<&str>) -> Result<()> {
    match force {
        Some(named) if named != settings.name => Err(Error::usage(format!(
            "--force names {named:?}, and this chat is {:?}",
            settings.name
        ))),
        _ => Ok(()),
    }
}

/// A deploy that loses the items of a table needs `--force` if the chat is protected, if the table is not
/// ours, or if the settings want none any more.
///
/// # Errors
/// It was not given.
pub(super) fn before_deploy(
    plan: &Plan<Kind>,
    settings: &Settings,
    force: Option<&str>,
) -> Result<()> {
    let is_table = |step: &Step<Kind>| step.id.as_str() == ids::TABLE;
    let goes = |step: &&Step<Kind>| step.action == Action::Replace || is_table(step);
    let lost: Vec<_> = plan
        .changes()
        .filter(goes)
        .filter(|s| s.loses().is_some())
        .collect();
    let foreign = lost.iter().any(|step| step.foreign.is_some());
    let deleted = lost.iter().any(|step| step.action == Action::Delete);
    if force.is_some() || lost.is_empty() || !(settings.protect || foreign || deleted) {
        return Ok(());
    }
    let (name, stage) = (&settings.name, &settings.stage);
    let refused = match (foreign, settings.protect) {
        (true, _) => "the plan replaces what is not ours, with its data".to_owned(),
        (_, true) => format!("{name}/{stage} is protected, and the plan loses data"),
        _ => "the plan deletes the table, which the settings do not want any more".to_owned(),
    };
    let verb = match foreign {
        true => "deploy --adopt",
        false => "deploy",
    };
    Err(told(Error::failed(refused), lost, settings, verb))
}

/// A protected chat is not torn down without `--force`.
///
/// # Errors
/// It was not given.
pub(super) fn before_teardown(
    plan: &Plan<Kind>,
    settings: &Settings,
    force: Option<&str>,
) -> Result<()> {
    if force.is_some() || !settings.protect {
        return Ok(());
    }
    let (name, stage) = (&settings.name, &settings.stage);
    let refused = Error::failed(format!("{name}/{stage} is protected: nothing was deleted"));
    let lost = plan.changes().filter(|step| step.loses().is_some());
    Err(told(refused, lost.collect(), settings, "teardown"))
}

fn told(error: Error, lost: Vec<&Step<Kind>>, settings: &Settings, verb: &str) -> Error {
    let error = lost.iter().fold(error, |error, step| {
        let data = step.loses().unwrap_or_default();
        error.because_of(format!(
            "{} {} would be lost with {data}",
            step.id, step.name
        ))
    });
    let forced = settings.command(&format!("{verb} --force {}", settings.name));
    error.hint(format!("`{forced}` does it all the same"))
}
