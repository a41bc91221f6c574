//! Which rights an operation needs on which tables, for callers that are role sessions.
//!
//! Transactions have no action of their own: each item needs the action of its kind.

use serde_json::{Map, Value};

use crate::wire::has_tags;

/// An action and the resource that it touches: a table's name, or `table/index/name`, or `*`.
pub(super) type RequiredAction = (String, String);

/// Everything that the caller must be allowed.
pub(super) fn needs(operation: &str, body: &Map<String, Value>) -> Vec<RequiredAction> {
    match operation {
        "ListTables" | "DescribeLimits" | "DescribeEndpoints" => {
            vec![(action(operation), "*".to_owned())]
        }
        "TransactWriteItems" => transact(
            body,
            &[
                ("Put", "PutItem"),
                ("Update", "UpdateItem"),
                ("Delete", "DeleteItem"),
                ("ConditionCheck", "ConditionCheckItem"),
            ],
        ),
        "TransactGetItems" => transact(body, &[("Get", "GetItem")]),
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body.get("RequestItems").and_then(Value::as_object);
            let names = tables.into_iter().flat_map(Map::keys);
            names
                .map(|name| (action(operation), name.clone()))
                .collect()
        }
        "TagResource" | "UntagResource" | "ListTagsOfResource" => {
            let arn = text(body, "ResourceArn");
            let table = arn.rsplit_once("table/").map_or(arn, |(_, name)| name);
            vec![(action(operation), table.to_owned())]
        }
        "CreateTable" => {
            let table = text(body, "TableName").to_owned();
            let tagging = has_tags(body.get("Tags")).then(|| action("TagResource"));
            let actions = std::iter::once(action(operation)).chain(tagging);
            actions.map(|action| (action, table.clone())).collect()
        }
        _ => {
            let table = text(body, "TableName");
            let resource = match body.get("IndexName").and_then(Value::as_str) {
                Some(index) => format!("{table}/index/{index}"),
                None => table.to_owned(),
            };
            vec![(action(operation), resource)]
        }
    }
}

fn action(operation: &str) -> String {
    format!("dynamodb:{operation}")
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn transact(body: &Map<String, Value>, kinds: &[(&str, &str)]) -> Vec<RequiredAction> {
    let items = body
        .get("TransactItems")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut needs: Vec<RequiredAction> = items
        .flat_map(|item| {
            kinds.iter().filter_map(|(kind, operation)| {
                Some((
                    action(operation),
                    text(item.get(*kind)?.as_object()?, "TableName").to_owned(),
                ))
            })
        })
        .collect();
    needs.sort();
    needs.dedup();
    needs
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(operation: &str, body: Value) -> Vec<RequiredAction> {
        needs(operation, body.as_object().unwrap())
    }

    #[test]
    fn a_transaction_needs_the_action_of_each_item() {
        let body = json!({"TransactItems": [
            {"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "t"}}, {"Put": {"TableName": "t"}}]});
        assert_eq!(
            of("TransactWriteItems", body),
            [
                ("dynamodb:ConditionCheckItem".to_owned(), "t".to_owned()),
                ("dynamodb:PutItem".to_owned(), "t".to_owned()),
            ]
        );
    }

    #[test]
    fn a_table_that_is_made_with_tags_needs_the_right_to_tag() {
        let body = json!({"TableName": "t", "Tags": [{"Key": "k", "Value": "v"}]});
        assert_eq!(
            of("CreateTable", body),
            [
                ("dynamodb:CreateTable".to_owned(), "t".to_owned()),
                ("dynamodb:TagResource".to_owned(), "t".to_owned()),
            ]
        );
    }

    #[test]
    fn a_query_of_an_index_needs_the_index() {
        let body = json!({"TableName": "t", "IndexName": "i"});
        assert_eq!(
            of("Query", body),
            [("dynamodb:Query".to_owned(), "t/index/i".to_owned())]
        );
    }
}
