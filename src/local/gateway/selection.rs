//! The route selection expression: `$request.body.action`, nested, composite, with static text.
//!
//! | expression | body | key |
//! |---|---|---|
//! | `$request.body.action` | `{"action":"join"}` | `join` |
//! | `$request.body.a.b[0]` | `{"a":{"b":[7]}}` | `7` |
//! | `${request.body.a}-${request.body.b}` | `{"a":"x"}` | `x-` |
//! | `\$default` | anything | `$default` |
//!
//! The result is always text, evaluated once. AWS's documents say that other JSON values are turned
//! into text, and captures agree (`null`, `7`, `true`); an array is `[item1, item2]`.

use serde_json::Value;

/// The route key for a message; `None` if the body has to be JSON and is not.
pub(super) fn select(expression: &str, body: &str) -> Option<String> {
    let mut parsed = None;
    let mut key = String::new();
    let mut rest = expression;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("\\$") {
            key.push('$');
            rest = after;
        } else if let Some((path, after)) = variable(rest) {
            if parsed.is_none() {
                parsed = Some(serde_json::from_str::<Value>(body).ok()?);
            }
            let value = parsed.as_ref().and_then(|body| look_up(body, path));
            value.iter().for_each(|value| key.push_str(&text_of(value)));
            rest = after;
        } else {
            let mut characters = rest.chars();
            key.extend(characters.next());
            rest = characters.as_str();
        }
    }
    Some(key)
}

/// `$request.body.path` or `${request.body.path}` at the beginning, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix("${") {
        let (name, after) = inside.split_once('}')?;
        return Some((name.strip_prefix("request.body")?, after));
    }
    let path = text.strip_prefix("$request.body")?;
    let end = path
        .find(|c: char| !(c.is_ascii_alphanumeric() || "._-[]".contains(c)))
        .unwrap_or(path.len());
    Some(path.split_at(end))
}

fn look_up<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = body;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        value = match part.strip_suffix(']') {
            Some(index) => value.get(index.parse::<usize>().ok()?)?,
            None => value.get(part)?,
        };
    }
    Some(value)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text_of).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_be_nested_and_lead_through_arrays() {
        let body = r#"{"a":{"b":[7,{"c":"deep"}]}}"#;
        assert_eq!(select("$request.body.a.b[0]", body).as_deref(), Some("7"));
        assert_eq!(
            select("$request.body.a.b[1].c", body).as_deref(),
            Some("deep")
        );
    }

    #[test]
    fn a_composite_expression_keeps_its_static_text() {
        let body = r#"{"a":"x","b":"y"}"#;
        let expression = "${request.body.a}-${request.body.b}";
        assert_eq!(select(expression, body).as_deref(), Some("x-y"));
        assert_eq!(
            select(expression, r#"{"a":"join"}"#).as_deref(),
            Some("join-")
        );
        assert_eq!(select("v1/$request.body.a", body).as_deref(), Some("v1/x"));
    }

    #[test]
    fn values_that_are_not_text_become_text() {
        let select = |body| select("$request.body.action", body);
        assert_eq!(select(r#"{"action":7}"#).as_deref(), Some("7"));
        assert_eq!(select(r#"{"action":null}"#).as_deref(), Some("null"));
        assert_eq!(select(r#"{"action":true}"#).as_deref(), Some("true"));
        assert_eq!(select(r#"{"action":["a",1]}"#).as_deref(), Some("[a, 1]"));
        assert_eq!(select(r#"{"other":1}"#).as_deref(), Some(""));
        assert_eq!(select("no JSON"), None);
    }

    #[test]
    fn an_escaped_dollar_is_a_dollar() {
        assert_eq!(
            select("\\$default", "anything").as_deref(),
            Some("$default")
        );
    }
}
