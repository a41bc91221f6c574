//! The embedded DynamoDB engine behind our wire: which operations it has, its clock, its errors.
//!
//! The engine speaks DynamoDB's JSON itself; it gets the request's body and returns the
//! response's. Its ARNs have a fixed region and account, which are replaced in answers about tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dynoxide::storage_backend::Clock;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The region and account in the engine's own ARNs, of tables and of keys.
const ENGINE_PLACE: &str = ":dynoxide:000000000000:";

/// An error: status and the JSON body with `__type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableError {
    pub(super) status: u16,
    pub(super) body: String,
}

/// One engine, in memory, on the local cloud's clock.
pub(super) struct Engine {
    database: Database,
    clock: Arc<TableClock>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// The engine's clock: set before every call, because the cloud's clock can be turned.
#[derive(Debug, Default)]
struct TableClock {
    now_ms: AtomicI64,
}

impl Clock for TableClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.now_ms.load(Ordering::Relaxed) / 1000).unwrap_or_default()
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 fit in 53 bits"
    )]
    fn now_unix_secs_f64(&self) -> f64 {
        self.now_ms.load(Ordering::Relaxed) as f64 / 1000.0
    }
}

impl Engine {
    pub(super) fn new() -> Result<Self, DynoxideError> {
        let clock = Arc::new(TableClock::default());
        let database = Database::memory_with_clock(Arc::clone(&clock) as Arc<dyn Clock>)?;
        Ok(Self { database, clock })
    }

    /// Runs one operation; `None` if the engine does not have it.
    pub(super) fn call(
        &self,
        operation: &str,
        body: &str,
        now_ms: i64,
    ) -> Option<Result<String, TableError>> {
        self.clock.now_ms.store(now_ms, Ordering::Relaxed);
        dispatch(&self.database, operation, body).map(|answer| answer.map_err(refusal))
    }

    /// Removes what expired before `moment_ms`.
    pub(super) fn sweep(&self, moment_ms: i64, now_ms: i64) {
        self.clock.now_ms.store(moment_ms, Ordering::Relaxed);
        // A failed sweep leaves the items for the next one, as AWS's does.
        let _ = self.database.sweep_ttl();
        self.clock.now_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(super) fn save(&self, path: &str) -> Result<(), DynoxideError> {
        self.database.vacuum_into(path)
    }

    pub(super) fn load(&self, path: &str) -> Result<(), DynoxideError> {
        self.database.restore_from(path)
    }
}

/// The engine's answer with the real region and account in its ARNs.
pub(super) fn with_our_arns(answer: &str, region: &str, account_id: &str) -> String {
    answer.replace(ENGINE_PLACE, &format!(":{region}:{account_id}:"))
}

type EngineResult = Result<String, DynoxideError>;

fn dispatch(database: &Database, operation: &str, body: &str) -> Option<EngineResult> {
    let db = database;
    let outcome = match operation {
        "CreateTable" => run(body, |request| db.create_table(request)),
        "DeleteTable" => run(body, |request| db.delete_table(request)),
        "DescribeTable" => run(body, |request| db.describe_table(request)),
        "UpdateTable" => run(body, |request| db.update_table(request)),
        "ListTables" => run(body, |request| db.list_tables(request)),
        "TagResource" => run(body, |request| db.tag_resource(request)),
        "UntagResource" => run(body, |request| db.untag_resource(request)),
        "ListTagsOfResource" => run(body, |request| db.list_tags_of_resource(request)),
        "UpdateTimeToLive" => run(body, |request| db.update_time_to_live(request)),
        "DescribeTimeToLive" => run(body, |request| db.describe_time_to_live(request)),
        _ => return items(database, operation, body),
    };
    Some(outcome)
}

fn items(db: &Database, operation: &str, body: &str) -> Option<EngineResult> {
    let outcome = match operation {
        "PutItem" => run(body, |request| db.put_item(request)),
        "GetItem" => run(body, |request| db.get_item(request)),
        "UpdateItem" => run(body, |request| db.update_item(request)),
        "DeleteItem" => run(body, |request| db.delete_item(request)),
        "Query" => run(body, |request| db.query(request)),
        "Scan" => run(body, |request| db.scan(request)),
        "BatchGetItem" => run(body, |request| db.batch_get_item(request)),
        "BatchWriteItem" => run(body, |request| db.batch_write_item(request)),
        "TransactGetItems" => run(body, |request| db.transact_get_items(request)),
        "TransactWriteItems" => run(body, |request| db.transact_write_items(request)),
        _ => return None,
    };
    // The engine tags this family of errors; DynamoDB adds a prefix on single writes.
    let wraps = matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem");
    Some(outcome.map_err(|error| match error {
        DynoxideError::EnvelopedValidation(words) if wraps => {
            DynoxideError::ValidationException(format!("1 validation error detected: {words}"))
        }
        // Where the engine expects a value, DynamoDB complains of a second name.
        DynoxideError::ValidationException(words) if words.starts_with("Expected value reference") => {
            let words = "Invalid KeyConditionExpression: Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition";
            DynoxideError::ValidationException(words.to_owned())
        }
        DynoxideError::IdempotentParameterMismatchException(_) => {
            let words = "Specified idempotent token was used with different request parameters within the idempotency window";
            DynoxideError::IdempotentParameterMismatchException(words.to_owned())
        }
        other => other,
    }))
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    work: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> EngineResult {
    let request = serde_json::from_str(body).map_err(|error| unreadable(&error.to_string()))?;
    let answer = work(request)?;
    serde_json::to_string(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// Classifies the engine's errors of parsing: messages of DynamoDB's own have the kind of error before them,
/// missing members are validation, wrong JSON types are serialization.
fn unreadable(words: &str) -> DynoxideError {
    let plain = words.split(" at line ").next().unwrap_or(words).to_owned();
    let marked = |mark: &str| plain.strip_prefix(mark).map(str::to_owned);
    if let Some(words) = marked("VALIDATION_REQUEST:") {
        return DynoxideError::EnvelopedValidation(words);
    }
    if let Some(words) = marked("VALIDATION:") {
        return DynoxideError::ValidationException(words);
    }
    if let Some(words) = marked("SERIALIZATION:") {
        return DynoxideError::SerializationException(words);
    }
    if plain.contains("empty AttributeValue") {
        let words =
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
        return DynoxideError::ValidationException(words.to_owned());
    }
    let validation = [
        "missing field",
        "unknown variant",
        "invalid type: null",
        "Supplied AttributeValue",
    ];
    if validation.iter().any(|part| plain.contains(part)) {
        return DynoxideError::ValidationException(plain);
    }
    DynoxideError::SerializationException(plain)
}

fn refusal(error: DynoxideError) -> TableError {
    TableError {
        status: error.status_code(),
        body: error.to_json(),
    }
}
