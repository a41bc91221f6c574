//! A resource as reads show it, and how its members are read.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The JSON that reads show.
pub(super) type View = Map<String, Value>;

/// A member that is text; empty if there is none.
pub(super) fn text<'a>(view: &'a View, name: &str) -> &'a str {
    view.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that is text, if it is there and not empty.
pub(super) fn filled(view: &View, name: &str) -> Option<String> {
    let text = text(view, name);
    (!text.is_empty()).then(|| text.to_owned())
}

/// A member that holds texts by name.
pub(super) fn texts(view: &View, name: &str) -> BTreeMap<String, String> {
    let map = view.get(name).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// A member that is a list of texts.
pub(super) fn list<'a>(view: &'a View, name: &str) -> Vec<&'a str> {
    let list = view.get(name).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Resources as the items of a list.
pub(super) fn views<'a>(items: impl Iterator<Item = &'a View>) -> Vec<Value> {
    items.map(|view| Value::Object(view.clone())).collect()
}
