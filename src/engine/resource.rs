//! What the engine asks of a resource. Wanted and found are the same struct, so that drift is a
//! field-by-field comparison.

use super::pace::Cost;
use super::plan::Action;
use super::step_context::StepContext;
use crate::error::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::future::Future;

/// The name of a resource inside its stack, such as `route/$connect`: stable, made by us, the same
/// in every account. It is also the value of the ownership tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Id(String);

impl Id {
    /// An id; anything that two resources of one stack do not share.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// "Comes after": the other resource, and the reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// An id, or a family of ids such as `route/*`.
    pub on: &'static str,
    /// Why; shown while waiting.
    pub why: &'static str,
    /// The other resource's step makes a value that this one uses, and that is not known yet.
    pub makes_value: bool,
}

impl Edge {
    /// An edge with its reason.
    pub const fn new(on: &'static str, why: &'static str) -> Self {
        Self {
            on,
            why,
            makes_value: false,
        }
    }

    /// The edge points at `id`.
    pub fn matches(&self, id: &Id) -> bool {
        match self.on.strip_suffix('*') {
            Some(family) => id.as_str().starts_with(family),
            None => id.as_str() == self.on,
        }
    }
}

/// One managed field of a resource, ready to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// AWS's name of it, such as `memorySize` or `tags.chatctl:stack`.
    pub path: String,
    /// Its value, brought into one form.
    pub value: Value,
    /// AWS cannot change it in place.
    pub frozen: bool,
    /// The value may be private and is never shown.
    pub hidden: bool,
}

/// The managed fields of a resource, in the order in which people read them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// No fields yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field that AWS can change in place.
    #[must_use]
    pub fn with(self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.push(path.into(), value.into(), false, false)
    }

    /// Adds a field whose change forces a replacement.
    #[must_use]
    pub fn frozen(self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.push(path.into(), value.into(), true, false)
    }

    /// Adds a field whose value is compared but never shown.
    #[must_use]
    pub fn hidden(self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.push(path.into(), value.into(), false, true)
    }

    fn push(mut self, path: String, value: Value, frozen: bool, hidden: bool) -> Self {
        self.0.push(Field {
            path,
            value,
            frozen,
            hidden,
        });
        self
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }

    /// The field at `path`.
    pub fn get(&self, path: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.path == path)
    }
}

/// Whose a found resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It carries our tags, or is part of something that does.
    Ours,
    /// It has our name and not our tags; the text says whose it looks to be.
    Foreign(String),
}

/// One kind of thing that can be read, compared, made so, and deleted.
pub trait Resource: Clone + fmt::Debug + Send + Sync + 'static {
    /// What every verb may use and none changes: clients and names.
    type Context: Send + Sync + 'static;

    /// What was found before planning and concerns several resources, with the context it was
    /// found in.
    type Observed: Send + Sync + 'static;

    /// The id inside the stack.
    fn id(&self) -> Id;

    /// AWS's name of the thing, for people.
    fn name(&self) -> String;

    /// The managed fields. Pure.
    fn fields(&self) -> Fields;

    /// What must be applied before this is.
    fn needs(&self) -> Vec<Edge> {
        Vec::new()
    }

    /// What must be deleted before this is. Not the reverse of [`Resource::needs`]: a log group
    /// outlives its writers.
    fn outlives(&self) -> Vec<Edge> {
        Vec::new()
    }

    /// The resource whose deletion takes this one with it.
    fn parent(&self) -> Option<Id> {
        None
    }

    /// Steps of one lane never run at the same time.
    fn lane(&self) -> Option<&'static str> {
        None
    }

    /// What the step takes from the known rate limits.
    fn costs(&self, _action: Action) -> Vec<Cost> {
        Vec::new()
    }

    /// Whose it is; asked of what was found.
    fn ownership(&self, observed: &Self::Observed) -> Ownership;

    /// What somebody else did to what was found, and what a deploy leaves as it is: told, never
    /// changed.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// The data that goes with what was found when it is deleted, in words.
    fn data(&self) -> Option<String> {
        None
    }

    /// Deliberately left in place by a teardown; the reason in words. Asked of what was found.
    fn stays(&self, _observed: &Self::Observed) -> Option<String> {
        None
    }

    /// Looks for what is called as `self` is. Never changes anything; missing is `None`.
    fn read(&self, observed: &Self::Observed) -> impl Future<Output = Result<Option<Self>>> + Send;

    /// Makes it so, whatever is there: `found` is what the plan saw and may be stale. Safe to run
    /// twice; returns when the thing is usable.
    fn apply(
        &self,
        found: Option<&Self>,
        step: &StepContext<Self::Context>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Deletes it; missing is success. Returns when it is gone.
    fn delete(&self, step: &StepContext<Self::Context>) -> impl Future<Output = Result<()>> + Send;
}
