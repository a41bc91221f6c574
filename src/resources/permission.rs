//! The right of this API, and no other, to call the function's alias: a statement in the alias's
//! resource policy.
//!
//! GetPolicy; AddPermission, RemovePermission. It goes with the function.
//!
//! A statement of ours in the policy of the function itself lets the API call `$LATEST`, which nobody
//! has proved: it is deleted, once the stage shows a deployment that calls the alias.
//!
//! Surprises: the statement outlives the API it names, and a new API has a new id: the statement's
//! id carries the API's id, and statements of ours for former APIs are taken out. A missing policy
//! is a 404. Without the right the client gets a 500 and nobody's log says why.

use super::NeedsRights;
use super::observed::Observed;
use super::outputs::ApiId;
use super::policies::policy;
use super::retry::{CONFLICT_LIMIT, gone, is_busy, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{explain, is_conflict};
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::Result;
use crate::naming::names::{API_UNKNOWN, LIVE, STATEMENT_PREFIX};
use crate::naming::rights::{Right, on};
use crate::naming::{Names, ids};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ACTION: &str = "lambda:InvokeFunction";
const PRINCIPAL: &str = "apigateway.amazonaws.com";

/// Our statements in the policy of the alias, or of the function itself.
#[derive(Debug, Clone)]
pub struct Permission {
    /// `permission`, or `permission/function` of what is to go.
    pub id: &'static str,
    /// The function.
    pub function: String,
    /// The alias whose policy it is; nothing for the function's own.
    pub qualifier: Option<&'static str>,
    /// What each says, by statement id.
    pub statements: BTreeMap<String, Value>,
    /// The ids of statements of others that let anybody call the function.
    pub open_to_anybody: Vec<String>,
    /// The API's id.
    pub api: Output<ApiId>,
    /// The API also asks the function who may connect.
    pub authorizes: bool,
}

impl Permission {
    /// The statement that is wanted, or the two if the API also asks the function who may connect: an
    /// authorizer's ARN has no stage in it.
    pub fn new(names: &Names, api: &Output<ApiId>, authorizes: bool) -> Self {
        let id = api
            .known()
            .map_or_else(|| API_UNKNOWN.to_owned(), |id| id.0);
        let statement = names.statement(&id);
        let authorizer = authorizes.then(|| {
            let arn = names.authorizers_arn(&id);
            (format!("{statement}-authorizer"), meaning(&arn))
        });
        let statements = [(statement, meaning(&names.invoker_arn(&id)))];
        Self {
            id: ids::PERMISSION,
            function: names.function.clone(),
            qualifier: Some(LIVE),
            statements: statements.into_iter().chain(authorizer).collect(),
            open_to_anybody: Vec::new(),
            api: api.clone(),
            authorizes,
        }
    }
}

impl NeedsRights for Permission {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("lambda:GetPolicy", on::function),
        Right::to_read("lambda:GetPolicy", on::versions),
        Right::to_write("lambda:AddPermission", on::versions),
        Right::to_write("lambda:RemovePermission", on::function),
        Right::to_write("lambda:RemovePermission", on::versions),
    ];
}

impl Resource for Permission {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(self.id)
    }

    fn name(&self) -> String {
        let ids: Vec<_> = self.statements.keys().map(String::as_str).collect();
        ids.join(", ")
    }

    fn fields(&self) -> Fields {
        self.statements
            .iter()
            .fold(Fields::new(), |fields, (id, says)| {
                fields.with(format!("statements.{id}"), says.clone())
            })
    }

    fn needs(&self) -> Vec<Edge> {
        vec![
            Edge::new(ids::ALIAS, "it is part of the alias's policy"),
            self.api.edge("it names the API"),
        ]
    }

    fn outlives(&self) -> Vec<Edge> {
        match self.qualifier {
            Some(_) => Vec::new(),
            None => vec![Edge::new(
                ids::STAGE,
                "until then the API calls the function itself",
            )],
        }
    }

    fn remarks(&self) -> Vec<String> {
        let remark = |id: &String| {
            format!("not ours: the statement {id:?} of the function's policy lets anybody call it")
        };
        self.open_to_anybody.iter().map(remark).collect()
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(ids::FUNCTION))
    }

    fn ownership(&self, _observed: &Observed) -> Ownership {
        Ownership::Ours
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let policies = &observed.policies;
        let statements = ours(&policies.live);
        let mut open_to_anybody = open_to_anybody(&policies.live);
        open_to_anybody.extend(self::open_to_anybody(&policies.unqualified));
        let found = !statements.is_empty() || !open_to_anybody.is_empty();
        Ok(found.then(|| Self {
            statements,
            open_to_anybody,
            ..self.clone()
        }))
    }

    async fn apply(&self, _found: Option<&Self>, step: &StepContext) -> Result<()> {
        let run = step.run();
        self.api.get()?;
        let wanted = Self::new(&run.names, &self.api, self.authorizes);
        step.named(&wanted.name());
        let policy = policy(&run.clients, &self.function, self.qualifier).await?;
        let there = ours(&policy);
        for (id, says) in &there {
            if wanted.statements.get(id) != Some(says) {
                self.remove(id, step).await?;
            }
        }
        for (id, says) in &wanted.statements {
            if there.get(id) != Some(says) {
                self.add(id, says, step).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        for id in self.statements.keys() {
            self.remove(id, step).await?;
        }
        Ok(())
    }
}

impl Permission {
    async fn add(&self, id: &str, says: &Value, step: &StepContext) -> Result<()> {
        let lambda = &step.run().clients.lambda;
        let source = says
            .get("sourceArn")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let call = || {
            lambda
                .add_permission()
                .function_name(&self.function)
                .set_qualifier(self.qualifier.map(str::to_owned))
                .statement_id(id)
                .action(ACTION)
                .principal(PRINCIPAL)
                .source_arn(source)
                .send()
        };
        match retry_while(step, "another update", CONFLICT_LIMIT, is_busy, call).await {
            Ok(_) => Ok(()),
            // Ours already: another deploy's, or our own with the answer lost.
            Err(error) if is_conflict(&error) => Ok(()),
            Err(error) => Err(explain("let the API call the function", error)),
        }
    }

    async fn remove(&self, id: &str, step: &StepContext) -> Result<()> {
        let lambda = &step.run().clients.lambda;
        let call = || {
            lambda
                .remove_permission()
                .function_name(&self.function)
                .set_qualifier(self.qualifier.map(str::to_owned))
                .statement_id(id)
                .send()
        };
        let answer = retry_while(step, "another update", CONFLICT_LIMIT, is_busy, call).await;
        gone(answer, &format!("take back the permission {id}"))
    }
}

/// Our statements in the policy of the function itself.
pub fn orphan(observed: &Observed, api: &Output<ApiId>) -> Option<Permission> {
    let function = observed.run.names.function_arn();
    let statements = ours_on(&observed.policies.unqualified, Some(&function));
    (!statements.is_empty()).then(|| Permission {
        id: ids::UNQUALIFIED_PERMISSION,
        function: observed.run.names.function.clone(),
        qualifier: None,
        open_to_anybody: Vec::new(),
        api: api.clone(),
        authorizes: false,
        statements,
    })
}

fn meaning(source_arn: &str) -> Value {
    json!({"action": ACTION, "principal": PRINCIPAL, "sourceArn": source_arn})
}

/// Our statements of a resource policy, reduced to what counts. Lambda keeps the condition as
/// `ArnLike` on `AWS:SourceArn`; the case of that key differs between tools.
fn ours(policy: &str) -> BTreeMap<String, Value> {
    ours_on(policy, None)
}

/// The same; if a resource is named, only the statements about just that.
fn ours_on(policy: &str, resource: Option<&str>) -> BTreeMap<String, Value> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let Some(Value::Array(statements)) = policy.get("Statement") else {
        return BTreeMap::new();
    };
    let one = |statement: &Value| {
        let id = statement.get("Sid")?.as_str()?;
        let about = statement.get("Resource").and_then(Value::as_str);
        let is_meant = resource.is_none() || about == resource;
        (id.starts_with(STATEMENT_PREFIX) && is_meant).then(|| (id.to_owned(), says(statement)))
    };
    statements.iter().filter_map(one).collect()
}

/// The ids of statements that are not ours and admit every principal under no condition.
fn open_to_anybody(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let mut open = crate::naming::policy::open_to_anybody(&policy);
    open.retain(|id| !id.starts_with(STATEMENT_PREFIX));
    open
}

fn says(statement: &Value) -> Value {
    let condition = statement.get("Condition").and_then(Value::as_object);
    let source = condition
        .into_iter()
        .flat_map(|all| all.values())
        .filter_map(Value::as_object)
        .flat_map(|keys| keys.iter())
        .find(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))
        .map(|(_, value)| value.clone());
    let principal = statement.get("Principal");
    let service = principal.and_then(|p| p.get("Service")).or(principal);
    let mut out = json!({
        "action": statement.get("Action"),
        "principal": service,
        "sourceArn": source,
    });
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        out["effect"] = statement.get("Effect").cloned().unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_own_spelling_is_what_we_want() {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Sid": "chatctl-abc", "Effect": "Allow", "Action": ACTION,
             "Principal": {"Service": PRINCIPAL}, "Resource": "arn:fn",
             "Condition": {"ArnLike": {"AWS:SourceArn": "arn:x"}}},
            {"Sid": "somebody-else", "Effect": "Allow"},
        ]});
        assert_eq!(
            ours(&policy.to_string()),
            [("chatctl-abc".into(), meaning("arn:x"))].into()
        );
    }

    #[test]
    fn a_statement_without_its_condition_differs() {
        let policy = json!({"Statement": [{"Sid": "chatctl-abc", "Effect": "Allow",
            "Action": ACTION, "Principal": {"Service": PRINCIPAL}}]});
        assert_ne!(
            ours(&policy.to_string()),
            [("chatctl-abc".into(), meaning("arn:x"))].into()
        );
    }
}
