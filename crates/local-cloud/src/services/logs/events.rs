//! FilterLogEvents: pages cut out of a group's ordered index, and the ids of events.
//!
//! A page may be empty and still not be the last: only a missing `nextToken` ends the search.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{LogsCall, LogsResult, constraint};
use super::pattern::Pattern;
use super::{DAY_MS, Group, Key, LogEvent, invalid};
use crate::shared::Shared;
use crate::wire::ServiceError;

const PAGE_BYTES: usize = 1_048_576;
const PAGE_EVENTS: i64 = 10_000;
/// How many events one call searches; the token continues.
const SCAN_LIMIT: usize = 200_000;

/// Where a search continues.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    /// Events after this one.
    after: Option<Key>,
    /// Empty pages still to come.
    empty: u32,
    issued_ms: i64,
    /// A digest of the query, so that a token cannot continue another one.
    question: u64,
}

/// Which events can be read by now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visible {
    ingested_by_ms: i64,
    horizon_ms: i64,
}

impl Visible {
    pub(super) fn new(shared: &Shared, group: &Group) -> Self {
        let now_ms = shared.clock.now_ms();
        let delay = shared.conditions.now().control_plane.log_delay_millis;
        let delay = i64::try_from(delay).unwrap_or(i64::MAX);
        Self {
            ingested_by_ms: now_ms.saturating_sub(delay),
            horizon_ms: group.horizon(now_ms),
        }
    }

    pub(super) fn shows(&self, key: Key) -> bool {
        key.1 <= self.ingested_by_ms && key.0 >= self.horizon_ms
    }
}

/// What is searched for.
#[derive(Debug)]
struct Query {
    start: i64,
    end: i64,
    streams: Vec<String>,
    prefix: Option<String>,
    pattern: Pattern,
}

/// A 56-digit id that sorts as the events do; too long for any number, as on AWS.
pub(super) fn id(key: Key) -> String {
    format!("3{:015}{:020}{:020}", key.0.max(0), key.1.max(0), key.2)
}

/// Back from an id.
pub(super) fn key(digits: &str) -> Option<Key> {
    if digits.len() != 56 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((
        digits[1..16].parse().ok()?,
        digits[16..36].parse().ok()?,
        digits[36..].parse().ok()?,
    ))
}

pub(super) fn filter(call: &LogsCall<'_>) -> LogsResult {
    let group = call.group()?;
    call.allowed(&group, "")?;
    let limit = call.limit(PAGE_EVENTS)?;
    let question = Query::read(call)?;
    let asked = fingerprint(call, &group);
    let token = call
        .text("nextToken")
        .map(|token| Token::read(token, call, asked))
        .transpose()?;
    let conditions = call.logs.shared.conditions.now().control_plane;
    let empty_pages = conditions.empty_log_pages;
    let after = token.as_ref().and_then(|token| token.after);
    let empty = token
        .as_ref()
        .map_or(empty_pages, |token| token.empty.min(empty_pages));
    let state = call.logs.lock();
    let found = state.group(&group)?;
    question.check_streams(found)?;
    let go_on = |after, empty| {
        Token {
            after,
            empty,
            issued_ms: call.now_ms(),
            question: asked,
        }
        .text()
    };
    if conditions.repeated_log_tokens {
        let next = call.text("nextToken").map(str::to_owned);
        let next = next.unwrap_or_else(|| go_on(None, empty_pages));
        return Ok(empty_page(&next));
    }
    if empty > 0 {
        let next = go_on(after, empty - 1);
        return Ok(empty_page(&next));
    }
    let (rows, stopped) =
        question.page(found, Visible::new(&call.logs.shared, found), after, limit);
    let mut body = json!({"events": rows, "searchedLogStreams": []});
    if let Some(last) = stopped {
        body["nextToken"] = go_on(Some(last), empty_pages).into();
    }
    Ok(body)
}

fn empty_page(next: &str) -> Value {
    json!({"events": [], "searchedLogStreams": [], "nextToken": next})
}

impl Query {
    fn read(call: &LogsCall<'_>) -> Result<Self, ServiceError> {
        let streams = call.texts("logStreamNames");
        let prefix = call.text("logStreamNamePrefix").map(str::to_owned);
        if !streams.is_empty() && prefix.is_some() {
            return Err(invalid(
                "logStreamNamePrefix and logStreamNames cannot both be specified.",
            ));
        }
        if streams.len() > 100 {
            return Err(constraint(
                "Value at 'logStreamNames'",
                "Member must have length less than or equal to 100",
            ));
        }
        Ok(Self {
            start: call.whole("startTime")?.unwrap_or(i64::MIN),
            end: call.whole("endTime")?.unwrap_or(i64::MAX),
            streams,
            prefix,
            pattern: Pattern::parse(
                "filterPattern",
                call.text("filterPattern").unwrap_or_default(),
            )?,
        })
    }

    /// A stream that is asked for by name must exist.
    fn check_streams(&self, group: &Group) -> Result<(), ServiceError> {
        match self
            .streams
            .iter()
            .find(|name| !group.streams.contains_key(*name))
        {
            Some(_) => Err(super::no_stream()),
            None => Ok(()),
        }
    }

    fn wants(&self, event: &LogEvent) -> bool {
        (self.streams.is_empty() || self.streams.iter().any(|name| **name == *event.stream))
            && self
                .prefix
                .as_ref()
                .is_none_or(|prefix| event.stream.starts_with(prefix.as_str()))
            && self.pattern.matches(&event.message)
    }

    /// One page, and the last key that was looked at if there may be more.
    fn page(
        &self,
        group: &Group,
        visible: Visible,
        after: Option<Key>,
        limit: usize,
    ) -> (Vec<Value>, Option<Key>) {
        use std::ops::Bound;
        let from = match after {
            Some(key) => Bound::Excluded(key),
            None => Bound::Included((self.start, i64::MIN, 0)),
        };
        let (mut rows, mut bytes, mut last) = (Vec::new(), 0, after);
        let within = group
            .events
            .range((from, Bound::Unbounded))
            .take_while(|(k, _)| k.0 <= self.end);
        for (scanned, (key, event)) in within.enumerate() {
            if rows.len() >= limit || scanned >= SCAN_LIMIT {
                return (rows, last);
            }
            if visible.shows(*key) && self.wants(event) {
                bytes += event.message.len() + 26;
                if bytes > PAGE_BYTES && !rows.is_empty() {
                    return (rows, last);
                }
                rows.push(row(*key, event));
            }
            last = Some(*key);
        }
        (rows, None)
    }
}

fn row(key: Key, event: &LogEvent) -> Value {
    json!({
        "logStreamName": &*event.stream,
        "timestamp": key.0,
        "message": &*event.message,
        "ingestionTime": key.1,
        "eventId": id(key),
    })
}

impl Token {
    fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_string(self).unwrap_or_default())
    }

    fn read(text: &str, call: &LogsCall<'_>, question: u64) -> Result<Self, ServiceError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        bytes
            .and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok())
            .filter(|token| token.question == question)
            .filter(|token| call.now_ms() - token.issued_ms <= DAY_MS)
            .ok_or_else(|| invalid("The specified nextToken is invalid."))
    }
}

/// Everything of the request but the token and the page's size.
fn fingerprint(call: &LogsCall<'_>, group: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    group.hash(&mut hasher);
    for name in [
        "startTime",
        "endTime",
        "filterPattern",
        "logStreamNames",
        "logStreamNamePrefix",
    ] {
        call.body.get(name).map(Value::to_string).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_56_digits_sort_as_events_do_and_lead_back() {
        let (early, late) = (
            (1_700_000_000_000, 1_700_000_000_500, 9),
            (1_700_000_000_001, 5, 1),
        );
        assert_eq!(id(early).len(), 56);
        assert!(id(early) < id(late));
        assert_eq!(key(&id(early)), Some(early));
        assert_eq!(key("12"), None);
    }
}
