//! What the deployer shows and asks. It has no words of its own: `report/` implements this.

use crate::aws::Place;
use crate::engine::event::Event;
use crate::engine::view::PlanView;
use crate::error::{Error, Result};
use crate::package;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To make the stack what is wanted.
    Deploy,
    /// To delete it.
    Teardown,
}

/// A plan that is about to be carried out.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// What for.
    pub purpose: Purpose,
    /// The chat's name.
    pub name: &'a str,
    /// Its stage.
    pub stage: &'a str,
    /// The account and the region.
    pub place: &'a Place,
    /// What would be done.
    pub plan: &'a PlanView,
}

/// Something worth telling that is not the event of a step.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// A failure beside the one that the run ends with.
    AlsoFailed(&'a Error),
    /// So many more steps failed for a reason that is told already.
    SameCause(usize),
    /// So many steps were skipped because of a failure.
    Skipped(usize),
    /// The deployed chat was tried and does not answer yet.
    NotLiveYet(&'a str),
    /// Log groups are watched for so long, because late lines can bring them back.
    WatchingLogGroups(Duration),
    /// A late line brought a deleted log group back; it was deleted again.
    LogGroupDeletedAgain(&'a str),
}

/// What the deployer shows and asks.
pub trait Ui: Sync {
    /// Shows a plan before it is carried out.
    fn show(&self, proposal: &Proposal<'_>);

    /// Asks whether to carry it out.
    ///
    /// # Errors
    /// Nobody can be asked.
    fn confirm(&self, proposal: &Proposal<'_>) -> Result<bool>;

    /// Who listens to the build of the function.
    fn building(&self) -> impl Fn(&package::Step<'_>) + Send + Sync;

    /// Shows what happens to the steps, until the last sender is gone.
    fn follow(&self, events: UnboundedReceiver<Event>)
    -> impl Future<Output = ()> + Send + 'static;

    /// Tells something.
    fn notice(&self, notice: Notice<'_>);
}
