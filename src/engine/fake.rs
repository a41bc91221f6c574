//! A resource of plain data for the engine's own tests: what happens is written into a log.

use super::resource::{Edge, Fields, Id, Ownership, Resource};
use super::{StepContext, event::Events};
use crate::error::{Error, Result};
use std::sync::Mutex;
use std::time::Duration;

/// Everything that was done, in order: `+a` began, `a` ended.
#[derive(Debug, Default)]
pub(super) struct Log(pub(super) Mutex<Vec<String>>);

impl Log {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Fake {
    pub(super) id: &'static str,
    pub(super) needs: Vec<Edge>,
    pub(super) outlives: Vec<Edge>,
    pub(super) parent: Option<&'static str>,
    pub(super) lane: Option<&'static str>,
    pub(super) fails: bool,
    pub(super) takes: Duration,
    pub(super) value: i64,
    pub(super) foreign: bool,
}

pub(super) fn fake(id: &'static str) -> Fake {
    Fake {
        id,
        takes: Duration::from_millis(10),
        ..Fake::default()
    }
}

impl Fake {
    pub(super) fn needs(mut self, on: &'static str) -> Self {
        self.needs.push(Edge::new(on, "a reason"));
        self
    }

    pub(super) fn uses(mut self, edge: Edge) -> Self {
        self.needs.push(edge);
        self
    }

    pub(super) fn outlives(mut self, on: &'static str) -> Self {
        self.outlives.push(Edge::new(on, "a reason"));
        self
    }
}

impl Resource for Fake {
    type Context = Log;
    type Observed = ();

    fn id(&self) -> Id {
        Id::new(self.id)
    }
    fn name(&self) -> String {
        self.id.to_uppercase()
    }
    fn fields(&self) -> Fields {
        Fields::new().with("value", self.value)
    }
    fn needs(&self) -> Vec<Edge> {
        self.needs.clone()
    }
    fn outlives(&self) -> Vec<Edge> {
        self.outlives.clone()
    }
    fn parent(&self) -> Option<Id> {
        self.parent.map(Id::new)
    }
    fn lane(&self) -> Option<&'static str> {
        self.lane
    }
    fn ownership(&self, _observed: &()) -> Ownership {
        if self.foreign {
            Ownership::Foreign("somebody's".into())
        } else {
            Ownership::Ours
        }
    }
    async fn read(&self, _observed: &()) -> Result<Option<Self>> {
        Ok(None)
    }
    async fn apply(&self, _found: Option<&Self>, step: &StepContext<Log>) -> Result<()> {
        step.run().write(format!("+{}", self.id));
        tokio::time::sleep(self.takes).await;
        step.run().write(self.id.to_owned());
        if self.fails {
            return Err(Error::failed(format!("{} broke", self.id)));
        }
        Ok(())
    }
    async fn delete(&self, step: &StepContext<Log>) -> Result<()> {
        step.run().write(format!("-{}", self.id));
        Ok(())
    }
}

/// Events that nobody listens to.
pub(super) fn unheard() -> Events {
    Events::channel().0
}
