//! The function's resource policies: who may invoke it. `$LATEST`, every version and every alias have their own.
//!
//! The statement that matters is API Gateway's, with the API's ARN as `AWS:SourceArn`. AWS stores it
//! as `ArnLike`, whatever the model's text says. A new API has another id, so the old
//! statement does not match it: the client gets a 500.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Function, Functions, LambdaResult, Name, body, conflict, invalid, missing, not_found, outdated,
    user_error, validation,
};
use crate::services::iam::arn_like;
use crate::shared::Shared;
use crate::wire::{Request, ServiceError};

/// Bytes of one policy.
const SIZE_LIMIT: usize = 20_480;

/// One grant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Permission {
    id: String,
    action: String,
    principal: String,
    source_arn: Option<String>,
    source_account: Option<String>,
    /// Further conditions, each with the value that its key must equal.
    #[serde(default)]
    equals: BTreeMap<String, String>,
    /// The version or alias whose policy it belongs to; none for the function's own.
    #[serde(default)]
    qualifier: Option<String>,
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
    function_url_auth_type: Option<String>,
    revision_id: Option<String>,
}

impl Add {
    fn checked(self, qualifier: Option<String>) -> Result<Permission, ServiceError> {
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let id = &self.statement_id;
        if !id.chars().all(fine) || id.is_empty() {
            let rule = "Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)";
            return Err(validation("statementId", id, rule));
        }
        if id.len() > 100 {
            let rule = "Member must have length less than or equal to 100";
            return Err(validation("statementId", id, rule));
        }
        if !(self.action == "*" || self.action.starts_with("lambda:")) {
            let rule =
                "Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])";
            return Err(validation("action", &self.action, rule));
        }
        if !is_principal(&self.principal) {
            return Err(invalid(
                "The provided principal was invalid. Please check the principal and try again.",
            ));
        }
        let equals = [
            ("lambda:EventSourceToken", self.event_source_token),
            ("aws:PrincipalOrgID", self.principal_org_id),
            ("lambda:FunctionUrlAuthType", self.function_url_auth_type),
        ];
        let given = |(key, value): (&str, Option<String>)| Some((key.to_owned(), value?));
        Ok(Permission {
            id: self.statement_id,
            action: self.action,
            principal: self.principal,
            source_arn: self.source_arn,
            source_account: self.source_account,
            equals: equals.into_iter().filter_map(given).collect(),
            qualifier,
        })
    }
}

pub(super) fn add(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    let mut add: Add = body(request)?;
    let revision = add.revision_id.take();
    if name.qualifier.as_deref() == Some("$LATEST") {
        return Err(invalid(
            "We currently do not support adding policies for $LATEST.",
        ));
    }
    let statement = add.checked(name.qualifier.clone())?;
    functions.with(&name, |function| {
        known(&functions.shared, function, &name)?;
        locked(functions, function, &name, revision.as_deref())?;
        let resource = name.arn(&functions.shared);
        let same = |other: &&Permission| other.qualifier == statement.qualifier;
        let others: Vec<_> = function.statements.iter().filter(same).collect();
        if others.iter().any(|other| other.id == statement.id) {
            return Err(conflict(format!(
                "The statement id ({}) provided already exists. Please provide a new statement id, or remove the existing statement.",
                statement.id
            )));
        }
        let whole = others.into_iter().chain([&statement]).map(|one| one.json(&resource));
        let size = document(whole.collect()).to_string().len();
        if size > SIZE_LIMIT {
            let words =
                format!("The final policy size ({size}) is bigger than the limit ({SIZE_LIMIT}).");
            return Err(user_error(400, "PolicyLengthExceededException", words));
        }
        let text = statement.json(&resource).to_string();
        function.statements.push(statement);
        function.policy_changed(name.qualifier.as_deref());
        Ok((201, json!({ "Statement": text })))
    })
}

pub(super) fn remove(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    let segments = request.segments();
    let id = segments.get(4).map(String::as_str).unwrap_or_default();
    let arn = functions.arn(&name.function);
    let mut all = functions.lock();
    let function = all
        .get_mut(&name.function)
        .ok_or_else(|| missing(format!("No policy found for: {arn}")))?;
    known(&functions.shared, function, &name)?;
    let is_here = |statement: &Permission| statement.qualifier == name.qualifier;
    if !function.statements.iter().any(is_here) {
        return Err(missing("No policy is associated with the given resource."));
    }
    let wanted = |statement: &Permission| is_here(statement) && statement.id == id;
    if !function.statements.iter().any(wanted) {
        return Err(missing(format!(
            "Statement {id} is not found in resource policy."
        )));
    }
    locked(
        functions,
        function,
        &name,
        request.param("RevisionId").as_deref(),
    )?;
    function.statements.retain(|statement| !wanted(statement));
    function.policy_changed(name.qualifier.as_deref());
    Ok((204, Value::Null))
}

pub(super) fn get(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    let all = functions.lock();
    let function = all.get(&name.function);
    let statements = function
        .into_iter()
        .flat_map(|function| &function.statements);
    let resource = name.arn(&functions.shared);
    let here = statements.filter(|statement| statement.qualifier == name.qualifier);
    let here: Vec<Value> = here.map(|statement| statement.json(&resource)).collect();
    match function.filter(|_| !here.is_empty()) {
        None => Err(missing("The resource you requested does not exist.")),
        Some(function) => Ok((
            200,
            json!({
                "Policy": document(here).to_string(),
                "RevisionId": function.policy_revision(&name, functions.now_ms()),
            }),
        )),
    }
}

/// The version or alias that the policy is for must exist.
fn known(shared: &Shared, function: &Function, name: &Name) -> Result<(), ServiceError> {
    let Some(qualifier) = name.qualifier.as_deref() else {
        return Ok(());
    };
    let version = qualifier.parse::<u64>();
    match version {
        _ if function.aliases.contains_key(qualifier) => Ok(()),
        Ok(number) if function.versions.contains_key(&number) => Ok(()),
        Err(_) if !qualifier.contains('$') => Err(missing(format!(
            "Cannot find alias arn: {}",
            name.arn(shared)
        ))),
        _ => Err(not_found(shared, name)),
    }
}

fn locked(
    functions: &Functions,
    function: &Function,
    name: &Name,
    revision: Option<&str>,
) -> Result<(), ServiceError> {
    let present = function.policy_revision(name, functions.now_ms());
    match revision {
        Some(revision) if revision != present => Err(outdated("GetPolicy")),
        _ => Ok(()),
    }
}

fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements })
}

/// A service, an account, an ARN of IAM, or `*`.
fn is_principal(text: &str) -> bool {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let homes = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com"];
    let is_service = homes.iter().any(|home| text.ends_with(home)) && !text.contains([' ', ':']);
    let is_arn = text.starts_with("arn:aws") && (text.contains(":iam:") || text.contains(":sts:"));
    text == "*" || is_account || is_service || is_arn
}

impl Permission {
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
        for (key, value) in &self.equals {
            statement["Condition"]["StringEquals"][key] = json!(value);
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

    /// A service sends neither tokens nor organisations, so a statement that requires them does not apply.
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
        action && principal && arn && account && self.equals.is_empty()
    }
}

impl Function {
    /// That of the alias that the policy is for, or else the function's.
    fn policy_revision(&self, name: &Name, now: i64) -> &str {
        let alias = self.alias_revision(name.qualifier.as_deref());
        alias.unwrap_or_else(|| self.revision_id(now))
    }

    /// Drops the policies of versions and aliases that are gone.
    pub(super) fn keep_statements(&mut self, stays: impl Fn(Option<&str>) -> bool) {
        self.statements
            .retain(|statement| stays(statement.qualifier.as_deref()));
    }

    /// Whether the service may invoke the function, or that version or alias of it, for that source.
    pub(super) fn allows(
        &self,
        qualifier: Option<&str>,
        service: &str,
        source_arn: &str,
        account: &str,
    ) -> bool {
        let qualifier = qualifier.filter(|qualifier| *qualifier != "$LATEST");
        let mut here = self.statements.iter();
        here.any(|statement| {
            statement.qualifier.as_deref() == qualifier
                && statement.grants(service, source_arn, account)
        })
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

    #[test]
    fn a_principal_is_a_service_an_account_an_arn_or_anybody() {
        for good in [
            "*",
            "apigateway.amazonaws.com",
            "000000000000",
            "arn:aws:iam::000000000000:role/r",
        ] {
            assert!(is_principal(good), "{good}");
        }
        for bad in ["", "invalid", "arn:aws:s3:::b", "invalid.nonaws.com"] {
            assert!(!is_principal(bad), "{bad}");
        }
    }
}
