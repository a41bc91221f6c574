//! Tables that are CREATING and DELETING for a while, and their TTL.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tags::TagLock;
use super::{TTL_CHANGE_MS, TableCall, TableError, TableResult, Tables, in_use, validation};
use crate::wire::ServiceError;

/// What the engine does not keep.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct TablesState {
    pub(super) tables: BTreeMap<String, TableLifecycle>,
    pub(super) swept_ms: i64,
}

/// The state of a table that the engine does not know.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct TableLifecycle {
    pub(super) active_ms: i64,
    ttl_changed_ms: Option<i64>,
    #[serde(default)]
    pub(super) tag_lock: Option<TagLock>,
    /// The last description, and until when the table is DELETING.
    deleting: Option<(Value, i64)>,
}

impl Tables {
    pub(super) fn create(&self, call: &TableCall<'_>) -> TableResult {
        let name = call.table().to_owned();
        let now_ms = self.now_ms();
        if self.lock().deleting(&name, now_ms).is_some() {
            return Err(in_use(&format!("Table is being deleted: {name}")).into());
        }
        let description = self.description(call, "TableDescription")?;
        let active_ms = self.shared.propagated_at();
        self.lock().tables.insert(
            name,
            TableLifecycle {
                active_ms,
                ..TableLifecycle::default()
            },
        );
        Ok(json!({ "TableDescription": description }).to_string())
    }

    pub(super) fn update(&self, call: &TableCall<'_>) -> TableResult {
        self.must_be_active(call)?;
        let description = self.description(call, "TableDescription")?;
        Ok(json!({ "TableDescription": description }).to_string())
    }

    pub(super) fn delete(&self, call: &TableCall<'_>) -> TableResult {
        let name = call.table().to_owned();
        let now_ms = self.now_ms();
        // A second delete is no error while the first is under way.
        if let Some(description) = self.lock().deleting(&name, now_ms) {
            return Ok(json!({ "TableDescription": description }).to_string());
        }
        if self.lock().is_creating(&name, now_ms) {
            return Err(in_use(&format!("Table is being created: {name}")).into());
        }
        self.tags_must_be_unlocked(&name)?;
        let description = deleted(self.description(call, "TableDescription")?);
        let gone_ms = self.shared.propagated_at();
        self.lock().tables.insert(
            name,
            TableLifecycle {
                deleting: Some((description.clone(), gone_ms)),
                ..TableLifecycle::default()
            },
        );
        Ok(json!({ "TableDescription": description }).to_string())
    }

    pub(super) fn describe(&self, call: &TableCall<'_>) -> TableResult {
        let now_ms = self.now_ms();
        if let Some(description) = self.lock().deleting(call.table(), now_ms) {
            return Ok(json!({ "Table": description }).to_string());
        }
        let description = self.description(call, "Table")?;
        Ok(json!({ "Table": description }).to_string())
    }

    /// Calls the engine; what it says of the table, with what it leaves out.
    fn description(&self, call: &TableCall<'_>, member: &str) -> Result<Value, TableError> {
        let mut answer: Value = serde_json::from_str(&self.shown(call)?).unwrap_or_default();
        let mut table = answer[member].take();
        if self.lock().is_creating(call.table(), self.now_ms()) {
            table["TableStatus"] = "CREATING".into();
        }
        complete(&mut table);
        Ok(table)
    }

    pub(super) fn must_be_active(&self, call: &TableCall<'_>) -> Result<(), ServiceError> {
        if self.lock().is_creating(call.table(), self.now_ms()) {
            return Err(in_use(&format!("Table is being created: {}", call.table())));
        }
        Ok(())
    }

    /// AWS allows one change an hour, and refuses one that changes nothing.
    pub(super) fn update_ttl(&self, call: &TableCall<'_>) -> TableResult {
        self.must_be_active(call)?;
        let before = self.ttl(call)?;
        let wanted = call
            .body
            .get("TimeToLiveSpecification")
            .and_then(|spec| spec.get("Enabled"));
        let enabled = before.get("TimeToLiveStatus").and_then(Value::as_str) == Some("ENABLED");
        match wanted {
            Some(Value::Bool(true)) if enabled => {
                return Err(validation("TimeToLive is already enabled").into());
            }
            Some(Value::Bool(false)) if !enabled => {
                return Err(validation("TimeToLive is already disabled").into());
            }
            _ => {}
        }
        let now_ms = self.now_ms();
        let name = call.table().to_owned();
        let changed = self
            .lock()
            .tables
            .get(&name)
            .and_then(|life| life.ttl_changed_ms);
        if changed.is_some_and(|changed| now_ms - changed < TTL_CHANGE_MS) {
            let words = "Time to live has been modified multiple times within a fixed interval";
            return Err(validation(words).into());
        }
        let answer = self.shown(call)?;
        self.lock().tables.entry(name).or_default().ttl_changed_ms = Some(now_ms);
        Ok(answer)
    }

    fn ttl(&self, call: &TableCall<'_>) -> Result<Value, TableError> {
        let body = json!({ "TableName": call.table() }).to_string();
        let answer = self.ask("DescribeTimeToLive", &body)?;
        let mut value: Value = serde_json::from_str(&answer).unwrap_or_default();
        Ok(value["TimeToLiveDescription"].take())
    }

    /// A change is ENABLING or DISABLING for a while. Of a table that is being created or deleted it cannot be
    /// read (ack-api-quirks, DDB-TABLE-115 and 118).
    pub(super) fn describe_ttl(&self, call: &TableCall<'_>) -> TableResult {
        if let Some(state) = self.lock().state(call.table(), self.now_ms()) {
            let words = format!(
                "Cannot describe time to live while table is in {state} state: Current table state is {state}"
            );
            return Err(validation(&words).into());
        }
        let mut ttl = self.ttl(call)?;
        let changed = self
            .lock()
            .tables
            .get(call.table())
            .and_then(|life| life.ttl_changed_ms);
        let delay = self.shared.propagation_ms();
        if changed.is_some_and(|changed| self.now_ms() - changed < delay) {
            let enabled = ttl["TimeToLiveStatus"] == "ENABLED";
            ttl["TimeToLiveStatus"] = if enabled { "ENABLING" } else { "DISABLING" }.into();
        }
        Ok(json!({ "TimeToLiveDescription": ttl }).to_string())
    }
}

/// What AWS says of every table, and of one that is active only, as recorded (radkawar/stackd
/// testdata/aws/dynamodb/transaction_tokens.json and billing_mode_limits.json).
fn complete(table: &mut Value) {
    if table["DeletionProtectionEnabled"].is_null() {
        table["DeletionProtectionEnabled"] = false.into();
    }
    if table["TableStatus"] != "ACTIVE" {
        return;
    }
    let units = |kind: &str| table["ProvisionedThroughput"][kind].clone();
    let (mut reads, mut writes) = (units("ReadCapacityUnits"), units("WriteCapacityUnits"));
    let created = table["CreationDateTime"].clone();
    let billing = table.get_mut("BillingModeSummary");
    if let Some(billing) = billing.filter(|mode| mode["BillingMode"] == "PAY_PER_REQUEST") {
        (reads, writes) = (12_000.into(), 4_000.into());
        let since = &mut billing["LastUpdateToPayPerRequestDateTime"];
        if since.is_null() {
            *since = created;
        }
    }
    table["WarmThroughput"] =
        json!({"ReadUnitsPerSecond": reads, "WriteUnitsPerSecond": writes, "Status": "ACTIVE"});
}

/// What is left of a description once the table is being deleted, as recorded in the same place.
fn deleted(mut table: Value) -> Value {
    const LEFT: [&str; 8] = [
        "TableName",
        "ProvisionedThroughput",
        "TableSizeBytes",
        "ItemCount",
        "TableArn",
        "TableId",
        "BillingModeSummary",
        "DeletionProtectionEnabled",
    ];
    if let Some(members) = table.as_object_mut() {
        members.retain(|name, _| LEFT.contains(&name.as_str()));
    }
    table["TableStatus"] = "DELETING".into();
    table
}

impl TablesState {
    /// What keeps the table from being active.
    pub(super) fn state(&mut self, name: &str, now_ms: i64) -> Option<&'static str> {
        if self.deleting(name, now_ms).is_some() {
            return Some("DELETING");
        }
        self.is_creating(name, now_ms).then_some("CREATING")
    }

    fn is_creating(&self, name: &str, now_ms: i64) -> bool {
        self.tables
            .get(name)
            .is_some_and(|life| life.active_ms > now_ms)
    }

    /// The description of a table that is being deleted; drops one that is deleted by now.
    fn deleting(&mut self, name: &str, now_ms: i64) -> Option<Value> {
        let (description, until_ms) = self.tables.get(name)?.deleting.clone()?;
        if now_ms >= until_ms {
            self.tables.remove(name);
            return None;
        }
        Some(description)
    }
}
