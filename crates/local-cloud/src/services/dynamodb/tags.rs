//! Tags of tables. As measured on AWS (ack-api-quirks, DDB-TABLE-101, 103, 118, 172, 440): they cannot be reached
//! before the table is active, and every change locks them for 1.6 to 1.8 seconds. What would change them again
//! meanwhile is refused, and so is the table's deletion; the same tags, or more with them, are taken.
//!
//! Uncertain: AWS shows the former tags until the lock ends. Here a change is shown at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{TableCall, TableError, TableResult, Tables, in_use, not_found};
use crate::wire::ServiceError;

type TagMap = BTreeMap<String, String>;

/// A change that has not come into effect everywhere.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct TagLock {
    until_ms: i64,
    /// The tags that were set; none if some were taken off.
    set: Option<TagMap>,
}

impl TagLock {
    fn lets_through(&self, set: Option<&TagMap>) -> bool {
        let (Some(before), Some(set)) = (&self.set, set) else {
            return false;
        };
        before
            .iter()
            .all(|(key, value)| set.get(key) == Some(value))
    }
}

impl Tables {
    /// TagResource, UntagResource, ListTagsOfResource.
    pub(super) fn tags(&self, call: &TableCall<'_>) -> TableResult {
        let arn = call.text("ResourceArn");
        let name = arn.rsplit_once("table/").map_or(arn, |(_, name)| name);
        if self.lock().state(name, self.now_ms()).is_some() {
            let words = format!("Requested resource not found: ResourceArn: {arn} not found");
            return Err(not_found(&words).into());
        }
        if call.operation == "ListTagsOfResource" {
            return self.shown(call);
        }
        let set = (call.operation == "TagResource").then(|| read(call.body.get("Tags")));
        self.must_be_unlocked(name, set.as_ref())?;
        let before = self.tags_of(arn)?;
        let answer = self.shown(call)?;
        if self.tags_of(arn)? != before {
            self.lock_tags(name, set);
        }
        Ok(answer)
    }

    /// A table whose tags are locked cannot be deleted.
    pub(super) fn tags_must_be_unlocked(&self, name: &str) -> Result<(), ServiceError> {
        if self.tag_lock(name).is_some() {
            return Err(in_use(&format!("Table tags are being updated: {name}")));
        }
        Ok(())
    }

    fn must_be_unlocked(&self, name: &str, set: Option<&TagMap>) -> Result<(), ServiceError> {
        match self.tag_lock(name) {
            Some(lock) if !lock.lets_through(set) => {
                let words =
                    format!("Subscriber limit exceeded: Table tags are being updated: {name}");
                Err(ServiceError::new(400, "LimitExceededException", words))
            }
            _ => Ok(()),
        }
    }

    fn tag_lock(&self, name: &str) -> Option<TagLock> {
        let state = self.lock();
        let lock = state.tables.get(name)?.tag_lock.clone()?;
        (self.now_ms() < lock.until_ms).then_some(lock)
    }

    fn lock_tags(&self, name: &str, set: Option<TagMap>) {
        let millis = self.shared.conditions.now().control_plane.tag_lock_millis;
        let until_ms = self.now_ms() + i64::try_from(millis).unwrap_or(i64::MAX / 4);
        let mut state = self.lock();
        let life = state.tables.entry(name.to_owned()).or_default();
        life.tag_lock = Some(TagLock { until_ms, set });
    }

    fn tags_of(&self, arn: &str) -> Result<TagMap, TableError> {
        let body = json!({ "ResourceArn": arn }).to_string();
        let answer = self.ask("ListTagsOfResource", &body)?;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        Ok(read(answer.get("Tags")))
    }
}

fn read(tags: Option<&Value>) -> TagMap {
    let tags = tags.and_then(Value::as_array).into_iter().flatten();
    let text = |tag: &Value, member: &str| tag[member].as_str().unwrap_or_default().to_owned();
    tags.map(|tag| (text(tag, "Key"), text(tag, "Value")))
        .collect()
}
