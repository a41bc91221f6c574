//! The event for programs: one JSON line.

use super::word_of;
use crate::tail::LogEvent;
use crate::tail::LogSource;
use crate::tail::classify::{Facts, Shape};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// The event for programs. Nothing is folded and nothing escaped: JSON does that.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonLine<'a> {
    /// When it happened, in UTC.
    time: String,
    /// The same in milliseconds since 1970.
    timestamp: i64,
    /// When CloudWatch took it, likewise.
    ingested: i64,
    /// The log that it is from.
    source: LogSource,
    /// Its log group.
    group: &'a str,
    /// Its log stream.
    stream: &'a str,
    /// CloudWatch's id of it; not with `--live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// `debug`, `info`, `warn` or `error`.
    level: &'static str,
    /// The text as it was logged.
    message: &'a str,
    /// The text's fields, if it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a Map<String, Value>>,
    /// The requests that it belongs to.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    requests: &'a [String],
    /// The connection that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    /// Later events were shown before it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
}

impl<'a> JsonLine<'a> {
    /// The event with what is known about it.
    pub fn new(event: &'a LogEvent, facts: &'a Facts) -> Self {
        let time = Timestamp::from_millisecond(event.timestamp).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            time: time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            timestamp: event.timestamp,
            ingested: event.ingested,
            source: event.source,
            group: &event.group,
            stream: &event.stream,
            id: event.id.as_deref(),
            level: word_of(facts.level),
            message: event.message.trim_end_matches('\n'),
            fields: match &facts.shape {
                Shape::Json(fields) => Some(fields),
                _ => None,
            },
            requests: &facts.requests,
            connection: facts.connection.as_deref(),
            late: event.late,
        }
    }
}
