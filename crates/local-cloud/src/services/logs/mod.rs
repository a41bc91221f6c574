//! CloudWatch Logs: groups, streams and events.
//!
//! Every group holds one index of all its events, ordered as FilterLogEvents answers them: by the
//! event's time, then by the time it came in, then by order of arrival. Streams keep the keys of their
//! own events. So pages are cut out of an ordered map, however many events there are.

mod call;
mod dispatch;
mod events;
mod groups;
mod pattern;
mod streams;
mod tail;
mod tail_session;
mod tail_stream;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use crate::persist::Persistent;
use crate::services::iam::Iam;
use crate::shared::Shared;
use crate::wire::ServiceError;

/// Where an event stands in its group: its time, when it came in, and its number.
type Key = (i64, i64, u64);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Every log group.
#[derive(Debug)]
pub(crate) struct Logs {
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    state: Mutex<LogsState>,
    /// What comes in, for live tails.
    incoming: broadcast::Sender<Arc<Incoming>>,
    /// Counts how often all live tails were cut off.
    cuts: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct LogsState {
    groups: BTreeMap<String, Group>,
    next_number: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Group {
    created_ms: i64,
    retention_days: Option<i64>,
    tags: BTreeMap<String, String>,
    class: String,
    deletion_protected: bool,
    /// Kept and shown; nothing is encrypted.
    #[serde(default)]
    kms_key: Option<String>,
    streams: BTreeMap<String, LogStream>,
    /// Kept as a list in snapshots, because JSON has no other keys than text.
    #[serde(skip)]
    events: BTreeMap<Key, LogEvent>,
    /// The sum of their sizes.
    #[serde(skip)]
    stored_bytes: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct LogStream {
    created_ms: i64,
    last_ingestion_ms: Option<i64>,
    #[serde(skip)]
    keys: BTreeSet<Key>,
}

#[derive(Debug, Clone)]
struct LogEvent {
    stream: Arc<str>,
    message: Arc<str>,
}

/// Events that came in together.
#[derive(Debug)]
struct Incoming {
    group: String,
    stream: String,
    ingested_ms: i64,
    events: Vec<(i64, Arc<str>)>,
}

/// One group as `--persist` keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct SavedGroup {
    name: String,
    group: Group,
    events: Vec<(Key, String, String)>,
}

impl Logs {
    pub(crate) fn new(shared: &Arc<Shared>, iam: &Arc<Iam>) -> Self {
        Self {
            shared: Arc::clone(shared),
            iam: Arc::clone(iam),
            state: Mutex::default(),
            incoming: broadcast::Sender::new(1024),
            cuts: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, LogsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the group exists.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.lock().groups.contains_key(group)
    }

    /// Whether anything was written to the group.
    pub(crate) fn has_streams(&self, group: &str) -> bool {
        let state = self.lock();
        let found = state.groups.get(group);
        found.is_some_and(|group| !group.streams.is_empty())
    }

    /// Makes the group as a service does it: without retention and tags. No error if it is there.
    pub(crate) fn ensure_group(&self, group: &str) {
        let created_ms = self.shared.clock.now_ms();
        self.lock()
            .groups
            .entry(group.to_owned())
            .or_insert_with(|| Group::new(created_ms));
    }

    /// Appends lines (milliseconds, text) to a stream, which is made if it is missing. Lines for a
    /// group that does not exist are dropped.
    pub(crate) fn put(&self, group: &str, stream: &str, lines: Vec<(i64, String)>) {
        let now_ms = self.shared.clock.now_ms();
        let mut state = self.lock();
        let Some(found) = state.groups.get_mut(group) else {
            return;
        };
        found
            .streams
            .entry(stream.to_owned())
            .or_insert_with(|| LogStream::new(now_ms));
        self.append(&mut state, group, stream, now_ms, lines);
        // Lines of functions and of the gateway are written without a call.
        self.shared.changes.mark("logs");
    }

    /// Stores events and hands them to the live tails.
    fn append(
        &self,
        state: &mut LogsState,
        group: &str,
        stream: &str,
        now_ms: i64,
        lines: Vec<(i64, String)>,
    ) {
        let first = state.next_number;
        state.next_number += lines.len() as u64;
        let Some(found) = state.groups.get_mut(group) else {
            return;
        };
        let kept = self.shared.conditions.now().control_plane.log_bytes_kept;
        let name: Arc<str> = stream.into();
        let mut events = Vec::with_capacity(lines.len());
        for (number, (time, message)) in (first..).zip(lines) {
            let message: Arc<str> = message.into();
            let key = (time, now_ms, number);
            if let Some(stream) = found.streams.get_mut(stream) {
                stream.keys.insert(key);
                stream.last_ingestion_ms = Some(now_ms);
            }
            events.push((time, Arc::clone(&message)));
            found.insert(
                key,
                LogEvent {
                    stream: Arc::clone(&name),
                    message,
                },
            );
        }
        found.shrink(kept);
        let (group, stream) = (group.to_owned(), stream.to_owned());
        // Usually there is no live tail.
        let _ = self.incoming.send(Arc::new(Incoming {
            group,
            stream,
            ingested_ms: now_ms,
            events,
        }));
    }
}

impl Persistent for Logs {
    fn snapshot(&self) -> Value {
        let state = self.lock();
        let saved: Vec<_> = state
            .groups
            .iter()
            .map(|(name, group)| SavedGroup::new(name, group))
            .collect();
        serde_json::to_value(saved).unwrap_or_default()
    }

    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        let saved: Vec<SavedGroup> = serde_json::from_value(snapshot)?;
        let mut state = self.lock();
        *state = LogsState::default();
        for SavedGroup {
            name,
            mut group,
            events,
        } in saved
        {
            for (key, stream, message) in events {
                state.next_number = state.next_number.max(key.2 + 1);
                let event = LogEvent {
                    stream: stream.as_str().into(),
                    message: message.into(),
                };
                if let Some(stream) = group.streams.get_mut(&stream) {
                    stream.keys.insert(key);
                }
                group.insert(key, event);
            }
            state.groups.insert(name, group);
        }
        Ok(())
    }
}

impl LogsState {
    fn group(&self, name: &str) -> Result<&Group, ServiceError> {
        self.groups.get(name).ok_or_else(no_group)
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, ServiceError> {
        self.groups.get_mut(name).ok_or_else(no_group)
    }
}

impl Group {
    fn new(created_ms: i64) -> Self {
        Self {
            created_ms,
            class: "STANDARD".to_owned(),
            ..Self::default()
        }
    }

    /// Events before this moment have expired.
    fn horizon(&self, now_ms: i64) -> i64 {
        self.retention_days
            .map_or(i64::MIN, |days| now_ms.saturating_sub(days * DAY_MS))
    }

    fn insert(&mut self, key: Key, event: LogEvent) {
        self.stored_bytes += event.size();
        self.events.insert(key, event);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(event) = self.events.remove(key) {
            self.stored_bytes -= event.size();
        }
    }

    /// Forgets the oldest events until no more than so many bytes are left.
    fn shrink(&mut self, bytes: u64) {
        while self.stored_bytes > bytes
            && let Some((key, event)) = self.events.pop_first()
        {
            self.stored_bytes -= event.size();
            if let Some(stream) = self.streams.get_mut(&*event.stream) {
                stream.keys.remove(&key);
            }
        }
    }
}

impl LogEvent {
    /// As CloudWatch counts: the text, and 26 bytes more.
    fn size(&self) -> u64 {
        self.message.len() as u64 + 26
    }
}

impl LogStream {
    fn new(created_ms: i64) -> Self {
        Self {
            created_ms,
            ..Self::default()
        }
    }
}

impl SavedGroup {
    fn new(name: &str, group: &Group) -> Self {
        let events = group
            .events
            .iter()
            .map(|(key, event)| (*key, event.stream.to_string(), event.message.to_string()));
        Self {
            name: name.to_owned(),
            group: group.clone(),
            events: events.collect(),
        }
    }
}

fn no_group() -> ServiceError {
    ServiceError::new(
        400,
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
}

fn no_stream() -> ServiceError {
    ServiceError::new(
        400,
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
}

fn invalid(words: impl Into<String>) -> ServiceError {
    ServiceError::new(400, "InvalidParameterException", words)
}
