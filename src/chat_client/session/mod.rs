//! The state of one user's session, pure: lines and frames go in, actions come out.
//!
//! The chat's function runs in many copies side by side, so a message that is sent right after a
//! name may be handled before it. Hence the order of this module: while a name has not been answered,
//! the lines typed after it wait; in a script each message waits for its echo.

use super::frame::Frame;
use super::typed::Typed;
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
    Barrier,
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
    unconfirmed: bool,
    members: Vec<String>,
    pages: Pages,
    seen: HashSet<String>,
    seen_order: VecDeque<String>,
}

/// A member list that has not come in whole.
#[derive(Debug, Default)]
struct Pages {
    id: Option<String>,
    names: Vec<String>,
    count: usize,
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

    /// A new connection is open: introduce ourselves again, then go on.
    pub(super) fn opened(&mut self, now: Instant) -> Vec<Do> {
        self.online = true;
        self.awaited = None;
        let again = self.asked.take().or(self.name.clone());
        let Some(name) = again else {
            return self.advance(now);
        };
        self.tries = if self.name.is_some() { REJOIN.0 } else { 0 };
        vec![self.ask(name, now)]
    }

    /// The connection is gone. What was typed waits.
    pub(super) fn lost(&mut self) {
        self.online = false;
        self.retry_at = None;
        self.awaited = None;
    }

    /// A line was typed.
    pub(super) fn typed(&mut self, typed: Typed, now: Instant) -> Vec<Do> {
        let mut out = Vec::new();
        match typed {
            Typed::Nothing => {}
            Typed::Quit if !self.scripted => return vec![Do::Quit],
            Typed::Wrong(why) => out.push(Do::Note(why)),
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
        let pace = (self.scripted && !self.queue.is_empty())
            .then(|| self.pace_allows_at())
            .flatten();
        [patience, self.retry_at, pace].into_iter().flatten().min()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Do> {
        if self.awaited.is_some_and(|(_, until)| until <= now)
            && let Some((Awaited::Name, _)) = self.awaited.take()
        {
            self.asked = None;
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            if let Some(name) = self.asked.clone() {
                return vec![self.ask(name, now)];
            }
        }
        self.advance(now)
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
        self.take_members(frame);
        let mut out = Vec::new();
        if self.asked.is_some() {
            out.extend(self.answer_to_name(frame, now));
        }
        let done = match self.awaited {
            Some((Awaited::Echo, _)) => frame.is_refusal() || self.is_own_echo(frame),
            Some((Awaited::Barrier, _)) => frame.is_refusal() || frame.known.pong.is_some(),
            Some((Awaited::Name, _)) => self.asked.is_none(),
            None => false,
        };
        if done {
            self.awaited = None;
        }
        out.extend(self.advance(now));
        out
    }

    fn take_members(&mut self, frame: &Frame) {
        let known = &frame.known;
        if let Some(names) = &known.members {
            self.take_page(names, known.id.as_deref(), known.pages.unwrap_or(1));
        }
        if let Some(gone) = &known.left {
            self.members.retain(|name| !gone.contains(name));
        }
        if let Some(renamed) = &known.renamed {
            self.members.retain(|name| *name != renamed.from);
            self.members.push(renamed.to.clone());
        }
        self.members.extend(known.joined.iter().flatten().cloned());
        self.members
            .sort_unstable_by_key(|name| name.to_lowercase());
        self.members.dedup();
    }

    /// A long list comes in pages, in any order; it counts when all are here.
    fn take_page(&mut self, names: &[String], id: Option<&str>, pages: usize) {
        if self.pages.id.as_deref() != id {
            self.pages = Pages {
                id: id.map(str::to_owned),
                ..Pages::default()
            };
        }
        self.pages.names.extend_from_slice(names);
        self.pages.count += 1;
        if self.pages.count >= pages {
            self.members = std::mem::take(&mut self.pages).names;
        }
    }

    /// The chat confirms a name only by listing it among the members.
    fn answer_to_name(&mut self, frame: &Frame, now: Instant) -> Option<Do> {
        let asked = self.asked.clone()?;
        let known = &frame.known;
        if let Some(error) = &known.error {
            return self.name_refused(&error.code, &asked, now);
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
        if !["name_taken", "bad_name", "unavailable"].contains(&code) {
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
        while self.online
            && self.awaited.is_none()
            && self.retry_at.is_none()
            && self.pace_allows(now)
        {
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
                    self.unconfirmed = true;
                }
                Typed::Members => out.push(self.show_members()),
                Typed::Quit if self.unconfirmed => {
                    self.unconfirmed = false;
                    self.queue.push_front(Typed::Quit);
                    out.push(self.send(json!({"action": "ping"}), now));
                    self.wait_in_script(Awaited::Barrier, now);
                }
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

    fn send(&mut self, message: Value, now: Instant) -> Do {
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
        Do::ShowMembers(self.members.clone())
    }

    fn is_own_echo(&self, frame: &Frame) -> bool {
        let (Some(words), Some(name)) = (&frame.known.public_message, &self.name) else {
            return false;
        };
        words
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.starts_with(':'))
    }

    fn pace_allows(&self, now: Instant) -> bool {
        !self.scripted || self.pace_allows_at().is_none_or(|at| at <= now)
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
