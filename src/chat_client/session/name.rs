//! The user's name: asked for, taken, refused, and asked for again after a lost connection.

use super::super::frame::Frame;
use super::{Awaited, Do, PATIENCE, Session};
use serde_json::json;
use std::time::{Duration, Instant};
use unicode_normalization::UnicodeNormalization;

/// After a reconnect the former connection may hold the name until AWS ends it, 10 minutes at most.
pub(super) const REJOIN: (u32, Duration) = (100, Duration::from_secs(7));

impl Session {
    /// The id of a script's request comes back with its answer.
    pub(super) fn ask(&mut self, name: String, now: Instant) -> Do {
        self.asked = Some(name.clone());
        self.awaited = Some((Awaited::Name, now + PATIENCE));
        let mut request = json!({"action": "setName", "name": name});
        if self.scripted {
            request["id"] = self.outgoing.next_id();
        }
        self.pace.sent(now);
        Do::Send(request)
    }

    /// The chat confirms a name only by listing it among the members.
    pub(super) fn answer_to_name(
        &mut self,
        frame: &Frame,
        refused: bool,
        now: Instant,
    ) -> Option<Do> {
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
}

/// The chat may write a name a little differently: trimmed, or full-width letters as plain ones.
fn is_same(name: &str, asked: &str) -> bool {
    name.nfkc().eq(asked.trim().nfkc())
}
