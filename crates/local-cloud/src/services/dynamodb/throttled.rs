//! The error of a throttled call, which a fault can demand.
//!
//! Uncertain: the message is the service model's for a cancelled transaction on a table with on-demand capacity; we
//! chose it for single calls too. Calls about tables themselves have another limit and another message.

use serde_json::{Value, json};

use super::NAMESPACE;
use crate::wire::{Request, Response, ServiceError};

const WORDS: &str = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html.";

/// The error of a throttled call.
pub(crate) fn throttled(request: &Request) -> Response {
    let refused = |words: &str| ServiceError::new(400, "ThrottlingException", words);
    let availability = "com.amazon.coral.availability#";
    match request.operation.as_str() {
        "TransactWriteItems" | "TransactGetItems" => cancelled(request).versioned("1.0", NAMESPACE),
        "Query" | "Scan" | "PutItem" | "GetItem" | "UpdateItem" | "DeleteItem" | "BatchGetItem"
        | "BatchWriteItem" => refused(WORDS).versioned("1.0", availability),
        _ => refused("Rate exceeded").versioned("1.0", availability),
    }
}

/// A transaction's error has a reason for each of its items; here the first one was throttled.
fn cancelled(request: &Request) -> ServiceError {
    let body = request.json().unwrap_or_default();
    let count = body.get("TransactItems").and_then(Value::as_array);
    let count = count.map_or(1, Vec::len).max(1);
    let reason = |index| match index {
        0 => json!({ "Code": "ThrottlingError", "Message": WORDS }),
        _ => json!({ "Code": "None" }),
    };
    let codes: Vec<_> = (0..count)
        .map(|index| {
            if index == 0 {
                "ThrottlingError"
            } else {
                "None"
            }
        })
        .collect();
    let words = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let reasons: Vec<Value> = (0..count).map(reason).collect();
    ServiceError::new(400, "TransactionCanceledException", words)
        .with("CancellationReasons", reasons)
}
