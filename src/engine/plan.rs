//! The plan: what would be done, as data. Making it changes nothing.

use super::diff::{Difference, diff};
use super::read::Seen;
use super::resource::{Edge, Id, Ownership, Resource};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing: it is as wanted.
    Keep,
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Delete it and make it again: AWS cannot change it in place.
    Replace,
    /// Delete it.
    Delete,
}

impl Action {
    /// The sign in front of the resource; the sign and the fact are one value.
    pub fn glyph(self) -> char {
        match self {
            Self::Keep => '=',
            Self::Create => '+',
            Self::Update => '~',
            Self::Replace => '±',
            Self::Delete => '-',
        }
    }

    /// The verb in the present: "creating".
    pub fn doing(self) -> &'static str {
        match self {
            Self::Keep => "keeping",
            Self::Create => "creating",
            Self::Update => "updating",
            Self::Replace => "replacing",
            Self::Delete => "deleting",
        }
    }

    /// The verb in the past: "created".
    pub fn done(self) -> &'static str {
        match self {
            Self::Keep => "kept",
            Self::Create => "created",
            Self::Update => "updated",
            Self::Replace => "replaced",
            Self::Delete => "deleted",
        }
    }
}

/// One resource in the plan.
#[derive(Debug, Clone)]
pub struct Step<R> {
    /// The id inside the stack.
    pub id: Id,
    /// AWS's name of the thing.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// Field by field; for a creation, every field.
    pub differences: Vec<Difference>,
    /// As wanted, unless it is to go.
    pub wanted: Option<R>,
    /// As found, if it is there.
    pub found: Option<R>,
    /// It is there and not ours; the text says whose it looks to be.
    pub foreign: Option<String>,
    /// It is deleted with its parent; no call of its own.
    pub deleted_with_parent: bool,
    /// Why it is left in place although everything is to go.
    pub stays: Option<String>,
    /// What somebody else did to it, and what is left as it is.
    pub remarks: Vec<String>,
}

/// Every resource of the stack with what is done to it, in the stack's order, deletions last.
#[derive(Debug, Clone)]
pub struct Plan<R> {
    /// The resources.
    pub steps: Vec<Step<R>>,
}

impl<R: Resource> Plan<R> {
    /// What makes the found stack the wanted one. `orphans` are ours and not wanted.
    ///
    /// # Errors
    /// A step uses a value that nobody makes before it: a fault of the resources' edges.
    pub fn converge(seen: Vec<Seen<R>>, orphans: Vec<R>, observed: &R::Observed) -> Result<Self> {
        let seen = forget_children_of_replaced(seen);
        let mut steps: Vec<_> = seen.into_iter().map(|one| step(one, observed)).collect();
        steps.extend(orphans.into_iter().map(|orphan| deletion(orphan, observed)));
        mark_deleted_with_parent(&mut steps);
        require_values(&steps)?;
        Ok(Self { steps })
    }

    /// What makes the found stack an empty one: only what is there appears.
    pub fn teardown(seen: Vec<Seen<R>>, orphans: Vec<R>, observed: &R::Observed) -> Self {
        let found = seen.into_iter().filter_map(|one| one.found).chain(orphans);
        let mut steps: Vec<_> = found.map(|one| deletion(one, observed)).collect();
        mark_deleted_with_parent(&mut steps);
        Self { steps }
    }

    /// The same plan, but this resource is left as it is.
    #[must_use]
    pub fn holding(&self, id: &str) -> Self {
        let mut held = self.clone();
        for step in held.steps.iter_mut().filter(|step| step.id.as_str() == id) {
            step.action = Action::Keep;
            step.differences.clear();
        }
        held
    }

    /// The steps that do something.
    pub fn changes(&self) -> impl Iterator<Item = &Step<R>> {
        self.steps.iter().filter(|step| step.action != Action::Keep)
    }

    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }

    /// The step of a resource.
    pub fn step(&self, id: &str) -> Option<&Step<R>> {
        self.steps.iter().find(|step| step.id.as_str() == id)
    }

    /// Nothing that belongs to somebody else is touched.
    ///
    /// # Errors
    /// Something with one of our names is not ours; all of them are named.
    pub fn require_ours(&self) -> Result<()> {
        let foreign: Vec<_> = self.steps.iter().filter(|s| s.foreign.is_some()).collect();
        let Some(first) = foreign.first() else {
            return Ok(());
        };
        let what = match foreign.len() {
            1 => format!("{} {} is there and is not ours", first.id, first.name),
            n => format!("{n} resources with our names are there and are not ours"),
        };
        let error = foreign.iter().fold(Error::failed(what), |error, step| {
            let whose = step.foreign.as_deref().unwrap_or_default();
            error.because_of(format!("{} {}: {whose}", step.id, step.name))
        });
        Err(error)
    }
}

impl<R: Resource> Step<R> {
    /// The data that is lost when the step is done, in words.
    pub fn loses(&self) -> Option<String> {
        match self.action {
            Action::Replace | Action::Delete => self.found.as_ref()?.data(),
            Action::Keep | Action::Create | Action::Update => None,
        }
    }
}

impl<R> Step<R> {
    /// A step that runs: it does something, and something of its own.
    pub fn runs(&self) -> bool {
        self.action != Action::Keep
    }
}

/// What is replaced takes its children with it, so they are made again.
fn forget_children_of_replaced<R: Resource>(mut seen: Vec<Seen<R>>) -> Vec<Seen<R>> {
    let replaced: Vec<Id> = seen
        .iter()
        .filter(|one| action(one) == Action::Replace)
        .map(|one| one.wanted.id())
        .collect();
    for one in &mut seen {
        if one
            .wanted
            .parent()
            .is_some_and(|parent| replaced.contains(&parent))
        {
            one.found = None;
        }
    }
    seen
}

fn action<R: Resource>(Seen { wanted, found }: &Seen<R>) -> Action {
    let Some(found) = found else {
        return Action::Create;
    };
    let differences = diff(&wanted.fields(), &found.fields());
    match differences.as_slice() {
        [] => Action::Keep,
        all if all.iter().any(|one| one.replaces) => Action::Replace,
        _ => Action::Update,
    }
}

fn step<R: Resource>(seen: Seen<R>, observed: &R::Observed) -> Step<R> {
    let action = action(&seen);
    let Seen { wanted, found } = seen;
    let there = found.as_ref().map(Resource::fields).unwrap_or_default();
    let differences = diff(&wanted.fields(), &there);
    let foreign = found.as_ref().and_then(|found| whose(found, observed));
    let remarks = found.as_ref().map(Resource::remarks).unwrap_or_default();
    Step {
        id: wanted.id(),
        name: wanted.name(),
        action,
        differences,
        wanted: Some(wanted),
        found,
        foreign,
        deleted_with_parent: false,
        stays: None,
        remarks,
    }
}

/// What is not ours, or has a reason to stay, is kept.
fn deletion<R: Resource>(found: R, observed: &R::Observed) -> Step<R> {
    let foreign = whose(&found, observed);
    let stays = match &foreign {
        Some(whose) => Some(format!("not ours: {whose}")),
        None => found.stays(observed),
    };
    Step {
        id: found.id(),
        name: found.name(),
        action: if stays.is_some() {
            Action::Keep
        } else {
            Action::Delete
        },
        differences: Vec::new(),
        wanted: None,
        found: Some(found),
        foreign,
        deleted_with_parent: false,
        stays,
        remarks: Vec::new(),
    }
}

fn whose<R: Resource>(found: &R, observed: &R::Observed) -> Option<String> {
    match found.ownership(observed) {
        Ownership::Ours => None,
        Ownership::Foreign(whose) => Some(whose),
    }
}

/// Every value that a step uses is known, or made by a step that runs before it.
fn require_values<R: Resource>(steps: &[Step<R>]) -> Result<()> {
    let runs = |edge: &Edge| steps.iter().any(|s| s.runs() && edge.matches(&s.id));
    for step in steps.iter().filter(|step| step.runs()) {
        let edges = step
            .wanted
            .as_ref()
            .map(Resource::needs)
            .unwrap_or_default();
        if let Some(edge) = edges.iter().find(|edge| edge.makes_value && !runs(edge)) {
            let (id, on) = (&step.id, edge.on);
            return Err(
                Error::failed(format!("{id} needs {on}, and no step makes it"))
                    .hint("this is a fault of chatctl; please report it"),
            );
        }
    }
    Ok(())
}

fn mark_deleted_with_parent<R: Resource>(steps: &mut [Step<R>]) {
    let goes = |action: Action| matches!(action, Action::Delete | Action::Replace);
    let going: Vec<Id> = steps
        .iter()
        .filter(|step| goes(step.action))
        .map(|step| step.id.clone())
        .collect();
    for step in steps.iter_mut().filter(|s| s.action == Action::Delete) {
        let parent = step.found.as_ref().and_then(Resource::parent);
        step.deleted_with_parent = parent.is_some_and(|parent| going.contains(&parent));
    }
}
