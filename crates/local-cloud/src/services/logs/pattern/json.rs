//! JSON selectors, and whether a message matches.

use super::{Comparison, compare};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub(in crate::services::logs) enum Expression {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Test(Vec<PathStep>, Test),
}

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::services::logs) enum PathStep {
    Member(String),
    Item(usize),
    AnyItem,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::services::logs) enum Test {
    Compare(Comparison, String),
    IsTrue,
    IsFalse,
    IsNull,
    NotExists,
    Any,
}

impl Expression {
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::And(left, right) => left.holds(value) && right.holds(value),
            Self::Or(left, right) => left.holds(value) || right.holds(value),
            Self::Test(path, test) => test.holds(&select(path, value)),
        }
    }
}

fn select<'a>(path: &[PathStep], value: &'a Value) -> Vec<&'a Value> {
    path.iter().fold(vec![value], |found, step| {
        found
            .into_iter()
            .flat_map(|value| match step {
                PathStep::Member(name) => value.get(name).into_iter().collect::<Vec<_>>(),
                PathStep::Item(index) => value.get(index).into_iter().collect(),
                PathStep::AnyItem => value.as_array().into_iter().flatten().collect(),
            })
            .collect()
    })
}

impl Test {
    fn holds(&self, found: &[&Value]) -> bool {
        match self {
            Self::NotExists => found.is_empty(),
            Self::Any => !found.is_empty(),
            Self::IsTrue => found.contains(&&Value::Bool(true)),
            Self::IsFalse => found.contains(&&Value::Bool(false)),
            Self::IsNull => found.contains(&&Value::Null),
            Self::Compare(order, literal) => found.iter().any(|value| {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Object(_) | Value::Array(_) => return false,
                    other => other.to_string(),
                };
                compare(*order, &text, literal)
            }),
        }
    }
}
