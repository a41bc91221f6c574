//! Selectors of JSON patterns: `$.a.b[0]`.

use serde_json::Value;

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PathStep {
    Member(String),
    Item(usize),
    /// `[*]` and `.*`: every item of a list and every member of an object, as recorded.
    Any,
}

/// Every value that the path leads to.
pub(super) fn select<'a>(path: &[PathStep], value: &'a Value) -> Vec<&'a Value> {
    path.iter().fold(vec![value], |found, step| {
        found
            .into_iter()
            .flat_map(|value| step.values(value))
            .collect()
    })
}

impl PathStep {
    fn values<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Member(name), _) => value.get(name).into_iter().collect(),
            (Self::Item(index), _) => value.get(index).into_iter().collect(),
            (Self::Any, Value::Array(items)) => items.iter().collect(),
            (Self::Any, Value::Object(members)) => members.values().collect(),
            (Self::Any, _) => Vec::new(),
        }
    }
}
