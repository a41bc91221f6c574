//! IAM: roles, inline and managed policies, the keys of role sessions, and the evaluator.
//!
//! Roles become visible at once, but whoever uses them (Lambda, API Gateway, a session) sees a change
//! only after the propagation delay: every role keeps the history of its trust and policies, and the
//! effective one is the last that is old enough. Keys that were not issued here are the account's own.

mod attachments;
mod documents;
mod managed;
mod policies;
pub(crate) mod policy;
mod tags;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Cloud;
use crate::wire::{Request, ServiceError, random_id};
use policy::{AccessRequest, ConditionKeys, Decision, Document};

pub(crate) use wire::{refused, serve};

const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ANY: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Roles and the keys issued for them.
#[derive(Debug, Default)]
pub(crate) struct Iam {
    state: Mutex<IamState>,
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
    /// The policy that bounds what the others may allow.
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
}

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

impl Principal {
    /// The ARN that `GetCallerIdentity` and refusals name.
    pub(crate) fn arn(&self, account_id: &str) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{account_id}:root"),
            Self::Session {
                role_arn,
                session_name,
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

    /// What others see by now; `None` for a role that is too fresh.
    fn effective(&self, visible_ms: i64) -> Option<&Access> {
        self.history
            .iter()
            .rev()
            .find(|change| change.at_ms <= visible_ms)
            .map(|change| &change.access)
    }

    /// Records a change and forgets what nobody can see any more.
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

impl Access {
    /// Inline and attached policies, as far as they have propagated.
    fn policies(&self, state: &IamState, visible_ms: i64) -> Vec<Document> {
        let inline = self.inline.values().map(String::as_str);
        let inline = inline.filter_map(Document::parse);
        let attached = self.attached.iter();
        let attached = attached.filter_map(|arn| state.document(arn, visible_ms));
        inline.chain(attached).collect()
    }

    fn trusts(&self, kind: &str, known_as: &[String], context: &ConditionKeys) -> bool {
        let ask = AccessRequest {
            principal: Some((kind, known_as)),
            action: "sts:AssumeRole",
            resource: "*",
            context,
        };
        let documents: Vec<_> = Document::parse(&self.trust).into_iter().collect();
        policy::evaluate(&documents, &ask) == Decision::Allow
    }
}

impl Iam {
    fn lock(&self) -> MutexGuard<'_, IamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `service` (such as `lambda.amazonaws.com`) may assume the role by now: it exists,
    /// trusts the service, and has propagated.
    pub(crate) fn assumable(&self, cloud: &Cloud, role_arn: &str, service: &str) -> bool {
        let state = self.lock();
        let access = state
            .by_arn(role_arn)
            .and_then(|role| role.effective(visible(cloud)));
        let context = ConditionKeys::from([(
            "aws:sourceaccount".to_owned(),
            vec![cloud.account_id.clone()],
        )]);
        access.is_some_and(|access| access.trusts("Service", &[service.to_owned()], &context))
    }

    /// Keys for a session of the role, for a service that renews them by itself.
    pub(crate) fn session(&self, role_arn: &str, session_name: &str) -> Credentials {
        self.issue(role_arn, session_name, None)
    }

    /// Whether the caller may take on the role: its trust policy decides, and for sessions of this
    /// account their own policies too, unless the trust policy names the session's role.
    pub(crate) fn assumable_by(&self, cloud: &Cloud, caller: &Principal, role_arn: &str) -> bool {
        let account = cloud.account_id.as_str();
        let whole_account = vec![account.to_owned(), format!("arn:aws:iam::{account}:root")];
        let trusted = |known_as: &[String]| {
            let state = self.lock();
            let access = state
                .by_arn(role_arn)
                .and_then(|role| role.effective(visible(cloud)));
            access.is_some_and(|access| access.trusts("AWS", known_as, &ConditionKeys::new()))
        };
        match caller {
            Principal::Root => trusted(&whole_account),
            Principal::Session { role_arn: own, .. } => {
                trusted(&[own.clone(), caller.arn(account)])
                    || trusted(&whole_account)
                        && self.allows(cloud, caller, "sts:AssumeRole", role_arn, &[])
            }
        }
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

    /// Whether the principal's identity policies allow it.
    pub(crate) fn allows(
        &self,
        cloud: &Cloud,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> bool {
        self.verdict(cloud, principal, action, resource, context).0 == Decision::Allow
    }

    /// What the policies say, and which kind of them says so. A permissions boundary can only take
    /// away: what it does not allow as well is denied.
    fn verdict(
        &self,
        cloud: &Cloud,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> (Decision, &'static str) {
        const IDENTITY: &str = "identity-based policy";
        let Principal::Session { role_arn, .. } = principal else {
            return (Decision::Allow, IDENTITY);
        };
        let mut keys: ConditionKeys = context
            .iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), vec![(*value).to_owned()]))
            .collect();
        keys.insert("aws:principalarn".to_owned(), vec![role_arn.clone()]);
        keys.insert(
            "aws:principalaccount".to_owned(),
            vec![cloud.account_id.clone()],
        );
        keys.insert("aws:requestedregion".to_owned(), vec![cloud.region.clone()]);
        let visible_ms = visible(cloud);
        let state = self.lock();
        let role = state.by_arn(role_arn);
        let Some(access) = role.and_then(|role| role.effective(visible_ms)) else {
            return (Decision::ImplicitDeny, IDENTITY);
        };
        let ask = AccessRequest {
            principal: None,
            action,
            resource,
            context: &keys,
        };
        let verdict = policy::evaluate(&access.policies(&state, visible_ms), &ask);
        match &access.boundary {
            Some(arn) if verdict == Decision::Allow => {
                let bounds: Vec<_> = state.document(arn, visible_ms).into_iter().collect();
                (policy::evaluate(&bounds, &ask), "permissions boundary")
            }
            _ => (verdict, IDENTITY),
        }
    }

    /// Whether the role's policies, as far as they have propagated, allow an action on `resource`.
    pub(crate) fn role_allows(
        &self,
        cloud: &Cloud,
        role_arn: &str,
        action: &str,
        resource: &str,
    ) -> bool {
        let role_arn = role_arn.to_owned();
        let principal = Principal::Session {
            role_arn,
            session_name: String::new(),
        };
        self.allows(cloud, &principal, action, resource, &[])
    }

    /// Reads the caller from the request's signature; refuses unsigned requests, unknown or expired
    /// session tokens, and regions that do not exist here.
    pub(crate) fn admit(
        &self,
        cloud: &Cloud,
        request: &Request,
    ) -> Result<Principal, ServiceError> {
        let signature = request.signature().ok_or_else(ServiceError::unsigned)?;
        let global = matches!(request.service, "iam" | "sts");
        if !global && signature.region != cloud.region {
            let words = format!(
                "Credential should be scoped to a valid region, not '{}'. The local cloud is {}",
                signature.region, cloud.region
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
            .is_some_and(|expires| expires <= cloud.clock.now_ms())
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

    /// Refuses in AWS's words what the caller's policies do not allow. The code and status are those
    /// of the JSON services; IAM and STS reword them.
    pub(crate) fn authorize(
        &self,
        cloud: &Cloud,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> Result<(), ServiceError> {
        let (verdict, kind) = self.verdict(cloud, principal, action, resource, context);
        let why = match verdict {
            Decision::Allow => return Ok(()),
            Decision::ExplicitDeny if kind.starts_with('i') => {
                format!("with an explicit deny in an {kind}")
            }
            Decision::ExplicitDeny => format!("with an explicit deny in a {kind}"),
            Decision::ImplicitDeny => format!("because no {kind} allows the {action} action"),
        };
        let user = principal.arn(&cloud.account_id);
        let words = format!(
            "User: {user} is not authorized to perform: {action} on resource: {resource} {why}"
        );
        Err(ServiceError::new(400, "AccessDeniedException", words))
    }

    /// Whoever gives a role to a service needs the right to pass it on, for that service.
    pub(crate) fn may_pass(
        &self,
        cloud: &Cloud,
        principal: &Principal,
        role_arn: &str,
        service: &str,
    ) -> Result<(), ServiceError> {
        let context = [("iam:PassedToService", service)];
        self.authorize(cloud, principal, "iam:PassRole", role_arn, &context)
    }

    /// Everything, for `--persist`.
    pub(crate) fn snapshot(&self) -> serde_json::Value {
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    /// Takes a snapshot back.
    pub(crate) fn restore(&self, snapshot: serde_json::Value) -> Result<(), serde_json::Error> {
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

    /// The document of a managed policy that others see by now.
    fn document(&self, arn: &str, visible_ms: i64) -> Option<Document> {
        Document::parse(self.policy(arn)?.effective(visible_ms)?)
    }
}

impl Session {
    fn principal(&self) -> Principal {
        Principal::Session {
            role_arn: self.role_arn.clone(),
            session_name: self.session_name.clone(),
        }
    }
}

/// Changes up to this moment have propagated.
fn visible(cloud: &Cloud) -> i64 {
    let delay = i64::try_from(cloud.conditions.propagation().as_millis()).unwrap_or(i64::MAX);
    cloud.clock.now_ms().saturating_sub(delay)
}
