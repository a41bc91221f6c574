//! Managed policies: the account's own, with their versions, and the two of AWS that functions and API
//! Gateway's logging role attach.
//!
//! A read shows a new default version at once, but policies are evaluated with it only after the propagation
//! delay, so each policy keeps its former default documents.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

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
    /// Oldest first; one of them is the default.
    pub(super) versions: Vec<Version>,
    pub(super) default_version: String,
    pub(super) next_version: u32,
    /// The default documents, oldest first, and since when each is the default.
    history: Vec<(i64, String)>,
}

/// One version of a policy's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) document: String,
    pub(super) created_ms: i64,
}

/// Name, id, creation, description and document. Both live under the path `service-role/`.
const DOCUMENTS: [(&str, &str, &str, &str, &str); 2] = [
    (
        "AWSLambdaBasicExecutionRole",
        "ANPAJNCQGXC42545SKXIK",
        "2015-04-09T15:03:43Z",
        "Provides write permissions to CloudWatch Logs.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}"#,
    ),
    (
        "AmazonAPIGatewayPushToCloudWatchLogs",
        "ANPAIK4GFO7HLKYN64ASK",
        "2015-11-11T23:41:46Z",
        "Allows API Gateway to push logs to user's account.",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogGroups","logs:DescribeLogStreams","logs:PutLogEvents","logs:GetLogEvents","logs:FilterLogEvents"],"Resource":"*"}]}"#,
    ),
];

impl Policy {
    /// A policy with its first version.
    pub(super) fn new(name: &str, path: &str, account: &str, document: &str, now_ms: i64) -> Self {
        let first = Version {
            id: "v1".to_owned(),
            document: document.to_owned(),
            created_ms: now_ms,
        };
        Self {
            name: name.to_owned(),
            id: String::new(),
            path: path.to_owned(),
            arn: format!("arn:aws:iam::{account}:policy{path}{name}"),
            description: None,
            created_ms: now_ms,
            updated_ms: now_ms,
            tags: BTreeMap::new(),
            versions: vec![first],
            default_version: "v1".to_owned(),
            next_version: 2,
            history: vec![(now_ms, document.to_owned())],
        }
    }

    /// Whether AWS owns it: its ARN has `aws` in the place of the account.
    pub(super) fn is_of_aws(&self) -> bool {
        self.arn.starts_with("arn:aws:iam::aws:")
    }

    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// Adds a version and returns its id.
    pub(super) fn add(&mut self, document: &str, now_ms: i64) -> String {
        let id = format!("v{}", self.next_version);
        self.next_version += 1;
        self.updated_ms = now_ms;
        self.versions.push(Version {
            id: id.clone(),
            document: document.to_owned(),
            created_ms: now_ms,
        });
        id
    }

    /// Makes a version the default one, and drops documents that are not effective any more.
    pub(super) fn set_default(&mut self, id: &str, now_ms: i64, visible_ms: i64) {
        let Some(document) = self.version(id).map(|version| version.document.clone()) else {
            return;
        };
        (self.default_version, self.updated_ms) = (id.to_owned(), now_ms);
        let seen = self.history.iter().rposition(|(at, _)| *at <= visible_ms);
        self.history.drain(..seen.unwrap_or(0));
        self.history.push((now_ms, document));
    }

    /// The default document that has propagated by then; a policy that is too new has none.
    pub(super) fn effective(&self, visible_ms: i64) -> Option<&str> {
        let seen = self.history.iter().rev().find(|(at, _)| *at <= visible_ms);
        seen.map(|(_, document)| document.as_str())
    }
}

/// AWS's own policies.
pub(super) static OF_AWS: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    let policies = DOCUMENTS
        .iter()
        .map(|(name, id, created, description, document)| {
            let created = created.parse::<jiff::Timestamp>().unwrap_or_default();
            let created_ms = created.as_millisecond();
            let mut policy = Policy::new(name, "/service-role/", "aws", document, created_ms);
            policy.id = (*id).to_owned();
            policy.description = Some((*description).to_owned());
            policy
        });
    policies.collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_default_is_effective_only_once_it_has_propagated() {
        let mut policy = Policy::new("p", "/", "000000000000", "one", 100);
        assert_eq!(policy.effective(99), None);
        assert_eq!(policy.effective(100), Some("one"));
        let id = policy.add("two", 200);
        assert_eq!((id.as_str(), policy.effective(500)), ("v2", Some("one")));
        policy.set_default(&id, 300, 250);
        assert_eq!(policy.effective(299), Some("one"));
        assert_eq!(policy.effective(300), Some("two"));
    }

    #[test]
    fn aws_s_own_policies_are_known_by_their_arn() {
        let arns: Vec<_> = OF_AWS.iter().map(|policy| &policy.arn).collect();
        let wanted = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
        assert!(arns.iter().any(|arn| *arn == wanted), "{arns:?}");
    }
}
