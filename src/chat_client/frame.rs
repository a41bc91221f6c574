//! What the chat sends: the frames of the wire protocol, and those of API Gateway itself.
//!
//! Only the first key of a frame is certain; the rest are additions that an older or changed
//! server may leave out. A frame of another shape is kept as it is, never an error.

use serde::Deserialize;
use serde_json::Value;

/// One frame, as far as it is understood. `raw` is what came.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The keys that are known.
    pub known: Known,
    /// What came, for programs; a JSON string if it was not JSON.
    pub raw: Value,
}

/// The keys that are known.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Known {
    /// "Alice has joined the chat"
    pub system_message: Option<String>,
    /// "Alice: hi"
    pub public_message: Option<String>,
    /// "Alice: hi", to us alone.
    pub private_message: Option<String>,
    /// Everybody who is here, or one page of it.
    pub members: Option<Vec<String>>,
    /// Number of the page, from 1.
    pub page: Option<usize>,
    /// Of how many.
    pub pages: Option<usize>,
    /// Who came, in rooms too large for whole lists.
    pub joined: Option<Vec<String>>,
    /// Who went.
    pub left: Option<Vec<String>>,
    /// Who is called otherwise now.
    pub renamed: Option<Renamed>,
    /// Why not.
    pub error: Option<Refusal>,
    /// A private message has reached its receiver, or a message that was sent again had arrived.
    pub delivered: Option<Delivered>,
    /// What the sender of a public message called it.
    pub client_id: Option<Value>,
    /// The answer to a heartbeat.
    pub pong: Option<Value>,
    /// Names the message; the same for everything that it causes.
    pub id: Option<String>,
    /// When the chat handled the message, in milliseconds since 1970.
    pub ts: Option<Value>,
    /// What API Gateway itself says.
    pub message: Option<String>,
    /// Of what API Gateway itself says.
    pub request_id: Option<String>,
}

/// One member's change of name.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Renamed {
    /// Before.
    pub from: String,
    /// Now.
    pub to: String,
}

/// A refusal, to its sender alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// What its sender called the message.
    pub id: Option<Value>,
}

/// The answer to a message that had an id of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Delivered {
    /// What its sender called the message.
    pub id: Option<Value>,
}

impl Frame {
    /// Understands as much as it can.
    pub fn parse(text: &str) -> Self {
        match serde_json::from_str::<Value>(text) {
            Ok(raw) => Self {
                known: Known::deserialize(&raw).unwrap_or_default(),
                raw,
            },
            Err(_) => Self {
                known: Known::default(),
                raw: Value::String(text.to_owned()),
            },
        }
    }

    /// Tells one delivery from another: a message's frames share its id, so the kind belongs to it.
    pub fn key(&self) -> Option<String> {
        let id = self.known.id.as_ref()?;
        let kind = self.raw.as_object()?.keys().next()?;
        Some(format!("{id}/{kind}/{}", self.known.page.unwrap_or(0)))
    }

    /// Says no to what was sent before: the chat's refusal, or API Gateway's own.
    pub fn is_refusal(&self) -> bool {
        self.known.error.is_some()
            || (self.known.message.is_some() && self.known.request_id.is_some())
    }

    /// For the eyes of people; heartbeats and member lists are not.
    pub fn words(&self) -> Vec<Words> {
        let known = &self.known;
        let mut words = Vec::new();
        words.extend(known.system_message.as_deref().map(Words::system));
        words.extend(
            known
                .public_message
                .as_deref()
                .map(|text| Words::spoken(false, text)),
        );
        words.extend(
            known
                .private_message
                .as_deref()
                .map(|text| Words::spoken(true, text)),
        );
        if let Some(error) = &known.error {
            let text = if error.message.is_empty() {
                &error.code
            } else {
                &error.message
            };
            words.push(Words::Refused(text.clone()));
        } else if let (Some(message), Some(id)) = (&known.message, &known.request_id) {
            words.push(Words::Refused(format!(
                "the chat could not do that: {message} (request {id})"
            )));
        }
        words
    }
}

/// What there is to read in a frame. The text is a stranger's: escape it before it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// The room says.
    System(String),
    /// A member says, to all or to us alone.
    Spoken {
        /// To us alone.
        private: bool,
        /// Who; empty if the frame does not say.
        from: String,
        /// What.
        text: String,
    },
    /// No, and why.
    Refused(String),
}

impl Words {
    fn system(text: &str) -> Self {
        Self::System(text.to_owned())
    }

    /// "Alice: hi". Names hold no colon, so the first one ends the name.
    fn spoken(private: bool, words: &str) -> Self {
        let (from, text) = words.split_once(':').unwrap_or(("", words));
        Self::Spoken {
            private,
            from: from.trim().to_owned(),
            text: text.trim().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_the_first_protocol_are_understood() {
        let frame = Frame::parse(r#"{"publicMessage":"Alice: see: here"}"#);
        let words = Words::Spoken {
            private: false,
            from: "Alice".into(),
            text: "see: here".into(),
        };
        assert_eq!(frame.words(), [words]);
        assert_eq!(
            Frame::parse(r#"{"members":["A","B"]}"#)
                .known
                .members
                .unwrap(),
            ["A", "B"]
        );
        assert_eq!(frame.key(), None);
    }

    #[test]
    fn a_frame_of_api_gateway_itself_becomes_words() {
        let text = r#"{"message": "Internal server error", "connectionId":"c=", "requestId":"r="}"#;
        let frame = Frame::parse(text);
        assert!(frame.is_refusal());
        assert_eq!(
            frame.words(),
            [Words::Refused(
                "the chat could not do that: Internal server error (request r=)".into()
            )]
        );
    }

    #[test]
    fn odd_frames_are_kept_and_say_nothing() {
        for text in [
            "",
            "no json",
            "[1]",
            "7",
            r#"{"members":7}"#,
            r#"{"publicMessage":{}}"#,
            "null",
        ] {
            assert_eq!(Frame::parse(text).words(), [], "{text}");
        }
        assert_eq!(Frame::parse("no json").raw, Value::String("no json".into()));
    }

    #[test]
    fn frames_of_one_message_have_keys_of_their_own() {
        let joined =
            Frame::parse(r#"{"systemMessage":"A has joined the chat","joined":["A"],"id":"m"}"#);
        let members = Frame::parse(r#"{"members":["A"],"id":"m"}"#);
        assert_ne!(joined.key(), members.key());
    }
}
