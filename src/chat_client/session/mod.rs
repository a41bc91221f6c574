//! The state of one user's session, pure: lines and frames go in, actions come out.
//!
//! The chat's function runs in many copies side by side, so a message that is sent right after a
//! name may be handled before it. Hence the order of this module: names and messages go out one after
//! the other, each after the answer to the one before. What is refused, cannot be sent or gets no
//! answer is counted in a script; at a prompt it is kept, and said, and can be sent again.

mod members;
mod name;
mod outgoing;
mod pace;

use super::frame::Frame;
use super::typed::Typed;
use members::Members;
use outgoing::{Message, Outgoing};
use pace::Pace;
use serde_json::Value;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Without an answer for this long, what waits for it goes on.
const PATIENCE: Duration = Duration::from_secs(10);
const REMEMBERED: usize = 1000;
const AGAIN: &str = "Enter on an empty line sends it again";

/// Something to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Do {
    /// Send this message.
    Send(Value),
    /// Show a note to the user.
    Note(String),
    /// Show a message that was sent and that the chat does not echo.
    ShowSent {
        /// The receiver's name, if it is private.
        to: Option<String>,
        /// Its text.
        text: String,
    },
    /// Show who is here.
    ShowMembers(Vec<String>),
    /// Leave.
    Quit,
}

/// What is waited for before the next line is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    Name,
    Message,
}

/// What waits for its turn.
#[derive(Debug)]
enum Next {
    Typed(Typed),
    Again(Message),
}

/// The state of one user's session.
#[derive(Debug)]
pub(super) struct Session {
    scripted: bool,
    online: bool,
    /// The chat numbers its frames, so it acknowledges private messages too.
    acknowledges: bool,
    name: Option<String>,
    asked: Option<String>,
    tries: u32,
    retry_at: Option<Instant>,
    awaited: Option<(Awaited, Instant)>,
    queue: VecDeque<Next>,
    outgoing: Outgoing,
    pace: Pace,
    failures: usize,
    members: Members,
    seen: HashSet<String>,
    seen_order: VecDeque<String>,
}

impl Session {
    /// `scripted`: the lines come from a file or a program, so order matters more than speed.
    pub(super) fn new(name: Option<String>, scripted: bool) -> Self {
        let name = name.map(|name| Next::Typed(Typed::Name(name)));
        Self {
            scripted,
            online: false,
            acknowledges: false,
            name: None,
            asked: None,
            tries: 0,
            retry_at: None,
            awaited: None,
            queue: name.into_iter().collect(),
            outgoing: Outgoing::new(scripted),
            pace: Pace::default(),
            failures: 0,
            members: Members::default(),
            seen: HashSet::new(),
            seen_order: VecDeque::new(),
        }
    }

    /// Our name, once the chat has taken it.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Who is here.
    pub(super) fn members(&self) -> &[String] {
        self.members.names()
    }

    /// How much of the script was refused, could not be sent or got no answer.
    pub(super) fn failures(&self) -> usize {
        self.failures
    }

    /// A new connection is open: introduce ourselves again, then go on.
    pub(super) fn opened(&mut self, now: Instant) -> Vec<Do> {
        self.online = true;
        let mut out = self.connection_ended();
        match self.asked.take().or(self.name.clone()) {
            Some(name) => {
                self.tries = if self.name.is_some() {
                    name::REJOIN.0
                } else {
                    0
                };
                out.push(self.ask(name, now));
            }
            None => out.extend(self.advance(now)),
        }
        out
    }

    /// The connection is gone. What was typed waits.
    pub(super) fn lost(&mut self) -> Vec<Do> {
        self.online = false;
        self.retry_at = None;
        if self.scripted {
            return Vec::new(); // Told with the next connection, or by the error that there is none.
        }
        self.connection_ended()
    }

    /// Nobody knows whether the message under way has arrived.
    fn connection_ended(&mut self) -> Vec<Do> {
        match self.awaited {
            Some((Awaited::Message, _)) => {
                self.awaited = None;
                self.unanswered("the connection ended before the answer to a message")
            }
            _ => Vec::new(),
        }
    }

    /// What was to be sent last is too large for any connection.
    pub(super) fn not_sent(&mut self, why: &str, now: Instant) -> Vec<Do> {
        let mut out = vec![Do::Note(why.to_owned())];
        self.failures += usize::from(self.scripted);
        self.give_up();
        self.outgoing.take();
        out.extend(self.advance(now));
        out
    }

    /// Whether the connection can be changed without losing an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.awaited.is_none()
    }

    /// A line was typed.
    pub(super) fn typed(&mut self, typed: Typed, now: Instant) -> Vec<Do> {
        let mut out = Vec::new();
        match typed {
            Typed::Nothing => {
                let again = self.outgoing.take_failed().map(Next::Again);
                out.extend(again.and_then(|next| self.enqueue(next)));
            }
            Typed::Quit if !self.scripted => return self.quit(),
            Typed::Wrong(why) => {
                self.failures += usize::from(self.scripted);
                out.push(Do::Note(why));
            }
            Typed::Help => out.push(Do::Note(super::typed::HELP.into())),
            Typed::Members if !self.scripted => out.push(self.show_members()),
            typed => out.extend(self.enqueue(Next::Typed(typed))),
        }
        out.extend(self.advance(now));
        out
    }

    fn enqueue(&mut self, next: Next) -> Option<Do> {
        self.queue.push_back(next);
        let waits = !self.online && !self.scripted;
        let why = "not connected; it is sent as soon as the connection is back";
        waits.then(|| Do::Note(why.into()))
    }

    /// When [`Session::tick`] has something to do next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let patience = self.awaited.map(|(_, until)| until);
        let paced = self.is_free() && !self.queue.is_empty();
        let pace = paced.then(|| self.pace.allows_at()).flatten();
        [patience, self.retry_at, pace].into_iter().flatten().min()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Do> {
        let mut out = Vec::new();
        if self.awaited.is_some_and(|(_, until)| until <= now) {
            self.give_up();
            let seconds = PATIENCE.as_secs();
            out.extend(self.unanswered(&format!("the chat did not answer within {seconds} s")));
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

    /// Says that nobody knows what became of the message under way, and counts it in a script.
    fn unanswered(&mut self, why: &str) -> Vec<Do> {
        if self.scripted {
            self.failures += 1;
            return vec![Do::Note(why.to_owned())];
        }
        let kept = self.outgoing.fails();
        let note = kept.map(|message| {
            format!(
                "{} may not have been sent: {why}; {AGAIN}",
                message.quoted()
            )
        });
        note.map(Do::Note).into_iter().collect()
    }

    /// At a prompt, what was refused is kept as well. The chat's own words have been shown.
    fn refused(&mut self) -> Option<Do> {
        if self.scripted {
            self.failures += 1;
            return None;
        }
        let kept = self.outgoing.fails()?;
        Some(Do::Note(format!("{} was not sent; {AGAIN}", kept.quoted())))
    }

    /// Leaves, and says what stays behind.
    fn quit(&self) -> Vec<Do> {
        let waiting = self.queue.iter().filter(|next| is_message(next)).count();
        let note = match self.outgoing.unsent() + waiting {
            0 => None,
            1 => Some("1 message may not have been sent".to_owned()),
            count => Some(format!("{count} messages may not have been sent")),
        };
        note.map(Do::Note).into_iter().chain([Do::Quit]).collect()
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
        self.acknowledges |= frame.known.id.is_some();
        let refused = self.outgoing.is_refusal(frame);
        let mut out = Vec::new();
        if self.asked.is_some() {
            out.extend(self.answer_to_name(frame, refused, now));
        }
        match self.awaited {
            Some((Awaited::Name, _)) if self.asked.is_none() => {
                self.awaited = None;
                self.failures += usize::from(self.scripted && refused);
            }
            Some((Awaited::Message, _)) => out.extend(self.answer_to_message(frame, refused)),
            _ => {}
        }
        let late = self.outgoing.answered_late(frame);
        out.extend(late.and_then(|message| shown_by_us(message, frame)));
        out.extend(self.advance(now));
        out
    }

    fn answer_to_message(&mut self, frame: &Frame, refused: bool) -> Option<Do> {
        if refused {
            self.awaited = None;
            return self.refused();
        }
        if !self.outgoing.is_answer(frame, self.name.as_deref()) {
            return None;
        }
        self.awaited = None;
        let message = self.outgoing.take()?;
        // A script has shown it already.
        shown_by_us(message, frame).filter(|_| !self.scripted)
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
            self.forget_the_pace();
            match next {
                Next::Again(message) => out.extend(self.send(message, now)),
                Next::Typed(typed) => out.extend(self.handle(typed, now)),
            }
        }
        out
    }

    fn handle(&mut self, typed: Typed, now: Instant) -> Vec<Do> {
        match typed {
            Typed::Name(name) => {
                self.tries = 0;
                vec![self.ask(name, now)]
            }
            Typed::Public(text) => self.say(None, text, now),
            Typed::Private { to, text } => self.say(Some(to), text, now),
            Typed::Members => vec![self.show_members()],
            Typed::Quit => vec![Do::Quit],
            Typed::Help | Typed::Nothing | Typed::Wrong(_) => Vec::new(),
        }
    }

    fn say(&mut self, to: Option<String>, text: String, now: Instant) -> Vec<Do> {
        let id = self.outgoing.next_id();
        self.send(Message { id, to, text }, now)
    }

    fn send(&mut self, message: Message, now: Instant) -> Vec<Do> {
        let mut out = vec![Do::Send(message.frame())];
        let is_private = message.to.is_some();
        let waits = self.scripted || self.acknowledges || !is_private;
        if is_private && (self.scripted || !waits) {
            let (to, text) = (message.to.clone(), message.text.clone());
            out.push(Do::ShowSent { to, text });
        }
        self.pace.sent(now);
        if waits {
            self.outgoing.sends(message);
            self.awaited = Some((Awaited::Message, now + PATIENCE));
        }
        out
    }

    fn show_members(&self) -> Do {
        Do::ShowMembers(self.members.names().to_vec())
    }

    /// Nothing has to be waited for before the next line.
    fn is_free(&self) -> bool {
        self.online && self.awaited.is_none() && self.retry_at.is_none()
    }

    fn is_held_by_the_pace(&self, now: Instant) -> bool {
        let sends = |next: &Next| is_message(next) || matches!(next, Next::Typed(Typed::Name(_)));
        self.queue.front().is_some_and(sends) && self.pace.holds(now)
    }

    fn say_that_it_paces(&mut self) -> Option<Do> {
        let what = if self.scripted {
            "the script is slowed down to stay below"
        } else {
            "yours waits to be sent"
        };
        let note = format!("the chat takes 10 messages in 10 s; {what}");
        self.pace.is_news().then_some(Do::Note(note))
    }

    /// A script is told once; at a prompt each wait is told.
    fn forget_the_pace(&mut self) {
        if !self.scripted && self.queue.is_empty() {
            self.pace.forget_told();
        }
    }
}

fn is_message(next: &Next) -> bool {
    let typed = match next {
        Next::Again(_) => return true,
        Next::Typed(typed) => typed,
    };
    matches!(typed, Typed::Public(_) | Typed::Private { .. })
}

/// A message that the chat does not echo to its sender, or did not this time.
fn shown_by_us(message: Message, frame: &Frame) -> Option<Do> {
    let Message { to, text, .. } = message;
    let is_echo = frame.known.public_message.is_some();
    (!is_echo).then_some(Do::ShowSent { to, text })
}

#[cfg(test)]
mod tests;
