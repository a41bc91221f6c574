//! What a line is: Lambda's own bookkeeping, JSON of the function or the access log, or plain text;
//! how bad it is; and which request and connection it belongs to.
//!
//! The shapes are AWS's, in the old style (`REPORT RequestId: …\tDuration: …`) and as JSON system
//! log (`platform.report`). Whatever does not fit stays plain text: a log line is never an error.

use super::event::LogEvent;
use crate::tail::LogSource;
use serde_json::{Map, Value};

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Bookkeeping and details.
    Low,
    /// What happened.
    Info,
    /// Somebody was refused something.
    Warn,
    /// Something failed.
    Error,
}

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// An environment starts.
    Init,
    /// An invocation starts.
    Start,
    /// An invocation ended; the report follows.
    End,
    /// What an invocation took.
    Report(Report),
    /// One JSON object.
    Json(Map<String, Value>),
    /// Anything else.
    Text,
}

/// What an invocation took.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Run time, ms.
    pub duration: Option<f64>,
    /// Billed time, ms.
    pub billed: Option<f64>,
    /// Memory of the function, MB.
    pub memory: Option<f64>,
    /// Most memory in use, MB.
    pub max_memory: Option<f64>,
    /// Time the start of the environment took, ms; only for a cold start.
    pub init: Option<f64>,
    /// `timeout`, `error`; nothing when it went well.
    pub failed: Option<String>,
    /// Such as `Runtime.ExitError`.
    pub error_type: Option<String>,
}

/// What is known about a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// What it is.
    pub shape: Shape,
    /// How much it matters.
    pub level: Level,
    /// Ids of the request it belongs to: API Gateway's, Lambda's, or both.
    pub requests: Vec<String>,
    /// The connection it names.
    pub connection: Option<String>,
}

/// Looks at an event.
pub fn classify(event: &LogEvent) -> Facts {
    let text = event.message.trim();
    match event.source {
        LogSource::Execution => execution(text),
        LogSource::Function => platform_text(text)
            .or_else(|| object(text).map(platform_json))
            .unwrap_or_else(|| plain(text)),
        LogSource::Access => object(text).map_or_else(|| plain(text), json),
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn plain(text: &str) -> Facts {
    let level = if speaks_of_failure(text) {
        Level::Error
    } else {
        Level::Info
    };
    Facts {
        shape: Shape::Text,
        level,
        requests: after(text, "RequestId: ").into_iter().collect(),
        connection: None,
    }
}

/// Words that runtimes and panics use at the beginning of a line, or Lambda within one.
fn speaks_of_failure(text: &str) -> bool {
    let starts = [
        "ERROR", "FATAL", "[ERROR]", "Error:", "error:", "thread '", "Uncaught",
    ];
    starts.iter().any(|start| text.starts_with(start))
        || text.contains("panicked at")
        || text.contains("Task timed out after")
        || text.contains("Runtime exited")
        || text.contains("\tERROR\t")
}

fn platform_text(text: &str) -> Option<Facts> {
    let facts = |shape, level, text| {
        Some(Facts {
            shape,
            level,
            requests: after(text, "RequestId: ").into_iter().collect(),
            connection: None,
        })
    };
    let (word, _) = text.split_once(' ')?;
    match word {
        "INIT_START" => facts(Shape::Init, Level::Low, text),
        "START" if text.starts_with("START RequestId: ") => facts(Shape::Start, Level::Low, text),
        "END" if text.starts_with("END RequestId: ") => facts(Shape::End, Level::Low, text),
        "REPORT" | "INIT_REPORT" => {
            let report = report_of_text(text);
            let level = if report.failed.is_some() {
                Level::Error
            } else {
                Level::Info
            };
            facts(Shape::Report(report), level, text)
        }
        _ => None,
    }
}

fn report_of_text(text: &str) -> Report {
    let mut report = Report::default();
    for part in text.split('\t') {
        let Some((name, value)) = part.trim().split_once(": ") else {
            continue;
        };
        let number = || value.split(' ').next().and_then(|n| n.parse().ok());
        match name {
            "Duration" => report.duration = number(),
            "Billed Duration" => report.billed = number(),
            "Memory Size" => report.memory = number(),
            "Max Memory Used" => report.max_memory = number(),
            "Init Duration" | "INIT_REPORT Init Duration" => report.init = number(),
            "Status" if value != "success" => report.failed = Some(value.to_owned()),
            "Error Type" => report.error_type = Some(value.to_owned()),
            _ => {}
        }
    }
    report
}

fn platform_json(line: Map<String, Value>) -> Facts {
    let kind = line.get("type").and_then(Value::as_str).unwrap_or_default();
    let shape = match kind {
        "platform.initStart" => Shape::Init,
        "platform.start" => Shape::Start,
        "platform.runtimeDone" => Shape::End,
        "platform.report" | "platform.initReport" => Shape::Report(report_of_json(&line)),
        _ => return json(line),
    };
    let level = match &shape {
        Shape::Report(report) if report.failed.is_some() => Level::Error,
        Shape::Report(_) => Level::Info,
        _ => Level::Low,
    };
    let request = line
        .get("record")
        .and_then(|record| record.get("requestId"));
    Facts {
        level,
        requests: request.and_then(word).into_iter().collect(),
        connection: None,
        shape,
    }
}

fn report_of_json(line: &Map<String, Value>) -> Report {
    let record = line.get("record");
    let metric = |name: &str| record?.get("metrics")?.get(name)?.as_f64();
    let text = |name: &str| record?.get(name).and_then(word);
    Report {
        duration: metric("durationMs"),
        billed: metric("billedDurationMs"),
        memory: metric("memorySizeMB"),
        max_memory: metric("maxMemoryUsedMB"),
        init: metric("initDurationMs"),
        failed: text("status").filter(|status| status != "success"),
        error_type: text("errorType"),
    }
}

fn json(line: Map<String, Value>) -> Facts {
    let find = |names: &[&str]| {
        names.iter().find_map(|name| {
            line.get(*name)
                .or_else(|| line.get("fields")?.get(name))
                .and_then(word)
        })
    };
    let requests = [
        find(&["apiRequestId", "extendedRequestId"]),
        find(&["requestId", "request_id", "AWSRequestId"]),
    ];
    let connection = find(&["connectionId", "connection_id", "connection"]);
    Facts {
        level: level_of_json(&line),
        requests: requests.into_iter().flatten().collect(),
        connection,
        shape: Shape::Json(line),
    }
}

/// The line's own level if it has one, else its HTTP status, else whether it carries an error.
fn level_of_json(line: &Map<String, Value>) -> Level {
    let level = line
        .get("level")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match level.to_ascii_uppercase().as_str() {
        "TRACE" | "DEBUG" => return Level::Low,
        "INFO" => return Level::Info,
        "WARN" | "WARNING" => return Level::Warn,
        "ERROR" | "FATAL" | "CRITICAL" => return Level::Error,
        _ => {}
    }
    let status = line
        .get("status")
        .and_then(word)
        .and_then(|s| s.parse::<u16>().ok());
    match status {
        Some(500..) => return Level::Error,
        Some(400..=499) => return Level::Warn,
        _ => {}
    }
    let said = |name: &str| line.get(name).and_then(word).is_some();
    if ["error", "errorMessage", "errorType"].into_iter().any(said) {
        Level::Error
    } else {
        Level::Info
    }
}

/// A JSON value as a word; API Gateway writes `-` for what it does not know.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() || text == "-" => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `(requestId) text`; a line names its connection only now and then.
fn execution(text: &str) -> Facts {
    let request = text
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .map(|(id, _)| id.to_owned());
    let connection = after(text, "Connection Id: ").or_else(|| after(text, "connection id: "));
    // `AWS Integration Endpoint RequestId: …` names Lambda's request.
    let lambda =
        after(text, "Endpoint RequestId : ").or_else(|| after(text, "Endpoint RequestId: "));
    Facts {
        shape: Shape::Text,
        level: level_of_execution(text),
        requests: request.into_iter().chain(lambda).collect(),
        connection,
    }
}

fn level_of_execution(text: &str) -> Level {
    let bad = [
        "Execution failed",
        "Lambda execution failed",
        "Invalid permissions",
        "Internal server error",
        "Endpoint request timed out",
        "Malformed Lambda proxy response",
        "Gateway response type: INTEGRATION_FAILURE",
        "Gateway response type: DEFAULT_5XX",
    ];
    let refused = [
        "Forbidden",
        "Unauthorized",
        "No route",
        "Rate exceeded",
        "Too Many Requests",
        "Limit Exceeded",
    ];
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match status_in(text) {
        Some(500..) => Level::Error,
        _ if has(&bad) => Level::Error,
        Some(400..) => Level::Warn,
        _ if has(&refused) => Level::Warn,
        _ => Level::Info,
    }
}

/// `Method completed with status: 502`, `… response status code: 403`, `(status 410)`.
fn status_in(text: &str) -> Option<u16> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.split_once("status")?;
    let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    // Only right behind the word, not anywhere in the line.
    if rest.len() - digits.len() > 10 {
        return None;
    }
    digits.get(..3)?.parse().ok()
}

fn after(text: &str, marker: &str) -> Option<String> {
    let (_, rest) = text.split_once(marker)?;
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, ']' | ',' | ')'))
        .unwrap_or(rest.len());
    (end > 0).then(|| rest[..end].to_owned())
}

#[cfg(test)]
mod tests;
