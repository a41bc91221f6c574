//! Creates that AWS does not deduplicate: two calls make two of the thing. Exactly one is left,
//! whatever answers get lost and whoever else deploys at the same time.

use super::retry::{CONFLICT_LIMIT, is_busy};
use super::run_context::StepContext;
use crate::aws::{self, Failure};
use crate::engine::wait::Waits;
use crate::error::{Error, Result};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::future::Future;

/// What became of one attempt to create.
pub(super) enum Attempt {
    /// It was made, with this id.
    Made(String),
    /// Perhaps: the answer was lost, or the service was busy. Worth another look.
    Unclear(Error),
}

impl Attempt {
    /// Sorts the answer of a create call that was sent once and only once.
    pub(super) fn of<E>(action: &str, answer: Result<String, Failure<E>>) -> Result<Self>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        match answer {
            Ok(id) => Ok(Self::Made(id)),
            Err(error) if aws::is_unclear(&error) || is_busy(&error) => {
                Ok(Self::Unclear(aws::explain(action, error)))
            }
            Err(error) => Err(aws::explain(action, error)),
        }
    }
}

/// Something that AWS would happily make twice.
pub(super) trait NonIdempotentCreate: Sync {
    /// What it is, for people.
    const WHAT: &'static str;

    /// The ids of those that are there and would do, the one to use first.
    fn look(&self, step: &StepContext) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Sends the create call once, with the SDK's retries off.
    fn create(&self, step: &StepContext) -> impl Future<Output = Result<Attempt>> + Send;

    /// Deletes one that this very run made.
    fn take_back(&self, step: &StepContext, id: &str) -> impl Future<Output = Result<()>> + Send;
}

/// So many looks in a row must show the same after a clash.
const STEADY: usize = 4;

/// What was seen so far, while looking for one that stays.
#[derive(Debug, Default)]
struct Looks {
    /// Somebody else makes the same at this very moment.
    clashed: bool,
    last: String,
    in_a_row: usize,
}

impl Looks {
    /// Whether what is seen now may be taken.
    fn trust(&mut self, id: &str) -> bool {
        if self.last != id {
            (self.last, self.in_a_row) = (id.to_owned(), 0);
        }
        self.in_a_row += 1;
        !self.clashed || self.in_a_row >= STEADY
    }
}

/// Ends with exactly one, however answers get lost and whoever else is at it.
///
/// Look; if nothing is there, create; look again. Whoever then sees another one beside its own
/// takes its own back. Whoever looked before the other one was made saw only its own, and keeps
/// it: so two creators cannot both keep theirs, whatever the order of the four calls. If both take
/// theirs back, jitter parts them in the next round; and what is seen then may be the other's, on
/// its way out, so it is taken only when it stays. What a killed run leaves is found by the first
/// look of the next.
pub(super) async fn exactly_one<T: NonIdempotentCreate>(
    one: &T,
    step: &StepContext,
) -> Result<String> {
    let mut waits = Waits::until(CONFLICT_LIMIT);
    let mut looks = Looks::default();
    loop {
        if let Some(id) = one.look(step).await?.into_iter().next() {
            if looks.trust(&id) || !waits.again().await {
                return Ok(id);
            }
            continue;
        }
        let trouble = match one.create(step).await? {
            Attempt::Made(id) => {
                let others = one.look(step).await?.into_iter().any(|other| other != id);
                if !others {
                    return Ok(id);
                }
                step.note(format!(
                    "another deploy made {} too; taking ours back",
                    T::WHAT
                ));
                one.take_back(step, &id).await?;
                looks.clashed = true;
                Error::failed(format!("another deploy keeps making {}", T::WHAT))
            }
            Attempt::Unclear(error) => {
                step.note(format!("the answer is unclear; looking for {}", T::WHAT));
                error
            }
        };
        if !waits.again().await {
            return Err(trouble);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_clash_only_what_stays_is_taken() {
        assert!(Looks::default().trust("a"), "nobody else is at it");
        let mut looks = Looks {
            clashed: true,
            ..Looks::default()
        };
        let seen = ["a", "a", "a", "b", "b", "b", "b"].map(|id| looks.trust(id));
        assert_eq!(seen, [false, false, false, false, false, false, true]);
    }
}
