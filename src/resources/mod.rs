//! The kinds of AWS resources, one file each, and the closed enum that stands for any of them.
//!
//! Every file has the same order: what it is, which calls it makes, what surprises; the struct, the
//! verbs, private helpers, tests. A new kind touches its file, this enum and `stack::wanted`.

pub mod account_logging;
mod account_role;
pub mod alias;
pub mod api;
pub mod authorizer;
pub mod deployment;
mod exactly_one;
pub mod function;
mod gateway;
pub mod grant;
pub mod integration;
mod limits;
pub mod log_group;
mod observed;
mod outputs;
pub mod permission;
mod policies;
mod retry;
pub mod role;
pub mod route;
mod run_context;
pub mod stage;
pub mod table;
pub mod version;
pub mod versions;

pub use account_role::AccountRole;
pub use gateway::Gateway;
pub use observed::Observed;
pub use outputs::{ApiId, AuthorizerId, DeploymentId, IntegrationId, LiveVersion, Outputs, RoleId};
pub use run_context::{RunContext, StepContext};

use crate::aws::SlowCalls;
use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Ownership, Resource};
use crate::error::Result;
use crate::naming::rights::Right;

/// The rights that a kind's verbs need.
pub trait NeedsRights {
    /// One for each action.
    const RIGHTS: &'static [Right];
}

// The verbs of a kind are boxed: else every step's future would have room for the largest of them, and a
// worker's stack for several copies of it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($type:ty),)*) => {
        /// Any resource of a stack.
        #[derive(Debug, Clone)]
        pub enum Kind {
            $($(#[$doc])* $kind($type),)*
        }

        $(impl From<$type> for Kind {
            fn from(one: $type) -> Self {
                Self::$kind(one)
            }
        })*

        /// The rights that the verbs of all kinds need.
        pub fn rights() -> impl Iterator<Item = &'static Right> {
            [$(<$type as NeedsRights>::RIGHTS,)*].into_iter().flatten()
        }

        impl Resource for Kind {
            type Context = RunContext;
            type Observed = Observed;

            fn id(&self) -> Id {
                match self { $(Self::$kind(one) => one.id(),)* }
            }
            fn name(&self) -> String {
                match self { $(Self::$kind(one) => one.name(),)* }
            }
            fn fields(&self) -> Fields {
                match self { $(Self::$kind(one) => one.fields(),)* }
            }
            fn needs(&self) -> Vec<Edge> {
                match self { $(Self::$kind(one) => one.needs(),)* }
            }
            fn outlives(&self) -> Vec<Edge> {
                match self { $(Self::$kind(one) => one.outlives(),)* }
            }
            fn parent(&self) -> Option<Id> {
                match self { $(Self::$kind(one) => one.parent(),)* }
            }
            fn lane(&self) -> Option<&'static str> {
                match self { $(Self::$kind(one) => one.lane(),)* }
            }
            fn costs(&self, action: Action) -> Vec<Cost> {
                match self { $(Self::$kind(one) => one.costs(action),)* }
            }
            fn ownership(&self, observed: &Observed) -> Ownership {
                match self { $(Self::$kind(one) => one.ownership(observed),)* }
            }
            fn remarks(&self) -> Vec<String> {
                match self { $(Self::$kind(one) => one.remarks(),)* }
            }
            fn data(&self) -> Option<String> {
                match self { $(Self::$kind(one) => one.data(),)* }
            }
            fn stays(&self, observed: &Observed) -> Option<String> {
                match self { $(Self::$kind(one) => one.stays(observed),)* }
            }
            async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
                match self { $(Self::$kind(one) => {
                    let read = Box::pin(one.read(observed));
                    let read = observed.run.slow_calls.during(read);
                    Ok(read.await?.map(Self::$kind))
                })* }
            }
            async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
                match self { $(Self::$kind(one) => {
                    let found = match found {
                        Some(Self::$kind(found)) => Some(found),
                        _ => None,
                    };
                    noting_slow_calls(step, Box::pin(one.apply(found, step))).await
                })* }
            }
            async fn delete(&self, step: &StepContext) -> Result<()> {
                match self { $(Self::$kind(one) => {
                    noting_slow_calls(step, Box::pin(one.delete(step))).await
                })* }
            }
        }
    };
}

/// Does `work`; a call of it that takes long is a note of the step.
async fn noting_slow_calls<T>(step: &StepContext, work: impl Future<Output = T>) -> T {
    let noting = step.clone();
    let note = move |operation: &str| noting.note(format!("waiting for AWS: {operation}"));
    SlowCalls::new(note).during(work).await
}

kinds! {
    /// An IAM role.
    Role(role::Role),
    /// A log group.
    LogGroup(log_group::LogGroup),
    /// The table.
    Table(table::Table),
    /// The function.
    Function(function::Function),
    /// The alias that the API calls.
    Alias(alias::Alias),
    /// A published version that is to go.
    Version(version::Version),
    /// The WebSocket API.
    Api(api::Api),
    /// The API's right to call the function.
    Permission(permission::Permission),
    /// The function's right to push to connections.
    Grant(grant::Grant),
    /// Whom the API asks about a client.
    Authorizer(authorizer::Authorizer),
    /// How the API calls the function.
    Integration(integration::Integration),
    /// A route.
    Route(route::Route),
    /// A snapshot of the routes.
    Deployment(deployment::Deployment),
    /// The account's logging role.
    AccountLogging(account_logging::AccountLogging),
    /// The stage.
    Stage(stage::Stage),
}
