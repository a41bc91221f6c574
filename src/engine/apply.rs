//! The executor: a set of waiting steps, a set of running tasks, a channel of events.
//!
//! A failed step skips what waits for it and names itself as the cause, once. Nothing is rolled
//! back: a deploy that failed is run again. A wish to stop starts nothing new and lets what runs
//! come to its end; a second one drops it.

use super::event::{EventKind, Events, Upcoming};
use super::graph::waits_for;
use super::pace::Pace;
use super::plan::{Action, Plan, Step};
use super::resource::{Id, Resource};
use super::step_context::StepContext;
use super::stop::Stop;
use crate::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinSet};

/// How a run ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was done, in the order of ending.
    pub done: Vec<(Id, Action)>,
    /// What failed, and of what.
    pub failed: Vec<(Id, Error)>,
    /// What was not tried, and because of which failed step.
    pub skipped: Vec<(Id, Id)>,
    /// What was not tried because the user asked to stop.
    pub left: Vec<Id>,
    /// From the first step to the last.
    pub took: Duration,
}

impl Outcome {
    /// Everything was done.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.skipped.is_empty() && self.left.is_empty()
    }
}

/// Does what the plan says, as much side by side as the edges and lanes allow.
pub async fn apply<R: Resource>(
    plan: &Plan<R>,
    context: &Arc<R::Context>,
    events: &Events,
    stop: &Stop,
) -> Outcome {
    let began = Instant::now();
    let mut run = Run::new(plan, context, events);
    events.send(EventKind::Began {
        steps: run.upcoming(),
    });
    let mut asked = 0;
    loop {
        if !stop.is_asked() {
            run.start_ready();
        }
        if run.tasks.is_empty() {
            break;
        }
        tokio::select! {
            Some(ended) = run.tasks.join_next_with_id() => run.ended(ended),
            times = stop.beyond(asked) => {
                asked = times;
                if stop.is_now() {
                    run.tasks.abort_all();
                }
                events.send(EventKind::Stopping { running: run.tasks.len() });
            }
        }
    }
    run.outcome.left = run.waiting.keys().map(|i| run.id(*i)).collect();
    run.outcome.took = began.elapsed();
    run.outcome
}

type Ended = std::result::Result<(tokio::task::Id, (Duration, Result<()>)), JoinError>;

struct Run<'a, R: Resource> {
    steps: &'a [Step<R>],
    context: &'a Arc<R::Context>,
    events: &'a Events,
    pace: Arc<Pace>,
    /// Step → the steps it still waits for.
    waiting: BTreeMap<usize, BTreeSet<usize>>,
    running: HashMap<tokio::task::Id, usize>,
    tasks: JoinSet<(Duration, Result<()>)>,
    outcome: Outcome,
}

impl<'a, R: Resource> Run<'a, R> {
    fn new(plan: &'a Plan<R>, context: &'a Arc<R::Context>, events: &'a Events) -> Self {
        let steps = plan.steps.as_slice();
        let running = (0..steps.len()).filter(|i| steps[*i].runs());
        let waiting = running
            .map(|i| {
                (
                    i,
                    waits_for(steps, i).into_iter().map(|(on, _)| on).collect(),
                )
            })
            .collect();
        Self {
            steps,
            context,
            events,
            pace: Arc::default(),
            waiting,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            outcome: Outcome::default(),
        }
    }

    fn id(&self, index: usize) -> Id {
        self.steps[index].id.clone()
    }

    fn upcoming(&self) -> Vec<Upcoming> {
        let describe = |index: &usize| {
            let step = &self.steps[*index];
            let after = waits_for(self.steps, *index);
            Upcoming {
                id: step.id.clone(),
                name: step.name.clone(),
                action: step.action,
                after: after
                    .into_iter()
                    .map(|(on, why)| (self.id(on), why.to_owned()))
                    .collect(),
            }
        };
        self.waiting.keys().map(describe).collect()
    }

    /// Starts every step that waits for nothing, and whose lane is free.
    fn start_ready(&mut self) {
        loop {
            let ready = self
                .waiting
                .iter()
                .find(|(index, before)| before.is_empty() && self.lane_is_free(**index));
            let Some(index) = ready.map(|(index, _)| *index) else {
                return;
            };
            self.waiting.remove(&index);
            self.start(index);
        }
    }

    fn lane_is_free(&self, index: usize) -> bool {
        let Some(lane) = self.lane(index) else {
            return true;
        };
        !self
            .running
            .values()
            .any(|other| self.lane(*other) == Some(lane))
    }

    fn lane(&self, index: usize) -> Option<&'static str> {
        let step = &self.steps[index];
        step.wanted.as_ref().or(step.found.as_ref())?.lane()
    }

    fn start(&mut self, index: usize) {
        let id = self.id(index);
        self.events.send(EventKind::Started { id: id.clone() });
        if self.steps[index].deleted_with_parent {
            self.finished(index, Duration::ZERO);
            return;
        }
        let context = StepContext::new(
            id,
            Arc::clone(self.context),
            self.events.clone(),
            Arc::clone(&self.pace),
        );
        let step = self.steps[index].clone();
        let task = self.tasks.spawn(async move {
            let began = Instant::now();
            let result = execute(step, &context).await;
            (began.elapsed(), result)
        });
        self.running.insert(task.id(), index);
    }

    fn ended(&mut self, ended: Ended) {
        let (task, result) = match ended {
            Ok((task, (took, Ok(())))) => (task, Ok(took)),
            Ok((task, (_, Err(error)))) => (task, Err(error)),
            Err(end) => (end.id(), Err(broken_off(&end))),
        };
        let Some(index) = self.running.remove(&task) else {
            return;
        };
        match result {
            Ok(took) => self.finished(index, took),
            Err(error) => self.failed(index, error),
        }
    }

    fn finished(&mut self, index: usize, took: Duration) {
        let id = self.id(index);
        for before in self.waiting.values_mut() {
            before.remove(&index);
        }
        self.outcome
            .done
            .push((id.clone(), self.steps[index].action));
        self.events.send(EventKind::Finished { id, took });
    }

    fn failed(&mut self, index: usize, error: Error) {
        let id = self.id(index);
        self.events.send(EventKind::Failed {
            id: id.clone(),
            error: error.to_string(),
        });
        self.outcome.failed.push((id.clone(), error));
        self.skip_after(index, &id);
    }

    /// Everything behind a failed step is skipped because of that step, however far behind.
    fn skip_after(&mut self, index: usize, because: &Id) {
        let behind: Vec<usize> = self
            .waiting
            .iter()
            .filter(|(_, before)| before.contains(&index))
            .map(|(index, _)| *index)
            .collect();
        for index in behind {
            if self.waiting.remove(&index).is_none() {
                continue;
            }
            let id = self.id(index);
            self.events.send(EventKind::Skipped {
                id: id.clone(),
                because: because.clone(),
            });
            self.outcome.skipped.push((id, because.clone()));
            self.skip_after(index, because);
        }
    }
}

async fn execute<R: Resource>(step: Step<R>, context: &StepContext<R::Context>) -> Result<()> {
    let subject = step.wanted.as_ref().or(step.found.as_ref());
    for cost in subject.map(|s| s.costs(step.action)).unwrap_or_default() {
        context.pace(cost).await;
    }
    match (step.action, &step.wanted, &step.found) {
        (Action::Create, Some(wanted), _) => wanted.apply(None, context).await,
        (Action::Update, Some(wanted), found) => wanted.apply(found.as_ref(), context).await,
        (Action::Replace, Some(wanted), Some(found)) => {
            found.delete(context).await?;
            wanted.apply(None, context).await
        }
        (Action::Delete, _, Some(found)) => found.delete(context).await,
        _ => Ok(()),
    }
}

fn broken_off(end: &JoinError) -> Error {
    if end.is_cancelled() {
        Error::interrupted("broken off")
    } else {
        Error::failed("chatctl itself failed at this step").because(end)
    }
}
