//! Managed policies: the account's own, and those of AWS that roles of Lambda backends attach. A policy has one
//! version.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::wire::ServiceError;

/// A managed policy, of the account or of AWS.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) path: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) document: String,
    /// The id of its only version.
    pub(super) version: String,
}

/// AWS's own policies that roles of Lambda backends attach, as AWS publishes them.
const OF_AWS_JSON: &str = include_str!("managed.json");

/// One of them.
#[derive(Debug, Deserialize)]
struct PublishedPolicy {
    name: String,
    id: Option<String>,
    path: String,
    description: Option<String>,
    created: String,
    updated: String,
    version: String,
    document: serde_json::Value,
}

impl Policy {
    pub(super) fn new(name: &str, path: &str, account: &str, document: &str, now_ms: i64) -> Self {
        Self {
            name: name.to_owned(),
            id: String::new(),
            path: path.to_owned(),
            arn: format!("arn:aws:iam::{account}:policy{path}{name}"),
            description: None,
            created_ms: now_ms,
            updated_ms: now_ms,
            tags: BTreeMap::new(),
            document: document.to_owned(),
            version: "v1".to_owned(),
        }
    }

    /// Whether AWS owns it: its ARN has `aws` in the place of the account.
    pub(super) fn is_of_aws(&self) -> bool {
        self.arn.starts_with("arn:aws:iam::aws:")
    }

    /// The document, if the policy was there by then: one that is too new has no effect yet.
    pub(super) fn effective(&self, visible_ms: i64) -> Option<&str> {
        (self.created_ms <= visible_ms).then_some(self.document.as_str())
    }
}

/// AWS's own policies.
pub(super) static OF_AWS: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    let published: Vec<PublishedPolicy> = serde_json::from_str(OF_AWS_JSON).unwrap_or_default();
    published.into_iter().map(PublishedPolicy::policy).collect()
});

impl PublishedPolicy {
    fn policy(self) -> Policy {
        let millis = |text: &str| {
            let at = text.parse::<jiff::Timestamp>().unwrap_or_default();
            at.as_millisecond()
        };
        let (created_ms, updated_ms) = (millis(&self.created), millis(&self.updated));
        let document = self.document.to_string();
        let mut policy = Policy::new(&self.name, &self.path, "aws", &document, created_ms);
        policy.id = self.id.unwrap_or_else(|| unpublished_id(&self.name));
        policy.description = self.description;
        policy.updated_ms = updated_ms;
        policy.version = self.version;
        policy
    }
}

/// AWS publishes no ids; this one is the same at each start.
fn unpublished_id(name: &str) -> String {
    let digest = Sha256::digest(name);
    let letters = digest.iter().take(17);
    let letters = letters.map(|byte| char::from(b'A' + byte % 26));
    format!("ANPA{}", letters.collect::<String>())
}

/// Refuses by name a policy of AWS that is not here: it does exist.
pub(super) fn refuse_unknown(arn: &str) -> Result<(), ServiceError> {
    let is_of_aws = arn.starts_with("arn:aws:iam::aws:policy/");
    let name = arn.rsplit('/').next().unwrap_or_default();
    // A known name under another path is a mistake on AWS too.
    if is_of_aws && !OF_AWS.iter().any(|policy| policy.name == name) {
        return Err(ServiceError::not_here(
            "iam",
            &format!("with the policy {arn}"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_policy_is_effective_only_once_it_has_propagated() {
        let policy = Policy::new("p", "/", "000000000000", "one", 100);
        assert_eq!(policy.effective(99), None);
        assert_eq!(policy.effective(100), Some("one"));
    }

    #[test]
    fn aws_s_own_policies_are_known_by_their_arn() {
        let arns: Vec<_> = OF_AWS.iter().map(|policy| &policy.arn).collect();
        let wanted = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
        assert!(arns.iter().any(|arn| *arn == wanted), "{arns:?}");
        assert_eq!(arns.len(), 31);
        let is_policy = |policy: &Policy| {
            let document = policy.effective(i64::MAX);
            document.is_some_and(|text| super::super::policy::Document::parse(text).is_some())
        };
        assert!(OF_AWS.iter().all(is_policy));
    }
}
