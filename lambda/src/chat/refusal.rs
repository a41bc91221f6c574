//! Everything the chat says no to, with the code a client can act on, the sentence a person can act
//! on, and the status the operator sees.
//!
//! The status goes to API Gateway's logs only: without a route response nothing of the function's
//! answer reaches the client. That is why a refusal is also a frame. Answering 200 to everything, as
//! the prototype did, hid every mistake from the one who looked at the logs.

use super::{MAX_TEXT, RATE_LIMIT, RATE_WINDOW_MS};

/// A reason not to do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The page that opened the socket is not on the list.
    OriginNotAllowed,
    /// Not a JSON object.
    NotJson,
    /// No such action; perhaps this one was meant.
    UnknownAction(Option<&'static str>),
    /// The name breaks a rule.
    BadName(&'static str),
    /// Somebody has that name.
    NameTaken,
    /// One must have a name to speak.
    NameRequired,
    /// No `to`.
    NoReceiver,
    /// No text.
    NoMessage,
    /// Too much text.
    TooLong,
    /// Nobody bears that name.
    NoSuchMember,
    /// Too many messages.
    RateLimited,
    /// Too many messages, too often.
    Flooding,
    /// The table or the network failed; not the client's fault.
    Unavailable,
}

impl Refusal {
    /// The word a program can match on. Part of the protocol: never change one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::NotJson => "not_json",
            Self::UnknownAction(_) => "unknown_action",
            Self::BadName(_) => "bad_name",
            Self::NameTaken => "name_taken",
            Self::NameRequired => "name_required",
            Self::NoReceiver => "no_receiver",
            Self::NoMessage => "no_message",
            Self::TooLong => "too_long",
            Self::NoSuchMember => "no_such_member",
            Self::RateLimited => "rate_limited",
            Self::Flooding => "flooding",
            Self::Unavailable => "unavailable",
        }
    }

    /// The HTTP status in the logs.
    pub fn status(&self) -> u16 {
        match self {
            Self::OriginNotAllowed => 403,
            Self::NoSuchMember => 404,
            Self::NameTaken => 409,
            Self::TooLong => 413,
            Self::RateLimited | Self::Flooding => 429,
            Self::Unavailable => 503,
            _ => 400,
        }
    }

    /// What to tell a person. Never repeats what the client sent.
    pub fn message(&self) -> String {
        match self {
            Self::OriginNotAllowed => "this page may not open a chat here".into(),
            Self::NotJson => "send a JSON object as text, such as \
                {\"action\":\"sendPublic\",\"message\":\"hi\"}"
                .into(),
            Self::UnknownAction(near) => unknown_action(*near),
            Self::BadName(why) => (*why).into(),
            Self::NameTaken => "somebody has this name already, choose another".into(),
            Self::NameRequired => {
                "set a name first: {\"action\":\"setName\",\"name\":\"…\"}".into()
            }
            Self::NoReceiver => "say whom the message is for: \"to\" must be a name".into(),
            Self::NoMessage => "say something: \"message\" must be a text that is not empty".into(),
            Self::TooLong => format!("a message has at most {MAX_TEXT} bytes"),
            Self::NoSuchMember => "nobody here has that name".into(),
            Self::RateLimited => format!(
                "at most {RATE_LIMIT} messages in {} seconds; this one was not sent, wait a little",
                RATE_WINDOW_MS / 1000
            ),
            Self::Flooding => "too many messages again and again: this one was not sent, nor any \
                after it, and the connection is closed"
                .into(),
            Self::Unavailable => "the chat could not do that just now, try again".into(),
        }
    }
}

fn unknown_action(near: Option<&str>) -> String {
    let known = "the actions are setName, sendPublic, sendPrivate and ping";
    match near {
        Some(near) => format!("unknown action, did you mean {near}? {known}"),
        None => format!("unknown or missing action: {known}"),
    }
}
