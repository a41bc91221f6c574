//! The chat itself, pure: an event and the sender's row go in, a decision comes out.
//!
//! Nothing here waits, reads a clock or touches a network; `room` does what is decided. So the whole
//! of the rules can be tested and fuzzed as plain functions.

pub mod change;
pub mod frames;
pub mod refusal;

use serde_json::Value;

use crate::clock::Millis;
use crate::event::{Event, Route};
use crate::names::Name;
use refusal::Refusal;

/// The most bytes in a message.
pub const MAX_TEXT: usize = 4096;
/// The most bytes in a client's own id of a message.
const MAX_ID: usize = 64;
/// A text of so many bytes is no counter: it is taken as unique among the sender's messages.
const UNIQUE_ID: usize = 16;
/// A message that was sent is known by its unique id for so long.
pub const SENT_MEMORY_SECS: u64 = 600;
/// Messages a connection may send within one window.
pub const RATE_LIMIT: u64 = 10;
/// The length of that window, which begins with its first message.
pub const RATE_WINDOW_MS: u64 = 10_000;
/// Windows in a row over the limit before the connection is closed.
pub const MAX_STRIKES: u64 = 3;
/// Two overfull windows further apart than this are not in a row.
pub const STRIKE_MEMORY_MS: u64 = 60_000;
/// Rooms with more members hear of joins and leaves, not the whole list each time.
pub const LIST_LIMIT: usize = 100;
/// The sub-protocol that is answered when a client offers it.
pub const PROTOCOL: &str = "chatctl.v1";
/// A row outlives the longest connection API Gateway allows (2 h) by ten minutes.
const ROW_LIFE_SECS: u64 = 2 * 3600 + 600;
const MAX_AGE_MS: u64 = 2 * 3600 * 1000;

/// What is known of a connection that has sent something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// The name it holds, if it has set one.
    pub name: Option<Name>,
    /// Messages in the current window, this one included.
    pub count: u64,
    /// Overfull windows in a row.
    pub strikes: u64,
    /// When the last of them was, in milliseconds.
    pub struck_at: u64,
}

/// What is to be done about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Tell the sender why not, and nobody else.
    Refuse(Refusal),
    /// The first message over the limit: refuse it, and store this number of windows in a row.
    Strike(u64),
    /// Too many windows in a row over the limit: refuse it and close the connection.
    Close,
    /// A heartbeat, which keeps API Gateway's idle time-out away.
    Pong,
    /// The sender has that name already: it gets the list again, nobody else is troubled.
    List,
    /// Take this name, in place of `old` if there is one.
    Claim {
        /// The name asked for.
        name: Name,
        /// The name held so far.
        old: Option<Name>,
    },
    /// Send to everybody.
    Say {
        /// The sender's name, from its own row.
        from: Name,
        /// The message.
        text: String,
    },
    /// Send to one member.
    Whisper {
        /// The sender's name, from its own row.
        from: Name,
        /// The key of the receiver's name; `None` if nobody can have that name.
        to: Option<String>,
        /// The message.
        text: String,
    },
}

/// Whether a handshake is let in, and with which sub-protocol.
///
/// The list protects people from *pages*: a browser always says which page opened a socket and does
/// not let the page lie. A client without `Origin` is no browser; it could claim any origin, so
/// refusing it would keep nobody out.
pub fn admit(event: &Event, allowed: &[String]) -> Result<Option<&'static str>, Refusal> {
    if let Some(origin) = &event.origin {
        let known = allowed.is_empty() || allowed.iter().any(|a| a.eq_ignore_ascii_case(origin));
        if !known {
            return Err(Refusal::OriginNotAllowed);
        }
    }
    Ok(event
        .protocols
        .iter()
        .any(|p| p == PROTOCOL)
        .then_some(PROTOCOL))
}

/// Decides about one message.
pub fn decide(event: &Event, sender: &Member, now: Millis) -> Decision {
    if sender.count > RATE_LIMIT {
        return over_the_limit(sender, now);
    }
    understand(event, sender).unwrap_or_else(Decision::Refuse)
}

/// The id that the client gave its message, so that a refusal can name it. Long ones are left out.
pub fn id_of_client(event: &Event) -> Option<Value> {
    let mut body: Value = serde_json::from_str(event.body.as_deref()?).ok()?;
    let id = body.get_mut("id")?.take();
    let is_short = id.as_str().is_some_and(|id| id.len() <= MAX_ID);
    (is_short || id.is_number()).then_some(id)
}

/// The key under which a message is remembered once it was sent, if its id is unique: one that comes
/// again, over whichever connection, is not sent a second time. Ids of one sender are its own.
pub fn key_of_sent(event: &Event, sender: &Name) -> Option<String> {
    let id = id_of_client(event)?;
    let id = id.as_str().filter(|id| id.len() >= UNIQUE_ID)?;
    Some(format!("{}#{id}", sender.key))
}

/// When the row of this connection ends, in seconds. The event's own time is believed only as far as
/// it can be true, so that no odd event makes a row that stays for ever.
pub fn expiry(event: &Event, now: Millis) -> u64 {
    let connected = event
        .connected_at
        .clamp(now.0.saturating_sub(MAX_AGE_MS), now.0);
    connected / 1000 + ROW_LIFE_SECS
}

/// Every refused message is answered, each with one frame to its sender: so none is lost unnoticed,
/// and a flood cannot make the function post more than it receives.
fn over_the_limit(sender: &Member, now: Millis) -> Decision {
    if sender.count > RATE_LIMIT + 1 {
        return Decision::Refuse(Refusal::RateLimited);
    }
    let in_a_row = now.0.saturating_sub(sender.struck_at) <= STRIKE_MEMORY_MS;
    let strikes = if in_a_row {
        sender.strikes.saturating_add(1)
    } else {
        1
    };
    if strikes >= MAX_STRIKES {
        Decision::Close
    } else {
        Decision::Strike(strikes)
    }
}

fn understand(event: &Event, sender: &Member) -> Result<Decision, Refusal> {
    let body: Value = event
        .body
        .as_deref()
        .and_then(|body| serde_json::from_str(body).ok())
        .filter(Value::is_object)
        .ok_or(Refusal::NotJson)?;
    match event.route {
        Route::SetName => set_name(&body, sender),
        Route::SendPublic => {
            let from = named(sender)?;
            Ok(Decision::Say {
                from,
                text: message(&body)?,
            })
        }
        Route::SendPrivate => {
            let from = named(sender)?;
            let to = body["to"].as_str().ok_or(Refusal::NoReceiver)?;
            Ok(Decision::Whisper {
                from,
                to: Name::key_of(to),
                text: message(&body)?,
            })
        }
        Route::Connect | Route::Disconnect | Route::Default => unrouted(&body),
    }
}

fn set_name(body: &Value, sender: &Member) -> Result<Decision, Refusal> {
    let raw = body["name"]
        .as_str()
        .ok_or(Refusal::BadName("name must be a string"))?;
    let name = Name::parse(raw).map_err(Refusal::BadName)?;
    if sender.name.as_ref() == Some(&name) {
        return Ok(Decision::List);
    }
    Ok(Decision::Claim {
        name,
        old: sender.name.clone(),
    })
}

fn named(sender: &Member) -> Result<Name, Refusal> {
    sender.name.clone().ok_or(Refusal::NameRequired)
}

fn message(body: &Value) -> Result<String, Refusal> {
    let text = body["message"].as_str().ok_or(Refusal::NoMessage)?;
    if text.trim().is_empty() {
        return Err(Refusal::NoMessage);
    }
    if text.len() > MAX_TEXT {
        return Err(Refusal::TooLong);
    }
    Ok(text.to_owned())
}

/// A message that no route matched.
fn unrouted(body: &Value) -> Result<Decision, Refusal> {
    match body["action"].as_str() {
        Some("ping") => Ok(Decision::Pong),
        Some(action) => Err(Refusal::UnknownAction(near_miss(action))),
        None => Err(Refusal::UnknownAction(None)),
    }
}

const ACTIONS: [&str; 4] = ["setName", "sendPublic", "sendPrivate", "ping"];

/// The action that was probably meant: same letters but for case, `$`, `_` and `-`, or up to two slips.
fn near_miss(action: &str) -> Option<&'static str> {
    if action.len() > 32 {
        return None;
    }
    let bare = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let asked = bare(action);
    let (distance, best) = ACTIONS
        .iter()
        .map(|known| (slips(&asked, &bare(known)), *known))
        .min()?;
    (distance <= 2 && distance * 2 < best.len()).then_some(best)
}

/// How many single-character changes lie between two words.
fn slips(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
