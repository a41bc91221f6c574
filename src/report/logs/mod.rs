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

mod json;
mod notice;
pub mod silence;
mod spans;

pub use json::JsonLine;
pub use notice::{NoticeText, notice};

use crate::tail::LogEvent;
use crate::tail::LogSource;
use crate::tail::classify::{Facts, Level, Shape};
use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use spans::{faint, json_spans, lay_out, plain, report_spans, text_spans};

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
    /// Say which function a line is from.
    names_functions: bool,
    today: jiff::civil::Date,
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

    /// The same; with the function's name in front of its lines, where there are several.
    #[must_use]
    pub fn naming_functions(mut self, wanted: bool) -> Self {
        self.names_functions = wanted;
        self
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
            names_functions: false,
        }
    }

    /// The event for people; nothing when it is folded into another line.
    pub fn text(&self, event: &LogEvent, facts: &Facts) -> Option<String> {
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
                format!("{:<10} ", event.source.name()),
            ),
        ];
        let indent = spans.iter().map(|span| span.text.len()).sum();
        if self.names_functions && event.source == LogSource::Function {
            let name = event.group.rsplit('/').next().unwrap_or_default();
            spans.push(faint(format!("{name}: ")));
        }
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

#[cfg(test)]
mod tests;
