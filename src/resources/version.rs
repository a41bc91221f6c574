//! A published version of the function that nobody needs any more: only ever deleted.
//!
//! DeleteFunction with a qualifier. It goes with the function.
//!
//! Surprises: Lambda refuses to delete a version that an alias points to.

use super::NeedsRights;
use super::observed::Observed;
use super::retry::{CONFLICT_LIMIT, gone, is_busy, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::engine::{Edge, Fields, Id, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::rights::{Right, on};

/// A version that is to go.
#[derive(Debug, Clone)]
pub struct Version {
    /// The function.
    pub function: String,
    /// Its number.
    pub number: u64,
}

impl NeedsRights for Version {
    const RIGHTS: &'static [Right] = &[Right::to_write("lambda:DeleteFunction", on::versions)];
}

impl Resource for Version {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(format!("{}/{}", ids::VERSION, self.number))
    }

    fn name(&self) -> String {
        format!("{}:{}", self.function, self.number)
    }

    fn fields(&self) -> Fields {
        Fields::new()
    }

    fn outlives(&self) -> Vec<Edge> {
        vec![Edge::new(ids::ALIAS, "the new version must be live")]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(ids::FUNCTION))
    }

    fn ownership(&self, _observed: &Observed) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, _observed: &Observed) -> Result<Option<Self>> {
        Ok(None)
    }

    async fn apply(&self, _found: Option<&Self>, _step: &StepContext) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        let call = || {
            let call = step.run().clients.lambda.delete_function();
            call.function_name(&self.function)
                .qualifier(self.number.to_string())
                .send()
        };
        let answer = retry_while(step, "another update", CONFLICT_LIMIT, is_busy, call).await;
        gone(answer, &format!("delete version {}", self.number))
    }
}

/// The published versions that nobody needs; `one_more` is about to be published.
pub fn orphans(observed: &Observed, keep: usize, one_more: bool) -> Vec<Version> {
    let names = &observed.run.names;
    let going = observed.versions.superfluous(keep, one_more);
    going
        .into_iter()
        .map(|number| Version {
            function: names.function.clone(),
            number,
        })
        .collect()
}
