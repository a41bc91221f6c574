//! Which step of a plan waits for which, and why.

use super::plan::{Action, Step};
use super::resource::{Edge, Id, Resource};

/// The steps that `steps[index]` waits for, with the reason in words.
pub(super) fn waits_for<R: Resource>(
    steps: &[Step<R>],
    index: usize,
) -> Vec<(usize, &'static str)> {
    let Some(step) = steps.get(index) else {
        return Vec::new();
    };
    let mut before = Vec::new();
    for edge in edges(step) {
        let others = steps.iter().enumerate().filter(|(other, s)| {
            *other != index && s.runs() && edge.matches(&s.id) && !s.deleted_with_parent
        });
        before.extend(others.map(|(other, _)| (other, edge.why)));
    }
    if let Some(parent) = deleting_parent(step) {
        let others = steps.iter().enumerate();
        before.extend(
            others
                .filter(|(_, s)| s.id == parent && s.runs())
                .map(|(other, _)| (other, "it goes with its parent")),
        );
    }
    before.sort_unstable();
    before.dedup_by_key(|(other, _)| *other);
    before
}

/// Creation follows what a thing needs, deletion what it has to outlive.
fn edges<R: Resource>(step: &Step<R>) -> Vec<Edge> {
    match (step.action, &step.wanted, &step.found) {
        (Action::Keep, ..) => Vec::new(),
        (Action::Delete, _, Some(_)) if step.deleted_with_parent => Vec::new(),
        (Action::Delete, _, Some(found)) => found.outlives(),
        (_, Some(wanted), _) => wanted.needs(),
        _ => Vec::new(),
    }
}

fn deleting_parent<R: Resource>(step: &Step<R>) -> Option<Id> {
    let found = step.found.as_ref().filter(|_| step.deleted_with_parent)?;
    found.parent()
}
