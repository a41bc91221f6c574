//! What a line is: Lambda's own bookkeeping, JSON of the function or the access log, or plain text;
//! how bad it is; and which request and connection it belongs to.
//!
//! The shapes are AWS's, in the old style (`REPORT RequestId: …\tDuration: …`) and as JSON system
//! log (`platform.report`). Whatever does not fit stays plain text: a log line is never an error.

use super::event::Event;
use crate::cli::LogSource;
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
pub fn classify(event: &Event) -> Facts {
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
mod tests {
    use super::*;

    fn facts(source: LogSource, message: &str) -> Facts {
        classify(&Event {
            id: None,
            source,
            group: "g".into(),
            stream: "s".into(),
            timestamp: 0,
            ingested: 0,
            message: message.into(),
            late: false,
        })
    }

    #[test]
    fn a_report_line_gives_its_numbers() {
        let facts = facts(
            LogSource::Function,
            "REPORT RequestId: 8f3c\tDuration: 1.56 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n",
        );
        assert_eq!(facts.requests, ["8f3c"]);
        let Shape::Report(report) = facts.shape else {
            panic!("not a report");
        };
        assert_eq!(report.duration, Some(1.56));
        assert_eq!(report.max_memory, Some(36.0));
        assert_eq!(report.init, Some(110.1));
        assert_eq!(report.failed, None);
    }

    #[test]
    fn a_report_of_a_failure_is_an_error_in_both_styles() {
        let text = "REPORT RequestId: r\tDuration: 3000.00 ms\tStatus: timeout";
        let json = r#"{"time":"2026-01-01T00:00:00Z","type":"platform.report","record":{"requestId":"r",
            "metrics":{"durationMs":3000.0},"status":"timeout"}}"#;
        for line in [text, json] {
            let facts = facts(LogSource::Function, line);
            assert_eq!(facts.level, Level::Error);
            assert_eq!(facts.requests, ["r"]);
            assert!(matches!(
                facts.shape,
                Shape::Report(Report {
                    failed: Some(_),
                    ..
                })
            ));
        }
    }

    #[test]
    fn a_function_line_knows_both_of_its_request_ids_and_the_connection() {
        let facts = facts(
            LogSource::Function,
            r#"{"requestId":"lambda","apiRequestId":"gate=","connectionId":"c==","route":"setName","status":409,"level":"WARN"}"#,
        );
        assert_eq!(facts.requests, ["gate=", "lambda"]);
        assert_eq!(facts.connection.as_deref(), Some("c=="));
        assert_eq!(facts.level, Level::Warn);
    }

    #[test]
    fn an_access_line_is_as_bad_as_its_status() {
        for (status, level) in [
            ("200", Level::Info),
            ("403", Level::Warn),
            ("502", Level::Error),
        ] {
            let line = format!(r#"{{"requestId":"g","status":"{status}","error":"-"}}"#);
            assert_eq!(facts(LogSource::Access, &line).level, level);
        }
    }

    #[test]
    fn an_execution_line_belongs_to_the_request_in_its_brackets() {
        let facts = facts(
            LogSource::Execution,
            "(EOn8=) Client [Connection Id: gbg-8==] disconnected from API [a1]. Close reason: [1000: ok]",
        );
        assert_eq!(facts.requests, ["EOn8="]);
        assert_eq!(facts.connection.as_deref(), Some("gbg-8=="));
        assert_eq!(facts.level, Level::Info);
    }

    #[test]
    fn failures_in_the_execution_log_are_seen() {
        for (line, level) in [
            (
                "(r) Execution failed due to configuration error: Invalid permissions on Lambda function",
                Level::Error,
            ),
            ("(r) Method completed with status: 502", Level::Error),
            (
                "(r) Received response. Status: 200, Integration latency: 521 ms",
                Level::Info,
            ),
            ("(r) Method completed with status: 403", Level::Warn),
            ("(r) Starting execution for request: r", Level::Info),
        ] {
            assert_eq!(facts(LogSource::Execution, line).level, level, "{line}");
        }
    }

    #[test]
    fn broken_json_and_odd_text_stay_text() {
        for line in [
            "{\"a\":",
            "{}}",
            "",
            "REPORT",
            "START",
            "é\u{1b}[31m",
            "status",
        ] {
            let facts = facts(LogSource::Function, line);
            assert!(matches!(facts.shape, Shape::Text), "{line}");
        }
    }

    #[test]
    fn panics_and_time_outs_are_errors() {
        for line in [
            "thread 'main' panicked at src/main.rs:3",
            "2026-01-01T00:00:00Z 8f Task timed out after 3.00 seconds",
            "RequestId: 8f Error: Runtime exited with error: exit status 1",
        ] {
            assert_eq!(
                facts(LogSource::Function, line).level,
                Level::Error,
                "{line}"
            );
        }
    }
}
