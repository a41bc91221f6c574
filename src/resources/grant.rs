//! The function's right to push to the API's connections: an inline policy of its role.
//!
//! GetRolePolicy, PutRolePolicy; it goes with its role. It is a resource of its own because it
//! needs the API's id, and the role must not wait for the API.

use super::role::{self, FUNCTION_ROLE};
use super::world::World;
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::Result;
use crate::stack::policy::{GRANT_POLICY, function_grant, normalised};
use serde_json::Value;

/// The right to push to connections.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The role that has it.
    pub role: String,
    /// What it says.
    pub document: Value,
}

impl Resource for Grant {
    type World = World;

    fn id(&self) -> Id {
        Id::new("grant")
    }

    fn name(&self) -> String {
        format!("{} of {}", GRANT_POLICY, self.role)
    }

    fn fields(&self) -> Fields {
        Fields::new().with("policy", normalised(&self.document))
    }

    fn needs(&self) -> Vec<Edge> {
        vec![
            Edge::new(FUNCTION_ROLE, "it is a policy of the role"),
            Edge::new("api", "it names the API"),
        ]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(FUNCTION_ROLE))
    }

    fn ownership(&self, _world: &World) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, world: &World) -> Result<Option<Self>> {
        let found = role::inline(&world.clients, &self.role, GRANT_POLICY).await?;
        Ok(found.map(|document| Self {
            role: self.role.clone(),
            document,
        }))
    }

    async fn apply(&self, _found: Option<&Self>, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let document = function_grant(&world.names, &world.api_made()?);
        role::put_inline(job, &self.role, GRANT_POLICY, &document).await
    }

    async fn delete(&self, job: &Job<World>) -> Result<()> {
        role::delete_inline(job, &self.role, GRANT_POLICY).await
    }
}
