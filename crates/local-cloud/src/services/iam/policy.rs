//! The evaluator of IAM policies: who may do what to which resource, under which conditions.
//!
//! It knows the elements that identity and trust policies use, with AWS's rules: an explicit deny wins, what no
//! statement allows is denied, actions ignore case, resources do not, a condition on a missing key fails unless it
//! is negated or ends in `IfExists`. Policy variables are not replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::comparison::{compare, glob};

/// Condition keys (lower case) and their values.
pub(crate) type ConditionKeys = BTreeMap<String, Vec<String>>;

/// The decision of all policies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A statement allows it and none denies it.
    Allow,
    /// A statement denies it.
    ExplicitDeny,
    /// No statement applies.
    ImplicitDeny,
}

/// A parsed policy.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    statements: Arc<[Statement]>,
}

/// The request that policies are evaluated for. `principal` matters where a statement names principals: its kind
/// (`Service`, `AWS`) and all of its names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccessRequest<'a> {
    pub(crate) principal: Option<(&'a str, &'a [String])>,
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) context: &'a ConditionKeys,
}

#[derive(Debug, Clone)]
struct Statement {
    allow: bool,
    principals: Option<Names<(String, String)>>,
    actions: Names<String>,
    resources: Option<Names<String>>,
    conditions: Vec<Condition>,
}

/// A list, or with `negated` everything but the list.
#[derive(Debug, Clone)]
struct Names<T> {
    negated: bool,
    list: Vec<T>,
}

#[derive(Debug, Clone)]
struct Condition {
    operator: String,
    if_exists: bool,
    quantifier: Quantifier,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    Single,
    All,
    Any,
}

impl Document {
    /// Parses a policy's text; `None` if it is not a policy.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::from_value(&serde_json::from_str(text).ok()?)
    }

    /// Reads a policy that is JSON already.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let statements = match value.get("Statement")? {
            Value::Array(list) => list
                .iter()
                .map(Statement::read)
                .collect::<Option<Vec<_>>>()?,
            single => vec![Statement::read(single)?],
        };
        Some(Self {
            statements: statements.into(),
        })
    }

    fn verdict(&self, ask: &AccessRequest<'_>) -> Decision {
        let mut verdict = Decision::ImplicitDeny;
        for statement in self
            .statements
            .iter()
            .filter(|statement| statement.applies_to(ask))
        {
            if !statement.allow {
                return Decision::ExplicitDeny;
            }
            verdict = Decision::Allow;
        }
        verdict
    }
}

/// The decision of all documents together: a deny anywhere wins.
pub(crate) fn evaluate(documents: &[Document], ask: &AccessRequest<'_>) -> Decision {
    let verdicts: Vec<_> = documents
        .iter()
        .map(|document| document.verdict(ask))
        .collect();
    [Decision::ExplicitDeny, Decision::Allow]
        .into_iter()
        .find(|wanted| verdicts.contains(wanted))
        .unwrap_or(Decision::ImplicitDeny)
}

impl Statement {
    fn read(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        Some(Self {
            allow: match object.get("Effect")?.as_str()? {
                "Allow" => true,
                "Deny" => false,
                _ => return None,
            },
            principals: principals(object),
            actions: names(object, "Action", "NotAction")?,
            resources: names(object, "Resource", "NotResource"),
            conditions: conditions(object)?,
        })
    }

    fn applies_to(&self, ask: &AccessRequest<'_>) -> bool {
        let action = ask.action.to_ascii_lowercase();
        self.principals
            .as_ref()
            .is_none_or(|principals| principals.name(ask.principal))
            && self
                .actions
                .holds(|pattern| glob(&pattern.to_ascii_lowercase(), &action))
            && self
                .resources
                .as_ref()
                .is_none_or(|resources| resources.holds(|pattern| glob(pattern, ask.resource)))
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(ask.context))
    }
}

impl<T> Names<T> {
    fn holds(&self, matches: impl Fn(&T) -> bool) -> bool {
        self.list.iter().any(matches) != self.negated
    }
}

impl Names<(String, String)> {
    fn name(&self, principal: Option<(&str, &[String])>) -> bool {
        let Some((kind, known_as)) = principal else {
            return false;
        };
        self.holds(|(named_kind, name)| {
            name == "*" && matches!(named_kind.as_str(), "*" | "AWS")
                || named_kind == kind && known_as.iter().any(|known| glob(name, known))
        })
    }
}

fn names(object: &Map<String, Value>, plain: &str, negated: &str) -> Option<Names<String>> {
    let (value, negated) = match (object.get(plain), object.get(negated)) {
        (Some(value), _) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return None,
    };
    Some(Names {
        negated,
        list: strings(value)?,
    })
}

fn principals(object: &Map<String, Value>) -> Option<Names<(String, String)>> {
    let (value, negated) = match (object.get("Principal"), object.get("NotPrincipal")) {
        (Some(value), _) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return None,
    };
    let list = match value {
        Value::Object(kinds) => kinds
            .iter()
            .flat_map(|(kind, names)| {
                strings(names)
                    .unwrap_or_default()
                    .into_iter()
                    .map(|name| (kind.clone(), name))
            })
            .collect(),
        other => strings(other)?
            .into_iter()
            .map(|name| ("*".to_owned(), name))
            .collect(),
    };
    Some(Names { negated, list })
}

fn conditions(object: &Map<String, Value>) -> Option<Vec<Condition>> {
    let Some(block) = object.get("Condition") else {
        return Some(Vec::new());
    };
    let mut conditions = Vec::new();
    for (operator, keys) in block.as_object()? {
        for (key, values) in keys.as_object()? {
            conditions.push(Condition::read(operator, key, strings(values)?));
        }
    }
    Some(conditions)
}

/// A string or a list of them; numbers and booleans count as their text.
fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Bool(_) | Value::Number(_) => Some(vec![value.to_string()]),
        Value::Array(list) => list
            .iter()
            .map(|item| strings(item)?.into_iter().next())
            .collect(),
        Value::Null | Value::Object(_) => None,
    }
}

impl Condition {
    fn read(operator: &str, key: &str, values: Vec<String>) -> Self {
        let (quantifier, operator) = match operator.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            _ => (Quantifier::Single, operator),
        };
        let (operator, if_exists) = operator
            .strip_suffix("IfExists")
            .map_or((operator, false), |plain| (plain, true));
        let (operator, key) = (operator.to_owned(), key.to_ascii_lowercase());
        Self {
            operator,
            if_exists,
            quantifier,
            key,
            values,
        }
    }

    fn holds(&self, context: &ConditionKeys) -> bool {
        let present = context.get(&self.key).filter(|values| !values.is_empty());
        if self.operator == "Null" {
            return self
                .values
                .iter()
                .any(|wanted| (wanted == "true") == present.is_none());
        }
        let (positive, negated) = match self.operator.as_str() {
            "NotIpAddress" => ("IpAddress".to_owned(), true),
            other if other.contains("Not") => (other.replacen("Not", "", 1), true),
            other => (other.to_owned(), false),
        };
        let Some(present) = present else {
            return self.if_exists || negated || self.quantifier == Quantifier::All;
        };
        let one = |actual: &String| {
            self.values
                .iter()
                .any(|wanted| compare(&positive, wanted, actual))
                != negated
        };
        match self.quantifier {
            Quantifier::All => present.iter().all(one),
            Quantifier::Any | Quantifier::Single => present.iter().any(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask(policy: &Value, action: &str, resource: &str, context: &[(&str, &str)]) -> Decision {
        let context = context
            .iter()
            .map(|(key, value)| (key.to_ascii_lowercase(), vec![(*value).to_owned()]))
            .collect();
        let documents = [Document::from_value(policy).unwrap()];
        evaluate(
            &documents,
            &AccessRequest {
                principal: None,
                action,
                resource,
                context: &context,
            },
        )
    }

    #[test]
    fn a_deny_wins_over_an_allow() {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "dynamodb:DeleteItem", "Resource": "*"},
        ]});
        assert_eq!(ask(&policy, "dynamodb:GetItem", "t", &[]), Decision::Allow);
        assert_eq!(
            ask(&policy, "dynamodb:DeleteItem", "t", &[]),
            Decision::ExplicitDeny
        );
        assert_eq!(
            ask(&policy, "logs:PutLogEvents", "t", &[]),
            Decision::ImplicitDeny
        );
    }

    #[test]
    fn actions_ignore_case_and_resources_do_not() {
        let policy = json!({"Statement":
            {"Effect": "Allow", "Action": ["DynamoDB:get*"], "Resource": "arn:aws:dynamodb:*:*:table/T?"}});
        let resource = "arn:aws:dynamodb:us-east-1:000000000000:table/T1";
        assert_eq!(
            ask(&policy, "dynamodb:GetItem", resource, &[]),
            Decision::Allow
        );
        let lower = resource.replace("T1", "t1");
        assert_eq!(
            ask(&policy, "dynamodb:GetItem", &lower, &[]),
            Decision::ImplicitDeny
        );
    }

    #[test]
    fn not_action_and_not_resource_mean_everything_else() {
        let policy = json!({"Statement":
            {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "secret*"}});
        assert_eq!(
            ask(&policy, "logs:PutLogEvents", "open", &[]),
            Decision::Allow
        );
        assert_eq!(
            ask(&policy, "iam:GetRole", "open", &[]),
            Decision::ImplicitDeny
        );
        assert_eq!(
            ask(&policy, "logs:PutLogEvents", "secrets", &[]),
            Decision::ImplicitDeny
        );
    }

    #[test]
    fn a_connection_right_needs_the_stage_and_verb_in_its_resource() {
        let resource =
            "arn:aws:execute-api:us-east-1:000000000000:a1/prod/POST/@connections/{connectionId}";
        let allows = |pattern: &str| {
            let policy = json!({"Statement":
                {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": pattern}});
            ask(&policy, "execute-api:ManageConnections", resource, &[]) == Decision::Allow
        };
        assert!(allows(
            "arn:aws:execute-api:us-east-1:000000000000:a1/prod/*/@connections/*"
        ));
        assert!(!allows(
            "arn:aws:execute-api:us-east-1:000000000000:a1/prod/*/@connections"
        ));
    }

    #[test]
    fn conditions_compare_by_their_operator() {
        let holds = |operator: &str, value: Value, actual: &[(&str, &str)]| {
            let policy = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
                "Condition": {operator: {"K": value}}}});
            ask(&policy, "a:b", "r", actual) == Decision::Allow
        };
        assert!(holds("StringEquals", json!(["a", "b"]), &[("k", "b")]));
        assert!(!holds("StringEquals", json!("a"), &[]));
        assert!(holds("StringEqualsIfExists", json!("a"), &[]));
        assert!(holds("StringNotEquals", json!("a"), &[]));
        assert!(!holds("StringNotLike", json!("a*"), &[("k", "abc")]));
        assert!(holds("NumericLessThanEquals", json!(5), &[("k", "5")]));
        assert!(holds(
            "DateGreaterThan",
            json!("2026-01-01T00:00:00Z"),
            &[("k", "1799999999")]
        ));
        assert!(holds("Bool", json!(true), &[("k", "true")]));
        assert!(holds("Null", json!("true"), &[]));
        assert!(holds(
            "IpAddress",
            json!("10.0.0.0/8"),
            &[("k", "10.9.8.7")]
        ));
        assert!(!holds(
            "IpAddress",
            json!("10.0.0.0/8"),
            &[("k", "11.9.8.7")]
        ));
        assert!(holds("ForAllValues:StringEquals", json!("a"), &[]));
        assert!(!holds("ForAnyValue:StringEquals", json!("a"), &[]));
        assert!(!holds("Sorcery", json!("a"), &[("k", "a")]));
    }
}
