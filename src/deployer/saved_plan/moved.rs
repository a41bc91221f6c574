//! What changed between the plan in the file and the same plan made now.

use super::SavedPlan;
use crate::config::Settings;
use crate::engine::diff::Difference;
use crate::engine::plan::Action;
use crate::engine::view::StepView;
use crate::error::{Error, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl SavedPlan {
    /// `now` is the same plan; or it was carried out already, and there is nothing left to do.
    ///
    /// # Errors
    /// Something changed: all of it is named.
    pub fn require_unmoved(&self, now: &Self, settings: &Settings) -> Result<()> {
        // Numbers read from a file may differ in their last digit from those that were written.
        let now = &now.reread()?;
        let mut moved = input(self, now);
        if moved.is_empty() && !has_changes(now) {
            return Ok(());
        }
        moved.extend(steps(self, now));
        if moved.is_empty() {
            return Ok(());
        }
        let refused = Error::failed("what was planned is not what would be done now");
        let error = moved.into_iter().fold(refused, Error::because_of);
        Err(error
            .hint("nothing was changed; a deploy takes the same flags as its plan")
            .hint(format!(
                "`{}` makes a new plan",
                settings.command("plan --out FILE")
            )))
    }

    fn reread(&self) -> Result<Self> {
        let plan = serde_json::to_string(self).and_then(|text| serde_json::from_str(&text));
        plan.map_err(|error| Error::failed("the plan cannot be compared").because(error))
    }
}

fn has_changes(now: &SavedPlan) -> bool {
    let mut steps = now.plan.resources.iter();
    steps.any(|step| step.action != Action::Keep)
}

/// The source and the settings.
fn input(planned: &SavedPlan, now: &SavedPlan) -> Vec<String> {
    let mut moved = Vec::new();
    if planned.source != now.source {
        moved.push("the function's source is another".to_owned());
    }
    let keys: BTreeSet<_> = planned.settings.keys().chain(now.settings.keys()).collect();
    let was_and_is = |key| (planned.settings.get(key), now.settings.get(key));
    for key in keys {
        match was_and_is(key) {
            (was, is) if was == is => {}
            _ if key.starts_with("function.environment.") => {
                moved.push(format!("{key} is another (values hidden)"));
            }
            (was, is) => moved.push(format!("{key} is {}, was {}", text(is), text(was))),
        }
    }
    moved
}

fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "not set".to_owned(), Value::to_string)
}

/// Every resource whose step, or whose state on AWS, is another.
fn steps(planned: &SavedPlan, now: &SavedPlan) -> Vec<String> {
    let by_id = |plan: &'_ SavedPlan| -> BTreeMap<String, StepView> {
        // How much data there is may change; whether it would be lost is in the action.
        let steps = plan.plan.resources.iter().map(|step| StepView {
            loses: None,
            ..step.clone()
        });
        steps.map(|step| (step.id.to_string(), step)).collect()
    };
    let (was, is) = (by_id(planned), by_id(now));
    let ids: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    let moved = ids.into_iter().filter_map(|id| {
        let same_state = planned.found.get(id) == now.found.get(id);
        let what = step(was.get(id), is.get(id), same_state)?;
        Some(format!("{id}: {what}"))
    });
    moved.collect()
}

fn step(was: Option<&StepView>, is: Option<&StepView>, same_state: bool) -> Option<String> {
    match (was, is) {
        (Some(was), None) => Some(format!("{} was planned, and it is gone", verb(was))),
        (None, Some(is)) => Some(format!("{} is new", verb(is))),
        (Some(was), Some(is)) if was.action != is.action => Some(format!(
            "{} would be done, {} was planned{}",
            verb(is),
            verb(was),
            fields(&is.differences)
        )),
        (Some(was), Some(is)) if was != is => {
            let other = is.differences.iter();
            let other = other.filter(|one| !was.differences.contains(one)).cloned();
            let other: Vec<_> = other.collect();
            Some(format!("it was changed on AWS{}", fields(&other)))
        }
        (Some(_), Some(_)) if !same_state => Some("it was changed on AWS".to_owned()),
        _ => None,
    }
}

fn verb(step: &StepView) -> &'static str {
    step.action.doing()
}

fn fields(differences: &[Difference]) -> String {
    let paths: Vec<_> = differences.iter().map(|d| d.path.as_str()).collect();
    match paths.len() {
        0 => String::new(),
        1..=5 => format!(" ({})", paths.join(", ")),
        more => format!(" ({more} fields)"),
    }
}
