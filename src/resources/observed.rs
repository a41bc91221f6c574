//! What was found before planning and concerns several resources: the API with its parts, and the
//! account's CloudWatch Logs role. Read once, side by side; never changed.

use super::account_role::AccountRole;
use super::gateway::Gateway;
use super::run_context::RunContext;
use crate::engine::Ownership;
use crate::error::Result;
use std::sync::Arc;

/// What was found, and the context it was found in.
#[derive(Debug)]
pub struct Observed {
    /// Clients and names.
    pub run: Arc<RunContext>,
    /// The API with its parts.
    pub gateway: Gateway,
    /// The account's CloudWatch Logs role.
    pub account_role: AccountRole,
}

impl Observed {
    /// Reads it.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn read(run: Arc<RunContext>) -> Result<Self> {
        let gateway = Gateway::load(&run.clients, &run.names, run.adopt);
        let account_role = AccountRole::read(&run.clients, &run.names);
        let (gateway, account_role) = tokio::try_join!(gateway, account_role)?;
        Ok(Self {
            run,
            gateway,
            account_role,
        })
    }

    /// The same for a teardown, which also has to know who else logs through the account's role.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn read_for_teardown(run: Arc<RunContext>) -> Result<Self> {
        let mut observed = Self::read(run).await?;
        let going = observed.our_api_ids();
        let clients = &observed.run.clients;
        observed
            .account_role
            .read_other_users(clients, &going)
            .await?;
        Ok(observed)
    }

    /// Reads the API again; of several with our tags the one with the id `known` is ours.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn read_api_again(&self, known: &str) -> Result<Self> {
        let run = &self.run;
        let gateway = Gateway::load_around(Some(known), &run.clients, &run.names, run.adopt);
        Ok(Self {
            gateway: gateway.await?,
            account_role: self.account_role.clone(),
            run: Arc::clone(run),
        })
    }

    fn our_api_ids(&self) -> Vec<String> {
        let gateway = &self.gateway;
        let ours = gateway.ownership(&self.run.names) == Ownership::Ours;
        let all = gateway
            .api
            .iter()
            .filter(|_| ours)
            .chain(&gateway.duplicates);
        all.filter_map(|api| api.api_id.clone()).collect()
    }
}
