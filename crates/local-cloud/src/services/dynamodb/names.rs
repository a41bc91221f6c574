//! Tables may be named by their ARN; the engine and the policies need the plain name.
//!
//! A batch names its tables as keys of a map, and its answer uses the same keys again.

use serde_json::{Map, Value};

/// A plain name, and what the caller wrote for it.
pub(super) type Given = Vec<(String, String)>;

/// Puts plain names everywhere, and says which keys of a batch were ARNs.
pub(super) fn plain(body: &mut Map<String, Value>) -> Given {
    tables(body);
    let mut given = Given::new();
    if let Some(Value::Object(items)) = body.get_mut("RequestItems") {
        let renamed = std::mem::take(items).into_iter().map(|(name, value)| {
            let plain = of(&name).map(str::to_owned);
            match plain {
                Some(plain) => {
                    given.push((plain.clone(), name));
                    (plain, value)
                }
                None => (name, value),
            }
        });
        *items = renamed.collect();
    }
    given
}

/// The answer of a batch with the keys that the caller used.
pub(super) fn as_given(answer: String, given: &Given) -> String {
    if given.is_empty() {
        return answer;
    }
    let mut value: Value = serde_json::from_str(&answer).unwrap_or_default();
    for member in ["Responses", "UnprocessedKeys", "UnprocessedItems"] {
        let Some(Value::Object(items)) = value.get_mut(member) else {
            continue;
        };
        for (plain, asked) in given {
            if let Some(found) = items.remove(plain) {
                items.insert(asked.clone(), found);
            }
        }
    }
    value.to_string()
}

fn of(name: &str) -> Option<&str> {
    let (arn, table) = name.split_once(":table/")?;
    arn.starts_with("arn:").then_some(table)
}

fn tables(value: &mut Map<String, Value>) {
    for (key, member) in value.iter_mut() {
        match member {
            Value::String(name) if key == "TableName" => {
                if let Some(plain) = of(name) {
                    *name = plain.to_owned();
                }
            }
            // Only transactions name tables deeper down.
            Value::Array(items) if key == "TransactItems" => items
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .flat_map(|item| item.values_mut().filter_map(Value::as_object_mut))
                .for_each(tables),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_by_arn_is_answered_by_arn() {
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/chat";
        let mut body = json!({"RequestItems": {arn: {"Keys": []}, "other": {"Keys": []}}});
        let given = plain(body.as_object_mut().unwrap());
        assert_eq!(body["RequestItems"]["chat"], json!({"Keys": []}));
        let answer = r#"{"Responses":{"chat":[1],"other":[2]}}"#.to_owned();
        let answer: Value = serde_json::from_str(&as_given(answer, &given)).unwrap();
        assert_eq!(answer["Responses"], json!({arn: [1], "other": [2]}));
    }

    #[test]
    fn transactions_name_tables_deeper_down() {
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/chat";
        let mut body = json!({"TransactItems": [{"Put": {"TableName": arn}}]});
        plain(body.as_object_mut().unwrap());
        assert_eq!(body["TransactItems"][0]["Put"]["TableName"], "chat");
    }
}
