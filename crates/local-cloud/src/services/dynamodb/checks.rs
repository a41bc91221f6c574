//! What DynamoDB refuses and the engine would accept, or refuses with another message.
//!
//! Each check is known from a recording of AWS. The engine checks all the rest.

use serde_json::{Map, Value};

use super::tokens;
use super::{ServiceError, validation};

type JsonBody = Map<String, Value>;
type Check = Result<(), ServiceError>;

const FUNCTIONS: [&str; 8] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "if_not_exists",
    "list_append",
    "size",
];
const EXPRESSIONS: [&str; 5] = [
    "KeyConditionExpression",
    "FilterExpression",
    "ConditionExpression",
    "UpdateExpression",
    "ProjectionExpression",
];
/// Members of CreateTable and UpdateTable that the engine would accept and ignore, or refuse by another name.
const NOT_HERE: [(&str, &str); 7] = [
    ("WarmThroughput", "with warm throughput"),
    ("ResourcePolicy", "with a resource policy"),
    ("ReplicaUpdates", "with replicas in other regions"),
    (
        "GlobalTableWitnessUpdates",
        "with replicas in other regions",
    ),
    ("MultiRegionConsistency", "with replicas in other regions"),
    ("GlobalTableSourceArn", "with replicas in other regions"),
    (
        "GlobalTableSettingsReplicationMode",
        "with replicas in other regions",
    ),
];
/// Bytes of one key attribute.
const HASH_LIMIT: usize = 2048;
const RANGE_LIMIT: usize = 1024;

/// Checks the body alone.
pub(super) fn body(operation: &str, body: &JsonBody) -> Check {
    match operation {
        "CreateTable" | "UpdateTable" => {
            key_types(body)?;
            not_followed(body)
        }
        "BatchGetItem" => batch_names(body),
        "TransactWriteItems" | "TransactGetItems" => transact(body),
        "PutItem" | "UpdateItem" | "DeleteItem" => {
            empty_sets(body)?;
            // DynamoDB puts its validation prefix before the message on single writes.
            expressions(body).map_err(|mut error| {
                error.message = format!("1 validation error detected: {}", error.message);
                error
            })
        }
        "Query" => {
            key_operands(body)?;
            expressions(body)
        }
        "Scan" | "GetItem" => expressions(body),
        _ => Ok(()),
    }
}

/// Whether a put could break the limit of an index' key, so that its table has to be read.
pub(super) fn has_long_attributes(body: &JsonBody) -> bool {
    let item = body.get("Item").and_then(Value::as_object);
    item.is_some_and(|item| item.values().any(|value| size(value) > RANGE_LIMIT))
}

/// An item's attributes that are keys of an index must be short enough for that.
pub(super) fn index_keys(body: &JsonBody, table: &Value) -> Check {
    for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let indexes = table[kind].as_array().into_iter().flatten();
        let keys = indexes.flat_map(|index| index["KeySchema"].as_array().into_iter().flatten());
        for key in keys {
            let name = key["AttributeName"].as_str().unwrap_or_default();
            let (limit, what) = match key["KeyType"].as_str() {
                Some("HASH") => (
                    HASH_LIMIT,
                    "Size of hashkey has exceeded the maximum size limit of2048 bytes",
                ),
                _ => (
                    RANGE_LIMIT,
                    "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
                ),
            };
            let value = body.get("Item").and_then(|item| item.get(name));
            if value.is_some_and(|value| size(value) > limit) {
                let words = format!("One or more parameter values were invalid: {what}");
                return Err(validation(&words));
            }
        }
    }
    Ok(())
}

/// The bytes of a text, or about those of a base64 value.
fn size(value: &Value) -> usize {
    let text = value["S"].as_str().map(str::len);
    let binary = || value["B"].as_str().map(|text| text.len() / 4 * 3);
    text.or_else(binary).unwrap_or(0)
}

fn key_types(body: &JsonBody) -> Check {
    schema(body, "")?;
    for (member, field) in [
        ("GlobalSecondaryIndexes", "globalSecondaryIndexes"),
        ("LocalSecondaryIndexes", "localSecondaryIndexes"),
    ] {
        let indexes = body.get(member).and_then(Value::as_array);
        for (at, index) in (1..).zip(indexes.into_iter().flatten()) {
            if let Some(index) = index.as_object() {
                schema(index, &format!("{field}.{at}.member."))?;
            }
        }
    }
    Ok(())
}

/// Refuses what the engine would accept and ignore.
fn not_followed(body: &JsonBody) -> Check {
    let not_here = |what: &str| Err(ServiceError::not_here("dynamodb", what));
    let indexes = body.get("GlobalSecondaryIndexes").and_then(Value::as_array);
    let mut indexes = indexes.into_iter().flatten();
    if indexes.any(|one| !one["WarmThroughput"].is_null()) {
        return not_here("with warm throughput");
    }
    let given = |member: &str| body.get(member).is_some_and(|value| !value.is_null());
    if let Some((_, what)) = NOT_HERE.iter().find(|(member, _)| given(member)) {
        return not_here(what);
    }
    if body
        .get("StreamSpecification")
        .is_some_and(|stream| stream["StreamEnabled"] == true)
    {
        return not_here("with a stream");
    }
    let updates = body
        .get("GlobalSecondaryIndexUpdates")
        .and_then(Value::as_array);
    if updates
        .into_iter()
        .flatten()
        .any(|update| !update["Update"].is_null())
    {
        return not_here("UpdateTable with another throughput of an index");
    }
    Ok(())
}

fn schema(owner: &JsonBody, place: &str) -> Check {
    let keys = owner.get("KeySchema").and_then(Value::as_array);
    for (at, key) in (1..).zip(keys.into_iter().flatten()) {
        if let Some(kind) = key["KeyType"]
            .as_str()
            .filter(|kind| !["HASH", "RANGE"].contains(kind))
        {
            return Err(validation(&format!(
                "1 validation error detected: Value '{kind}' at '{place}keySchema.{at}.member.keyType' failed to satisfy constraint: Member must satisfy enum value set: [HASH, RANGE]"
            )));
        }
    }
    Ok(())
}

/// Names that a batch declares and does not use are refused before its tables are read.
fn batch_names(body: &JsonBody) -> Check {
    let tables = body.get("RequestItems").and_then(Value::as_object);
    for table in tables.into_iter().flat_map(Map::values) {
        let projection = table["ProjectionExpression"].as_str().unwrap_or_default();
        let used: Vec<_> = tokens::words(projection)
            .into_iter()
            .flat_map(|word| word.split('.'))
            .collect();
        let names = table["ExpressionAttributeNames"].as_object();
        let unused = names.into_iter().flat_map(Map::keys);
        let unused: Vec<_> = unused
            .filter(|name| !used.contains(&name.as_str()))
            .cloned()
            .collect();
        if !projection.is_empty() && !unused.is_empty() {
            let words = "Value provided in ExpressionAttributeNames unused in expressions: keys";
            return Err(validation(&format!("{words}: {{{}}}", unused.join(", "))));
        }
    }
    Ok(())
}

fn transact(body: &JsonBody) -> Check {
    let items = body.get("TransactItems").and_then(Value::as_array);
    let actions = items.into_iter().flatten().filter_map(Value::as_object);
    for action in actions.flat_map(Map::values).filter_map(Value::as_object) {
        for member in ["ExpressionAttributeNames", "ExpressionAttributeValues"] {
            let given = action.get(member).and_then(Value::as_object);
            if given.is_some_and(Map::is_empty) {
                return Err(validation(&format!("{member} must not be empty")));
            }
        }
        expressions(action)?;
    }
    Ok(())
}

/// Function names are case-sensitive, and BETWEEN needs ordered types.
fn expressions(body: &JsonBody) -> Check {
    for kind in EXPRESSIONS {
        let Some(text) = body.get(kind).and_then(Value::as_str) else {
            continue;
        };
        let misspelt = |name: &&str| {
            let known = FUNCTIONS
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known));
            known && !FUNCTIONS.contains(name)
        };
        if let Some(name) = tokens::functions(text).into_iter().find(misspelt) {
            let words = format!("Invalid {kind}: Invalid function name; function: {name}");
            return Err(validation(&words));
        }
        for operand in tokens::ranges(text).into_iter().flatten() {
            let value = body
                .get("ExpressionAttributeValues")
                .and_then(|all| all.get(operand));
            let kind_of_value = value
                .and_then(Value::as_object)
                .and_then(|one| one.keys().next());
            if let Some(type_name) = kind_of_value.and_then(|name| unordered(name)) {
                return Err(validation(&format!(
                    "Invalid {kind}: Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: {type_name}"
                )));
            }
        }
    }
    Ok(())
}

/// AWS's name of a type without an order; `None` for an ordered one.
fn unordered(descriptor: &str) -> Option<&'static str> {
    match descriptor {
        "NULL" => Some("NULL"),
        "BOOL" => Some("BOOLEAN"),
        "M" => Some("MAP"),
        "L" => Some("LIST"),
        "SS" => Some("STRING_SET"),
        "NS" => Some("NUMBER_SET"),
        "BS" => Some("BINARY_SET"),
        _ => None,
    }
}

/// A key is compared with a value that is not empty.
fn key_operands(body: &JsonBody) -> Check {
    let text = body.get("KeyConditionExpression").and_then(Value::as_str);
    for [name, _, operand] in tokens::comparisons(text.unwrap_or_default()) {
        let value = body
            .get("ExpressionAttributeValues")
            .and_then(|all| all.get(operand));
        if value.is_some_and(|value| value["S"] == "" || value["B"] == "") {
            let names = body.get("ExpressionAttributeNames");
            let name = names.and_then(|names| names[name].as_str()).unwrap_or(name);
            return Err(validation(&format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
            )));
        }
    }
    Ok(())
}

fn empty_sets(body: &JsonBody) -> Check {
    let values = body
        .get("ExpressionAttributeValues")
        .and_then(Value::as_object);
    for value in values.into_iter().flat_map(Map::values) {
        for (descriptor, name) in [("SS", "string"), ("NS", "number"), ("BS", "binary")] {
            if value[descriptor].as_array().is_some_and(Vec::is_empty) {
                // The two spaces are DynamoDB's own.
                return Err(validation(&format!(
                    "1 validation error detected: One or more parameter values were invalid: An {name} set  may not be empty"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(operation: &str, value: &Value) -> String {
        let checked = body(operation, value.as_object().unwrap());
        checked.map_or_else(|error| error.message, |()| "fine".to_owned())
    }

    #[test]
    fn a_range_takes_what_has_an_order() {
        let scan = |low: Value| {
            json!({"FilterExpression": "price BETWEEN :lo AND :hi",
                "ExpressionAttributeValues": {":lo": low, ":hi": {"N": "9"}}})
        };
        assert_eq!(words("Scan", &scan(json!({"N": "1"}))), "fine");
        let refused = words("Scan", &scan(json!({"NULL": true})));
        assert!(
            refused.ends_with("function: BETWEEN, operand type: NULL"),
            "{refused}"
        );
    }

    #[test]
    fn functions_are_spelt_in_lower_case_and_keywords_as_one_likes() {
        let query = |text: &str| json!({"KeyConditionExpression": text});
        assert_eq!(
            words("Query", &query("a = :a And begins_with(b, :b)")),
            "fine"
        );
        assert_eq!(
            words("Query", &query("a = :a AND BegIns_WiTh(b, :b)")),
            "Invalid KeyConditionExpression: Invalid function name; function: BegIns_WiTh"
        );
    }

    #[test]
    fn a_key_is_not_empty() {
        let query = json!({"KeyConditionExpression": "#k = :v",
            "ExpressionAttributeNames": {"#k": "hk"}, "ExpressionAttributeValues": {":v": {"S": ""}}});
        assert!(words("Query", &query).ends_with("empty string value. Key: hk"));
    }

    #[test]
    fn empty_maps_in_transactions_and_empty_sets_in_writes_are_refused() {
        let put = json!({"TransactItems": [{"Put": {"ExpressionAttributeValues": {}}}]});
        let refused = words("TransactWriteItems", &put);
        assert_eq!(refused, "ExpressionAttributeValues must not be empty");
        let update = json!({"ExpressionAttributeValues": {":s": {"NS": []}}});
        assert!(words("UpdateItem", &update).ends_with("An number set  may not be empty"));
    }

    #[test]
    fn what_would_be_ignored_is_refused_by_name() {
        let stream = |on: bool| json!({"StreamSpecification": {"StreamEnabled": on}});
        assert_eq!(words("CreateTable", &stream(false)), "fine");
        for (table, what) in [
            (stream(true), "a stream"),
            (json!({"ResourcePolicy": "{}"}), "a resource policy"),
            (json!({"ReplicaUpdates": []}), "replicas in other regions"),
            (json!({"WarmThroughput": {}}), "warm throughput"),
        ] {
            let refused = format!("dynamodb with {what} is not part of the local cloud");
            assert_eq!(words("UpdateTable", &table), refused);
        }
    }

    #[test]
    fn an_index_has_limits_of_its_own() {
        let table = json!({"GlobalSecondaryIndexes": [{"KeySchema": [
            {"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}]}]});
        let item = |a: usize, b: usize| json!({"Item": {"a": {"S": "x".repeat(a)}, "b": {"S": "x".repeat(b)}}});
        let check = |item: Value| index_keys(item.as_object().unwrap(), &table);
        assert!(check(item(2048, 1024)).is_ok());
        assert!(check(item(2049, 1)).is_err() && check(item(1, 1025)).is_err());
        assert!(has_long_attributes(item(1, 1025).as_object().unwrap()));
    }
}
