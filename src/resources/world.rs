//! What the kinds need to act: clients, names, and the facts that one call tells many kinds.

use super::gateway::Gateway;
use super::steward::AccountRole;
use crate::aws::Clients;
use crate::engine::Id;
use crate::error::{Error, Result};
use crate::package::Artifact;
use crate::stack::Names;
use crate::stack::tags::Tags;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Clients, names and facts of one run.
#[derive(Debug)]
pub struct World {
    /// One client per service.
    pub clients: Clients,
    /// Every name.
    pub names: Names,
    /// The account's logging role, as it was when the run began.
    pub account_role: AccountRole,
    users_tags: BTreeMap<String, String>,
    adopt: bool,
    gateway: RwLock<Arc<Gateway>>,
    outputs: RwLock<Outputs>,
    artifact: OnceLock<Artifact>,
}

/// Ids that AWS chose during this run.
#[derive(Debug, Default)]
struct Outputs {
    api: Option<String>,
    integration: Option<String>,
    deployment: Option<String>,
}

impl World {
    /// Reads the facts: the API with its parts, and the account's logging role, side by side.
    ///
    /// # Errors
    /// A reading that fails.
    pub async fn open(
        clients: Clients,
        names: Names,
        users_tags: BTreeMap<String, String>,
        adopt: bool,
    ) -> Result<Self> {
        let gateway = Gateway::load(&clients, &names, adopt);
        let account = AccountRole::look(&clients, &names);
        let (gateway, account_role) = tokio::try_join!(gateway, account)?;
        let world = Self {
            outputs: RwLock::new(Outputs {
                api: gateway.api_id(),
                ..Outputs::default()
            }),
            gateway: RwLock::new(Arc::new(gateway)),
            artifact: OnceLock::new(),
            account_role,
            users_tags,
            adopt,
            clients,
            names,
        };
        Ok(world)
    }

    /// The tags of a part of this stack.
    pub fn tags(&self, id: &Id) -> Tags {
        Tags::of_part(&self.names.stack, &self.names.stage, id, &self.users_tags)
    }

    /// The API with its parts, as last read.
    pub fn gateway(&self) -> Arc<Gateway> {
        let held = self.gateway.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held)
    }

    /// Reads the API with its parts again.
    ///
    /// # Errors
    /// A reading that fails.
    pub async fn look_again(&self) -> Result<Arc<Gateway>> {
        let known = self.api();
        let load = Gateway::load_around(known.as_deref(), &self.clients, &self.names, self.adopt);
        let fresh = Arc::new(load.await?);
        let mut held = self.gateway.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::clone(&fresh);
        Ok(fresh)
    }

    /// The API's id, if it is known by now.
    pub fn api(&self) -> Option<String> {
        self.outputs(|outputs| outputs.api.clone())
    }

    /// The API's id, for a step that comes after the API.
    ///
    /// # Errors
    /// There is none: a fault of the order of steps.
    pub fn api_made(&self) -> Result<String> {
        self.api().ok_or_else(|| missing("API"))
    }

    /// The integration's id, for a step that comes after it.
    ///
    /// # Errors
    /// There is none: a fault of the order of steps.
    pub fn integration_made(&self) -> Result<String> {
        self.outputs(|outputs| outputs.integration.clone())
            .ok_or_else(|| missing("integration"))
    }

    /// The deployment's id, for a step that comes after it.
    ///
    /// # Errors
    /// There is none: a fault of the order of steps.
    pub fn deployment_made(&self) -> Result<String> {
        self.outputs(|outputs| outputs.deployment.clone())
            .ok_or_else(|| missing("deployment"))
    }

    /// The API was made or found.
    pub fn set_api(&self, id: String) {
        self.change(|outputs| outputs.api = Some(id));
    }

    /// The integration was made or found.
    pub fn set_integration(&self, id: String) {
        self.change(|outputs| outputs.integration = Some(id));
    }

    /// The deployment was made or found.
    pub fn set_deployment(&self, id: String) {
        self.change(|outputs| outputs.deployment = Some(id));
    }

    /// The built function, for a step that uploads it.
    ///
    /// # Errors
    /// It was not built: a fault of the command.
    pub fn artifact(&self) -> Result<&Artifact> {
        self.artifact.get().ok_or_else(|| missing("built function"))
    }

    /// The function was built.
    pub fn set_artifact(&self, artifact: Artifact) {
        let _ = self.artifact.set(artifact);
    }

    fn outputs<T>(&self, look: impl FnOnce(&Outputs) -> T) -> T {
        look(&self.outputs.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Outputs)) {
        change(&mut self.outputs.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn missing(what: &str) -> Error {
    Error::failed(format!("the {what} is needed before it was made"))
        .hint("this is a fault of chatctl; please report it")
}
