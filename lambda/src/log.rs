//! One JSON line for each invocation, in the form CloudWatch understands as levelled.
//!
//! What is never written: the text of messages, and names. A line says who (the connection's id),
//! what (the route), how it ended, and how many were reached. Everything that gets here is a number,
//! an id, or one of our own words.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Millis;
use crate::event::Event;
use crate::outcome::Outcome;

/// How much a line matters. The order is Lambda's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Everything; not used by the function itself.
    Trace,
    /// For the one who changes the function.
    Debug,
    /// What happened.
    Info,
    /// What a client was refused.
    Warn,
    /// What an operator should look at.
    Error,
    /// What ends the process.
    Fatal,
}

impl Level {
    /// Reads a level by its name; anything unknown is `INFO`, which is Lambda's default.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "TRACE" => Self::Trace,
            "DEBUG" => Self::Debug,
            "WARN" | "WARNING" => Self::Warn,
            "ERROR" => Self::Error,
            "FATAL" => Self::Fatal,
            _ => Self::Info,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The level of an outcome's line. Trouble is worth at least a warning.
    pub fn of(outcome: &Outcome) -> Self {
        let level = match outcome.status {
            0..=399 => Self::Info,
            400..=499 => Self::Warn,
            _ => Self::Error,
        };
        if outcome.trouble.is_some() {
            level.max(Self::Warn)
        } else {
            level
        }
    }
}

/// Writes the lines.
pub struct Log {
    level: Level,
    out: Mutex<Box<dyn Write + Send>>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log({:?})", self.level)
    }
}

impl Log {
    /// A log of lines at `level` and above.
    pub fn new(level: Level, out: Box<dyn Write + Send>) -> Self {
        Self {
            level,
            out: Mutex::new(out),
        }
    }

    /// The line of an invocation.
    pub fn outcome(&self, request_id: &str, event: &Event, outcome: &Outcome, took: Duration) {
        let level = Level::of(outcome);
        let mut line = fields(json!({
            "requestId": request_id,
            "apiRequestId": event.request_id,
            "connectionId": event.connection_id,
            "route": event.route.key(),
            "outcome": outcome.code,
            "status": outcome.status,
            "durationMs": (took.as_secs_f64() * 1e5).round() / 100.0,
            "recipients": outcome.tally.recipients,
            "gone": outcome.tally.gone,
            "failed": outcome.tally.failed,
        }));
        if let Some(trouble) = &outcome.trouble {
            line.insert("trouble".into(), trouble.as_str().into());
        }
        self.write(level, line);
    }

    /// A line that belongs to no event.
    pub fn line(&self, level: Level, request_id: Option<&str>, message: &str) {
        let mut line = fields(json!({ "message": message }));
        if let Some(id) = request_id {
            line.insert("requestId".into(), id.into());
        }
        self.write(level, line);
    }

    fn write(&self, level: Level, mut line: Map<String, Value>) {
        if level < self.level {
            return;
        }
        line.insert("timestamp".into(), Millis::now().rfc3339().into());
        line.insert("level".into(), level.word().into());
        let text = Value::Object(line).to_string() + "\n";
        let mut out = self
            .out
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Where standard output is gone there is nowhere left to say so.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("message".to_owned(), other)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_below_the_level_are_not_written() {
        let sink = Sink::default();
        let log = Log::new(Level::parse("warn"), Box::new(sink.clone()));
        log.line(Level::Info, None, "quiet");
        log.line(Level::Error, Some("r1"), "loud\nstill one line");
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (line["level"].as_str(), line["requestId"].as_str()),
            (Some("ERROR"), Some("r1"))
        );
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn every_level_of_lambda_is_known_and_anything_else_is_info() {
        for word in ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"] {
            assert_eq!(Level::parse(word).word(), word);
        }
        assert_eq!(Level::parse("loud"), Level::Info);
    }
}
