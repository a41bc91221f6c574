//! Messages of members: to everybody, or to one.
//!
//! A client that got no answer cannot know whether its message was sent, so it may send it again with
//! the same id. What was sent is remembered after it was sent: so a message is lost by no failure before
//! that, and one that comes again is answered and not sent a second time. Only where the function was
//! ended between the two can a second sending reach somebody twice.

use std::sync::Arc;

use super::{Done, Request, Stop};
use crate::chat::refusal::Refusal;
use crate::chat::{id_of_client, key_of_sent};
use crate::names::Name;
use crate::push::{Frame, Post, Push};
use crate::store::{Listed, Store, StoreError};
use futures_util::future::try_join;

/// The word in the logs for a message that came again.
const REPEATED: &str = "repeated";

impl<S: Store, P: Push> Request<'_, S, P> {
    pub(super) async fn say(&mut self, from: &Name, text: &str) -> Done {
        let sent = key_of_sent(self.event, from);
        let members = self.room.store.members(self.now);
        let (members, was_sent) = try_join(members, self.was_sent(sent.as_deref())).await?;
        if was_sent {
            return self.acknowledge(REPEATED).await;
        }
        let of = id_of_client(self.event);
        let frame = self.stamp.public(&from.shown, text, of.as_ref());
        let frames: Arc<[Frame]> = [Frame::new(frame)].into();
        let post = |member: Listed| Post {
            to: member.connection,
            frames: frames.clone(),
        };
        let before = self.tally.recipients;
        self.deliver(members.into_iter().map(post).collect()).await;
        if self.tally.recipients > before {
            self.remember_sent(sent).await;
        }
        Ok("said")
    }

    pub(super) async fn whisper(&mut self, from: &Name, to: Option<String>, text: &str) -> Done {
        let nobody = || Stop::Refused(Refusal::NoSuchMember);
        let sent = key_of_sent(self.event, from);
        let to = to.ok_or_else(nobody)?;
        let target = self.room.store.find(&to, self.now);
        let (target, was_sent) = try_join(target, self.was_sent(sent.as_deref())).await?;
        if was_sent {
            return self.acknowledge(REPEATED).await;
        }
        let target = target.ok_or_else(nobody)?;
        let frames = [Frame::new(self.stamp.private(&from.shown, text))].into();
        let before = self.tally;
        self.deliver(vec![Post { to: target, frames }]).await;
        if self.tally.gone > before.gone {
            return Err(nobody());
        }
        if self.tally.failed > before.failed {
            return Err(Stop::Refused(Refusal::Unavailable));
        }
        self.remember_sent(sent).await;
        self.acknowledge("whispered").await
    }

    /// Tells the sender that its message was sent, if it gave it an id.
    async fn acknowledge(&mut self, code: &'static str) -> Done {
        if let Some(id) = id_of_client(self.event) {
            self.answer(vec![self.stamp.delivered(&id)]).await;
        }
        Ok(code)
    }

    async fn was_sent(&self, key: Option<&str>) -> Result<bool, StoreError> {
        match key {
            Some(key) => self.room.store.was_sent(key, self.now).await,
            None => Ok(false),
        }
    }

    /// A failure is the operator's to know: the message itself was sent.
    async fn remember_sent(&mut self, key: Option<String>) {
        let Some(key) = key else { return };
        if let Err(StoreError(why)) = self.room.store.remember_sent(&key, self.now).await {
            self.trouble.get_or_insert(why);
        }
    }
}
