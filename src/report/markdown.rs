//! A plan and a deploy in Markdown, for the summary of a step and for a comment.
//!
//! All that comes from elsewhere stands in one fenced block, where Markdown means nothing.

use super::plan;
use crate::deployer::Deployed;
use crate::engine::plan::Action;
use crate::engine::view::PlanView;

/// A comment takes 65,536 characters.
const LONGEST: usize = 50_000;

/// What a deploy would change.
pub fn planned(stack: &str, region: &str, view: &PlanView) -> String {
    let summary = plan::summary(view.summary);
    if summary.is_empty() {
        return format!("### {stack} in {region}: nothing to change\n");
    }
    format!("### {stack} in {region}: {summary}\n\n{}", block(view))
}

/// What a deploy did.
pub fn deployed(deployed: &Deployed) -> String {
    let (name, stage, region) = (&deployed.name, &deployed.stage, &deployed.region);
    let url = format!("`{}`\n", deployed.url);
    if !deployed.changed {
        return format!("### {name}/{stage} in {region} is up to date\n\n{url}");
    }
    let block = block(&deployed.plan);
    format!("### {name}/{stage} in {region} is deployed\n\n{url}\n{block}")
}

/// What changes, as a diff: `+` and `-` as in the plan, `!` for what is updated or replaced.
fn block(view: &PlanView) -> String {
    let mut changes = view.clone();
    changes.resources.retain(|step| step.action != Action::Keep);
    let text = anstream::adapter::strip_str(&plan::text(&changes, false)).to_string();
    let lines = text.lines().map(|line| match line.strip_prefix("  ") {
        Some(rest) if rest.starts_with(['~', '±']) => rest.replacen(['~', '±'], "!", 1),
        Some(rest) => rest.to_owned(),
        None => line.to_owned(),
    });
    let body = shortened(lines);
    let fence = "`".repeat(longest_run(&body).max(2) + 1);
    format!("{fence}diff\n{body}{fence}\n")
}

fn shortened(lines: impl Iterator<Item = String>) -> String {
    let (mut body, mut left) = (String::new(), 0);
    for line in lines {
        if left > 0 || body.len() + line.len() > LONGEST {
            left += 1;
        } else {
            body += &line;
            body.push('\n');
        }
    }
    if left > 0 {
        body += &format!("… {left} more lines\n");
    }
    body
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Id;
    use crate::engine::diff::Difference;
    use crate::engine::view::{StepView, Summary};
    use serde_json::json;

    fn view(action: Action, found: &str) -> PlanView {
        PlanView {
            summary: Summary {
                update: 1,
                ..Summary::default()
            },
            resources: vec![StepView {
                id: Id::new("table"),
                name: "chat".into(),
                action,
                differences: vec![Difference {
                    path: "tags.x".into(),
                    found: Some(json!(found)),
                    wanted: None,
                    replaces: false,
                    hidden: false,
                }],
                note: None,
                loses: None,
            }],
        }
    }

    #[test]
    fn a_plan_is_a_heading_and_a_diff() {
        assert_eq!(
            planned("chat/production", "us-east-1", &view(Action::Update, "a")),
            "### chat/production in us-east-1: 1 to update\n\n\
             ```diff\n! table  chat\n    tags.x: a → nothing\n```\n"
        );
        let empty = PlanView {
            summary: Summary::default(),
            resources: Vec::new(),
        };
        assert_eq!(
            planned("chat/production", "us-east-1", &empty),
            "### chat/production in us-east-1: nothing to change\n"
        );
    }

    #[test]
    fn text_from_aws_cannot_leave_the_block() {
        let hostile = "````\n# @everyone <img src=x>\n````";
        let text = planned("c/p", "us-east-1", &view(Action::Update, hostile));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines[2], lines[lines.len() - 1]), ("`````diff", "`````"));
        assert_eq!(lines.len(), 6, "{text}");
    }

    #[test]
    fn a_long_plan_is_cut_at_a_line() {
        let text = planned(
            "c/p",
            "us-east-1",
            &view(Action::Update, &"x".repeat(60_000)),
        );
        assert!(
            text.ends_with("! table  chat\n… 1 more lines\n```\n"),
            "{text}"
        );
    }
}
