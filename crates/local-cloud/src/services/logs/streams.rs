//! Log streams: creation and deletion, writing and reading the events of one.

use serde_json::{Value, json};

use super::call::{LogsCall, LogsResult, constraint, page};
use super::{DAY_MS, Group, Key, LogStream, events, invalid, no_stream};
use crate::wire::ServiceError;

/// Bytes of one batch: each event's text and 26 more.
const BATCH_LIMIT: usize = 1_048_576;
const EVENTS_LIMIT: usize = 10_000;

pub(super) fn create(call: &LogsCall<'_>) -> LogsResult {
    let (group, name) = (call.group()?, stream_name(call)?);
    call.allowed(&group, &name)?;
    let now_ms = call.now_ms();
    let mut state = call.logs.lock();
    let streams = &mut state.group_mut(&group)?.streams;
    if streams.contains_key(&name) {
        return Err(ServiceError::new(
            400,
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        ));
    }
    streams.insert(name, LogStream::new(now_ms));
    Ok(json!({}))
}

pub(super) fn delete(call: &LogsCall<'_>) -> LogsResult {
    let (group, name) = (call.group()?, stream_name(call)?);
    call.allowed(&group, &name)?;
    let mut state = call.logs.lock();
    let found = state.group_mut(&group)?;
    let stream = found.streams.remove(&name).ok_or_else(no_stream)?;
    for key in stream.keys {
        found.remove(&key);
    }
    Ok(json!({}))
}

pub(super) fn describe(call: &LogsCall<'_>) -> LogsResult {
    let group = call.group()?;
    call.allowed(&group, "")?;
    let prefix = call.text("logStreamNamePrefix").unwrap_or_default();
    let by_time = match call.text("orderBy") {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") => true,
        Some(other) => {
            return Err(constraint(
                &format!("Value '{other}' at 'orderBy'"),
                "Member must satisfy enum value set: [LogStreamName, LastEventTime]",
            ));
        }
    };
    if by_time && !prefix.is_empty() {
        return Err(invalid(
            "Cannot order by LastEventTime with a logStreamNamePrefix.",
        ));
    }
    let state = call.logs.lock();
    let found = state.group(&group)?;
    let mut streams: Vec<_> = found
        .streams
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .collect();
    if by_time {
        streams.sort_by_key(|(_, stream)| stream.keys.last().map(|key| key.0));
    }
    if call.flag("descending") {
        streams.reverse();
    }
    let arn = call.arn(&group);
    let rows = streams
        .into_iter()
        .map(|(name, stream)| (name.clone(), view(&arn, name, stream)));
    page(call, "logStreams", 50, rows.collect())
}

fn view(group_arn: &str, name: &str, stream: &LogStream) -> Value {
    let mut view = json!({
        "logStreamName": name,
        "creationTime": stream.created_ms,
        "arn": format!("{group_arn}:log-stream:{name}"),
        "storedBytes": 0,
    });
    if let (Some(first), Some(last)) = (stream.keys.first(), stream.keys.last()) {
        view["firstEventTimestamp"] = first.0.into();
        view["lastEventTimestamp"] = last.0.into();
        view["lastIngestionTime"] = stream.last_ingestion_ms.into();
        view["uploadSequenceToken"] = events::id(*last).into();
    }
    view
}

pub(super) fn put_events(call: &LogsCall<'_>) -> LogsResult {
    let (group, name) = (call.group()?, stream_name(call)?);
    call.allowed(&group, &name)?;
    let now_ms = call.now_ms();
    let lines = read_events(call)?;
    let mut state = call.logs.lock();
    let horizon = {
        let found = state.group(&group)?;
        found.streams.get(&name).ok_or_else(no_stream)?;
        found.horizon(now_ms)
    };
    let rejected = rejected(&lines, now_ms, horizon);
    let taken = horizon.max(now_ms - 14 * DAY_MS)..=now_ms + 2 * 60 * 60 * 1000;
    let good = lines.into_iter().filter(|(time, _)| taken.contains(time));
    let good: Vec<_> = good.collect();
    check_span(&good)?;
    call.logs.append(&mut state, &group, &name, now_ms, good);
    let mut body = json!({ "nextSequenceToken": events::id((now_ms, now_ms, state.next_number)) });
    if let Some(rejected) = rejected {
        body["rejectedLogEventsInfo"] = rejected;
    }
    Ok(body)
}

/// Events that are too old, expired or too new are rejected, and the answer says so.
fn rejected(lines: &[(i64, String)], now_ms: i64, horizon: i64) -> Option<Value> {
    let count = |old: i64| lines.iter().take_while(|(time, _)| *time < old).count();
    let expired = count(horizon);
    let too_old = count(now_ms - 14 * DAY_MS);
    let too_new = lines
        .iter()
        .position(|(time, _)| *time > now_ms + 2 * 60 * 60 * 1000);
    let mut info = serde_json::Map::new();
    if expired > too_old {
        info.insert("expiredLogEventEndIndex".to_owned(), expired.into());
    }
    if too_old > 0 {
        info.insert("tooOldLogEventEndIndex".to_owned(), too_old.into());
    }
    if let Some(start) = too_new {
        info.insert("tooNewLogEventStartIndex".to_owned(), start.into());
    }
    (!info.is_empty()).then(|| info.into())
}

fn read_events(call: &LogsCall<'_>) -> Result<Vec<(i64, String)>, ServiceError> {
    let list = call.body.get("logEvents").and_then(Value::as_array);
    let list =
        list.ok_or_else(|| constraint("Value null at 'logEvents'", "Member must not be null"))?;
    if list.is_empty() || list.len() > EVENTS_LIMIT {
        return Err(constraint(
            "Value at 'logEvents'",
            &format!("Member must have length between 1 and {EVENTS_LIMIT}"),
        ));
    }
    let mut lines = Vec::with_capacity(list.len());
    for (index, event) in list.iter().enumerate() {
        lines.push(read_event(index + 1, event)?);
    }
    check_batch(&lines)?;
    Ok(lines)
}

fn read_event(number: usize, event: &Value) -> Result<(i64, String), ServiceError> {
    let at = |member: &str| format!("Value at 'logEvents.{number}.member.{member}'");
    let time = event.get("timestamp").and_then(Value::as_i64);
    let message = event.get("message").and_then(Value::as_str);
    match (time, message) {
        (None, _) => Err(constraint(&at("timestamp"), "Member must not be null")),
        (Some(time), _) if time < 0 => Err(constraint(
            &at("timestamp"),
            "Member must have value greater than or equal to 0",
        )),
        (_, None) => Err(constraint(&at("message"), "Member must not be null")),
        (_, Some("")) => Err(constraint(
            &at("message"),
            "Member must have length greater than or equal to 1",
        )),
        (Some(time), Some(message)) => Ok((time, message.to_owned())),
    }
}

fn check_batch(lines: &[(i64, String)]) -> Result<(), ServiceError> {
    let bytes: usize = lines.iter().map(|(_, message)| message.len() + 26).sum();
    if let Some((_, message)) = lines
        .iter()
        .find(|(_, message)| message.len() + 26 > BATCH_LIMIT)
    {
        let words = format!(
            "Log event too large: {} bytes exceeds limit of {BATCH_LIMIT}",
            message.len() + 26
        );
        return Err(invalid(words));
    }
    if bytes > BATCH_LIMIT {
        let words = format!("Upload too large: {bytes} bytes exceeds limit of {BATCH_LIMIT}");
        return Err(invalid(words));
    }
    if !lines.is_sorted_by_key(|(time, _)| *time) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    Ok(())
}

/// Events that are rejected for their age do not count.
fn check_span(taken: &[(i64, String)]) -> Result<(), ServiceError> {
    match (taken.first(), taken.last()) {
        (Some(first), Some(last)) if last.0 - first.0 > DAY_MS => Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        )),
        _ => Ok(()),
    }
}

/// Reads one stream. The end is an unchanged `nextForwardToken`; without `startFromHead` the first
/// page is the newest.
pub(super) fn get_events(call: &LogsCall<'_>) -> LogsResult {
    let (group, name) = (call.group()?, stream_name(call)?);
    call.allowed(&group, &name)?;
    let limit = call.limit(10_000)?;
    let (start, end) = (call.whole("startTime")?, call.whole("endTime")?);
    let from = call.text("nextToken").map(position).transpose()?;
    let state = call.logs.lock();
    let found = state.group(&group)?;
    let stream = found.streams.get(&name).ok_or_else(no_stream)?;
    let visible = events::Visible::new(&call.logs.shared, found);
    let keys = stream.keys.iter().copied().filter(|key| {
        visible.shows(*key)
            && start.is_none_or(|start| key.0 >= start)
            && end.is_none_or(|end| key.0 < end)
    });
    let chosen: Vec<Key> = match from {
        Some((true, after)) => keys.filter(|key| *key > after).take(limit).collect(),
        Some((false, before)) => newest(keys.filter(|key| *key < before), limit),
        None if call.flag("startFromHead") => keys.take(limit).collect(),
        None => newest(keys, limit),
    };
    Ok(events_page(found, &chosen, from))
}

fn newest(keys: impl Iterator<Item = Key>, limit: usize) -> Vec<Key> {
    let mut all: Vec<_> = keys.collect();
    all.split_off(all.len().saturating_sub(limit))
}

fn events_page(group: &Group, chosen: &[Key], from: Option<(bool, Key)>) -> Value {
    let mut bytes = 0;
    let fitting = chosen.iter().take_while(|key| {
        bytes += group
            .events
            .get(key)
            .map_or(0, |event| event.message.len() + 26);
        bytes <= BATCH_LIMIT
    });
    let fitting: Vec<_> = fitting.collect();
    let rows: Vec<_> = fitting
        .iter()
        .filter_map(|key| {
            let event = group.events.get(key)?;
            Some(json!({"timestamp": key.0, "message": &*event.message, "ingestionTime": key.1}))
        })
        .collect();
    let here = from.map_or((0, 0, 0), |(_, key)| key);
    let last = fitting.last().map_or(here, |key| **key);
    let first = fitting.first().map_or(here, |key| **key);
    json!({
        "events": rows,
        "nextForwardToken": format!("f/{}/s", events::id(last)),
        "nextBackwardToken": format!("b/{}/s", events::id(first)),
    })
}

/// Reads `f/<56 digits>/s` or `b/…`: whether forward, and from where.
fn position(token: &str) -> Result<(bool, Key), ServiceError> {
    let bad = || invalid("The specified nextToken is invalid.");
    let (direction, rest) = token.split_once('/').ok_or_else(bad)?;
    let forward = match direction {
        "f" => true,
        "b" => false,
        _ => return Err(bad()),
    };
    let digits = rest.strip_suffix("/s").unwrap_or(rest);
    Ok((forward, events::key(digits).ok_or_else(bad)?))
}

fn stream_name(call: &LogsCall<'_>) -> Result<String, ServiceError> {
    let name = call.required("logStreamName")?;
    if name.len() > 512 || name.contains([':', '*']) {
        return Err(constraint(
            &format!("Value '{name}' at 'logStreamName'"),
            "Member must satisfy regular expression pattern: [^:*]* and have at most 512 characters",
        ));
    }
    Ok(name.to_owned())
}
