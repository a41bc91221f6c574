//! The route selection expression: `$request.body.action`, nested, composite, with static text.
//!
//! | expression | body | key |
//! |---|---|---|
//! | `$request.body.action` | `{"action":"join"}` | `join` |
//! | `$request.body.a.b[0]` | `{"a":{"b":[7]}}` | `7` |
//! | `${request.body.a}-${request.body.b}` | `{"a":"x"}` | `x-` |
//! | `\$default` | anything | `$default` |
//! | `$request.body.a[*].b` | `{"a":[{"b":1},{"b":2}]}` | `[1, 2]` |
//!
//! The result is always text, evaluated once. A message that is not JSON goes to `$default`, whatever
//! the expression is.
//!
//! Uncertain: AWS's documents say that the result is always text, and recent captures show `null`, `7`
//! and `true` as keys; older notes say that values which are not text go to `$default`. We follow the
//! documents. An object becomes compact JSON, which nobody has recorded.

use serde_json::Value;

/// The route key for a message; `None` if the message is not JSON.
pub(super) fn select(expression: &str, body: &str) -> Option<String> {
    let parsed = serde_json::from_str::<Value>(body).ok()?;
    Some(evaluate(expression, &parsed))
}

/// The text of an expression over a body.
pub(super) fn evaluate(expression: &str, body: &Value) -> String {
    let mut key = String::new();
    let mut rest = expression;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("\\$") {
            key.push('$');
            rest = after;
        } else if let Some((path, after)) = variable(rest) {
            if let Some(value) = look_up(body, path) {
                key.push_str(&text_of(&value));
            }
            rest = after;
        } else {
            let mut characters = rest.chars();
            key.extend(characters.next());
            rest = characters.as_str();
        }
    }
    key
}

/// `$request.body.path` or `${request.body.path}` at the beginning, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix("${") {
        let (name, after) = inside.split_once('}')?;
        return Some((name.strip_prefix("request.body")?, after));
    }
    let path = text.strip_prefix("$request.body")?;
    let mut bracket = false;
    let end = path.find(|c: char| {
        bracket = (bracket || c == '[') && c != ']';
        !(bracket || c.is_ascii_alphanumeric() || "._-]".contains(c))
    });
    Some(path.split_at(end.unwrap_or(path.len())))
}

/// The value at a path such as `.a.b[0]['c'][*].d`; with a wildcard a list.
pub(super) fn look_up(body: &Value, path: &str) -> Option<Value> {
    let mut found = vec![body];
    let mut many = false;
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        let (name, is_index) = match part.strip_suffix(']') {
            Some(inside) => (inside, true),
            None => (part, false),
        };
        many |= name == "*";
        found = found
            .into_iter()
            .flat_map(|value| step(value, name, is_index))
            .collect();
    }
    match found.as_slice() {
        _ if many => Some(found.into_iter().cloned().collect()),
        [single] => Some((*single).clone()),
        _ => None,
    }
}

fn step<'a>(value: &'a Value, name: &str, is_index: bool) -> Vec<&'a Value> {
    let quoted = |sign: char| name.strip_prefix(sign)?.strip_suffix(sign);
    let one = match (name, value) {
        ("*", Value::Array(items)) => return items.iter().collect(),
        ("*", Value::Object(members)) => return members.values().collect(),
        _ if is_index => match quoted('\'').or_else(|| quoted('"')) {
            Some(name) => value.get(name),
            None => name
                .parse::<usize>()
                .ok()
                .and_then(|index| value.get(index)),
        },
        _ => value.get(name),
    };
    one.into_iter().collect()
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
    fn a_path_may_have_names_in_brackets_and_wildcards() {
        let body = r#"{"a":[{"b":1},{"b":"x"},{"c":2}],"n-m":{"o p":"q"}}"#;
        let select = |expression| select(expression, body);
        assert_eq!(select("$request.body.a[*].b").as_deref(), Some("[1, x]"));
        assert_eq!(select("$request.body['n-m']['o p']").as_deref(), Some("q"));
        assert_eq!(
            select("$request.body.n-m/x").as_deref(),
            Some(r#"{"o p":"q"}/x"#)
        );
        assert_eq!(select("$request.body.a[9].b").as_deref(), Some(""));
    }

    #[test]
    fn an_escaped_dollar_is_a_dollar() {
        assert_eq!(select("\\$default", "{}").as_deref(), Some("$default"));
        assert_eq!(select("a\\$b", "1").as_deref(), Some("a$b"));
    }

    #[test]
    fn a_message_that_is_not_json_selects_nothing_even_when_the_text_is_fixed() {
        assert_eq!(select("join", "no JSON"), None);
        assert_eq!(select("join", "{}").as_deref(), Some("join"));
    }

    #[test]
    fn the_result_is_not_evaluated_again() {
        let body = r#"{"a":"$request.body.b","b":"never"}"#;
        let selected = select("$request.body.a", body);
        assert_eq!(selected.as_deref(), Some("$request.body.b"));
    }
}
