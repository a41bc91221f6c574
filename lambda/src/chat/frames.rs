//! What clients receive. The first key of each frame is the one that clients of the prototype read;
//! the others are additions they may ignore.
//!
//! `id` names the message (the same for all who get it, so that one delivered twice can be dropped)
//! and `ts` is the time in milliseconds at which the function handled it (so that a list that arrives
//! late can be told from the newest). API Gateway takes at most 128 KB at once, so long lists come in
//! pages.

use bytes::Bytes;
use serde_json::Value;

use super::refusal::Refusal;
use crate::clock::Millis;

/// Bytes of names in one frame, well under the 128 KB that one post may have.
const PAGE_BYTES: usize = 96 * 1024;

/// Puts the same `id` and `ts` on everything that one message causes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The id of the message, or of the request when it is not one.
    pub id: String,
    /// When it was handled.
    pub at: Millis,
}

impl Stamp {
    /// `{"error":{"code","message","id"}}`; `of` is the client's own id of the message, if it gave one.
    pub fn error(&self, refusal: &Refusal, of: Option<&Value>) -> Bytes {
        let mut error = Object::new()
            .text("code", refusal.code())
            .text("message", &refusal.message());
        if let Some(id) = of {
            error = error.raw("id", &id.to_string());
        }
        self.close(Object::new().raw("error", &error.end()))
    }

    /// `{"delivered":{"id"}}`: a private message reached its receiver's connection, or a message that came
    /// again had been sent before. `of` is the client's own id of the message.
    pub fn delivered(&self, of: &Value) -> Bytes {
        let delivered = Object::new().raw("id", &of.to_string()).end();
        self.close(Object::new().raw("delivered", &delivered))
    }

    /// `{"pong":…,"connectionId":…}`, the answer to a heartbeat: the time, and what API Gateway calls the
    /// connection, which a client cannot know otherwise. A deploy asks for it.
    pub fn pong(&self, connection_id: &str) -> Bytes {
        let pong = Object::new().raw("pong", &self.at.0.to_string());
        self.close(pong.text("connectionId", connection_id))
    }

    /// `{"publicMessage":"Alice: hi"}`; `of` is the client's own id of the message, so that its sender
    /// knows it when it comes back.
    pub fn public(&self, from: &str, text: &str, of: Option<&Value>) -> Bytes {
        let frame = spoken("publicMessage", from, text);
        self.close(match of {
            Some(id) => frame.raw("clientId", &id.to_string()),
            None => frame,
        })
    }

    /// `{"privateMessage":"Alice: hi"}`
    pub fn private(&self, from: &str, text: &str) -> Bytes {
        self.close(spoken("privateMessage", from, text))
    }

    /// `{"systemMessage":"Alice has joined the chat"}`. Many who join at once share a frame.
    pub fn joined(&self, names: &[String]) -> Vec<Bytes> {
        self.moved("joined", names)
    }

    /// `{"systemMessage":"Alice is now Bea"}`
    pub fn renamed(&self, old: &str, new: &str) -> Bytes {
        let change = Object::new().text("from", old).text("to", new).end();
        let line = format!("{old} is now {new}");
        self.close(
            Object::new()
                .text("systemMessage", &line)
                .raw("renamed", &change),
        )
    }

    /// `{"systemMessage":"Alice has left the chat"}`. Many who are found gone at once share a frame.
    pub fn left(&self, names: &[String]) -> Vec<Bytes> {
        self.moved("left", names)
    }

    /// `{"members":["Alice","Bea"]}`, in pages when it is long.
    pub fn members(&self, names: &[String]) -> Vec<Bytes> {
        self.paged(names, |page| Object::new().raw("members", &array(page)))
    }

    /// `how` is `joined` or `left`: the key, and the word in the line.
    fn moved(&self, how: &str, names: &[String]) -> Vec<Bytes> {
        self.paged(names, |page| {
            let line = match page {
                [one] => format!("{one} has {how} the chat"),
                [most @ .., last] if most.len() < 5 => {
                    format!("{} and {last} have {how} the chat", most.join(", "))
                }
                many => format!("{} members have {how} the chat", many.len()),
            };
            let frame = Object::new().text("systemMessage", &line);
            frame.raw(how, &array(page))
        })
    }

    fn paged(&self, names: &[String], frame: impl Fn(&[String]) -> Object) -> Vec<Bytes> {
        let pages = pages(names);
        let of = pages.len();
        let page = |(n, names): (usize, &&[String])| {
            let mut frame = frame(names);
            if of > 1 {
                frame = frame
                    .raw("page", &(n + 1).to_string())
                    .raw("pages", &of.to_string());
            }
            self.close(frame)
        };
        pages.iter().enumerate().map(page).collect()
    }

    fn close(&self, object: Object) -> Bytes {
        Bytes::from(
            object
                .text("id", &self.id)
                .raw("ts", &self.at.0.to_string())
                .end(),
        )
    }
}

fn spoken(kind: &str, from: &str, text: &str) -> Object {
    let line = format!("{from}: {text}");
    let frame = Object::new().text(kind, &line);
    frame.text("from", from).text("text", text)
}

/// Cuts a list into pieces that fit a frame. An empty list is one empty piece.
fn pages(names: &[String]) -> Vec<&[String]> {
    let mut pages = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (i, name) in names.iter().enumerate() {
        // Quotes and comma; JSON may write a character of a name as an escape of six.
        let cost = name.len() * 2 + 3;
        if bytes + cost > PAGE_BYTES {
            pages.push(&names[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += cost;
    }
    pages.push(&names[start..]);
    pages
}

fn array(items: &[String]) -> String {
    Value::from_iter(items.iter().map(String::as_str)).to_string()
}

/// A JSON object that keeps its keys in the order written, so that frames read well in a console.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self(String::from("{"))
    }

    fn text(self, key: &str, value: &str) -> Self {
        let quoted = Value::from(value).to_string();
        self.raw(key, &quoted)
    }

    fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
        self.0.push_str(json);
        self
    }

    fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp {
            id: "m1".into(),
            at: Millis(7),
        }
    }

    fn show(frame: &Bytes) -> &str {
        std::str::from_utf8(frame).unwrap()
    }

    #[test]
    fn frames_begin_with_the_key_that_old_clients_read() {
        let s = stamp();
        assert_eq!(
            show(&s.public("Alice", "say \"hi\"\n", None)),
            r#"{"publicMessage":"Alice: say \"hi\"\n","from":"Alice","text":"say \"hi\"\n","id":"m1","ts":7}"#
        );
        assert_eq!(
            show(&s.public("Alice", "hi", Some(&"a-7".into()))),
            r#"{"publicMessage":"Alice: hi","from":"Alice","text":"hi","clientId":"a-7","id":"m1","ts":7}"#
        );
        assert_eq!(
            show(&s.joined(&["Alice".into()])[0]),
            r#"{"systemMessage":"Alice has joined the chat","joined":["Alice"],"id":"m1","ts":7}"#
        );
        assert_eq!(
            show(&s.renamed("Alice", "Bea")),
            r#"{"systemMessage":"Alice is now Bea","renamed":{"from":"Alice","to":"Bea"},"id":"m1","ts":7}"#
        );
        assert_eq!(
            show(&s.members(&[])[0]),
            r#"{"members":[],"id":"m1","ts":7}"#
        );
        assert_eq!(
            show(&s.error(&Refusal::NameTaken, None)),
            r#"{"error":{"code":"name_taken","message":"somebody has this name already, choose another"},"id":"m1","ts":7}"#
        );
    }

    #[test]
    fn leaving_alone_reads_as_before_and_leaving_together_is_one_frame() {
        let s = stamp();
        let names = |n: usize| -> Vec<String> { (0..n).map(|i| format!("n{i}")).collect() };
        let line = |n: usize| {
            let frames = s.left(&names(n));
            assert_eq!(frames.len(), 1);
            serde_json::from_slice::<Value>(&frames[0]).unwrap()["systemMessage"].to_string()
        };
        assert_eq!(line(1), r#""n0 has left the chat""#);
        assert_eq!(line(3), r#""n0, n1 and n2 have left the chat""#);
        assert_eq!(line(9), r#""9 members have left the chat""#);
    }

    #[test]
    fn a_long_list_comes_in_pages_that_fit_a_post() {
        let names: Vec<String> = (0..10_000)
            .map(|i| format!("{:\u{1F600}<28}{i:04}", ""))
            .collect();
        let frames = stamp().members(&names);
        let mut seen = Vec::new();
        for (n, frame) in frames.iter().enumerate() {
            assert!(frame.len() < 128 * 1024);
            let value: Value = serde_json::from_slice(frame).unwrap();
            assert_eq!(
                (value["page"].as_u64(), value["pages"].as_u64()),
                (Some(n as u64 + 1), Some(frames.len() as u64))
            );
            seen.extend(
                value["members"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|v| v.as_str().unwrap().to_owned()),
            );
        }
        assert_eq!(seen, names);
    }
}
