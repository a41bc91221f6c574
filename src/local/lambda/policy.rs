//! The function's resource policy: who may invoke it.
//!
//! The statement that matters is API Gateway's, with the API's ARN as `AWS:SourceArn`. AWS stores it
//! as `ArnLike`, whatever the model's text says. An API that is made anew has another id, and the old
//! statement no longer fits: the client gets a 500.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::Cloud;
use super::super::wire::{Fault, Request};
use super::{Answer, Function, Name, body, conflict, missing, revision_id, validation};

/// One grant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Statement {
    id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Add {
    statement_id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
    event_source_token: Option<String>,
    #[serde(rename = "PrincipalOrgID")]
    principal_org_id: Option<String>,
}

pub(super) fn add(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let add: Add = body(request)?;
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let id = &add.statement_id;
    if !(1..=100).contains(&id.len()) || !id.chars().all(fine) {
        let pattern = "regular expression pattern: ([a-zA-Z0-9-_]+)";
        return Err(validation("statementId", id, pattern));
    }
    if !(add.action == "*" || add.action.starts_with("lambda:")) {
        let pattern = "regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])";
        return Err(validation("action", &add.action, pattern));
    }
    if add.event_source_token.is_some() || add.principal_org_id.is_some() {
        return Err(Fault::not_here(
            "lambda",
            "AddPermission with a token or an organisation",
        ));
    }
    let statement = Statement {
        id: add.statement_id,
        action: add.action,
        principal: add.principal,
        source_arn: add.source_arn,
        source_account: add.source_account,
    };
    cloud.functions.with(cloud, &name, |function| {
        if function.statements.iter().any(|other| other.id == statement.id) {
            return Err(conflict(format!(
                "The statement id ({}) provided already exists. Please provide a new statement id, or remove the existing statement.",
                statement.id
            )));
        }
        let text = statement.json(&cloud.function_arn(&name.function)).to_string();
        function.statements.push(statement);
        function.policy_revision = revision_id();
        Ok((201, json!({ "Statement": text })))
    })
}

pub(super) fn remove(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let segments = request.segments();
    let id = segments.get(4).map(String::as_str).unwrap_or_default();
    cloud.functions.with(cloud, &name, |function| {
        let before = function.statements.len();
        function.statements.retain(|statement| statement.id != id);
        if function.statements.len() == before {
            return Err(missing(format!(
                "Statement {id} is not found in resource policy."
            )));
        }
        function.policy_revision = revision_id();
        Ok((204, Value::Null))
    })
}

pub(super) fn get(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let arn = cloud.function_arn(&name.function);
    cloud.functions.with(cloud, &name, |function| {
        if function.statements.is_empty() {
            return Err(missing("The resource you requested does not exist."));
        }
        let statements: Vec<Value> = function
            .statements
            .iter()
            .map(|statement| statement.json(&arn))
            .collect();
        let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
        let revision = &function.policy_revision;
        Ok((
            200,
            json!({ "Policy": policy.to_string(), "RevisionId": revision }),
        ))
    })
}

impl Statement {
    fn json(&self, resource: &str) -> Value {
        let mut statement = json!({
            "Sid": self.id,
            "Effect": "Allow",
            "Principal": self.principal_json(),
            "Action": self.action,
            "Resource": resource,
        });
        if let Some(account) = &self.source_account {
            statement["Condition"]["StringEquals"]["AWS:SourceAccount"] = json!(account);
        }
        if let Some(arn) = &self.source_arn {
            statement["Condition"]["ArnLike"]["AWS:SourceArn"] = json!(arn);
        }
        statement
    }

    fn principal_json(&self) -> Value {
        let principal = &self.principal;
        if principal == "*" {
            json!("*")
        } else if principal.len() == 12 && principal.bytes().all(|byte| byte.is_ascii_digit()) {
            json!({ "AWS": format!("arn:aws:iam::{principal}:root") })
        } else if principal.starts_with("arn:") {
            json!({ "AWS": principal })
        } else {
            json!({ "Service": principal })
        }
    }

    fn grants(&self, service: &str, source_arn: &str, account: &str) -> bool {
        let action = ["*", "lambda:*", "lambda:InvokeFunction"].contains(&self.action.as_str());
        let principal = self.principal == service || self.principal == "*";
        let arn = self
            .source_arn
            .as_ref()
            .is_none_or(|pattern| arn_like(pattern, source_arn));
        let account = self
            .source_account
            .as_ref()
            .is_none_or(|wanted| wanted == account);
        action && principal && arn && account
    }
}

impl Function {
    /// Whether the service may invoke the function for that source.
    pub(super) fn lets_in(&self, service: &str, source_arn: &str, account: &str) -> bool {
        self.statements
            .iter()
            .any(|statement| statement.grants(service, source_arn, account))
    }
}

/// `ArnLike`: six parts between colons, each with wildcards of its own.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (
        pattern.splitn(6, ':').collect(),
        arn.splitn(6, ':').collect(),
    );
    patterns.len() == parts.len()
        && patterns
            .iter()
            .zip(parts)
            .all(|(pattern, part)| like(pattern.as_bytes(), part.as_bytes()))
}

/// `*` is any run of characters, `?` is one.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|from| like(rest, &text[from..])),
        Some((b'?', rest)) => text.split_first().is_some_and(|(_, left)| like(rest, left)),
        Some((byte, rest)) => text
            .split_first()
            .is_some_and(|(first, left)| first == byte && like(rest, left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_arn_with_wildcards_matches_its_api_only() {
        let arn = "arn:aws:execute-api:us-east-1:000000000000:abc/production/$connect";
        let with =
            |resource: &str| format!("arn:aws:execute-api:us-east-1:000000000000:{resource}");
        assert!(arn_like(&with("abc/*/*"), arn));
        assert!(arn_like(&with("abc/production/$connect"), arn));
        assert!(arn_like(&with("abc/*"), arn));
        assert!(!arn_like(&with("old/*/*"), arn));
        assert!(!arn_like(&with("abc/staging/*"), arn));
        assert!(
            !arn_like("arn:aws:execute-api:*", arn),
            "a star does not reach over colons"
        );
    }
}
