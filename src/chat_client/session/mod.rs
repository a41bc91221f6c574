//! The state of one user's session, pure: lines and frames go in, actions come out.
//!
//! The chat's function runs in many copies side by side, so a message that is sent right after a
//! name may be handled before it. Hence the order of this module: while a name has not been answered,
//! the lines typed after it wait; in a script each message waits for its answer. What is refused,
//! cannot be sent or gets no answer is counted there.

mod members;

use super::frame::Frame;
use super::typed::Typed;
use members::Members;
use serde_json::{Value, json};
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};
use unicode_normalization::UnicodeNormalization;

/// Without an answer for this long, what waits for it goes on.
const PATIENCE: Duration = Duration::from_secs(10);
/// The chat refuses more than 10 messages in 10 seconds; a script stays just below.
const PACE: (usize, Duration) = (9, Duration::from_millis(10_500));
/// After a reconnect the former connection may hold the name until AWS ends it, 10 minutes at most.
const REJOIN: (u32, Duration) = (100, Duration::from_secs(7));
const REMEMBERED: usize = 1000;

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Do {
    /// Send this message.
    Send(Value),
    /// Show a note to the user.
    Note(String),
    /// Show a private message that was sent; the chat does not echo it.
    ShowWhisper {
        /// The receiver's name.
        to: String,
        /// Its text.
        text: String,
    },
    /// Show who is here.
    ShowMembers(Vec<String>),
    /// Leave.
    Quit,
}

/// What a script waits for before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Name,
    Echo,
    Delivery,
}

/// The state of one user's session.
#[derive(Debug, Default)]
pub(super) struct Session {
    scripted: bool,
    online: bool,
    name: Option<String>,
    asked: Option<String>,
    tries: u32,
    retry_at: Option<Instant>,
    awaited: Option<(Awaited, Instant)>,
    queue: VecDeque<Typed>,
    sent: VecDeque<Instant>,
    last_id: u64,
    failures: usize,
    paced: bool,
    members: Members,
    seen: HashSet<String>,
    seen_order: VecDeque<String>,
}

impl Session {
    /// `scripted`: the lines come from a file or a program, so order matters more than speed.
    pub(super) fn new(name: Option<String>, scripted: bool) -> Self {
        let queue = name.map(Typed::Name).into_iter().collect();
        Self {
            scripted,
            queue,
            ..Self::default()
        }
    }

    /// Our name, once the chat has taken it.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How much of the script was refused, could not be sent or got no answer.
    pub(super) fn failures(&self) -> usize {
        self.failures
    }

    /// A new connection is open: introduce ourselves again, then go on.
    pub(super) fn opened(&mut self, now: Instant) -> Vec<Do> {
        self.online = true;
        let mut out = Vec::new();
        if let Some((Awaited::Echo | Awaited::Delivery, _)) = self.awaited.take() {
            out.extend(self.failed("the connection ended before the answer to a message"));
        }
        match self.asked.take().or(self.name.clone()) {
            Some(name) => {
                self.tries = if self.name.is_some() { REJOIN.0 } else { 0 };
                out.push(self.ask(name, now));
            }
            None => out.extend(self.advance(now)),
        }
        out
    }

    /// The connection is gone. What was typed waits.
    pub(super) fn lost(&mut self) {
        self.online = false;
        self.retry_at = None;
    }

    /// What was to be sent last is too large for any connection.
    pub(super) fn not_sent(&mut self, why: &str, now: Instant) -> Vec<Do> {
        let mut out = vec![Do::Note(why.to_owned())];
        self.failures += usize::from(self.scripted);
        self.give_up();
        out.extend(self.advance(now));
        out
    }

    /// A line was typed.
    pub(super) fn typed(&mut self, typed: Typed, now: Instant) -> Vec<Do> {
        let mut out = Vec::new();
        match typed {
            Typed::Nothing => {}
            Typed::Quit if !self.scripted => return vec![Do::Quit],
            Typed::Wrong(why) => {
                self.failures += usize::from(self.scripted);
                out.push(Do::Note(why));
            }
            Typed::Help => out.push(Do::Note(super::typed::HELP.into())),
            Typed::Members if !self.scripted => out.push(self.show_members()),
            typed => {
                if !self.online && !self.scripted {
                    out.push(Do::Note(
                        "not connected; it is sent as soon as the connection is back".into(),
                    ));
                }
                self.queue.push_back(typed);
            }
        }
        out.extend(self.advance(now));
        out
    }

    /// When [`Session::tick`] has something to do next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let patience = self.awaited.map(|(_, until)| until);
        let pace = (self.scripted && self.is_free() && !self.queue.is_empty())
            .then(|| self.pace_allows_at())
            .flatten();
        [patience, self.retry_at, pace].into_iter().flatten().min()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Do> {
        let mut out = Vec::new();
        if self.awaited.is_some_and(|(_, until)| until <= now) {
            self.give_up();
            let seconds = PATIENCE.as_secs();
            out.extend(self.failed(&format!("the chat did not answer within {seconds} s")));
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            if let Some(name) = self.asked.clone() {
                out.push(self.ask(name, now));
                return out;
            }
        }
        out.extend(self.advance(now));
        out
    }

    /// Waits no longer for the answer to what was sent last.
    fn give_up(&mut self) {
        if let Some((Awaited::Name, _)) = self.awaited.take() {
            self.asked = None;
        }
    }

    /// Counts a failure of the script; at a prompt, the user sees what is missing.
    fn failed(&mut self, why: &str) -> Option<Do> {
        self.failures += usize::from(self.scripted);
        self.scripted.then(|| Do::Note(why.to_owned()))
    }

    /// Whether the frame is new; one message may be delivered twice.
    pub(super) fn is_new(&mut self, frame: &Frame) -> bool {
        let Some(key) = frame.key() else { return true };
        if !self.seen.insert(key.clone()) {
            return false;
        }
        self.seen_order.push_back(key);
        if self.seen_order.len() > REMEMBERED
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    /// A frame came in.
    pub(super) fn frame(&mut self, frame: &Frame, now: Instant) -> Vec<Do> {
        self.members.take(&frame.known);
        let refused = self.refuses_the_last(frame);
        let mut out = Vec::new();
        if self.asked.is_some() {
            out.extend(self.answer_to_name(frame, refused, now));
        }
        let answered = match self.awaited {
            Some((Awaited::Echo, _)) => refused || self.is_own_echo(frame),
            Some((Awaited::Delivery, _)) => refused || self.is_delivered(frame),
            Some((Awaited::Name, _)) => self.asked.is_none(),
            None => false,
        };
        if answered {
            self.awaited = None;
            self.failures += usize::from(self.scripted && refused);
        }
        out.extend(self.advance(now));
        out
    }

    /// The chat confirms a name only by listing it among the members.
    fn answer_to_name(&mut self, frame: &Frame, refused: bool, now: Instant) -> Option<Do> {
        let asked = self.asked.clone()?;
        let known = &frame.known;
        if refused {
            let code = known.error.as_ref().map_or("", |error| &error.code);
            return self.name_refused(code, &asked, now);
        }
        let lists = known.members.iter().chain(&known.joined).flatten();
        let renamed = known.renamed.iter().map(|renamed| &renamed.to);
        let joined = known
            .system_message
            .as_ref()
            .is_some_and(|text| *text == format!("{asked} has joined the chat"));
        let taken = lists
            .chain(renamed)
            .find(|name| is_same(name, &asked))
            .cloned();
        self.name = Some(taken.or_else(|| joined.then_some(asked))?);
        self.asked = None;
        self.retry_at = None;
        None
    }

    fn name_refused(&mut self, code: &str, asked: &str, now: Instant) -> Option<Do> {
        // At a prompt it may be the answer to a message that was sent before.
        if !self.scripted && !["name_taken", "bad_name", "unavailable"].contains(&code) {
            return None;
        }
        if code != "bad_name" && self.tries > 0 {
            self.tries -= 1;
            self.awaited = None;
            self.retry_at = Some(now + REJOIN.1);
            return Some(Do::Note(format!(
                "waiting for the name {asked} to become free again"
            )));
        }
        if self.name.as_deref() == Some(asked) {
            self.name = None;
        }
        self.asked = None;
        None
    }

    /// Does what is at the head of the queue as long as nothing holds it.
    fn advance(&mut self, now: Instant) -> Vec<Do> {
        let mut out = Vec::new();
        while self.is_free() {
            if self.is_held_by_the_pace(now) {
                out.extend(self.say_that_it_paces());
                break;
            }
            let Some(next) = self.queue.pop_front() else {
                break;
            };
            match next {
                Typed::Name(name) => {
                    self.tries = 0;
                    out.push(self.ask(name, now));
                }
                Typed::Public(message) => {
                    out.push(self.send(json!({"action": "sendPublic", "message": message}), now));
                    self.wait_in_script(Awaited::Echo, now);
                }
                Typed::Private { to, text } => {
                    let message = json!({"action": "sendPrivate", "to": to, "message": text});
                    out.push(self.send(message, now));
                    out.push(Do::ShowWhisper { to, text });
                    self.wait_in_script(Awaited::Delivery, now);
                }
                Typed::Members => out.push(self.show_members()),
                Typed::Quit => out.push(Do::Quit),
                Typed::Help | Typed::Nothing | Typed::Wrong(_) => {}
            }
        }
        out
    }

    fn ask(&mut self, name: String, now: Instant) -> Do {
        self.asked = Some(name.clone());
        self.awaited = Some((Awaited::Name, now + PATIENCE));
        self.send(json!({"action": "setName", "name": name}), now)
    }

    /// The id of a script's message comes back with its answer.
    fn send(&mut self, mut message: Value, now: Instant) -> Do {
        if self.scripted {
            self.last_id += 1;
            message["id"] = self.last_id.into();
        }
        self.sent.push_back(now);
        if self.sent.len() > PACE.0 {
            self.sent.pop_front();
        }
        Do::Send(message)
    }

    fn wait_in_script(&mut self, what: Awaited, now: Instant) {
        if self.scripted {
            self.awaited = Some((what, now + PATIENCE));
        }
    }

    fn show_members(&self) -> Do {
        Do::ShowMembers(self.members.names().to_vec())
    }

    fn is_own_echo(&self, frame: &Frame) -> bool {
        let (Some(words), Some(name)) = (&frame.known.public_message, &self.name) else {
            return false;
        };
        words
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.starts_with(':'))
    }

    /// A refusal without an id answers what was sent last: API Gateway's own never has one.
    fn refuses_the_last(&self, frame: &Frame) -> bool {
        let id = frame
            .known
            .error
            .as_ref()
            .and_then(|error| error.id.as_ref());
        frame.is_refusal() && id.is_none_or(|id| *id == self.last_id)
    }

    fn is_delivered(&self, frame: &Frame) -> bool {
        let delivered = frame.known.delivered.as_ref();
        delivered.is_some_and(|message| message.id.as_ref().is_some_and(|id| *id == self.last_id))
    }

    /// Nothing has to be waited for before the next line.
    fn is_free(&self) -> bool {
        self.online && self.awaited.is_none() && self.retry_at.is_none()
    }

    fn is_held_by_the_pace(&self, now: Instant) -> bool {
        let sends = matches!(
            self.queue.front(),
            Some(Typed::Name(_) | Typed::Public(_) | Typed::Private { .. })
        );
        self.scripted && sends && self.pace_allows_at().is_some_and(|at| at > now)
    }

    fn say_that_it_paces(&mut self) -> Option<Do> {
        let first = !std::mem::replace(&mut self.paced, true);
        first.then(|| {
            Do::Note(
                "the chat takes 10 messages in 10 s; the script is slowed down to stay below"
                    .into(),
            )
        })
    }

    fn pace_allows_at(&self) -> Option<Instant> {
        (self.sent.len() >= PACE.0)
            .then(|| self.sent.front().map(|first| *first + PACE.1))
            .flatten()
    }
}

/// The chat may write a name a little differently: trimmed, or full-width letters as plain ones.
fn is_same(name: &str, asked: &str) -> bool {
    name.nfkc().eq(asked.trim().nfkc())
}

#[cfg(test)]
mod tests;
