//! IAM: roles, inline and managed policies, the keys of role sessions, and the evaluator.
//!
//! A read shows a change of a role at once, but its use (by Lambda, API Gateway, a session) sees the change only
//! after the propagation delay: every role keeps the history of its trust and policies, and the effective entry is
//! the last that is old enough. Keys that were not issued here belong to the account's root.
//!
//! | file | what it does |
//! |---|---|
//! | `dispatch`, `call` | which function answers which operation, and what those share |
//! | `roles`, `attachments`, `policies`, `tags` | the operations |
//! | `managed` | managed policies |
//! | `documents` | the checks of a policy document before it is stored |
//! | `policy`, `comparison`, `parsed` | the evaluator, and its cache of parsed policies |
//! | `authorization` | what a caller may do, and who may assume a role |

mod attachments;
mod authorization;
mod call;
mod comparison;
mod dispatch;
mod documents;
mod managed;
mod parsed;
mod policies;
pub(crate) mod policy;
mod roles;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::persist::Persistent;
use crate::shared::Shared;
use crate::wire::{Request, ServiceError, random_id};

pub(crate) use comparison::arn_like;
pub(crate) use dispatch::refused;
use parsed::ParsedPolicies;
pub(crate) use policies::check_identity_policy;

const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ANY: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Roles and the keys issued for them.
#[derive(Debug)]
pub(crate) struct Iam {
    shared: Arc<Shared>,
    state: Mutex<IamState>,
    parsed: ParsedPolicies,
}

/// What `--persist` keeps.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct IamState {
    /// By lower-case name: role names are unique whatever their case.
    roles: BTreeMap<String, Role>,
    sessions: BTreeMap<String, Session>,
    /// The account's own managed policies, by ARN.
    #[serde(default)]
    policies: BTreeMap<String, managed::Policy>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Role {
    name: String,
    id: String,
    path: String,
    arn: String,
    description: Option<String>,
    max_session_seconds: u32,
    created_ms: i64,
    tags: BTreeMap<String, String>,
    /// Oldest first, never empty; the last is what reads show.
    history: Vec<Change>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Change {
    at_ms: i64,
    access: Access,
}

/// Everything about a role that propagates.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Access {
    trust: String,
    inline: BTreeMap<String, String>,
    attached: BTreeSet<String>,
    /// The permissions boundary's ARN.
    #[serde(default)]
    boundary: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    role_arn: String,
    session_name: String,
    session_token: String,
    /// `None` for the keys of services, which renew them by themselves.
    expires_ms: Option<i64>,
    #[serde(default)]
    settings: SessionSettings,
}

/// What AssumeRole was given for the session alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionSettings {
    /// Session policies: they can only restrict. None if it is empty.
    pub(crate) policies: Vec<String>,
    /// Session tags, which come before the role's.
    pub(crate) tags: BTreeMap<String, String>,
}

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Principal {
    /// The holder of a key that the local cloud did not issue: may do everything.
    Root,
    /// A key of a role session.
    Session {
        /// `arn:aws:iam::…:role/…`.
        role_arn: String,
        /// The last part of the assumed-role ARN; for functions their name.
        session_name: String,
        /// Session policies and tags.
        settings: SessionSettings,
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

impl Principal {
    /// A session of a role without policies and tags of its own.
    pub(crate) fn session(role_arn: &str, session_name: &str) -> Self {
        Self::Session {
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
            settings: SessionSettings::default(),
        }
    }

    /// The ARN that `GetCallerIdentity` and refusals name.
    pub(crate) fn arn(&self, account_id: &str) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{account_id}:root"),
            Self::Session {
                role_arn,
                session_name,
                ..
            } => {
                let role = role_arn.rsplit('/').next().unwrap_or_default();
                format!("arn:aws:sts::{account_id}:assumed-role/{role}/{session_name}")
            }
        }
    }
}

impl Role {
    fn access(&self) -> &Access {
        static NONE: std::sync::LazyLock<Access> = std::sync::LazyLock::new(Access::default);
        self.history.last().map_or(&NONE, |change| &change.access)
    }

    /// What has propagated by then; `None` for a role that is too new.
    fn effective(&self, visible_ms: i64) -> Option<&Access> {
        self.history
            .iter()
            .rev()
            .find(|change| change.at_ms <= visible_ms)
            .map(|change| &change.access)
    }

    /// Records a change, and drops entries that are not effective any more.
    fn change(&mut self, now_ms: i64, visible_ms: i64, edit: impl FnOnce(&mut Access)) {
        let mut access = self.access().clone();
        edit(&mut access);
        let seen = self
            .history
            .iter()
            .rposition(|change| change.at_ms <= visible_ms);
        self.history.drain(..seen.unwrap_or(0));
        self.history.push(Change {
            at_ms: now_ms,
            access,
        });
    }
}

impl Iam {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            state: Mutex::default(),
            parsed: ParsedPolicies::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, IamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keys for a session of the role, for a service that renews them by itself.
    pub(crate) fn session(&self, role_arn: &str, session_name: &str) -> Credentials {
        self.issue(role_arn, session_name, None, SessionSettings::default())
    }

    /// The role's unique id.
    pub(crate) fn role_id(&self, role_arn: &str) -> Option<String> {
        self.lock().by_arn(role_arn).map(|role| role.id.clone())
    }

    /// The role's `MaxSessionDuration`.
    pub(crate) fn longest_session(&self, role_arn: &str) -> Option<u32> {
        self.lock()
            .by_arn(role_arn)
            .map(|role| role.max_session_seconds)
    }

    /// Keys for a session of the role.
    pub(crate) fn issue(
        &self,
        role_arn: &str,
        session_name: &str,
        expires_ms: Option<i64>,
        settings: SessionSettings,
    ) -> Credentials {
        let mut state = self.lock();
        let credentials = Credentials {
            access_key_id: format!("ASIA{}", random_id(CAPITALS, 16)),
            secret_access_key: random_id(ANY, 40),
            session_token: random_id(ANY, 356),
        };
        let session = Session {
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
            session_token: credentials.session_token.clone(),
            expires_ms,
            settings,
        };
        state
            .sessions
            .insert(credentials.access_key_id.clone(), session);
        credentials
    }

    /// Who holds this key.
    pub(crate) fn principal_of(&self, access_key_id: &str) -> Principal {
        self.lock()
            .sessions
            .get(access_key_id)
            .map_or(Principal::Root, Session::principal)
    }

    /// Reads the caller from the request's signature; refuses unsigned requests, unknown or expired
    /// session tokens, and regions that do not exist here.
    pub(crate) fn admit(&self, request: &Request) -> Result<Principal, ServiceError> {
        let signature = request.signature().ok_or_else(ServiceError::unsigned)?;
        let global = matches!(request.service, "iam" | "sts");
        if !global && signature.region != self.shared.region {
            let words = format!(
                "Credential should be scoped to a valid region, not '{}'. The local cloud is {}",
                signature.region, self.shared.region
            );
            return Err(ServiceError::new(403, "InvalidSignatureException", words));
        }
        let state = self.lock();
        let Some(session) = state.sessions.get(&signature.access_key_id) else {
            return Ok(Principal::Root);
        };
        if signature.session_token.as_ref() != Some(&session.session_token) {
            let words = "The security token included in the request is invalid.";
            let code = if global {
                "InvalidClientTokenId"
            } else {
                "UnrecognizedClientException"
            };
            return Err(ServiceError::new(403, code, words));
        }
        if session
            .expires_ms
            .is_some_and(|expires| expires <= self.shared.clock.now_ms())
        {
            let words = "The security token included in the request is expired";
            let code = if global {
                "ExpiredToken"
            } else {
                "ExpiredTokenException"
            };
            return Err(ServiceError::new(403, code, words));
        }
        Ok(session.principal())
    }
}

impl Persistent for Iam {
    fn snapshot(&self) -> Value {
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        *self.lock() = serde_json::from_value(snapshot)?;
        Ok(())
    }
}

impl IamState {
    fn by_arn(&self, arn: &str) -> Option<&Role> {
        let name = arn.rsplit('/').next()?;
        self.roles
            .get(&name.to_lowercase())
            .filter(|role| role.arn == arn)
    }

    /// The default document of a managed policy that has propagated by then.
    fn default_document(&self, arn: &str, visible_ms: i64) -> Option<&str> {
        self.policy(arn)?.effective(visible_ms)
    }
}

impl Session {
    fn principal(&self) -> Principal {
        Principal::Session {
            role_arn: self.role_arn.clone(),
            session_name: self.session_name.clone(),
            settings: self.settings.clone(),
        }
    }
}
