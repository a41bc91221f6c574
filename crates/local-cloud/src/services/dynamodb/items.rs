//! Operations on items, where the engine differs from DynamoDB.

use serde_json::{Map, Value, json};

use super::{TableCall, TableError, TableResult, Tables, checks, not_found, rights};

impl Tables {
    /// Items of a table that is not active yet are answered as if there were no table.
    pub(super) fn items(&self, call: &TableCall<'_>) -> TableResult {
        let body = Value::Object(call.body.clone()).to_string();
        let state = self.lock();
        let now_ms = self.now_ms();
        let fresh = |name: &String| {
            state
                .tables
                .get(name)
                .is_some_and(|life| life.active_ms > now_ms)
        };
        if rights::needs(call.operation, &call.body)
            .iter()
            .any(|(_, table)| fresh(table))
        {
            return Err(not_found("Requested resource not found").into());
        }
        drop(state);
        self.index_keys(call)?;
        let was_there = !Self::returns_old(call) || self.is_there(call);
        let answer = self.ask(call.operation, &body)?;
        // For an item that the update made, the engine returns its key, and DynamoDB nothing.
        Ok(if was_there {
            answer
        } else {
            without_attributes(&answer)
        })
    }

    /// Only items with a long attribute need the table's indexes.
    fn index_keys(&self, call: &TableCall<'_>) -> Result<(), TableError> {
        if !checks::has_long_attributes(&call.body) {
            return Ok(());
        }
        let body = json!({ "TableName": call.table() }).to_string();
        let described = self.ask("DescribeTable", &body)?;
        let described: Value = serde_json::from_str(&described).unwrap_or_default();
        Ok(checks::index_keys(&call.body, &described["Table"])?)
    }

    fn returns_old(call: &TableCall<'_>) -> bool {
        call.operation == "UpdateItem"
            && call.body.get("ReturnValues").and_then(Value::as_str) == Some("ALL_OLD")
    }

    fn is_there(&self, call: &TableCall<'_>) -> bool {
        let key = call.body.get("Key");
        let body =
            json!({"TableName": call.table(), "Key": key, "ConsistentRead": true}).to_string();
        // A key that is refused here is refused again by the update.
        let answer = self.ask("GetItem", &body).unwrap_or_default();
        serde_json::from_str::<Value>(&answer).is_ok_and(|found| found.get("Item").is_some())
    }
}

fn without_attributes(answer: &str) -> String {
    let mut value: Map<String, Value> = serde_json::from_str(answer).unwrap_or_default();
    value.remove("Attributes");
    Value::Object(value).to_string()
}
