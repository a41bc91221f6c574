//! What of the stream is shown: `--request`, `--connection`, `--errors`, `--grep`, `--limit`.

use super::classify::{Facts, Level, classify};
use super::correlator::{RequestCorrelator, Subject};
use super::event::LogEvent;
use crate::error::{Error, Result};
use regex::Regex;
use std::collections::VecDeque;

/// An event with its classification.
pub type Line = (LogEvent, Facts);

/// Which events to show.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// A request or a connection.
    pub subject: Option<Subject>,
    /// Errors and warnings only.
    pub errors: bool,
    /// What the message must match.
    pub grep: Option<Regex>,
    /// At most this many past events, the latest ones.
    pub limit: Option<usize>,
}

/// Applies the filter to the stream.
#[derive(Debug)]
pub struct Selection {
    filter: LogFilter,
    story: Option<RequestCorrelator>,
    last: VecDeque<Line>,
    caught_up: bool,
    seen: u64,
    shown: u64,
}

impl Selection {
    /// `follow`: an event of a request is shown as soon as it is known to belong to it.
    pub fn new(filter: LogFilter, follow: bool) -> Self {
        let story = filter
            .subject
            .clone()
            .map(|subject| RequestCorrelator::new(subject, follow));
        Self {
            filter,
            story,
            last: VecDeque::new(),
            caught_up: false,
            seen: 0,
            shown: 0,
        }
    }

    /// Takes the next event, and returns what can be shown now.
    pub fn next(&mut self, event: LogEvent) -> Vec<Line> {
        self.seen += 1;
        let facts = classify(&event);
        let lines = match &mut self.story {
            Some(story) => story.next(event, facts),
            None => vec![(event, facts)],
        };
        self.pass(lines)
    }

    /// All past events are in: now the latest ones are known.
    pub fn caught_up(&mut self) -> Vec<Line> {
        self.caught_up = true;
        let last = std::mem::take(&mut self.last);
        self.count(last.into())
    }

    /// The stream has ended.
    pub fn end(&mut self) -> Vec<Line> {
        let lines = match &mut self.story {
            Some(story) => story.end(),
            None => Vec::new(),
        };
        let mut out = self.pass(lines);
        out.extend(self.caught_up());
        out
    }

    /// How many events were taken.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// How many of them were shown.
    pub fn shown(&self) -> u64 {
        self.shown
    }

    fn pass(&mut self, lines: Vec<Line>) -> Vec<Line> {
        let lines: Vec<_> = lines
            .into_iter()
            .filter(|(event, facts)| self.filter.allow(event, facts))
            .collect();
        let Some(limit) = self.filter.limit.filter(|_| !self.caught_up) else {
            return self.count(lines);
        };
        self.last.extend(lines);
        let surplus = self.last.len().saturating_sub(limit);
        self.last.drain(..surplus);
        Vec::new()
    }

    fn count(&mut self, lines: Vec<Line>) -> Vec<Line> {
        self.shown += lines.len() as u64;
        lines
    }
}

impl LogFilter {
    fn allow(&self, event: &LogEvent, facts: &Facts) -> bool {
        let bad = !self.errors || facts.level >= Level::Warn;
        bad && self
            .grep
            .as_ref()
            .is_none_or(|grep| grep.is_match(&event.message))
    }
}

/// Reads `--grep`: a regular expression, without regard to case as long as it is all lower case.
///
/// # Errors
/// A usage error that shows where the expression breaks.
pub fn grep(text: &str) -> Result<Regex> {
    regex::RegexBuilder::new(text)
        .case_insensitive(!text.chars().any(char::is_uppercase))
        .build()
        .map_err(|error| {
            Error::usage(format!("--grep {text} is not a regular expression")).because(error)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::LogSource;

    fn event(timestamp: i64, message: &str) -> LogEvent {
        LogEvent::sample(LogSource::Function, timestamp, message)
    }

    fn times(lines: &[Line]) -> Vec<i64> {
        lines.iter().map(|(event, _)| event.timestamp).collect()
    }

    #[test]
    fn the_limit_keeps_the_last_of_the_past_and_all_of_what_follows() {
        let filter = LogFilter {
            limit: Some(2),
            ..LogFilter::default()
        };
        let mut selection = Selection::new(filter, true);
        for n in 0..5 {
            assert!(selection.next(event(n, "x")).is_empty());
        }
        assert_eq!(times(&selection.caught_up()), [3, 4]);
        assert_eq!(times(&selection.next(event(5, "x"))), [5]);
        assert_eq!((selection.seen(), selection.shown()), (6, 3));
    }

    #[test]
    fn errors_are_refusals_and_failures() {
        let filter = LogFilter {
            errors: true,
            ..LogFilter::default()
        };
        let mut selection = Selection::new(filter, false);
        assert!(selection.next(event(0, r#"{"level":"INFO"}"#)).is_empty());
        assert_eq!(selection.next(event(1, r#"{"level":"WARN"}"#)).len(), 1);
        assert_eq!(
            selection
                .next(event(2, "thread 'main' panicked at x"))
                .len(),
            1
        );
    }

    #[test]
    fn grep_minds_case_only_when_asked_with_a_capital() {
        assert!(grep("alice|bob").unwrap().is_match("ALICE"));
        assert!(!grep("Alice").unwrap().is_match("alice"));
        assert_eq!(grep("(").unwrap_err().kind().exit_code(), 64);
    }
}
