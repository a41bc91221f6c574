//! The words of an event's line, each with its style, and how they are laid out.

use super::super::escape::escape;
use super::style_of;
use crate::tail::LogEvent;
use crate::tail::classify::{Facts, Level, Report};
use anstyle::Style;
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
/// A run of text in one style.
pub(super) struct Span {
    pub(super) style: Style,
    pub(super) text: String,
}

pub(super) fn faint(text: String) -> Span {
    plain(Style::new().dimmed(), text)
}

pub(super) fn text_spans(event: &LogEvent, level: Level) -> Vec<Span> {
    let text = escape(event.message.trim_end()).into_owned();
    vec![plain(style_of(level), text)]
}

pub(super) fn report_spans(report: &Report, facts: &Facts) -> Vec<Span> {
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

pub(super) fn json_spans(line: &Map<String, Value>, level: Level) -> Vec<Span> {
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

pub(super) fn plain(style: Style, text: String) -> Span {
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

/// Puts the spans into one line, or on a terminal into as many as it takes, indented. Words stay whole
/// where they can, so that an id can be read and copied.
pub(super) fn lay_out(spans: &[Span], indent: usize, width: Option<usize>) -> String {
    let mut sheet = Sheet {
        out: String::new(),
        column: 0,
        style: Style::new(),
        gap: Vec::new(),
        indent,
        width: width.unwrap_or(usize::MAX),
    };
    let mut word = Vec::new();
    for span in spans {
        for c in span.text.chars() {
            if c == ' ' {
                if !word.is_empty() {
                    sheet.word(&word);
                    word.clear();
                }
                sheet.gap.push((c, span.style));
            } else {
                word.push((c, span.style));
            }
        }
    }
    sheet.word(&word);
    sheet.change_to(Style::new());
    sheet.out
}

/// What is written so far, and where the next character goes.
struct Sheet {
    out: String,
    column: usize,
    style: Style,
    /// Spaces since the last word; at the end of a line they are not needed.
    gap: Vec<(char, Style)>,
    indent: usize,
    width: usize,
}

impl Sheet {
    fn word(&mut self, word: &[(char, Style)]) {
        let wide: usize = word.iter().map(|(c, _)| columns(*c)).sum();
        let gap = std::mem::take(&mut self.gap);
        let fits_below = wide <= self.width - self.indent.min(self.width);
        if self.column + gap.len() + wide > self.width && self.column > self.indent && fits_below {
            self.turn();
        } else {
            self.all(&gap);
        }
        self.all(word);
    }

    fn all(&mut self, text: &[(char, Style)]) {
        for (c, style) in text {
            if self.column + columns(*c) > self.width {
                self.turn();
            }
            self.put(*c, *style);
        }
    }

    fn put(&mut self, c: char, style: Style) {
        self.change_to(style);
        self.out.push(c);
        self.column += columns(c);
    }

    fn turn(&mut self) {
        self.change_to(Style::new());
        let _ = write!(self.out, "\n{:indent$}", "", indent = self.indent);
        self.column = self.indent;
    }

    fn change_to(&mut self, style: Style) {
        if style != self.style {
            let _ = write!(self.out, "{:#}{style}", self.style);
            self.style = style;
        }
    }
}

fn columns(c: char) -> usize {
    c.width().unwrap_or(0)
}
