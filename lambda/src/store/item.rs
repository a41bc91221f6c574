//! Values and rows in DynamoDB's form.

use serde_json::{Value, json};

use super::Listed;
use crate::chat::Member;
use crate::clock::Millis;
use crate::names::Name;

pub(super) fn string(text: &str) -> Value {
    json!({ "S": text })
}

pub(super) fn number(n: u64) -> Value {
    json!({ "N": n.to_string() })
}

pub(super) fn text(item: &Value, key: &str) -> Option<String> {
    item[key]["S"].as_str().map(str::to_owned)
}

pub(super) fn integer(item: &Value, key: &str) -> u64 {
    item[key]["N"]
        .as_str()
        .and_then(|n| n.parse().ok())
        .unwrap_or_default()
}

/// DynamoDB removes what has expired up to days later.
pub(super) fn is_live(item: &Value, now: Millis) -> bool {
    integer(item, "expires") > now.secs()
}

pub(super) fn member(item: &Value) -> Member {
    let name = text(item, "shown").zip(text(item, "fold"));
    Member {
        name: name.map(|(shown, key)| Name { shown, key }),
        count: integer(item, "cnt"),
        strikes: integer(item, "strikes"),
        struck_at: integer(item, "struck"),
    }
}

pub(super) fn listed(item: &Value) -> Option<Listed> {
    Some(Listed {
        connection: text(item, "sk")?,
        shown: text(item, "shown")?,
        since: integer(item, "since"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_another_shape_is_a_member_without_a_name() {
        assert_eq!(member(&Value::Null), Member::default());
        assert_eq!(member(&json!({"shown": {"S": "A"}})).name, None);
    }
}
