//! The kinds of AWS resources, one file each, and the closed enum that stands for any of them.
//!
//! Every file has the same order: what it is, which calls it makes, what surprises; the struct, the
//! verbs, private helpers, tests. A new kind touches its file, this enum and `stack::wanted`.

pub mod account_logging;
pub mod api;
pub mod deployment;
pub mod function;
mod function_read;
mod gateway;
pub mod grant;
pub mod integration;
mod limits;
pub mod log_group;
pub mod permission;
pub mod role;
pub mod route;
mod sdk;
pub mod stage;
mod steward;
pub mod table;
mod world;

pub use gateway::Gateway;
pub use steward::AccountRole;
pub use world::World;

use crate::engine::pace::Cost;
use crate::engine::plan::Action;
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::Result;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($type:ty),)*) => {
        /// Any resource of a stack.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Kind {
            $($(#[$doc])* $kind($type),)*
        }

        $(impl From<$type> for Kind {
            fn from(one: $type) -> Self {
                Self::$kind(one)
            }
        })*

        impl Resource for Kind {
            type World = World;

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
            fn ownership(&self, world: &World) -> Ownership {
                match self { $(Self::$kind(one) => one.ownership(world),)* }
            }
            fn stays(&self, world: &World) -> Option<String> {
                match self { $(Self::$kind(one) => one.stays(world),)* }
            }
            async fn read(&self, world: &World) -> Result<Option<Self>> {
                match self { $(Self::$kind(one) => Ok(one.read(world).await?.map(Self::$kind)),)* }
            }
            async fn apply(&self, found: Option<&Self>, job: &Job<World>) -> Result<()> {
                match self { $(Self::$kind(one) => {
                    let found = match found {
                        Some(Self::$kind(found)) => Some(found),
                        _ => None,
                    };
                    one.apply(found, job).await
                })* }
            }
            async fn delete(&self, job: &Job<World>) -> Result<()> {
                match self { $(Self::$kind(one) => one.delete(job).await,)* }
            }
        }
    };
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
    /// The WebSocket API.
    Api(api::Api),
    /// The API's right to call the function.
    Permission(permission::Permission),
    /// The function's right to push to connections.
    Grant(grant::Grant),
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

/// What is ours and not wanted: APIs that a killed run left, routes and integrations that somebody
/// added by hand, and, if `thorough` or if there is no API, log groups of APIs that are gone.
///
/// # Errors
/// A reading that fails.
pub async fn strays(world: &World, thorough: bool) -> Result<Vec<Kind>> {
    let gateway = world.gateway();
    let mut all: Vec<Kind> = Vec::new();
    // The parts of a stranger's API are read only if it is being adopted.
    all.extend(route::strays(world).into_iter().map(Kind::from));
    all.extend(integration::strays(world).into_iter().map(Kind::from));
    all.extend(deployment::strays(world).into_iter().map(Kind::from));
    let twins = gateway.twins.iter().map(|twin| {
        let id = Id::new(format!("api/{}", twin.api_id().unwrap_or_default()));
        Kind::from(api::Api::from_found(
            id,
            twin,
            &crate::stack::tags::Tags::default(),
        ))
    });
    all.extend(twins);
    if thorough || gateway.api.is_none() {
        let orphans = log_group::orphans(world).await?;
        all.extend(orphans.into_iter().map(Kind::from));
    }
    Ok(all)
}
