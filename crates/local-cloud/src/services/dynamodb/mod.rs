//! DynamoDB: an embedded engine evaluates items and expressions. This module adds the rights of role sessions,
//! tables that are CREATING and DELETING for a while, one change of TTL an hour, TTL that deletes late, and the
//! checksum of answers. The engine runs on threads that may block.

mod checks;
mod engine;
mod items;
mod lifecycle;
mod names;
mod rights;
mod tags;
mod throttled;
mod tokens;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Map, Value, json};

use crate::persist::{Items, Persistent};
use crate::services::iam::Iam;
use crate::shared::Shared;
use crate::wire::{Request, Response, ServiceError};
use engine::{Engine, TableError};
use lifecycle::TablesState;
pub(crate) use throttled::throttled;

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";
/// A table's TTL can be changed once in that time.
const TTL_CHANGE_MS: i64 = 60 * 60 * 1000;
/// How often expired items are removed, while there are calls.
const SWEEP_MS: i64 = 60 * 1000;

/// Every table.
#[derive(Debug)]
pub(crate) struct Tables {
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    engine: OnceLock<Option<Engine>>,
    state: Mutex<TablesState>,
}

/// The answer of one call, or its error as DynamoDB writes it.
type TableResult = Result<String, TableError>;

impl Tables {
    pub(crate) fn new(shared: &Arc<Shared>, iam: &Arc<Iam>) -> Self {
        Self {
            shared: Arc::clone(shared),
            iam: Arc::clone(iam),
            engine: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// Answers a request.
    pub(crate) async fn serve(self: &Arc<Self>, request: Request) -> Response {
        let id = request.request_id.clone();
        let tables = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || tables.respond(&request));
        let (status, body) = match work.await {
            Ok(Ok(body)) => (200, body),
            Ok(Err(error)) => (error.status, error.body),
            Err(_) => (
                500,
                json!({"__type": format!("{NAMESPACE}InternalServerError")}).to_string(),
            ),
        };
        let checksum = crc32fast::hash(body.as_bytes()).to_string();
        Response::versioned("1.0", status, body)
            .with("x-amz-crc32", &checksum)
            .identified(&id)
    }

    fn respond(&self, request: &Request) -> TableResult {
        let caller = self.iam.admit(request)?;
        let mut body = request.json()?;
        let given = names::plain(&mut body);
        checks::body(&request.operation, &body)?;
        let operation = request.operation.as_str();
        for (action, table) in rights::needs(operation, &body) {
            let resource = match table.as_str() {
                "*" => "*".to_owned(),
                table => self.arn(table),
            };
            self.iam
                .authorize(&caller, &action, &resource, &[])
                .map_err(denied)?;
        }
        let call = TableCall { operation, body };
        let answer = self.answer(&call)?;
        Ok(names::as_given(answer, &given))
    }
}

/// One call.
#[derive(Debug)]
struct TableCall<'a> {
    operation: &'a str,
    body: Map<String, Value>,
}

impl TableCall<'_> {
    fn table(&self) -> &str {
        self.text("TableName")
    }

    fn text(&self, member: &str) -> &str {
        self.body
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

impl Tables {
    fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    fn lock(&self) -> MutexGuard<'_, TablesState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> Result<&Engine, ServiceError> {
        let engine = self.engine.get_or_init(|| Engine::new().ok());
        engine
            .as_ref()
            .ok_or_else(|| ServiceError::new(500, "InternalServerError", "no table engine"))
    }

    fn arn(&self, table: &str) -> String {
        format!(
            "arn:aws:dynamodb:{}:{}:table/{table}",
            self.shared.region, self.shared.account_id
        )
    }

    fn answer(&self, call: &TableCall<'_>) -> TableResult {
        self.sweep()?;
        match call.operation {
            "CreateTable" => self.create(call),
            "DeleteTable" => self.delete(call),
            "DescribeTable" => self.describe(call),
            "UpdateTimeToLive" => self.update_ttl(call),
            "DescribeTimeToLive" => self.describe_ttl(call),
            "DescribeContinuousBackups" => self.describe_backups(call),
            "DescribeLimits" => Ok(json!({
                "AccountMaxReadCapacityUnits": 80_000, "AccountMaxWriteCapacityUnits": 80_000,
                "TableMaxReadCapacityUnits": 40_000, "TableMaxWriteCapacityUnits": 40_000,
            })
            .to_string()),
            "UpdateTable" => self.update(call),
            "TagResource" | "UntagResource" | "ListTagsOfResource" => self.tags(call),
            "ListTables" => self.shown(call),
            _ => self.items(call),
        }
    }

    /// Calls the engine.
    fn ask(&self, operation: &str, body: &str) -> TableResult {
        self.engine()?
            .call(operation, body, self.now_ms())
            .unwrap_or_else(|| Err(ServiceError::not_here("dynamodb", operation).into()))
    }

    /// Calls the engine, and puts our region into the ARNs of its answer.
    fn shown(&self, call: &TableCall<'_>) -> TableResult {
        let body = Value::Object(call.body.clone()).to_string();
        let ours =
            |text: &str| engine::with_our_arns(text, &self.shared.region, &self.shared.account_id);
        match self.ask(call.operation, &body) {
            Ok(answer) => Ok(ours(&answer)),
            Err(refusal) => Err(TableError {
                body: ours(&refusal.body),
                ..refusal
            }),
        }
    }

    /// Backups are not part of the local cloud; but tools that read a table call this.
    fn describe_backups(&self, call: &TableCall<'_>) -> TableResult {
        let body = json!({ "TableName": call.table() }).to_string();
        if self.ask("DescribeTable", &body).is_err() {
            let words = format!("Table not found: {}", call.table());
            return Err(ServiceError::new(400, "TableNotFoundException", words).into());
        }
        Ok(json!({"ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }})
        .to_string())
    }

    /// Removes what expired longer ago than the lag, at most once a minute.
    fn sweep(&self) -> Result<(), ServiceError> {
        let now_ms = self.now_ms();
        let lag = self.shared.conditions.now().control_plane.ttl_lag_millis;
        {
            let mut state = self.lock();
            if now_ms - state.swept_ms < SWEEP_MS.min(i64::try_from(lag).unwrap_or(SWEEP_MS).max(1))
            {
                return Ok(());
            }
            state.swept_ms = now_ms;
        }
        self.engine()?.sweep(
            now_ms.saturating_sub(i64::try_from(lag).unwrap_or(i64::MAX)),
            now_ms,
        );
        Ok(())
    }
}

impl Persistent for Tables {
    fn snapshot(&self) -> Value {
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        *self.lock() = serde_json::from_value(snapshot)?;
        Ok(())
    }

    fn items(&self) -> Option<&dyn Items> {
        Some(self)
    }
}

impl Items for Tables {
    fn save(&self, file: &Path) -> io::Result<()> {
        let engine = self
            .engine()
            .map_err(|error| io::Error::other(error.message))?;
        let saved = engine.save(&file.to_string_lossy());
        saved.map_err(|error| io::Error::other(error.to_string()))
    }

    fn load(&self, file: &Path) -> io::Result<()> {
        let engine = self
            .engine()
            .map_err(|error| io::Error::other(error.message))?;
        let loaded = engine.load(&file.to_string_lossy());
        loaded.map_err(|error| io::Error::other(error.to_string()))
    }
}

fn validation(words: &str) -> ServiceError {
    ServiceError::new(400, "com.amazon.coral.validate#ValidationException", words)
}

fn not_found(words: &str) -> ServiceError {
    ServiceError::new(400, "ResourceNotFoundException", words)
}

fn in_use(words: &str) -> ServiceError {
    let words = format!("Attempt to change a resource which is still in use: {words}");
    ServiceError::new(400, "ResourceInUseException", words)
}

/// DynamoDB's namespace for refusals by IAM.
fn denied(mut error: ServiceError) -> ServiceError {
    if error.code == "AccessDeniedException" {
        error.code = "com.amazon.coral.service#AccessDeniedException".into();
    }
    error
}

impl From<ServiceError> for TableError {
    fn from(error: ServiceError) -> Self {
        let response = error.versioned("1.0", NAMESPACE);
        let body = String::from_utf8_lossy(&response.body).into_owned();
        Self {
            status: error.status,
            body,
        }
    }
}
