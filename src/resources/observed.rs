//! What was found before planning and concerns several resources: the API with its parts, the
//! account's CloudWatch Logs role, the function with its role, versions and policies. Read once, side by
//! side; never changed.

use super::account_role::AccountRole;
use super::function;
use super::gateway::Gateway;
use super::policies::Policies;
use super::role::{self, FoundRole};
use super::run_context::RunContext;
use super::versions::Versions;
use crate::engine::Ownership;
use crate::error::Result;
use crate::naming::tags::Tags;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
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
    /// The function's role, if it is there.
    pub function_role: Option<FoundRole>,
    /// The function, if it is there.
    pub(super) function: Option<GetFunctionOutput>,
    /// The function's published versions, and the live one.
    pub versions: Versions,
    /// Who may call the function.
    pub policies: Policies,
}

impl Observed {
    /// Reads it.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn read(run: Arc<RunContext>) -> Result<Self> {
        Self::read_around(run, None).await
    }

    /// Reads it; of several APIs with our tags the one with the id `known` is ours.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn read_around(run: Arc<RunContext>, known: Option<&str>) -> Result<Self> {
        // Boxed: their futures would make every caller's a hundred kilobytes larger.
        let gateway = Box::pin(Gateway::load(known, &run.clients, &run.names, run.adopt));
        let account_role = Box::pin(AccountRole::read(&run.clients, &run.names));
        let name = run.names.role();
        let function_role = Box::pin(role::get(&run.clients, &name));
        let function = Box::pin(function::get(&run, &run.names.function));
        let versions = Box::pin(Versions::read(&run.clients, &run.names));
        let policies = Box::pin(Policies::read(&run.clients, &run.names));
        let (gateway, account_role, function_role, function, versions, policies) = tokio::try_join!(
            gateway,
            account_role,
            function_role,
            function,
            versions,
            policies
        )?;
        Ok(Self {
            function_role,
            versions: versions.with_code_of(function.as_ref()),
            function,
            policies,
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

    /// Whose the function is.
    pub fn function_ownership(&self) -> Ownership {
        let tags = self
            .function
            .as_ref()
            .and_then(|answer| answer.tags().cloned());
        let tags = Tags::default().seen(tags.unwrap_or_default());
        self.run.names.ownership(&tags)
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
