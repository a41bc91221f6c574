//! What `--adopt` takes over of what is there and not ours, and what it does not.
//!
//! A resource is adopted by its name: the API by NAME-STAGE, and with it all its parts. What chatctl has no place for is
//! deleted or made again; what is beside it, such as another stage, is left alone.

use super::Assessment;
use super::list::function_of;
use crate::engine::Resource;
use crate::engine::plan::{Action, Plan, Step};
use crate::naming::ids;
use crate::resources::Kind;
use serde::Serialize;
use std::collections::BTreeSet;

/// What `--adopt` takes over, and what not.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Adoption {
    /// What stays, and is the chat's from then on.
    pub taken_over: Vec<Part>,
    /// What is deleted, made again or left alone.
    pub not_taken_over: Vec<Part>,
}

/// Something that is there and not ours.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Part {
    /// Which part of the stack it is, or what kind of thing.
    pub id: String,
    /// AWS's name of it.
    pub name: String,
    /// What becomes of it.
    pub what: String,
}

impl Adoption {
    /// What the plan does to what is not ours.
    pub fn of(assessment: &Assessment) -> Self {
        let mut adoption = Self::default();
        let plan = &assessment.plan;
        let theirs = plan
            .steps
            .iter()
            .filter(|step| step.found.is_some() && is_theirs(step, plan));
        for step in theirs {
            let (is_taken, what) = fate(step);
            let part = part(step.id.as_str(), &step.name, what);
            match is_taken {
                true => adoption.taken_over.push(part),
                false => adoption.not_taken_over.push(part),
            }
        }
        if plan.step(ids::API).is_some_and(|api| api.foreign.is_some()) {
            adoption.not_taken_over.extend(left_alone(assessment));
        }
        adoption
    }

    /// Nothing is there that is not ours.
    pub fn is_empty(&self) -> bool {
        self.taken_over.is_empty() && self.not_taken_over.is_empty()
    }
}

/// Parts of somebody else's API or function are somebody else's too.
fn is_theirs(step: &Step<Kind>, plan: &Plan<Kind>) -> bool {
    let parent = step.found.as_ref().and_then(Resource::parent);
    let parent = parent.and_then(|id| plan.step(id.as_str()));
    [Some(step), parent]
        .into_iter()
        .flatten()
        .any(|step| step.foreign.is_some())
}

/// Whether it is taken over, and what becomes of it.
fn fate(step: &Step<Kind>) -> (bool, String) {
    let fields = |replaces: bool| {
        let all = step
            .differences
            .iter()
            .filter(|one| !replaces || one.replaces);
        let paths: Vec<_> = all.map(|one| one.path.as_str()).collect();
        paths.join(", ")
    };
    match (step.action, &step.stays) {
        (_, Some(why)) => (false, format!("left alone: {why}")),
        (Action::Update, _) => (true, format!("changed: {}", fields(false))),
        (Action::Replace, _) => {
            let why = fields(true);
            let lost = step
                .loses()
                .map(|data| format!("; it loses {data}, and so needs --force"));
            let lost = lost.unwrap_or_default();
            let what = format!("deleted and made again, because {why} cannot be changed{lost}");
            (false, what)
        }
        (Action::Delete, _) => (false, "deleted: the chat has no place for it".to_owned()),
        (Action::Keep | Action::Create, _) => (true, "as it is".to_owned()),
    }
}

/// What the API has or calls, and the plan does not touch.
fn left_alone(assessment: &Assessment) -> Vec<Part> {
    let gateway = &assessment.observed.gateway;
    let stages = gateway
        .other_stages
        .iter()
        .filter_map(|stage| stage.stage_name());
    let stages = stages.map(|name| {
        let what = "left alone: it goes on with the deployment that it has";
        part("stage", name, what.to_owned())
    });
    let uris = gateway
        .integrations
        .iter()
        .filter_map(|one| one.integration_uri());
    let ours = &assessment.run().names.function;
    let functions: BTreeSet<_> = uris
        .filter_map(function_of)
        .filter(|name| name != ours)
        .collect();
    let functions = functions.into_iter().map(|name| {
        part(
            "function",
            name,
            "left alone: no route of the stage calls it any more".to_owned(),
        )
    });
    stages.chain(functions).collect()
}

fn part(id: &str, name: &str, what: String) -> Part {
    Part {
        id: id.to_owned(),
        name: name.to_owned(),
        what,
    }
}
