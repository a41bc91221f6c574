//! The queue of what is to be announced: one item, with the texts in a list and the lease beside them.
//!
//! | attribute | |
//! |---|---|
//! | `pending` | the texts, in the order in which they came |
//! | `holder` `lease` | who announces, and until when (milliseconds) nobody else may |
//!
//! What surprises: a text is taken out only after it was announced, so a request that is killed loses none.
//! An item takes a thousand small writes a second; the queue stays short, because it is emptied in rounds.

use serde_json::{Value, json};

use super::item::{number, string};
use super::wire::{Dynamo, Fault};
use super::{Lease, StoreError};

/// Texts returned at once. Their removal is one expression, which may have 4 KB.
const BATCH: usize = 200;
/// Handing in meets a lease that was taken or given back in between.
const TRIES: u32 = 8;

pub(super) async fn hand_in(
    dynamo: &Dynamo,
    table: &str,
    text: &str,
    lease: &Lease,
) -> Result<Option<Vec<String>>, StoreError> {
    let append = "SET pending = list_append(if_not_exists(pending, :none), :text)";
    let mut values = json!({ ":none": {"L": []}, ":text": {"L": [string(text)]},
        ":now": number(lease.now.0) });
    let hand_over = update(
        table,
        append,
        "attribute_exists(holder) AND lease > :now",
        &values,
    );
    values[":me"] = string(&lease.holder);
    values[":until"] = number(lease.until.0);
    let take = update(
        table,
        &format!("{append}, holder = :me, lease = :until"),
        "attribute_not_exists(holder) OR lease <= :now",
        &values,
    );
    for _ in 0..TRIES {
        if let Some(answer) = attempt(dynamo, &take).await? {
            return Ok(Some(pending(&answer)));
        }
        if attempt(dynamo, &hand_over).await?.is_some() {
            return Ok(None);
        }
    }
    Err(StoreError(
        "DynamoDB: the lease of the announcements keeps changing".into(),
    ))
}

pub(super) async fn announced(
    dynamo: &Dynamo,
    table: &str,
    done: usize,
    lease: &Lease,
) -> Result<Option<Vec<String>>, StoreError> {
    let me = string(&lease.holder);
    let give_back = update(
        table,
        "REMOVE pending, holder, lease",
        "holder = :me AND size(pending) = :done",
        &json!({ ":me": me, ":done": number(done as u64) }),
    );
    if attempt(dynamo, &give_back).await?.is_some() {
        return Ok(Some(Vec::new()));
    }
    let first: Vec<String> = (0..done).map(|n| format!("pending[{n}]")).collect();
    let remove = if done > 0 { " REMOVE " } else { "" };
    let go_on = update(
        table,
        &format!("SET lease = :until{remove}{}", first.join(", ")),
        "holder = :me",
        &json!({ ":me": me, ":until": number(lease.until.0) }),
    );
    let answer = attempt(dynamo, &go_on).await?;
    Ok(answer.map(|answer| pending(&answer)))
}

/// The answer, or nothing if the condition was not met.
async fn attempt(dynamo: &Dynamo, request: &Value) -> Result<Option<Value>, StoreError> {
    match dynamo.call("UpdateItem", request.clone()).await {
        Ok(answer) => Ok(Some(answer)),
        Err(Fault::Condition) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

fn update(table: &str, expression: &str, condition: &str, values: &Value) -> Value {
    json!({
        "TableName": table,
        "Key": { "pk": string("Q"), "sk": string("Q") },
        "UpdateExpression": expression,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ReturnValues": "ALL_NEW",
    })
}

fn pending(answer: &Value) -> Vec<String> {
    let texts = answer["Attributes"]["pending"]["L"].as_array();
    let text = |value: &Value| value["S"].as_str().unwrap_or_default().to_owned();
    texts.into_iter().flatten().take(BATCH).map(text).collect()
}
