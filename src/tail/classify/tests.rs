//! Lines as AWS and functions write them.

use super::*;

fn facts(source: LogSource, message: &str) -> Facts {
    classify(&LogEvent::sample(source, 0, message))
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
