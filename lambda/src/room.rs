//! Carries out what the chat decides: claims names, sends messages, forgets who is gone.
//!
//! What surprises: a delivery may find a member gone. It is forgotten at once and the others are told,
//! which may find more gone, and so on until everybody who is listed could be reached. Whoever removes
//! the row announces the leaving, so it is announced once, whether the `$disconnect` comes early, late
//! or never.

mod speech;

use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};

use crate::announce::Announcer;
use crate::chat::change::{Change, What};
use crate::chat::frames::Stamp;
use crate::chat::refusal::Refusal;
use crate::chat::{Decision, Member, admit, decide, expiry, id_of_client};
use crate::clock::Millis;
use crate::event::{Event, Route};
use crate::names::Name;
use crate::outcome::{Outcome, Tally};
use crate::push::{Frame, Post, Presence, Push, Report};
use crate::store::{Claim, Claimed, Store, StoreError, shown};

/// Rows forgotten at once.
const FORGET_CONCURRENCY: usize = 16;
/// A claim that keeps finding the world changed gives up after so many looks.
const CLAIM_TRIES: u32 = 5;

/// The chat's room: its store and its connections.
#[derive(Debug)]
pub struct Room<S, P> {
    /// The table.
    pub store: S,
    /// The connections.
    pub push: P,
    /// Pages that may connect.
    pub allowed_origins: Vec<String>,
}

/// Why a message did not get to its end.
enum Stop {
    Refused(Refusal),
    /// Refused, and the sender has been told.
    Told(&'static str, u16),
    Broken(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Broken(error)
    }
}

type Done = Result<&'static str, Stop>;

impl<S: Store, P: Push> Room<S, P> {
    /// Handles one event from beginning to end. Nothing is left under way when it returns.
    pub async fn handle(&self, event: &Event, now: Millis) -> Outcome {
        if event.route == Route::Connect {
            return connect(event, &self.allowed_origins);
        }
        let id = event
            .message_id
            .clone()
            .unwrap_or_else(|| event.request_id.clone());
        let mut request = Request {
            room: self,
            event,
            now,
            began: Instant::now(),
            stamp: Stamp { id, at: now },
            tally: Tally::default(),
            gone: Vec::new(),
            trouble: None,
        };
        let done = match event.route {
            Route::Disconnect => request.disconnect().await,
            _ => request.message().await,
        };
        request.finish(done).await
    }
}

/// Decides about the handshake. Nothing is written: most who connect say their name at once, and the
/// row is made then. Nothing may be posted either, for the connection is not there before we return.
fn connect(event: &Event, allowed: &[String]) -> Outcome {
    match admit(event, allowed) {
        Ok(protocol) => Outcome {
            protocol,
            ..Outcome::new("connected", 200)
        },
        Err(refusal) => Outcome {
            reason: Some(refusal.message()),
            ..Outcome::new(refusal.code(), refusal.status())
        },
    }
}

/// One event while it is handled.
struct Request<'a, S, P> {
    room: &'a Room<S, P>,
    event: &'a Event,
    now: Millis,
    began: Instant,
    stamp: Stamp,
    tally: Tally,
    gone: Vec<String>,
    trouble: Option<String>,
}

impl<S: Store, P: Push> Request<'_, S, P> {
    /// The time, counted on from when the event came: handling it may take seconds.
    fn time(&self) -> Millis {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or_default();
        Millis(self.now.0.saturating_add(passed))
    }

    async fn finish(mut self, done: Done) -> Outcome {
        let (code, status) = match done {
            Ok(code) => (code, 200),
            Err(Stop::Told(code, status)) => (code, status),
            Err(Stop::Refused(refusal)) => self.refuse(&refusal).await,
            Err(Stop::Broken(StoreError(why))) => {
                self.trouble = Some(why);
                self.refuse(&Refusal::Unavailable).await
            }
        };
        self.forget_gone().await;
        let Self { tally, trouble, .. } = self;
        Outcome {
            tally,
            trouble,
            ..Outcome::new(code, status)
        }
    }

    /// Tells the sender alone; after a `$disconnect` there is nobody to tell.
    async fn refuse(&mut self, refusal: &Refusal) -> (&'static str, u16) {
        if self.event.route != Route::Disconnect {
            let id = id_of_client(self.event);
            let frame = self.stamp.error(refusal, id.as_ref());
            self.answer(vec![frame]).await;
        }
        (refusal.code(), refusal.status())
    }

    async fn message(&mut self) -> Done {
        let (store, me) = (&self.room.store, &self.event.connection_id);
        let sender: Member = store
            .touch(me, self.now, expiry(self.event, self.now))
            .await?;
        match decide(self.event, &sender, self.now) {
            Decision::Refuse(refusal) => Err(Stop::Refused(refusal)),
            Decision::Strike(strikes) => {
                store.strike(me, strikes, self.now).await?;
                Err(Stop::Refused(Refusal::RateLimited))
            }
            Decision::Close => self.close().await,
            Decision::Pong => {
                self.answer(vec![self.stamp.pong(&self.event.connection_id)])
                    .await;
                Ok("pong")
            }
            Decision::List => self.list().await,
            Decision::Claim { name, old } => self.claim(name, old).await,
            Decision::Say { from, text } => self.say(&from, &text).await,
            Decision::Whisper { from, to, text } => self.whisper(&from, to, &text).await,
        }
    }

    /// The last strike. The client is told first, then API Gateway closes and sends `$disconnect`.
    async fn close(&mut self) -> Done {
        let (code, status) = self.refuse(&Refusal::Flooding).await;
        self.room
            .push
            .close(&self.event.place, &self.event.connection_id)
            .await;
        Err(Stop::Told(code, status))
    }

    async fn disconnect(&mut self) -> Done {
        let name = self
            .room
            .store
            .forget(&self.event.connection_id, None, self.now)
            .await?;
        match name {
            Some(name) => {
                self.announce(What::Left(vec![name])).await?;
                Ok("left")
            }
            None => Ok("disconnected"),
        }
    }

    async fn list(&mut self) -> Done {
        let members = self.room.store.members(self.now).await?;
        self.answer(self.stamp.members(&shown(&members))).await;
        Ok("listed")
    }

    async fn claim(&mut self, name: Name, mut old: Option<Name>) -> Done {
        let me = self.event.connection_id.clone();
        for _ in 0..CLAIM_TRIES {
            let claim = Claim {
                connection: &me,
                name: &name,
                old: old.as_ref(),
                now: self.now,
                expires: expiry(self.event, self.now),
            };
            match self.room.store.claim(&claim).await? {
                Claimed::Yes => return self.announce_name(&name, old.as_ref()).await,
                Claimed::Taken { owner } => self.free_if_gone(&owner, &name).await?,
                // Another message of this very client was quicker.
                Claimed::Changed => old = self.room.store.name_of(&me).await?,
            }
        }
        Err(Stop::Refused(Refusal::Unavailable))
    }

    /// Frees a name whose owner is no longer connected: somebody who comes back after a lost
    /// connection should not have to wait for a `$disconnect` that never came.
    async fn free_if_gone(&mut self, owner: &str, name: &Name) -> Result<(), Stop> {
        let presence = self.room.push.presence(&self.event.place, owner).await;
        if presence == Presence::Here {
            return Err(Stop::Refused(Refusal::NameTaken));
        }
        self.tally.gone += 1;
        if let Some(left) = self
            .room
            .store
            .forget(owner, Some(&name.key), self.now)
            .await?
        {
            self.announce(What::Left(vec![left])).await?;
        }
        Ok(())
    }

    async fn announce_name(&mut self, name: &Name, old: Option<&Name>) -> Done {
        let name = name.shown.clone();
        let (what, code) = match old {
            Some(old) => {
                let from = old.shown.clone();
                (What::Renamed { from, to: name }, "renamed")
            }
            None => (What::Joined(vec![name]), "joined"),
        };
        self.announce(what).await?;
        Ok(code)
    }

    async fn announce(&mut self, what: What) -> Result<(), StoreError> {
        let change = Change {
            connection: self.event.connection_id.clone(),
            stamp: self.stamp.clone(),
            what,
        };
        let announcer = Announcer {
            store: &self.room.store,
            push: &self.room.push,
            place: &self.event.place,
            clock: || self.time(),
        };
        let announced = announcer.announce(&change).await;
        announced
            .reports
            .into_iter()
            .for_each(|report| self.count(report));
        if announced.handed_over && change.names_its_sender() {
            self.answer(change.frames()).await;
        }
        announced.error.map_or(Ok(()), Err)
    }

    async fn answer(&mut self, frames: Vec<Bytes>) {
        let frames = frames.into_iter().map(Frame::new).collect();
        let to = self.event.connection_id.clone();
        self.deliver(vec![Post { to, frames }]).await;
    }

    async fn deliver(&mut self, posts: Vec<Post>) {
        let report = self.room.push.deliver(&self.event.place, posts).await;
        self.count(report);
    }

    fn count(&mut self, report: Report) {
        self.tally.recipients += report.delivered;
        self.tally.failed += report.failed;
        self.tally.gone += report.gone.len();
        self.gone.extend(report.gone);
        self.trouble = self.trouble.take().or(report.trouble);
    }

    /// Forgets those who were found gone and tells the rest. Each round removes at least one row, so
    /// it ends.
    async fn forget_gone(&mut self) {
        while !self.gone.is_empty() {
            let names = self.delete_gone().await;
            if names.is_empty() {
                return;
            }
            if let Err(StoreError(why)) = self.announce(What::Left(names)).await {
                self.trouble.get_or_insert(why);
            }
        }
    }

    async fn delete_gone(&mut self) -> Vec<String> {
        let gone = std::mem::take(&mut self.gone);
        let store = &self.room.store;
        let forgotten: Vec<_> = stream::iter(&gone)
            .map(|connection| store.forget(connection, None, self.now))
            .buffer_unordered(FORGET_CONCURRENCY)
            .collect()
            .await;
        let mut names = Vec::new();
        for result in forgotten {
            match result {
                Ok(name) => names.extend(name),
                Err(StoreError(why)) => {
                    self.trouble.get_or_insert(why);
                }
            }
        }
        names
    }
}
