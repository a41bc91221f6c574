//! What a caller may do, and who may assume a role: the policies that have propagated by now, evaluated.

use crate::wire::ServiceError;

use super::parsed::ParsedPolicies;
use super::policy::{self, AccessRequest, ConditionKeys, Decision, Document};
use super::{Access, Iam, IamState, Principal};

impl Access {
    /// Inline and attached policies, as far as they have propagated.
    fn policies(
        &self,
        state: &IamState,
        parsed: &ParsedPolicies,
        visible_ms: i64,
    ) -> Vec<Document> {
        let inline = self.inline.values().map(String::as_str);
        let inline = inline.filter_map(|text| parsed.get(text));
        let attached = self.attached.iter();
        let attached =
            attached.filter_map(|arn| parsed.get(state.default_document(arn, visible_ms)?));
        inline.chain(attached).collect()
    }

    /// Whether the trust policy lets a principal of this kind, known by these names, assume the role.
    fn trusts(
        &self,
        parsed: &ParsedPolicies,
        (kind, known_as): (&str, &[String]),
        (action, context): (&str, &ConditionKeys),
    ) -> bool {
        let ask = AccessRequest {
            principal: Some((kind, known_as)),
            action,
            resource: "*",
            context,
        };
        let documents: Vec<_> = parsed.get(&self.trust).into_iter().collect();
        policy::evaluate(&documents, &ask) == Decision::Allow
    }
}

impl Iam {
    /// Whether `service` (such as `lambda.amazonaws.com`) may assume the role by now: it exists,
    /// trusts the service, and has propagated.
    pub(crate) fn assumable(&self, role_arn: &str, service: &str) -> bool {
        let visible_ms = self.shared.visible_ms();
        let context = ConditionKeys::from([(
            "aws:sourceaccount".to_owned(),
            vec![self.shared.account_id.clone()],
        )]);
        let known_as = [service.to_owned()];
        let state = self.lock();
        let role = state.by_arn(role_arn);
        let access = role.and_then(|role| role.effective(visible_ms));
        let asked = ("sts:AssumeRole", &context);
        access.is_some_and(|access| access.trusts(&self.parsed, ("Service", &known_as), asked))
    }

    /// Whether the caller may assume the role: its trust policy decides, and for sessions of this
    /// account their own policies too, unless the trust policy names the session's role.
    ///
    /// `action` is `sts:AssumeRole`, or `sts:TagSession` where tags are passed as well.
    pub(crate) fn assumable_by(
        &self,
        caller: &Principal,
        role_arn: &str,
        (action, context): (&str, &[(String, Vec<String>)]),
    ) -> bool {
        let keys: ConditionKeys = context.iter().cloned().collect();
        let account = self.shared.account_id.as_str();
        let whole_account = vec![account.to_owned(), format!("arn:aws:iam::{account}:root")];
        let trusted = |known_as: &[String]| {
            let visible_ms = self.shared.visible_ms();
            let state = self.lock();
            let role = state.by_arn(role_arn);
            let access = role.and_then(|role| role.effective(visible_ms));
            let asked = (action, &keys);
            access.is_some_and(|access| access.trusts(&self.parsed, ("AWS", known_as), asked))
        };
        match caller {
            Principal::Root => trusted(&whole_account),
            Principal::Session { role_arn: own, .. } => {
                trusted(&[own.clone(), caller.arn(account)])
                    || trusted(&whole_account) && self.allows(caller, action, role_arn, &[])
            }
        }
    }

    /// Whether the principal's identity policies allow it.
    pub(crate) fn allows(
        &self,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> bool {
        self.verdict(principal, action, resource, context).0 == Decision::Allow
    }

    /// The decision of the policies, and the kind of policy that made it. A permissions boundary can only restrict:
    /// what it does not allow as well is denied.
    fn verdict(
        &self,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> (Decision, &'static str) {
        const IDENTITY: &str = "identity-based policy";
        let Principal::Session {
            role_arn, settings, ..
        } = principal
        else {
            return (Decision::Allow, IDENTITY);
        };
        let mut keys: ConditionKeys = context
            .iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), vec![(*value).to_owned()]))
            .collect();
        keys.insert("aws:principalarn".to_owned(), vec![role_arn.clone()]);
        keys.insert(
            "aws:principalaccount".to_owned(),
            vec![self.shared.account_id.clone()],
        );
        keys.insert(
            "aws:requestedregion".to_owned(),
            vec![self.shared.region.clone()],
        );
        let visible_ms = self.shared.visible_ms();
        let state = self.lock();
        let role = state.by_arn(role_arn);
        let role_tags = role.iter().flat_map(|role| &role.tags);
        for (key, value) in role_tags.chain(&settings.tags) {
            let name = format!("aws:principaltag/{}", key.to_ascii_lowercase());
            keys.insert(name, vec![value.clone()]);
        }
        let Some(access) = role.and_then(|role| role.effective(visible_ms)) else {
            return (Decision::ImplicitDeny, IDENTITY);
        };
        let ask = AccessRequest {
            principal: None,
            action,
            resource,
            context: &keys,
        };
        let verdict = policy::evaluate(&access.policies(&state, &self.parsed, visible_ms), &ask);
        let session = settings.policies.iter();
        let session: Vec<_> = session.filter_map(|text| self.parsed.get(text)).collect();
        if verdict == Decision::Allow && !settings.policies.is_empty() {
            let restricted = policy::evaluate(&session, &ask);
            if restricted != Decision::Allow {
                return (restricted, "session policy");
            }
        }
        match &access.boundary {
            Some(arn) if verdict == Decision::Allow => {
                let bounds: Vec<_> = state
                    .default_document(arn, visible_ms)
                    .and_then(|text| self.parsed.get(text))
                    .into_iter()
                    .collect();
                (policy::evaluate(&bounds, &ask), "permissions boundary")
            }
            _ => (verdict, IDENTITY),
        }
    }

    /// Whether the role's policies, as far as they have propagated, allow an action on `resource`.
    pub(crate) fn role_allows(&self, role_arn: &str, action: &str, resource: &str) -> bool {
        let principal = Principal::session(role_arn, "");
        self.allows(&principal, action, resource, &[])
    }

    /// Refuses in AWS's words what the caller's policies do not allow. The code and status are those
    /// of the JSON services; IAM and STS have others.
    pub(crate) fn authorize(
        &self,
        principal: &Principal,
        action: &str,
        resource: &str,
        context: &[(&str, &str)],
    ) -> Result<(), ServiceError> {
        let (verdict, kind) = self.verdict(principal, action, resource, context);
        let why = match verdict {
            Decision::Allow => return Ok(()),
            Decision::ExplicitDeny if kind.starts_with('i') => {
                format!("with an explicit deny in an {kind}")
            }
            Decision::ExplicitDeny => format!("with an explicit deny in a {kind}"),
            Decision::ImplicitDeny => format!("because no {kind} allows the {action} action"),
        };
        let user = principal.arn(&self.shared.account_id);
        let words = format!(
            "User: {user} is not authorized to perform: {action} on resource: {resource} {why}"
        );
        Err(ServiceError::new(400, "AccessDeniedException", words))
    }

    /// Passing a role to a service needs `iam:PassRole` for that service.
    pub(crate) fn may_pass(
        &self,
        principal: &Principal,
        role_arn: &str,
        service: &str,
    ) -> Result<(), ServiceError> {
        let context = [("iam:PassedToService", service)];
        self.authorize(principal, "iam:PassRole", role_arn, &context)
    }
}
