//! A plan as data for people and for programs, without the resources behind it.

use super::diff::Difference;
use super::plan::{Action, Plan, Step};
use super::resource::{Id, Resource};
use serde::{Deserialize, Serialize};

/// A plan without the resources behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// How many of each action.
    pub summary: Summary,
    /// Every resource in the stack's order.
    pub resources: Vec<StepView>,
}

/// How many of each action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Nothing is done.
    pub keep: usize,
    /// Made.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Deleted and made again.
    pub replace: usize,
    /// Deleted.
    pub delete: usize,
}

/// One resource of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// The id inside the stack.
    pub id: Id,
    /// AWS's name of the thing.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Whose it is, why it stays, or what else is to be known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The data that is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loses: Option<String>,
}

impl PlanView {
    /// The plan as it is shown.
    pub fn of<R: Resource>(plan: &Plan<R>) -> Self {
        let mut summary = Summary::default();
        for step in &plan.steps {
            *summary.count(step.action) += 1;
        }
        Self {
            summary,
            resources: plan.steps.iter().map(view).collect(),
        }
    }
}

impl PlanView {
    /// Only the resources of which something is to be known.
    #[must_use]
    pub fn remarked(mut self) -> Self {
        self.resources.retain(|resource| resource.note.is_some());
        self
    }
}

impl Summary {
    fn count(&mut self, action: Action) -> &mut usize {
        match action {
            Action::Keep => &mut self.keep,
            Action::Create => &mut self.create,
            Action::Update => &mut self.update,
            Action::Replace => &mut self.replace,
            Action::Delete => &mut self.delete,
        }
    }
}

fn view<R: Resource>(step: &Step<R>) -> StepView {
    let mut differences = step.differences.clone();
    if step.action == Action::Keep {
        differences.clear();
    }
    StepView {
        id: step.id.clone(),
        name: step.name.clone(),
        action: step.action,
        differences,
        note: note(step),
        loses: step.loses(),
    }
}

fn note<R>(step: &Step<R>) -> Option<String> {
    let stays = step.stays.iter().map(|why| format!("stays: {why}"));
    let foreign = step.foreign.iter().filter(|_| step.stays.is_none());
    let foreign = foreign.map(|whose| format!("not ours: {whose}"));
    let all: Vec<_> = stays.chain(foreign).chain(step.remarks.clone()).collect();
    (!all.is_empty()).then(|| all.join("; "))
}
