//! A plan, for people and for programs, from one and the same data.

use super::Style;
use crate::engine::diff::Difference;
use crate::engine::plan::{Action, Plan, Step};
use crate::engine::{Id, Resource};
use serde::Serialize;
use serde_json::Value;

/// A plan without the resources behind it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// How many of each action.
    pub summary: Summary,
    /// Every resource in the stack's order.
    pub resources: Vec<StepView>,
}

/// How many of each action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// The id inside the stack.
    pub id: Id,
    /// AWS's name of the thing.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// Whose it is, or why it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
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

    /// Line by line. Fields of what is created are shown only if `every_field` is wanted.
    pub fn text(&self, every_field: bool) -> String {
        let widest = self.resources.iter().map(|r| r.id.as_str().chars().count());
        let width = widest.max().unwrap_or(0);
        let mut lines = Vec::new();
        for resource in &self.resources {
            lines.push(resource.line(width));
            if resource.action != Action::Create || every_field {
                lines.extend(resource.differences.iter().map(difference));
            }
        }
        lines.join("\n")
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

    /// `2 to create, 1 to update`; empty if nothing is to be done.
    pub fn text(self) -> String {
        let parts = [
            (self.create, "create"),
            (self.update, "update"),
            (self.replace, "replace"),
            (self.delete, "delete"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<_> = parts
            .map(|(count, verb)| format!("{count} to {verb}"))
            .collect();
        parts.join(", ")
    }
}

impl StepView {
    fn line(&self, width: usize) -> String {
        let glyph = self.action.glyph().to_string();
        let text = format!("{:width$}  {}", self.id, self.name);
        let line = match style(self.action) {
            Style::Faint => format!("  {}", Style::Faint.paint(&format!("{glyph} {text}"))),
            style => format!("  {} {text}", style.paint(&glyph)),
        };
        match &self.note {
            Some(note) => format!("{line}  {}", Style::Faint.paint(&format!("({note})"))),
            None => line,
        }
    }
}

fn view<R>(step: &Step<R>) -> StepView {
    let mut differences = step.differences.clone();
    if step.action == Action::Keep {
        differences.clear();
    }
    StepView {
        id: step.id.clone(),
        name: step.name.clone(),
        action: step.action,
        differences,
        note: step
            .stays
            .as_ref()
            .map(|why| format!("stays: {why}"))
            .or_else(|| {
                step.foreign
                    .as_ref()
                    .map(|whose| format!("not ours: {whose}"))
            }),
    }
}

/// The colour that says the action at a glance.
pub(super) fn style(action: Action) -> Style {
    match action {
        Action::Keep => Style::Faint,
        Action::Create => Style::Good,
        Action::Update => Style::Warning,
        Action::Replace | Action::Delete => Style::Error,
    }
}

fn difference(difference: &Difference) -> String {
    let Difference {
        path,
        found,
        wanted,
        replaces,
        hidden,
    } = difference;
    let change = if *hidden {
        "(values hidden)".to_owned()
    } else {
        let arrow = Style::Faint.paint("→");
        format!(
            "{} {arrow} {}",
            value(found.as_ref()),
            value(wanted.as_ref())
        )
    };
    let forced = if *replaces {
        Style::Error.paint(" (forces a replacement)")
    } else {
        String::new()
    };
    format!("      {path}: {change}{forced}")
}

fn value(value: Option<&Value>) -> String {
    match value {
        None => Style::Faint.paint("nothing"),
        Some(Value::String(text)) if text.is_empty() => "\"\"".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
