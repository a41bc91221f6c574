//! Who may call the function: the resource policies of the function itself and of the alias that the
//! API calls, as found.
//!
//! GetPolicy, with and without a qualifier.
//!
//! Surprises: each has a policy of its own, and only that of the alias counts for calls through the
//! alias. A missing policy is a 404.

use crate::aws::{Clients, explain, is_missing};
use crate::error::Result;
use crate::naming::names::{LIVE, Names};

/// The two policies, as JSON; empty where there is none.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// Of the alias.
    pub live: String,
    /// Of the function itself.
    pub unqualified: String,
}

impl Policies {
    /// Reads both.
    ///
    /// # Errors
    /// A read that fails.
    pub(super) async fn read(clients: &Clients, names: &Names) -> Result<Self> {
        let (live, unqualified) = tokio::try_join!(
            policy(clients, &names.function, Some(LIVE)),
            policy(clients, &names.function, None),
        )?;
        Ok(Self { live, unqualified })
    }
}

/// The policy of the function, or of its alias; empty if it has none.
///
/// # Errors
/// A read that fails.
pub(super) async fn policy(
    clients: &Clients,
    function: &str,
    qualifier: Option<&str>,
) -> Result<String> {
    let call = clients.lambda.get_policy().function_name(function);
    let call = call.set_qualifier(qualifier.map(str::to_owned));
    match call.send().await {
        Ok(answer) => Ok(answer.policy.unwrap_or_default()),
        Err(error) if is_missing(&error) => Ok(String::new()),
        Err(error) => Err(explain("read the function's policy", error)),
    }
}
