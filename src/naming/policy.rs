//! Every policy document, and how two documents are compared: by meaning, not by spelling.

use super::names::Names;
use super::rights::Right;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The version that every policy language feature of today needs.
const VERSION: &str = "2012-10-17";

/// Name of the inline policy with what the function needs whatever the API.
pub const BASE_POLICY: &str = "chat";
/// Name of the inline policy with what the user allows the function beside that.
pub const OWN_POLICY: &str = "allow";
/// Name of the inline policy with which the function pushes to connections.
pub const GRANT_POLICY: &str = "manage-connections";
/// AWS's own policy for the logging role; a narrower one of ours is refused by `UpdateAccount`.
pub const PUSH_TO_LOGS: &str = "service-role/AmazonAPIGatewayPushToCloudWatchLogs";

/// Who may take a role on.
pub fn trust(service: &str) -> Value {
    json!({
        "Version": VERSION,
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
        }],
    })
}

/// How the function uses its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableUse {
    /// As the bundled chat does.
    OfTheChat,
    /// In any way that reads and writes items.
    Any,
}

impl TableUse {
    fn actions(self) -> &'static [&'static str] {
        const OF_THE_CHAT: [&str; 6] = [
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        ];
        const ANY: [&str; 9] = [
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
        ];
        match self {
            Self::OfTheChat => &OF_THE_CHAT,
            Self::Any => &ANY,
        }
    }
}

/// What the function may do: write its own log, and use its own table, if it has one. It may not create
/// log groups: ours is there, and a late line must not bring a deleted one back.
pub fn function_base(names: &Names, table: Option<TableUse>) -> Value {
    let log = json!({
        "Sid": "WriteOwnLog",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": format!("{}:*", names.group_arn(&names.function_group())),
    });
    let table = table.map(|table| {
        json!({
            "Sid": "UseOwnTable",
            "Effect": "Allow",
            "Action": table.actions(),
            "Resource": names.table_arn(),
        })
    });
    let statements: Vec<_> = std::iter::once(log).chain(table).collect();
    json!({"Version": VERSION, "Statement": statements})
}

/// What the user allows the function beside that: actions, resources and conditions of each statement.
pub fn function_own<'a>(
    statements: impl Iterator<Item = (&'a [String], &'a [String], &'a Value)>,
) -> Value {
    let statement = |(actions, resources, conditions): (&[String], &[String], &Value)| {
        let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": resources});
        if conditions.as_object().is_some_and(|all| !all.is_empty()) {
            statement["Condition"] = conditions.clone();
        }
        statement
    };
    json!({"Version": VERSION, "Statement": statements.map(statement).collect::<Vec<_>>()})
}

/// What the function may do with the API's connections.
pub fn function_grant(names: &Names, api: &str) -> Value {
    json!({
        "Version": VERSION,
        "Statement": [{
            "Sid": "PushToConnections",
            "Effect": "Allow",
            "Action": "execute-api:ManageConnections",
            "Resource": names.connections_arn(api),
        }],
    })
}

/// Allows what these rights say, in as few statements as they fit into.
pub fn allowing<'a>(names: &Names, rights: impl Iterator<Item = &'a Right>) -> Value {
    let mut resources: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for right in rights {
        let key = (right.action, condition_of(names, right));
        resources.entry(key).or_default().extend((right.on)(names));
    }
    let mut actions: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for ((action, condition), resources) in resources {
        actions
            .entry((resources, condition))
            .or_default()
            .push(action);
    }
    let mut statements: Vec<_> = actions.into_iter().collect();
    statements.sort_by(|(_, a), (_, b)| a.cmp(b));
    let statements = statements
        .into_iter()
        .map(|((resources, condition), actions)| {
            let mut statement =
                json!({"Effect": "Allow", "Action": actions, "Resource": resources});
            if let Some((operator, key, value)) = condition {
                statement["Condition"] = json!({operator: {key: value}});
            }
            statement
        });
    json!({"Version": VERSION, "Statement": statements.collect::<Vec<_>>()})
}

fn condition_of(names: &Names, right: &Right) -> Option<(&'static str, &'static str, String)> {
    let condition = right.condition?;
    Some((condition.operator, condition.key, (condition.value)(names)))
}

/// The jobs of GitHub Actions that may take a role on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GithubJobs<'a> {
    /// Those on this branch.
    OfBranch(&'a str),
    /// Those of this deployment environment, whose rules say on which branches and after whose review.
    OfEnvironment(&'a str),
}

/// Who signs the tokens of GitHub Actions.
pub const GITHUB_TOKENS: &str = "token.actions.githubusercontent.com";

/// The jobs of one GitHub repository may take a role on, and nobody else: the token's audience is
/// AWS, and its subject is the repository with the branch or the environment, which takes the
/// branch's place in it (GitHub, "OpenID Connect reference").
pub fn github_trust(names: &Names, repository: &str, jobs: GithubJobs<'_>) -> Value {
    let subject = match jobs {
        GithubJobs::OfBranch(branch) => format!("repo:{repository}:ref:refs/heads/{branch}"),
        GithubJobs::OfEnvironment(name) => format!("repo:{repository}:environment:{name}"),
    };
    json!({
        "Version": VERSION,
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": names.github_provider_arn()},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                format!("{GITHUB_TOKENS}:aud"): names.github_audience(),
                format!("{GITHUB_TOKENS}:sub"): subject,
            }},
        }],
    })
}

/// One form for all spellings of a document: lists where one value stands alone, sorted where the
/// order means nothing, no statement ids.
pub fn normalised(document: &Value) -> Value {
    let Value::Object(document) = document else {
        return document.clone();
    };
    let mut out = document.clone();
    if let Some(statements) = document.get("Statement") {
        let mut all: Vec<Value> = as_list(statements).iter().map(statement).collect();
        all.sort_by_key(Value::to_string);
        out.insert("Statement".into(), Value::Array(all));
    }
    Value::Object(out)
}

fn statement(statement: &Value) -> Value {
    let Value::Object(statement) = statement else {
        return statement.clone();
    };
    let mut sorted: Vec<_> = statement.iter().filter(|(key, _)| *key != "Sid").collect();
    sorted.sort_by_key(|(key, _)| *key);
    let value = |key: &str, value: &Value| match key {
        "Effect" => value.clone(),
        "Condition" => condition(value),
        "Principal" | "NotPrincipal" => by_key(value, sorted_list),
        _ => sorted_list(value),
    };
    let pairs = sorted.into_iter().map(|(k, v)| (k.clone(), value(k, v)));
    Value::Object(pairs.collect())
}

fn condition(value: &Value) -> Value {
    by_key(value, |operator| by_key(operator, sorted_list))
}

fn by_key(value: &Value, inner: impl Fn(&Value) -> Value) -> Value {
    let Value::Object(map) = value else {
        return sorted_list(value);
    };
    let mut pairs: Vec<_> = map.iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    let pairs = pairs.into_iter().map(|(k, v)| (k.clone(), inner(v)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// IAM writes `true` and `"true"` for the same.
fn sorted_list(value: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::Bool(_) | Value::Number(_) => Value::String(value.to_string()),
        other => other.clone(),
    };
    let mut all: Vec<Value> = as_list(value).iter().map(text).collect();
    all.sort_by_key(Value::to_string);
    all.dedup();
    match all.len() {
        1 => all.remove(0),
        _ => Value::Array(all),
    }
}

fn as_list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    }
}

/// The ids of the statements that admit every principal under no condition.
pub fn open_to_anybody(policy: &Value) -> Vec<String> {
    let is_everybody = |principal: &Value| match principal {
        Value::Array(all) => all.iter().any(|one| one == "*"),
        one => one == "*",
    };
    let is_open = |statement: &&Value| {
        let principal = &statement["Principal"];
        statement["Effect"] == "Allow"
            && statement["Condition"].is_null()
            && (is_everybody(principal) || is_everybody(&principal["AWS"]))
    };
    let statements = match &policy["Statement"] {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let id = |statement: &Value| statement["Sid"].as_str().map(str::to_owned);
    statements.iter().filter(is_open).filter_map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_matter() {
        let ours = trust("lambda.amazonaws.com");
        let theirs = json!({
            "Statement": {
                "Action": ["sts:AssumeRole"],
                "Principal": {"Service": ["lambda.amazonaws.com"]},
                "Effect": "Allow",
                "Sid": "",
            },
            "Version": "2012-10-17",
        });
        assert_eq!(normalised(&ours), normalised(&theirs));
    }

    #[test]
    fn the_order_of_statements_and_actions_does_not_matter() {
        let a = json!({"Statement": [{"Action": ["a", "b"]}, {"Action": "c"}]});
        let b = json!({"Statement": [{"Action": "c"}, {"Action": ["b", "a"]}]});
        assert_eq!(normalised(&a), normalised(&b));
    }

    #[test]
    fn a_changed_condition_matters() {
        let a = json!({"Statement": [{"Condition": {"ArnLike": {"AWS:SourceArn": "x"}}}]});
        let b = json!({"Statement": [{"Condition": {"ArnLike": {"AWS:SourceArn": "y"}}}]});
        assert_ne!(normalised(&a), normalised(&b));
    }
}
