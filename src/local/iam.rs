//! IAM: roles, inline and managed policies, sessions of roles, and the evaluator.

use std::sync::Arc;

use super::Cloud;
use super::wire::{Request, Response};

/// Roles and the keys issued for them.
#[derive(Debug, Default)]
pub(crate) struct Iam {}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// Any key that the local cloud did not issue itself: may do everything.
    Root,
    /// A key of a role session.
    Session {
        /// `arn:aws:iam::…:role/…`.
        role_arn: String,
        /// The last part of the assumed-role ARN; for functions their name.
        session_name: String,
    },
}

/// Temporary credentials.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// `ASIA…`.
    pub(crate) access_key_id: String,
    /// The secret.
    pub(crate) secret_access_key: String,
    /// The session token.
    pub(crate) session_token: String,
}

impl Iam {
    /// Whether `service` (such as `lambda.amazonaws.com`) may assume the role by now: it exists,
    /// trusts the service, and has propagated.
    pub(crate) fn assumable(&self, _cloud: &Cloud, _role_arn: &str, _service: &str) -> bool {
        true
    }

    /// Keys for a session of the role.
    pub(crate) fn session(&self, _role_arn: &str, _session_name: &str) -> Credentials {
        Credentials {
            access_key_id: format!("ASIA{:016X}", fastrand::u64(..)),
            secret_access_key: format!("{:040x}", fastrand::u128(..)),
            session_token: format!("{:064x}", fastrand::u128(..)),
        }
    }

    /// Who holds this key.
    pub(crate) fn principal_of(&self, _access_key_id: &str) -> Principal {
        Principal::Root
    }

    /// Whether the principal's identity policies allow it.
    pub(crate) fn allows(
        &self,
        _principal: &Principal,
        _action: &str,
        _resource: &str,
        _context: &[(&str, &str)],
    ) -> bool {
        true
    }
}

pub(crate) async fn serve(_cloud: &Arc<Cloud>, request: Request) -> Response {
    Response::not_here(&request)
}
