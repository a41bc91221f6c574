//! DynamoDB over the wire: signed JSON 1.0 requests, and what its errors mean.
//!
//! Busy answers (throttling, a transaction in the way, a broken connection) are tried again here,
//! with growing, random waits, so that the modules above see only final answers.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::StoreError;
use crate::clock::Millis;
use crate::http::{Endpoint, Http};
use crate::sign::{Call, Signer, sha256_hex};

const CALL_LIMIT: Duration = Duration::from_secs(3);
const MAX_TRIES: u32 = 9;
const FIRST_WAIT_MS: u64 = 15;
const LONGEST_WAIT_MS: u64 = 500;

/// An answer that is not success, and that trying again would not change.
#[derive(Debug)]
pub enum Fault {
    /// A condition of a single write was not met.
    Condition,
    /// A transaction was cancelled; one reason for each of its actions, in their order.
    Cancelled(Vec<Reason>),
    /// Everything else.
    Other(StoreError),
}

/// Why one action of a transaction did not happen.
#[derive(Clone, Debug, Default)]
pub struct Reason {
    /// Its condition was not met.
    pub condition: bool,
    /// The item that stood in the way, if the action asked for it.
    pub item: Value,
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Condition => Self("DynamoDB: a condition failed unexpectedly".into()),
            Fault::Cancelled(_) => {
                Self("DynamoDB: a transaction was cancelled unexpectedly".into())
            }
            Fault::Other(error) => error,
        }
    }
}

/// A connection to one DynamoDB.
#[derive(Debug)]
pub struct Dynamo {
    http: Http,
    endpoint: Endpoint,
    signer: Signer,
}

impl Dynamo {
    /// Nothing is sent yet.
    pub fn new(http: Http, endpoint: Endpoint, signer: Signer) -> Self {
        Self {
            http,
            endpoint,
            signer,
        }
    }

    /// Does one operation. A `ClientRequestToken` of the body is renewed whenever the last try is
    /// known to have had no effect, and kept when that is unknown.
    pub async fn call(&self, operation: &str, mut body: Value) -> Result<Value, Fault> {
        let mut tries = 0;
        loop {
            let bytes = Bytes::from(body.to_string());
            let verdict = self.once(operation, bytes).await;
            tries += 1;
            match verdict {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(fault)) => return Err(fault),
                Err(Failure::Busy { why, no_effect }) => {
                    if tries >= MAX_TRIES {
                        return Err(other(operation, &why));
                    }
                    if no_effect && body.get("ClientRequestToken").is_some() {
                        body["ClientRequestToken"] = token().into();
                    }
                    wait(tries).await;
                }
            }
        }
    }

    async fn once(&self, operation: &str, body: Bytes) -> Result<Value, Failure> {
        let target = format!("DynamoDB_20120810.{operation}");
        let path = if self.endpoint.path.is_empty() {
            "/"
        } else {
            &self.endpoint.path
        };
        let call = Call {
            method: "POST",
            host: &self.endpoint.host,
            path,
            headers: &[
                ("content-type", "application/x-amz-json-1.0"),
                ("x-amz-target", &target),
            ],
            body_hash: &sha256_hex(&body),
        };
        let url = self.endpoint.url(path);
        let request = self
            .signer
            .request(&call, &url, body, Millis::now())
            .map_err(|e| Failure::Final(other(operation, &e.to_string())))?;
        let (status, answer) =
            self.http
                .send(request, CALL_LIMIT)
                .await
                .map_err(|e| Failure::Busy {
                    why: e.to_string(),
                    no_effect: false,
                })?;
        let value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        if status.is_success() {
            Ok(value)
        } else {
            Err(failure(operation, status.as_u16(), &value))
        }
    }
}

/// A random token that makes a transaction safe to repeat.
pub fn token() -> String {
    format!("{:032x}", fastrand::u128(..))
}

enum Failure {
    Busy { why: String, no_effect: bool },
    Final(Fault),
}

fn failure(operation: &str, status: u16, error: &Value) -> Failure {
    let kind = error["__type"].as_str().unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let busy = |no_effect| Failure::Busy {
        why: format!("{status} {kind}"),
        no_effect,
    };
    match kind {
        "ConditionalCheckFailedException" => Failure::Final(Fault::Condition),
        "TransactionCanceledException" => {
            let codes = codes(error);
            if !codes.iter().any(|code| code == "ConditionalCheckFailed")
                && codes.iter().all(|code| is_passing(code))
            {
                return busy(true);
            }
            Failure::Final(Fault::Cancelled(reasons(error, &codes)))
        }
        "ThrottlingException"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "TransactionConflictException"
        | "ReplicatedWriteConflictException" => busy(true),
        "TransactionInProgressException" | "InternalServerError" => busy(false),
        _ if status >= 500 => busy(false),
        _ => Failure::Final(other(operation, &refused(status, kind, error))),
    }
}

/// Reasons that pass by themselves.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "None" | "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded"
    )
}

/// The codes of a cancelled transaction. DynamoDB has them in a list of its own; some emulators only
/// in the sentence, "… specific reasons [None, ConditionalCheckFailed]".
fn codes(error: &Value) -> Vec<String> {
    if let Some(reasons) = error["CancellationReasons"].as_array() {
        let code = |reason: &Value| reason["Code"].as_str().unwrap_or("None").to_owned();
        return reasons.iter().map(code).collect();
    }
    let sentence = error["message"]
        .as_str()
        .or(error["Message"].as_str())
        .unwrap_or_default();
    let list = sentence.rsplit_once('[').map_or("", |(_, rest)| rest);
    let list = list.split_once(']').map_or(list, |(list, _)| list);
    list.split(',').map(|code| code.trim().to_owned()).collect()
}

fn reasons(error: &Value, codes: &[String]) -> Vec<Reason> {
    let reason = |(i, code): (usize, &String)| Reason {
        condition: code == "ConditionalCheckFailed",
        item: error["CancellationReasons"][i]["Item"].clone(),
    };
    codes.iter().enumerate().map(reason).collect()
}

/// DynamoDB's own words only where they help and cannot hold what a client sent.
fn refused(status: u16, kind: &str, error: &Value) -> String {
    let told = matches!(
        kind,
        "AccessDeniedException"
            | "ResourceNotFoundException"
            | "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "InvalidSignatureException"
    );
    let words = error["message"]
        .as_str()
        .or(error["Message"].as_str())
        .filter(|_| told);
    let words: String = words.unwrap_or_default().chars().take(300).collect();
    format!("{status} {kind} {words}").trim_end().to_owned()
}

fn other(operation: &str, why: &str) -> Fault {
    Fault::Other(StoreError(format!("DynamoDB {operation}: {why}")))
}

async fn wait(tries: u32) {
    let most = (FIRST_WAIT_MS << tries.min(10)).min(LONGEST_WAIT_MS);
    tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=most))).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cancelled(error: &Value) -> Option<Vec<bool>> {
        match failure("TransactWriteItems", 400, error) {
            Failure::Final(Fault::Cancelled(reasons)) => {
                Some(reasons.iter().map(|reason| reason.condition).collect())
            }
            _ => None,
        }
    }

    #[test]
    fn reasons_of_a_cancelled_transaction_are_read_from_the_list_or_the_sentence() {
        let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
        let list = json!({"__type": kind, "CancellationReasons": [
            {"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"conn": {"S": "c"}}}]});
        assert_eq!(cancelled(&list), Some(vec![false, true]));
        let sentence = json!({"__type": kind,
            "Message": "Transaction cancelled, … reasons [ConditionalCheckFailed, None]"});
        assert_eq!(cancelled(&sentence), Some(vec![true, false]));
    }

    #[test]
    fn a_conflict_alone_passes_and_a_failed_condition_does_not() {
        let kind = "TransactionCanceledException";
        let conflict = json!({"__type": kind, "CancellationReasons": [
            {"Code": "TransactionConflict"}, {"Code": "None"}]});
        assert!(matches!(
            failure("x", 400, &conflict),
            Failure::Busy {
                no_effect: true,
                ..
            }
        ));
        let both = json!({"__type": kind, "CancellationReasons": [
            {"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed"}]});
        assert_eq!(cancelled(&both), Some(vec![false, true]));
    }

    #[test]
    fn only_words_that_help_the_operator_are_repeated() {
        let text = |kind: &str| match failure(
            "Query",
            400,
            &json!({"__type": kind, "message": "words"}),
        ) {
            Failure::Final(Fault::Other(StoreError(text))) => text,
            _ => String::new(),
        };
        assert_eq!(
            text("x#AccessDeniedException"),
            "DynamoDB Query: 400 AccessDeniedException words"
        );
        assert_eq!(
            text("x#ValidationException"),
            "DynamoDB Query: 400 ValidationException"
        );
    }
}
