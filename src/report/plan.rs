//! A plan in lines.

use super::{Style, escape, list};
use crate::deployer::{Adoption, Part};
use crate::engine::diff::Difference;
use crate::engine::plan::Action;
use crate::engine::view::{PlanView, StepView, Summary};
use serde_json::Value;

/// The plan, a line for each resource and each difference. Fields of what is created are shown only
/// with `every_field`.
pub fn text(plan: &PlanView, every_field: bool) -> String {
    let widest = plan.resources.iter().map(|r| r.id.as_str().chars().count());
    let width = widest.max().unwrap_or(0);
    let mut lines = Vec::new();
    for resource in &plan.resources {
        lines.push(line(resource, width));
        lines.extend(resource.loses.as_ref().map(|data| {
            let lost = format!("loses {}", escape(data));
            format!("      {}", Style::Error.paint(&lost))
        }));
        if resource.action != Action::Create || every_field {
            lines.extend(resource.differences.iter().map(difference));
        }
    }
    lines.join("\n")
}

/// What `--adopt` takes over, and what not.
pub fn adoption(adoption: &Adoption) -> String {
    let table = |head: &str, parts: &[Part]| {
        let cells =
            |part: &Part| [&part.id, &part.name, &part.what].map(|text| escape(text).into_owned());
        let rows: Vec<_> = parts.iter().map(|part| cells(part).into()).collect();
        let lines = list::aligned(&rows);
        let lines = lines.into_iter().map(|line| format!("  {line}"));
        let head = Style::Strong.paint(head);
        [head]
            .into_iter()
            .chain(lines)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let taken =
        (!adoption.taken_over.is_empty()).then(|| table("Taken over:", &adoption.taken_over));
    let left = &adoption.not_taken_over;
    let left = (!left.is_empty()).then(|| table("Not taken over:", left));
    [taken, left]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
}

/// `This loses table chat-production with about 12 items.`; empty if no data is lost.
pub fn losses(plan: &PlanView) -> String {
    let all = plan.resources.iter().filter_map(|one| {
        let data = one.loses.as_ref()?;
        let (id, name) = (escape(one.id.as_str()), escape(&one.name));
        Some(format!("{id} {name} with {}", escape(data)))
    });
    let all: Vec<_> = all.collect();
    match all.as_slice() {
        [] => String::new(),
        all => format!("This loses {}.", all.join(", ")),
    }
}

/// `2 to create, 1 to update`; empty if nothing is to be done.
pub fn summary(summary: Summary) -> String {
    let parts = [
        (summary.create, "create"),
        (summary.update, "update"),
        (summary.replace, "replace"),
        (summary.delete, "delete"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, verb)| format!("{count} to {verb}"))
        .collect();
    parts.join(", ")
}

fn line(step: &StepView, width: usize) -> String {
    let glyph = step.action.glyph().to_string();
    let id = escape(step.id.as_str());
    let text = format!("{id:width$}  {}", escape(&step.name));
    let line = match style(step.action) {
        Style::Faint => format!("  {}", Style::Faint.paint(&format!("{glyph} {text}"))),
        style => format!("  {} {text}", style.paint(&glyph)),
    };
    match &step.note {
        Some(note) => format!(
            "{line}  {}",
            Style::Faint.paint(&format!("({})", escape(note)))
        ),
        None => line,
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
    format!("      {}: {change}{forced}", escape(path))
}

fn value(value: Option<&Value>) -> String {
    match value {
        None => Style::Faint.paint("nothing"),
        Some(Value::String(text)) if text.is_empty() => "\"\"".into(),
        Some(Value::String(text)) => escape(text).into_owned(),
        Some(other) => escape(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Id;
    use crate::engine::diff::Difference;

    #[test]
    fn what_aws_says_cannot_drive_the_terminal() {
        let hostile = "x\u{1b}]0;t\u{7}\u{8}\u{9b}2J\u{202e}";
        let difference = Difference {
            path: format!("tags.{hostile}"),
            found: Some(Value::from(hostile)),
            wanted: Some(serde_json::json!({ "a": hostile })),
            replaces: false,
            hidden: false,
        };
        let plan = PlanView {
            summary: Summary::default(),
            resources: vec![StepView {
                id: Id::new(format!("route/{hostile}")),
                name: hostile.into(),
                action: Action::Update,
                differences: vec![difference],
                note: Some(hostile.into()),
                loses: Some(hostile.into()),
            }],
        };
        let shown = text(&plan, true);
        for active in ["\u{1b}]", "\u{7}", "\u{8}", "\u{9b}", "\u{202e}"] {
            assert!(!shown.contains(active), "{shown:?}");
        }
    }
}
