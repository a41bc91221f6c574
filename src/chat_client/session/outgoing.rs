//! The user's own messages: the one that waits for its answer, and those that failed.
//!
//! API Gateway's errors name no message. One message is under way at a time, so they are that one's.

use super::super::frame::{Frame, Known};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// So many failed messages are kept; beyond that, what is typed is in the editor's history.
const KEPT: usize = 50;
/// The most characters of a message that a note repeats.
const QUOTED: usize = 40;

/// A message to all, or to one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    /// Its id, which stays when it is sent again.
    pub(super) id: Value,
    /// Its receiver, if it has only one.
    pub(super) to: Option<String>,
    /// What it says.
    pub(super) text: String,
}

impl Message {
    /// As the chat wants it.
    pub(super) fn frame(&self) -> Value {
        let Self { id, to, text } = self;
        match to {
            Some(to) => json!({"action": "sendPrivate", "to": to, "message": text, "id": id}),
            None => json!({"action": "sendPublic", "message": text, "id": id}),
        }
    }

    /// Its beginning, for a note about it.
    pub(super) fn quoted(&self) -> String {
        let mut start: String = self.text.chars().take(QUOTED).collect();
        if start.len() < self.text.len() {
            start.push('…');
        }
        format!("“{start}”")
    }
}

/// What has been sent and not been answered.
#[derive(Debug)]
pub(super) struct Outgoing {
    under_way: Option<Message>,
    failed: VecDeque<Message>,
    last_id: Value,
    count: u64,
    /// What makes the ids of this session its own; scripts have plain numbers.
    prefix: Option<String>,
}

impl Outgoing {
    /// `scripted`: the ids are 1, 2, 3…
    pub(super) fn new(scripted: bool) -> Self {
        Self {
            under_way: None,
            failed: VecDeque::new(),
            last_id: Value::Null,
            count: 0,
            prefix: (!scripted).then(|| format!("{:016x}", fastrand::u64(..))),
        }
    }

    /// The id of the next message, by which its answer is known.
    pub(super) fn next_id(&mut self) -> Value {
        self.count += 1;
        self.last_id = match &self.prefix {
            Some(prefix) => format!("{prefix}-{}", self.count).into(),
            None => self.count.into(),
        };
        self.last_id.clone()
    }

    /// This one is under way now.
    pub(super) fn sends(&mut self, message: Message) {
        self.last_id = message.id.clone();
        self.under_way = Some(message);
    }

    /// It is no longer waited for: it was answered, or nobody answers here.
    pub(super) fn take(&mut self) -> Option<Message> {
        self.under_way.take()
    }

    /// The one under way is kept, to be sent again.
    pub(super) fn fails(&mut self) -> Option<&Message> {
        let message = self.under_way.take()?;
        self.failed.push_back(message);
        if self.failed.len() > KEPT {
            self.failed.pop_front();
        }
        self.failed.back()
    }

    /// The first of the failed ones, to be sent again.
    pub(super) fn take_failed(&mut self) -> Option<Message> {
        self.failed.pop_front()
    }

    /// A message that counted as failed and is answered after all.
    pub(super) fn answered_late(&mut self, frame: &Frame) -> Option<Message> {
        let id = answered_id(&frame.known)?;
        let at = self.failed.iter().position(|message| message.id == *id)?;
        self.failed.remove(at)
    }

    /// How many are not known to have been sent.
    pub(super) fn unsent(&self) -> usize {
        self.failed.len() + usize::from(self.under_way.is_some())
    }

    /// Whether the frame says that what was sent last has arrived. A server of the first protocol
    /// repeats no ids: there it is what `name` says next.
    pub(super) fn is_answer(&self, frame: &Frame, name: Option<&str>) -> bool {
        if let Some(id) = answered_id(&frame.known) {
            return *id == self.last_id;
        }
        let words = frame.known.public_message.as_deref();
        let rest = words
            .zip(name)
            .and_then(|(words, name)| words.strip_prefix(name));
        let is_public = self
            .under_way
            .as_ref()
            .is_some_and(|message| message.to.is_none());
        is_public && rest.is_some_and(|rest| rest.starts_with(':'))
    }

    /// A refusal without an id answers what was sent last: API Gateway's own never has one.
    pub(super) fn is_refusal(&self, frame: &Frame) -> bool {
        let error = frame.known.error.as_ref();
        let id = error.and_then(|error| error.id.as_ref());
        frame.is_refusal() && id.is_none_or(|id| *id == self.last_id)
    }
}

/// The client's own id in an answer that says that a message has arrived.
fn answered_id(known: &Known) -> Option<&Value> {
    let delivered = known
        .delivered
        .as_ref()
        .and_then(|message| message.id.as_ref());
    delivered.or(known.client_id.as_ref())
}
