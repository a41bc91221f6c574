//! How log events look: one line for each, colour by source, Lambda's bookkeeping folded.
//!
//! ```text
//! 14:03:07.120 execution  (EOn8…=) Client [Connection Id: gbg…==] connected to API [a1b2] successfully.
//! 14:03:07.121 function   INFO route=setName outcome=joined status=200 durationMs=3.1
//! 14:03:07.126 function   done in 5.56 ms, billed 6 ms, 36 of 128 MB, cold start 110.1 ms  8f3c…
//! 14:03:07.127 access     eventType=MESSAGE routeKey=setName status=200
//! ```
//!
//! START, END and INIT_START carry nothing that the report line does not, so they appear only with
//! `-v`. All text is escaped; on a terminal long lines go on under their own column.

use super::escape::escape;
use crate::cli::LogSource;
use crate::tail::classify::{Facts, Level, Report, Shape};
use crate::tail::{Event, Notice};
use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Write;
use unicode_width::UnicodeWidthChar;

/// Keys of a JSON line that stand elsewhere already.
const ELSEWHERE: [&str; 6] = [
    "timestamp",
    "level",
    "message",
    "time",
    "requestTime",
    "requestTimeEpoch",
];
/// Keys that people look for first, in this order.
const FIRST: [&str; 6] = [
    "eventType",
    "routeKey",
    "route",
    "outcome",
    "status",
    "error",
];
/// The place of ids.
const LAST: usize = usize::MAX;
/// A narrower terminal than this is not worth folding for.
const NARROWEST: usize = 50;

/// How to write events down.
#[derive(Debug, Clone)]
pub struct LogView {
    /// The zone of the times.
    zone: TimeZone,
    utc: bool,
    /// Columns of the terminal; nothing is folded without one.
    width: Option<usize>,
    /// Show START, END and INIT_START too.
    everything: bool,
    today: jiff::civil::Date,
}

struct Span {
    style: Style,
    text: String,
}

impl LogView {
    /// For stdout as it is.
    pub fn for_stdout(utc: bool, everything: bool) -> Self {
        let width = terminal_size::terminal_size_of(std::io::stdout())
            .map(|(width, _)| usize::from(width.0))
            .filter(|width| *width >= NARROWEST);
        let zone = if utc {
            TimeZone::UTC
        } else {
            TimeZone::system()
        };
        Self::new(zone, utc, width, everything, Timestamp::now())
    }

    fn new(
        zone: TimeZone,
        utc: bool,
        width: Option<usize>,
        everything: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            today: now.to_zoned(zone.clone()).date(),
            zone,
            utc,
            width,
            everything,
        }
    }

    /// The event for people; nothing when it is folded into another line.
    pub fn text(&self, event: &Event, facts: &Facts) -> Option<String> {
        let body = match &facts.shape {
            Shape::Start | Shape::End | Shape::Init if !self.everything => return None,
            Shape::Report(report) => report_spans(report, facts),
            Shape::Json(fields) => json_spans(fields, facts.level),
            _ => text_spans(event, facts.level),
        };
        let mut spans = vec![
            faint(format!("{} ", self.time(event.timestamp))),
            plain(
                colour_of(event.source),
                format!("{:<10} ", name_of(event.source)),
            ),
        ];
        let indent = spans.iter().map(|span| span.text.len()).sum();
        spans.extend(body);
        if event.late {
            spans.push(faint("  (late)".into()));
        }
        Some(lay_out(&spans, indent, self.width))
    }

    fn time(&self, millis: i64) -> String {
        let Ok(moment) = Timestamp::from_millisecond(millis) else {
            return format!("{millis} ms");
        };
        let zoned = moment.to_zoned(self.zone.clone());
        let form = match (zoned.date() == self.today, self.utc) {
            (true, false) => "%H:%M:%S%.3f",
            (true, true) => "%H:%M:%S%.3fZ",
            (false, false) => "%Y-%m-%d %H:%M:%S%.3f",
            (false, true) => "%Y-%m-%dT%H:%M:%S%.3fZ",
        };
        zoned.strftime(form).to_string()
    }
}

/// The event for programs. Nothing is folded and nothing escaped: JSON does that.
#[derive(Debug, Serialize)]
pub struct JsonLine<'a> {
    time: String,
    timestamp: i64,
    ingested: i64,
    source: LogSource,
    group: &'a str,
    stream: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    level: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fields: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    requests: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
}

impl<'a> JsonLine<'a> {
    /// The event with what is known about it.
    pub fn new(event: &'a Event, facts: &'a Facts) -> Self {
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

/// A notice as a sentence, and whether it is a warning. `follow`: what is missing is waited for.
pub fn notice(notice: &Notice, follow: bool) -> (bool, String) {
    match notice {
        Notice::Missing { source, group } => {
            let wait = if follow { " yet; waiting for it" } else { "" };
            (
                false,
                format!("{} does not exist{wait}", the_group(*source, group)),
            )
        }
        Notice::Back { source, group } => (
            false,
            format!("{} can be read now", the_group(*source, group)),
        ),
        Notice::Denied {
            source,
            group,
            said,
        } => {
            let group = the_group(*source, group);
            (
                true,
                format!("no permission to read {group}: {}", escape(said)),
            )
        }
        Notice::Unreachable {
            source,
            group,
            said,
        } => {
            let (group, said) = (the_group(*source, group), escape(said));
            (
                true,
                format!("{group} cannot be read at the moment ({said}); still trying"),
            )
        }
        Notice::Throttled { rate } => (
            false,
            format!("CloudWatch Logs asks for fewer calls; going on at {rate} a second"),
        ),
        Notice::Crowded { source, group } => {
            let group = the_group(*source, group);
            let text = "is so busy that events which come late may be missed; --filter narrows it";
            (true, format!("{group} {text}"))
        }
        Notice::Sampled => {
            let text = "more than 500 events a second match: CloudWatch shows a sample of them";
            (true, text.into())
        }
        Notice::SessionRenewed { why } => {
            let text = "was opened again; events in between may be missing";
            (
                true,
                format!("the live session ended ({}) and {text}", escape(why)),
            )
        }
    }
}

fn the_group(source: LogSource, group: &str) -> String {
    format!("the {} log group {group}", name_of(source))
}

/// What people call the source.
pub fn name_of(source: LogSource) -> &'static str {
    match source {
        LogSource::Function => "function",
        LogSource::Execution => "execution",
        LogSource::Access => "access",
    }
}

fn word_of(level: Level) -> &'static str {
    match level {
        Level::Low => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

fn colour_of(source: LogSource) -> Style {
    let colour = match source {
        LogSource::Function => AnsiColor::Cyan,
        LogSource::Execution => AnsiColor::Magenta,
        LogSource::Access => AnsiColor::Blue,
    };
    colour.on_default()
}

fn style_of(level: Level) -> Style {
    match level {
        Level::Low => Style::new().dimmed(),
        Level::Info => Style::new(),
        Level::Warn => AnsiColor::Yellow.on_default(),
        Level::Error => AnsiColor::Red.on_default(),
    }
}

fn faint(text: String) -> Span {
    plain(Style::new().dimmed(), text)
}

fn text_spans(event: &Event, level: Level) -> Vec<Span> {
    let text = escape(event.message.trim_end()).into_owned();
    vec![plain(style_of(level), text)]
}

fn report_spans(report: &Report, facts: &Facts) -> Vec<Span> {
    let mut text = match (&report.failed, report.duration) {
        (Some(failed), Some(duration)) => {
            format!("failed ({}) after {duration} ms", escape(failed))
        }
        (Some(failed), None) => format!("failed ({})", escape(failed)),
        (None, Some(duration)) => format!("done in {duration} ms"),
        (None, None) => "started".into(),
    };
    if let Some(kind) = &report.error_type {
        let _ = write!(text, ", {}", escape(kind));
    }
    if let Some(billed) = report.billed {
        let _ = write!(text, ", billed {billed} ms");
    }
    if let (Some(used), Some(memory)) = (report.max_memory, report.memory) {
        let _ = write!(text, ", {used} of {memory} MB");
    }
    if let Some(init) = report.init {
        let _ = write!(text, ", cold start {init} ms");
    }
    let mut spans = vec![plain(style_of(facts.level), text)];
    if let Some(id) = facts.requests.first() {
        spans.push(faint(format!("  {}", escape(id))));
    }
    spans
}

fn json_spans(line: &Map<String, Value>, level: Level) -> Vec<Span> {
    let mut words = Vec::new();
    if let Some(said) = line.get("level").and_then(Value::as_str) {
        words.push(vec![plain(style_of(level), escape(said).into_owned())]);
    }
    // tracing writes its message and values into `fields`.
    let nested = line.get("fields").and_then(Value::as_object);
    let message = line
        .get("message")
        .or_else(|| nested.and_then(|fields| fields.get("message")));
    if let Some(message) = message {
        words.push(vec![plain(style_of(level), value_text(message, false))]);
    }
    let own = line
        .iter()
        .filter(|(key, value)| !(*key == "fields" && value.is_object()));
    let mut fields: Vec<_> = own
        .chain(nested.into_iter().flatten())
        .filter(|(key, value)| !ELSEWHERE.contains(&key.as_str()) && !is_nothing(value))
        .collect();
    fields.sort_by_key(|(key, _)| place_of(key));
    for (key, value) in fields {
        let style = match place_of(key) {
            LAST => Style::new().dimmed(),
            _ if level >= Level::Warn && key == "status" => style_of(level),
            _ => Style::new(),
        };
        words.push(vec![
            faint(format!("{}=", escape(key))),
            plain(style, value_text(value, true)),
        ]);
    }
    let mut spans = Vec::new();
    for word in words {
        if !spans.is_empty() {
            spans.push(plain(Style::new(), " ".into()));
        }
        spans.extend(word);
    }
    spans
}

fn plain(style: Style, text: String) -> Span {
    Span { style, text }
}

/// Where a key goes: what happened first, ids last.
fn place_of(key: &str) -> usize {
    let first = FIRST.iter().position(|known| *known == key);
    let usual = if key.ends_with("Id") {
        LAST
    } else {
        FIRST.len()
    };
    first.unwrap_or(usual)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "-",
        _ => false,
    }
}

fn value_text(value: &Value, quote: bool) -> String {
    match value {
        Value::String(text) if quote && text.contains([' ', '"', '\n']) => {
            escape(&Value::String(text.clone()).to_string()).into_owned()
        }
        Value::String(text) => escape(text).into_owned(),
        other => escape(&other.to_string()).into_owned(),
    }
}

/// Puts the spans into one line, or on a terminal into as many as it takes, indented.
fn lay_out(spans: &[Span], indent: usize, width: Option<usize>) -> String {
    let mut out = String::new();
    let mut column = 0;
    for span in spans {
        let _ = write!(out, "{}", span.style);
        for c in span.text.chars() {
            let wide = c.width().unwrap_or(0);
            if width.is_some_and(|width| column + wide > width) {
                let _ = write!(out, "{:#}\n{:indent$}{}", span.style, "", span.style);
                column = indent;
            }
            out.push(c);
            column += wide;
        }
        let _ = write!(out, "{:#}", span.style);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::classify::classify;

    const NOON: i64 = 1_772_366_400_000;

    fn event(source: LogSource, message: &str) -> Event {
        Event {
            id: Some("1".into()),
            source,
            group: "/g".into(),
            stream: "s".into(),
            timestamp: NOON + 7_120,
            ingested: NOON + 8_000,
            message: message.into(),
            late: false,
        }
    }

    fn view(width: Option<usize>, everything: bool) -> LogView {
        let now = Timestamp::from_millisecond(NOON).unwrap();
        LogView::new(TimeZone::UTC, true, width, everything, now)
    }

    fn plain_text(view: &LogView, event: &Event) -> Option<String> {
        let painted = view.text(event, &classify(event))?;
        Some(anstream::adapter::strip_str(&painted).to_string())
    }

    fn shown(source: LogSource, message: &str) -> String {
        plain_text(&view(None, false), &event(source, message)).unwrap_or_default()
    }

    #[test]
    fn the_three_lines_of_an_invocation_become_one() {
        assert_eq!(
            shown(
                LogSource::Function,
                "START RequestId: 8f Version: $LATEST\n"
            ),
            ""
        );
        assert_eq!(shown(LogSource::Function, "END RequestId: 8f\n"), "");
        insta::assert_snapshot!(
            shown(LogSource::Function, "REPORT RequestId: 8f\tDuration: 5.56 ms\tBilled Duration: 6 ms\t\
                Memory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t\n"),
            @"12:00:07.120Z function   done in 5.56 ms, billed 6 ms, 36 of 128 MB, cold start 110.1 ms  8f"
        );
        insta::assert_snapshot!(
            shown(LogSource::Function, "REPORT RequestId: 8f\tDuration: 3000.00 ms\tStatus: timeout"),
            @"12:00:07.120Z function   failed (timeout) after 3000 ms  8f"
        );
    }

    #[test]
    fn nothing_is_folded_when_everything_is_asked_for() {
        let line = plain_text(
            &view(None, true),
            &event(LogSource::Function, "END RequestId: 8f\n"),
        );
        assert_eq!(
            line.as_deref(),
            Some("12:00:07.120Z function   END RequestId: 8f")
        );
    }

    #[test]
    fn json_is_shown_as_fields() {
        insta::assert_snapshot!(
            shown(LogSource::Function, r#"{"level":"WARN","message":"name taken","route":"setName","connectionId":"gbg==","gone":0,"note":"two words","timestamp":"2026"}"#),
            @r#"12:00:07.120Z function   WARN name taken route=setName gone=0 note="two words" connectionId=gbg=="#
        );
        insta::assert_snapshot!(
            shown(LogSource::Function, r#"{"timestamp":"t","level":"INFO","fields":{"message":"hi","n":1},"target":"chat"}"#),
            @"12:00:07.120Z function   INFO hi target=chat n=1"
        );
        insta::assert_snapshot!(
            shown(LogSource::Access, r#"{"requestId":"E=","routeKey":"$connect","status":"200","error":"-"}"#),
            @"12:00:07.120Z access     routeKey=$connect status=200 requestId=E="
        );
    }

    #[test]
    fn a_strangers_text_cannot_drive_the_terminal() {
        for message in [
            "\u{1b}[2Jhi",
            r#"{"message":"\u001b[2Jhi","\u001b[1m":"\u009b0m"}"#,
        ] {
            let line = shown(LogSource::Function, message);
            assert!(!line.chars().any(char::is_control), "{line}");
            assert!(line.contains(r"\x1b"), "{line}");
        }
    }

    #[test]
    fn an_event_of_many_lines_stays_one() {
        assert_eq!(
            shown(LogSource::Function, "thread 'main' panicked\n  at x\n"),
            "12:00:07.120Z function   thread 'main' panicked ⏎   at x"
        );
    }

    #[test]
    fn long_and_wide_text_goes_on_under_its_own_column() {
        let text = "你好".repeat(20);
        let line = plain_text(&view(Some(60), false), &event(LogSource::Access, &text)).unwrap();
        let lines: Vec<_> = line.lines().collect();
        assert!(lines.len() > 1);
        for (index, line) in lines.iter().enumerate() {
            assert!(unicode_width::UnicodeWidthStr::width(*line) <= 60, "{line}");
            assert!(index == 0 || line.starts_with(&" ".repeat(25)), "{line}");
        }
    }

    #[test]
    fn another_day_shows_its_date_and_late_events_say_so() {
        let mut old = event(LogSource::Access, "x");
        old.timestamp -= 86_400_000;
        old.late = true;
        assert_eq!(
            plain_text(&view(None, false), &old).as_deref(),
            Some("2026-02-28T12:00:07.120Z access     x  (late)")
        );
    }

    #[test]
    fn json_lines_keep_the_event_whole() {
        let event = event(LogSource::Function, "{\"requestId\":\"8f\"}\n");
        let facts = classify(&event);
        insta::assert_snapshot!(
            serde_json::to_string(&JsonLine::new(&event, &facts)).unwrap(),
            @r#"{"time":"2026-03-01T12:00:07.120Z","timestamp":1772366407120,"ingested":1772366408000,"source":"function","group":"/g","stream":"s","id":"1","level":"info","message":"{\"requestId\":\"8f\"}","fields":{"requestId":"8f"},"requests":["8f"]}"#
        );
    }
}
