//! What a StartLiveTail session asks for, and what each of its messages says.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::call::{self, LogsCall, checked_group, constraint, group_name};
use super::pattern::Pattern;
use super::{Incoming, invalid};
use crate::shared::Shared;
use crate::wire::ServiceError;

const UPDATE_EVENTS: usize = 500;

/// Which events a session sends.
#[derive(Debug)]
pub(super) struct LiveTailSession {
    identifiers: Vec<String>,
    groups: Vec<String>,
    names: Vec<String>,
    prefixes: Vec<String>,
    pattern: Pattern,
    pattern_text: String,
}

impl LiveTailSession {
    pub(super) fn read(call: &LogsCall<'_>) -> Result<Self, ServiceError> {
        let identifiers = call.texts("logGroupIdentifiers");
        let (names, prefixes) = (
            call.texts("logStreamNames"),
            call.texts("logStreamNamePrefixes"),
        );
        if identifiers.is_empty() || identifiers.len() > 10 {
            let order = if identifiers.is_empty() {
                "greater than or equal to 1"
            } else {
                "less than or equal to 10"
            };
            let rule = format!("Member must have length {order}");
            return Err(constraint("Value at 'logGroupIdentifiers'", &rule));
        }
        if identifiers.len() > 1 && !(names.is_empty() && prefixes.is_empty()) {
            return Err(invalid(
                "Log streams can be chosen only when exactly one log group is specified",
            ));
        }
        if !names.is_empty() && !prefixes.is_empty() {
            return Err(invalid(
                "logStreamNames and logStreamNamePrefixes cannot both be specified.",
            ));
        }
        let mut groups = Vec::new();
        for identifier in &identifiers {
            if !identifier.starts_with("arn:") || identifier.ends_with('*') {
                return Err(invalid(format!(
                    "{identifier} is no log group ARN: it must be given without :* at the end"
                )));
            }
            let group = checked_group(group_name(identifier))?;
            call.allowed(&group, "")?;
            call.logs.lock().group(&group)?;
            groups.push(group);
        }
        let pattern_text = call
            .text("logEventFilterPattern")
            .unwrap_or_default()
            .to_owned();
        let pattern =
            Pattern::parse("logEventFilterPattern", &pattern_text).map_err(invalid_pattern)?;
        Ok(Self {
            identifiers,
            groups,
            names,
            prefixes,
            pattern,
            pattern_text,
        })
    }

    /// The message that names the session.
    pub(super) fn start_event(&self, request_id: &str) -> Value {
        json!({
            "requestId": request_id,
            "sessionId": uuid::Uuid::new_v4().to_string(),
            "logGroupIdentifiers": self.identifiers,
            "logStreamNames": self.names,
            "logStreamNamePrefixes": self.prefixes,
            "logEventFilterPattern": self.pattern_text,
        })
    }

    fn wants(&self, incoming: &Incoming) -> bool {
        self.groups.contains(&incoming.group)
            && (self.names.is_empty() || self.names.contains(&incoming.stream))
            && (self.prefixes.is_empty()
                || self
                    .prefixes
                    .iter()
                    .any(|prefix| incoming.stream.starts_with(prefix)))
    }

    /// What came in since the last update.
    pub(super) fn update(&self, shared: &Shared, incoming: &mut Receiver<Arc<Incoming>>) -> Value {
        let (mut results, mut sampled) = (Vec::new(), false);
        loop {
            match incoming.try_recv() {
                Ok(batch) if self.wants(&batch) => {
                    let arn = call::arn(shared, &batch.group);
                    let matching = batch
                        .events
                        .iter()
                        .filter(|(_, text)| self.pattern.matches(text));
                    results.extend(matching.map(|(time, text)| {
                        json!({
                            "logGroupIdentifier": arn,
                            "logStreamName": batch.stream,
                            "message": &**text,
                            "timestamp": time,
                            "ingestionTime": batch.ingested_ms,
                        })
                    }));
                }
                Ok(_) => {}
                Err(TryRecvError::Lagged(_)) => sampled = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let excess = results.len().saturating_sub(UPDATE_EVENTS);
        results.drain(..excess);
        json!({
            "sessionMetadata": {"sampled": sampled || excess > 0},
            "sessionResults": results,
        })
    }
}

/// StartLiveTail says first what is wrong: "Invalid filter pattern: Invalid character(s) in term …".
fn invalid_pattern(mut error: ServiceError) -> ServiceError {
    let short = "Invalid filter pattern";
    if error.code == "InvalidParameterException" && error.message != short {
        error.message = format!("{short}: {}", error.message);
    }
    error
}
