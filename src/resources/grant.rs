//! The function's right to push to the API's connections: an inline policy of its role.
//!
//! GetRolePolicy, PutRolePolicy; it goes with its role. It is a resource of its own because it
//! needs the API's id, and the role must not wait for the API.

use super::NeedsRights;
use super::observed::Observed;
use super::outputs::ApiId;
use super::role;
use super::run_context::{RunContext, StepContext};
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::policy::{GRANT_POLICY, function_grant, normalised};
use crate::naming::rights::{Right, on};
use serde_json::Value;

/// The right to push to connections.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The role that has it.
    pub role: String,
    /// What it says.
    pub document: Value,
    /// The API's id.
    pub api: Output<ApiId>,
}

impl NeedsRights for Grant {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("iam:GetRolePolicy", on::function_role),
        Right::to_write("iam:PutRolePolicy", on::function_role),
    ];
}

impl Resource for Grant {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(ids::GRANT)
    }

    fn name(&self) -> String {
        format!("{} of {}", GRANT_POLICY, self.role)
    }

    fn fields(&self) -> Fields {
        Fields::new().with("policy", normalised(&self.document))
    }

    fn needs(&self) -> Vec<Edge> {
        vec![
            Edge::new(ids::FUNCTION_ROLE, "it is a policy of the role"),
            self.api.edge("it names the API"),
        ]
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(ids::FUNCTION_ROLE))
    }

    fn ownership(&self, _observed: &Observed) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let found = role::inline(&observed.run.clients, &self.role, GRANT_POLICY).await?;
        Ok(found.map(|document| Self {
            document,
            ..self.clone()
        }))
    }

    async fn apply(&self, _found: Option<&Self>, step: &StepContext) -> Result<()> {
        let run = step.run();
        let document = function_grant(&run.names, &self.api.get()?);
        role::put_inline(step, &self.role, GRANT_POLICY, &document).await
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        role::delete_inline(step, &self.role, GRANT_POLICY).await
    }
}
