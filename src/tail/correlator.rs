//! Which events belong to a request or a connection, when most of them do not name it.
//!
//! A request has two ids. API Gateway's stands in the execution and access lines, Lambda's in START,
//! END and REPORT; only the function's own line names both. A connection is named by even fewer
//! lines. So ids are linked as lines that name two of them come by, and a line that belongs to
//! nothing yet is kept for as long as a request can last, in case it turns out to belong.

use super::classify::{Facts, Shape};
use super::event::LogEvent;
use crate::tail::LogSource;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// API Gateway waits 29 s for a function; the access line comes after that.
const LONGEST: i64 = 35_000;
/// Undecided events kept at most.
const KEPT: usize = 50_000;

/// What to select.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// One request, by either of its ids.
    Request(String),
    /// Everything of one connection.
    Connection(String),
}

#[derive(Debug)]
struct Waiting {
    /// Its place in the stream.
    number: u64,
    event: LogEvent,
    facts: Facts,
    requests: Vec<String>,
    named: bool,
}

/// Selects what belongs to the subject, in order.
#[derive(Debug)]
pub struct RequestCorrelator {
    subject: Subject,
    ours: HashSet<String>,
    waiting: VecDeque<Waiting>,
    /// The request that runs in each stream of the function: an environment serves one at a time.
    running: HashMap<Arc<str>, String>,
    /// Return a match at once, even if an older line may still turn out to belong. That one is then
    /// late.
    prompt: bool,
    taken: u64,
    /// The highest place of what was returned in order.
    returned: u64,
}

impl RequestCorrelator {
    /// `prompt`: return a match at once, for following.
    pub fn new(subject: Subject, prompt: bool) -> Self {
        let mut ours = HashSet::new();
        if let Subject::Request(id) = &subject {
            ours.insert(id.clone());
        }
        Self {
            subject,
            ours,
            waiting: VecDeque::new(),
            running: HashMap::new(),
            prompt,
            taken: 0,
            returned: 0,
        }
    }

    /// Takes the next event, and returns what is known to belong by now.
    pub fn next(&mut self, event: LogEvent, facts: Facts) -> Vec<(LogEvent, Facts)> {
        let now = event.timestamp;
        let requests = self.requests(&event, &facts);
        let named = self.names_subject(&facts);
        if named || requests.iter().any(|id| self.ours.contains(id)) {
            self.ours.extend(requests.iter().cloned());
        }
        self.taken += 1;
        self.waiting.push_back(Waiting {
            number: self.taken,
            event,
            facts,
            requests,
            named,
        });
        self.give(|waiting| now.saturating_sub(waiting.event.timestamp) > LONGEST)
    }

    /// The stream has ended.
    pub fn end(&mut self) -> Vec<(LogEvent, Facts)> {
        self.give(|_| true)
    }

    /// The ids of the line's request; within a function's stream the running request's when the line
    /// names none.
    fn requests(&mut self, event: &LogEvent, facts: &Facts) -> Vec<String> {
        if event.source != LogSource::Function {
            return facts.requests.clone();
        }
        let mut requests = facts.requests.clone();
        match (&facts.shape, requests.first()) {
            (Shape::Start, Some(id)) => {
                self.running.insert(Arc::clone(&event.stream), id.clone());
            }
            (Shape::Report(_), _) => {
                self.running.remove(&event.stream);
            }
            _ => requests.extend(self.running.get(&event.stream).cloned()),
        }
        requests
    }

    fn names_subject(&self, facts: &Facts) -> bool {
        match &self.subject {
            Subject::Request(_) => false,
            Subject::Connection(id) => facts.connection.as_ref() == Some(id),
        }
    }

    fn give(&mut self, too_old: impl Fn(&Waiting) -> bool) -> Vec<(LogEvent, Facts)> {
        if self.prompt {
            self.give_at_once(too_old)
        } else {
            self.give_in_order(too_old)
        }
    }

    fn belongs(&self, waiting: &Waiting) -> bool {
        waiting.named || waiting.requests.iter().any(|id| self.ours.contains(id))
    }

    fn give_at_once(&mut self, too_old: impl Fn(&Waiting) -> bool) -> Vec<(LogEvent, Facts)> {
        let full = self.waiting.len() > KEPT;
        let (mut out, mut rest) = (Vec::new(), VecDeque::new());
        for mut waiting in std::mem::take(&mut self.waiting) {
            if self.belongs(&waiting) {
                self.mark(&mut waiting);
                out.push((waiting.event, waiting.facts));
            } else if !too_old(&waiting) {
                rest.push_back(waiting);
            }
        }
        if full {
            rest.drain(..rest.len().min(KEPT / 2));
        }
        self.waiting = rest;
        out
    }

    /// The stream is in order but for events that are marked as late; so what stood before a returned one
    /// is late now, too.
    fn mark(&mut self, waiting: &mut Waiting) {
        if waiting.number < self.returned {
            waiting.event.late = true;
        } else if !waiting.event.late {
            self.returned = waiting.number;
        }
    }

    fn give_in_order(&mut self, too_old: impl Fn(&Waiting) -> bool) -> Vec<(LogEvent, Facts)> {
        let mut over = self.waiting.len().saturating_sub(KEPT);
        let mut out = Vec::new();
        while let Some(first) = self.waiting.front() {
            let keep = self.belongs(first);
            if !keep && !too_old(first) && over == 0 {
                break;
            }
            over = over.saturating_sub(1);
            if let Some(first) = self.waiting.pop_front()
                && keep
            {
                out.push((first.event, first.facts));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::classify::classify;

    fn event(source: LogSource, timestamp: i64, stream: &str, message: &str) -> LogEvent {
        LogEvent {
            stream: stream.into(),
            ..LogEvent::sample(source, timestamp, message)
        }
    }

    /// Two concurrent requests in two environments, as they appear in the three logs.
    fn two_requests() -> Vec<LogEvent> {
        use LogSource::{Access, Execution, Function};
        let mut events = Vec::new();
        for (n, gate, lambda, connection) in [
            (0, "gateA=", "lamA", "conA=="),
            (1, "gateB=", "lamB", "conB=="),
        ] {
            let stream = format!("s{n}");
            events.extend([
                event(Execution, n, "x", &format!("({gate}) Starting execution for request: {gate}")),
                event(Function, 10 + n, &stream, &format!("START RequestId: {lambda} Version: $LATEST")),
                event(Function, 20 + n, &stream, "something plain"),
                event(Function, 30 + n, &stream, &format!(
                    r#"{{"requestId":"{lambda}","apiRequestId":"{gate}","connectionId":"{connection}","level":"INFO"}}"#
                )),
                event(Function, 40 + n, &stream, &format!("END RequestId: {lambda}")),
                event(Function, 41 + n, &stream, &format!("REPORT RequestId: {lambda}\tDuration: 1 ms")),
                event(Access, 50 + n, "y", &format!(
                    r#"{{"requestId":"{gate}","connectionId":"{connection}","status":"200"}}"#
                )),
            ]);
        }
        events.sort_by_key(|event| event.timestamp);
        events
    }

    fn tell(subject: Subject, prompt: bool) -> Vec<LogEvent> {
        let mut story = RequestCorrelator::new(subject, prompt);
        let mut out = Vec::new();
        for event in two_requests() {
            let facts = classify(&event);
            out.extend(story.next(event, facts));
        }
        out.extend(story.end());
        out.into_iter().map(|(event, _)| event).collect()
    }

    #[test]
    fn the_story_of_a_request_is_whole_and_in_order_by_either_id() {
        for id in ["gateA=", "lamA"] {
            let out = tell(Subject::Request(id.into()), false);
            let times: Vec<_> = out.iter().map(|event| event.timestamp).collect();
            assert_eq!(times, [0, 10, 20, 30, 40, 41, 50], "{id}");
        }
    }

    #[test]
    fn a_connection_brings_its_requests_along() {
        let out = tell(Subject::Connection("conB==".into()), false);
        let times: Vec<_> = out.iter().map(|event| event.timestamp).collect();
        assert_eq!(times, [1, 11, 21, 31, 41, 42, 51]);
    }

    #[test]
    fn while_following_the_same_lines_come_as_soon_as_they_are_known_to_belong() {
        let mut times: Vec<_> = tell(Subject::Connection("conA==".into()), true)
            .iter()
            .map(|event| event.timestamp)
            .collect();
        times.sort_unstable();
        assert_eq!(times, [0, 10, 20, 30, 40, 41, 50]);
    }

    #[test]
    fn a_line_that_is_known_to_belong_only_after_a_younger_one_was_shown_is_late() {
        use LogSource::{Access, Function};
        let events = [
            event(Function, 10, "s", "START RequestId: lam Version: $LATEST"),
            event(
                Access,
                20,
                "y",
                r#"{"requestId":"gate","connectionId":"con"}"#,
            ),
            event(
                Function,
                30,
                "s",
                r#"{"requestId":"lam","apiRequestId":"gate","connectionId":"con"}"#,
            ),
        ];
        for (prompt, wanted) in [
            (true, [(20, false), (10, true), (30, false)]),
            (false, [(10, false), (20, false), (30, false)]),
        ] {
            let mut story = RequestCorrelator::new(Subject::Connection("con".into()), prompt);
            let mut out = Vec::new();
            for event in events.clone() {
                let facts = classify(&event);
                out.extend(story.next(event, facts));
            }
            out.extend(story.end());
            let marks: Vec<_> = out
                .iter()
                .map(|(event, _)| (event.timestamp, event.late))
                .collect();
            assert_eq!(marks, wanted, "prompt: {prompt}");
        }
    }

    #[test]
    fn a_stranger_has_no_story() {
        assert!(tell(Subject::Request("nobody".into()), false).is_empty());
    }

    #[test]
    fn undecided_lines_are_forgotten_after_the_longest_request() {
        let mut story = RequestCorrelator::new(Subject::Request("r".into()), true);
        for n in 0..10 {
            let event = event(LogSource::Access, n * 10_000, "s", "{}");
            let facts = classify(&event);
            story.next(event, facts);
        }
        assert!(story.waiting.len() <= 4, "{}", story.waiting.len());
    }
}
