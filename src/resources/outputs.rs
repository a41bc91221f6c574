//! The ids that AWS chooses, and the built code: values that one step makes and others use.

use crate::engine::Output;
use crate::naming::ids;
use crate::package::Artifact;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub String);

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    )*};
}

ids! {
    /// AWS's id of a WebSocket API.
    ApiId,
    /// AWS's id of an authorizer.
    AuthorizerId,
    /// AWS's id of an integration.
    IntegrationId,
    /// AWS's id of a deployment.
    DeploymentId,
    /// IAM's unique id of a role, such as `AROA…`; a role that is made again has another one.
    RoleId,
    /// Number of a published version of the function.
    LiveVersion,
}

/// The values of one run. Each is known from what was found, or set by the step that makes it.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// The API's id.
    pub api: Output<ApiId>,
    /// The id of the authorizer of `$connect`.
    pub authorizer: Output<AuthorizerId>,
    /// The integration's id.
    pub integration: Output<IntegrationId>,
    /// The id of the deployment with the wanted routes.
    pub deployment: Output<DeploymentId>,
    /// The unique id of the function's role.
    pub role_id: Output<RoleId>,
    /// The version that the API calls.
    pub live_version: Output<LiveVersion>,
    /// The built code; set before the first step that uploads it.
    pub code: Output<Artifact>,
}

impl Outputs {
    /// Nothing is known.
    pub fn unknown() -> Self {
        Self {
            api: Output::new(ids::API, None),
            authorizer: Output::new(ids::AUTHORIZER, None),
            integration: Output::new(ids::INTEGRATION, None),
            deployment: Output::new(ids::DEPLOYMENT, None),
            role_id: Output::new(ids::FUNCTION_ROLE, None),
            live_version: Output::new(ids::ALIAS, None),
            code: Output::new(ids::FUNCTION, None),
        }
    }
}
