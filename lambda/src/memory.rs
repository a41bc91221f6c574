//! A store and connections that live in this process: for tests and fuzzing, never for the function.
//!
//! They keep the same promises as the real ones, so that whole sessions can be played thousands of
//! times a second.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::chat::{Member, RATE_WINDOW_MS, SENT_MEMORY_SECS};
use crate::clock::Millis;
use crate::event::Place;
use crate::names::Name;
use crate::push::{Outbox, Presence, Push, Report};
use crate::store::{Claim, Claimed, Lease, Listed, Store, StoreError};

#[derive(Clone, Debug, Default)]
struct Row {
    member: Member,
    since: u64,
    window: Option<u64>,
    expires: u64,
}

#[derive(Debug, Default)]
struct Rows {
    members: BTreeMap<String, Row>,
    locks: BTreeMap<String, (String, u64)>,
    sent: BTreeMap<String, u64>,
    pending: Vec<String>,
    lease: Option<Lease>,
}

/// The table in a map.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Rows>);

impl MemoryStore {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every lock: the key of a name and its owner.
    pub fn locks(&self) -> Vec<(String, String)> {
        self.rows()
            .locks
            .iter()
            .map(|(name, (owner, _))| (name.clone(), owner.clone()))
            .collect()
    }
}

impl Store for MemoryStore {
    async fn touch(
        &self,
        connection: &str,
        now: Millis,
        expires: u64,
    ) -> Result<Member, StoreError> {
        let mut rows = self.rows();
        let row = rows.members.entry(connection.to_owned()).or_default();
        if row
            .window
            .is_none_or(|start| start <= now.0.saturating_sub(RATE_WINDOW_MS))
        {
            row.window = Some(now.0);
            row.member.count = 0;
            row.expires = expires;
        }
        row.member.count += 1;
        Ok(row.member.clone())
    }

    async fn strike(&self, connection: &str, strikes: u64, now: Millis) -> Result<(), StoreError> {
        if let Some(row) = self.rows().members.get_mut(connection) {
            row.member.strikes = strikes;
            row.member.struck_at = now.0;
        }
        Ok(())
    }

    async fn name_of(&self, connection: &str) -> Result<Option<Name>, StoreError> {
        Ok(self
            .rows()
            .members
            .get(connection)
            .and_then(|row| row.member.name.clone()))
    }

    async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, StoreError> {
        let mut rows = self.rows();
        let held = rows
            .members
            .get(claim.connection)
            .and_then(|row| row.member.name.as_ref());
        if held.map(|name| &name.key) != claim.old.map(|name| &name.key) {
            return Ok(Claimed::Changed);
        }
        if let Some((owner, expires)) = rows.locks.get(&claim.name.key)
            && owner != claim.connection
            && *expires > claim.now.secs()
        {
            return Ok(Claimed::Taken {
                owner: owner.clone(),
            });
        }
        if let Some(old) = claim.old {
            rows.locks.remove(&old.key);
        }
        let lock = (claim.connection.to_owned(), claim.expires);
        rows.locks.insert(claim.name.key.clone(), lock);
        let row = rows.members.entry(claim.connection.to_owned()).or_default();
        if row.member.name.is_none() {
            row.since = claim.now.0;
        }
        row.member.name = Some(claim.name.clone());
        row.expires = claim.expires;
        Ok(Claimed::Yes)
    }

    async fn members(&self, now: Millis) -> Result<Vec<Listed>, StoreError> {
        let rows = self.rows();
        let live = rows
            .members
            .iter()
            .filter(|(_, row)| row.expires > now.secs());
        let mut members: Vec<Listed> = live
            .filter_map(|(connection, row)| {
                let shown = row.member.name.as_ref()?.shown.clone();
                Some(Listed {
                    connection: connection.clone(),
                    shown,
                    since: row.since,
                })
            })
            .collect();
        members.sort_by(|a, b| (a.since, &a.connection).cmp(&(b.since, &b.connection)));
        Ok(members)
    }

    async fn was_sent(&self, key: &str, now: Millis) -> Result<bool, StoreError> {
        let rows = self.rows();
        Ok(rows
            .sent
            .get(key)
            .is_some_and(|expires| *expires > now.secs()))
    }

    async fn remember_sent(&self, key: &str, now: Millis) -> Result<(), StoreError> {
        let expires = now.secs() + SENT_MEMORY_SECS;
        self.rows().sent.insert(key.to_owned(), expires);
        Ok(())
    }

    async fn hand_in(&self, text: &str, lease: &Lease) -> Result<Option<Vec<String>>, StoreError> {
        let mut rows = self.rows();
        rows.pending.push(text.to_owned());
        if rows
            .lease
            .as_ref()
            .is_some_and(|held| held.until > lease.now)
        {
            return Ok(None);
        }
        rows.lease = Some(lease.clone());
        Ok(Some(rows.pending.clone()))
    }

    async fn announced(
        &self,
        done: usize,
        lease: &Lease,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let mut rows = self.rows();
        if rows
            .lease
            .as_ref()
            .is_none_or(|held| held.holder != lease.holder)
        {
            return Ok(None);
        }
        rows.pending.drain(..done);
        rows.lease = (!rows.pending.is_empty()).then(|| lease.clone());
        Ok(Some(rows.pending.clone()))
    }

    async fn find(&self, key: &str, now: Millis) -> Result<Option<String>, StoreError> {
        let rows = self.rows();
        let lock = rows
            .locks
            .get(key)
            .filter(|(_, expires)| *expires > now.secs());
        Ok(lock.map(|(owner, _)| owner.clone()))
    }

    async fn forget(
        &self,
        connection: &str,
        key: Option<&str>,
        now: Millis,
    ) -> Result<Option<String>, StoreError> {
        let mut rows = self.rows();
        let row = rows.members.remove(connection).unwrap_or_default();
        let name = row.member.name;
        let key = name
            .as_ref()
            .map(|name| name.key.clone())
            .or(key.map(str::to_owned));
        if let Some(key) = key
            && rows
                .locks
                .get(&key)
                .is_some_and(|(owner, _)| owner == connection)
        {
            rows.locks.remove(&key);
        }
        Ok(name
            .filter(|_| row.expires > now.secs())
            .map(|name| name.shown))
    }
}

#[derive(Debug, Default)]
struct Sockets {
    open: BTreeSet<String>,
    delivered: Vec<(String, Bytes)>,
}

/// Connections in a set. Who is not in it is gone.
#[derive(Debug, Default)]
pub struct MemorySockets(Mutex<Sockets>);

impl MemorySockets {
    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection.
    pub fn open(&self, connection: &str) {
        self.sockets().open.insert(connection.to_owned());
    }

    /// Cuts a connection, as a lost network does: nobody is told.
    pub fn cut(&self, connection: &str) {
        self.sockets().open.remove(connection);
    }

    /// Whether it is open.
    pub fn is_open(&self, connection: &str) -> bool {
        self.sockets().open.contains(connection)
    }

    /// Everything delivered since the last call, in order.
    pub fn take(&self) -> Vec<(String, Bytes)> {
        std::mem::take(&mut self.sockets().delivered)
    }
}

impl Push for MemorySockets {
    async fn drain(&self, _: &Place, outbox: &Outbox) -> Report {
        let mut sockets = self.sockets();
        let mut report = Report::default();
        while let Some(to) = outbox.next() {
            if !sockets.open.contains(&to) {
                outbox.give_up(&to);
                report.gone.push(to);
                continue;
            }
            report.delivered += 1;
            while let Some(frames) = outbox.take(&to) {
                let frames = frames.iter().map(|frame| (to.clone(), frame.body.clone()));
                sockets.delivered.extend(frames);
            }
        }
        report
    }

    async fn presence(&self, _: &Place, connection: &str) -> Presence {
        if self.is_open(connection) {
            Presence::Here
        } else {
            Presence::Gone
        }
    }

    async fn close(&self, _: &Place, connection: &str) {
        self.cut(connection);
    }
}
