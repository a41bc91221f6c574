//! After a deploy: is what is there what is wanted?
//!
//! An answer of 200 is no proof that a call had its effect, and what was written may be read back
//! late. So everything is read and compared once more, again and again for a while. What the look
//! finds in excess is deleted: a create call whose caller was killed can come into effect after this
//! run looked for it.

use super::execute::execute;
use super::{Assessment, Ui};
use crate::config::Settings;
use crate::engine::Stop;
use crate::engine::plan::{Action, Plan};
use crate::engine::wait::Waits;
use crate::error::{Error, Result};
use crate::package::SourceDigest;
use crate::resources::Kind;
use std::time::{Duration, Instant};

/// How long AWS may take to show what was written.
const SHOWN_WITHIN: Duration = Duration::from_secs(30);
/// The same for what every step has seen already: if it is missing for longer, somebody deleted it.
const MISSING_WITHIN: Duration = Duration::from_secs(5);

/// Looks until what is there is what is wanted.
///
/// # Errors
/// It is not, after half a minute; or a read fails.
pub(super) async fn last_look(
    done: &Assessment,
    settings: &Settings,
    digest: &SourceDigest,
    ui: &impl Ui,
    stop: &Stop,
) -> Result<()> {
    let first = Duration::from_millis(200);
    let mut waits = Waits::growing(first, Duration::from_secs(5), SHOWN_WITHIN);
    let mut missing_since: Option<Instant> = None;
    loop {
        let now = done.again(settings, digest).await?;
        if now.plan.is_empty() {
            return Ok(());
        }
        if now.plan.changes().all(|step| step.action == Action::Delete) {
            let again = settings.command("deploy");
            execute(&now.plan, now.run(), ui, stop, &again).await?;
        }
        let is_missing = now.plan.changes().any(|step| step.action == Action::Create);
        if !is_missing {
            missing_since = None;
        }
        let missing = is_missing.then(|| missing_since.get_or_insert_with(Instant::now).elapsed());
        let deleted = missing.is_some_and(|time| time > MISSING_WITHIN);
        if deleted || stop.is_asked() || !waits.again().await {
            return Err(not_as_wanted(&now.plan, settings));
        }
    }
}

fn not_as_wanted(plan: &Plan<Kind>, settings: &Settings) -> Error {
    let failed = Error::failed("every call succeeded, but what is there is not what is wanted");
    let error = plan.changes().fold(failed, |error, step| {
        let fields: Vec<_> = step.differences.iter().map(|d| d.path.as_str()).collect();
        let what = match (step.action, fields.as_slice()) {
            (Action::Create, _) => "it is not there".to_owned(),
            (Action::Delete, _) => "it is still there".to_owned(),
            (_, fields) => format!("it differs in {}", fields.join(", ")),
        };
        error.because_of(format!("{} {}: {what}", step.id, step.name))
    });
    error
        .hint(format!(
            "`{}` shows the differences; somebody else may be changing the stack",
            settings.command("plan")
        ))
        .hint(format!("`{}` tries again", settings.command("deploy")))
}
