//! Tells the members who came, who left and who has another name now.
//!
//! In a crowd a list to all for each join is work for nothing: it is superseded before it arrives, or
//! arrives after a newer one. So changes go through a queue in the table, and one request announces for
//! all: whoever finds nobody at it takes the lease, tells its own change and what came in meanwhile, and
//! looks again before it gives the lease back. So lists go out one after the other, and the last one is
//! complete.
//!
//! What surprises: a request that hands its change over ends before the others hear of it; its own client
//! is told at once. If the announcing request is killed, the next one after the lease (3 s) announces what
//! it left, some of it perhaps for the second time: that is what the `id` of a frame is for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::time::{sleep, timeout};

use crate::chat::LIST_LIMIT;
use crate::chat::change::{Change, merged};
use crate::chat::frames::Stamp;
use crate::clock::Millis;
use crate::event::Place;
use crate::push::{Frame, Outbox, Post, Push, Report};
use crate::store::wire::token;
use crate::store::{Lease, Listed, Store, StoreError, shown};

/// How long a request may hold the lease without renewing it.
const LEASE_MS: u64 = 3_000;
/// Then it offers the lease, so that a crowd does not keep one request at work until its time is up.
const SHIFT: Duration = Duration::from_secs(5);
/// How long slow members may hold up the next round. They get their frames all the same.
const ROUND_LIMIT: Duration = Duration::from_millis(500);

/// What became of a change.
#[derive(Debug)]
pub struct Announced {
    /// Whether another request announces it.
    pub handed_over: bool,
    /// The deliveries, if not.
    pub reports: Vec<Report>,
    /// Why not all were told.
    pub error: Option<StoreError>,
}

/// Announces for one API.
#[derive(Debug)]
pub struct Announcer<'a, S, P, C> {
    /// Members and queue.
    pub store: &'a S,
    /// Their connections.
    pub push: &'a P,
    /// The API.
    pub place: &'a Place,
    /// The time.
    pub clock: C,
}

impl<S: Store, P: Push, C: Fn() -> Millis> Announcer<'_, S, P, C> {
    /// Announces a change, or hands it to the request that is announcing.
    pub async fn announce(&self, change: &Change) -> Announced {
        let mut announced = Announced {
            handed_over: false,
            reports: Vec::new(),
            error: None,
        };
        let holder = token();
        let lease = self.lease(&holder, LEASE_MS);
        match self.store.hand_in(&change.to_text(), &lease).await {
            Ok(Some(texts)) => {
                let own = &change.stamp.id;
                let rounds = self.rounds(texts, own, &holder, &mut announced.reports);
                announced.error = rounds.await.err();
            }
            Ok(None) => announced.handed_over = true,
            Err(error) => announced.error = Some(error),
        }
        announced
    }

    /// One round after the other, until nothing is left to announce or another request has the lease.
    async fn rounds(
        &self,
        mut texts: Vec<String>,
        own: &str,
        holder: &str,
        reports: &mut Vec<Report>,
    ) -> Result<(), StoreError> {
        let outbox = Outbox::default();
        let mut delivery = Box::pin(self.push.drain(self.place, &outbox));
        let mut shift = Instant::now();
        let mut round = Ok(());
        while round.is_ok() && !texts.is_empty() {
            round = async {
                outbox.add(self.posts(&texts, own).await?);
                // What takes longer goes on beside the next round, unless the shift ends.
                let over = shift.elapsed() >= SHIFT;
                let limit = if over { Duration::MAX } else { ROUND_LIMIT };
                if let Ok(report) = timeout(limit, &mut delivery).await {
                    reports.push(report);
                    delivery = Box::pin(self.push.drain(self.place, &outbox));
                }
                let more = self.look(texts.len(), holder, LEASE_MS).await?;
                texts = match more {
                    Some(more) if over && !more.is_empty() => {
                        shift = Instant::now();
                        self.offer(holder).await?
                    }
                    more => more,
                }
                .unwrap_or_else(|| {
                    // Whoever has the lease now announces all of this again.
                    outbox.clear();
                    Vec::new()
                });
                Ok(())
            }
            .await;
        }
        if round.is_err() {
            // The next request shall not wait for the end of the lease.
            let _ = self.look(0, holder, 0).await;
        }
        reports.push(delivery.await);
        round
    }

    /// Lets another request take the lease, and takes up the work again if none comes.
    async fn offer(&self, holder: &str) -> Result<Option<Vec<String>>, StoreError> {
        self.look(0, holder, 0).await?;
        sleep(ROUND_LIMIT).await;
        self.look(0, holder, LEASE_MS).await
    }

    /// Takes what was announced from the queue, renews the lease, and returns what comes next.
    async fn look(
        &self,
        done: usize,
        holder: &str,
        lease_ms: u64,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let lease = self.lease(holder, lease_ms);
        self.store.announced(done, &lease).await
    }

    fn lease(&self, holder: &str, lease_ms: u64) -> Lease {
        let now = (self.clock)();
        Lease {
            holder: holder.to_owned(),
            now,
            until: Millis(now.0.saturating_add(lease_ms)),
        }
    }

    async fn posts(&self, texts: &[String], own: &str) -> Result<Vec<Post>, StoreError> {
        let time = (self.clock)();
        let members = self.store.members(time).await?;
        let batch: Vec<Change> = texts
            .iter()
            .filter_map(|text| Change::from_text(text))
            .collect();
        Ok(posts(&batch, &members, own, time))
    }
}

/// The frames of one round. In a large room members who came or left at once share a frame, and the list
/// goes only to those who have a new name.
fn posts(batch: &[Change], members: &[Listed], own: &str, time: Millis) -> Vec<Post> {
    let small = members.len() <= LIST_LIMIT;
    let list = list(batch, members, time);
    let news: Vec<(Change, Vec<Frame>)> = if small { batch.to_vec() } else { merged(batch) }
        .into_iter()
        .map(|change| {
            let frames = framed(change.frames());
            (change, frames)
        })
        .collect();
    // Who handed its own name over has been told of it.
    let told = |change: &Change, to: &str| {
        let is_its_own = change.connection == to && change.names_its_sender();
        small && is_its_own && change.stamp.id != own
    };
    let frames = |to: &str, with_list: bool| -> Arc<[Frame]> {
        let news = news.iter().filter(|(change, _)| !told(change, to));
        let list = list.iter().filter(|_| with_list);
        news.flat_map(|(_, frames)| frames)
            .chain(list)
            .cloned()
            .collect()
    };
    let everybody = frames("", small);
    let newly_named: BTreeMap<&str, Arc<[Frame]>> = batch
        .iter()
        .filter(|change| change.names_its_sender())
        .map(|change| (change.connection.as_str(), frames(&change.connection, true)))
        .collect();
    let post = |member: &Listed| {
        let own = newly_named.get(member.connection.as_str());
        Post {
            to: member.connection.clone(),
            frames: own.unwrap_or(&everybody).clone(),
        }
    };
    members.iter().map(post).collect()
}

/// The list has the id of the change that made it so, and the time at which it was read.
fn list(batch: &[Change], members: &[Listed], time: Millis) -> Vec<Frame> {
    let id = batch.last().map(|change| change.stamp.id.clone());
    let stamp = Stamp {
        id: id.unwrap_or_default(),
        at: time,
    };
    framed(stamp.members(&shown(members)))
}

fn framed(bodies: Vec<Bytes>) -> Vec<Frame> {
    bodies.into_iter().map(Frame::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::change::What;
    use serde_json::Value;

    fn change(connection: &str, what: What) -> Change {
        let id = format!("of-{connection}");
        let stamp = Stamp { id, at: Millis(1) };
        Change {
            connection: connection.into(),
            stamp,
            what,
        }
    }

    fn joined(connection: &str) -> Change {
        change(connection, What::Joined(vec![connection.to_uppercase()]))
    }

    fn room(connections: impl IntoIterator<Item = String>) -> Vec<Listed> {
        let listed = |connection: String| Listed {
            shown: connection.to_uppercase(),
            connection,
            since: 0,
        };
        connections.into_iter().map(listed).collect()
    }

    /// What `to` gets: the names of each `joined` and `left`, and how long each list is.
    fn told(posts: &[Post], to: &str) -> Vec<String> {
        let post = posts.iter().find(|post| post.to == to).unwrap();
        let read = |frame: &Frame| -> Value { serde_json::from_slice(&frame.body).unwrap() };
        let show = |frame: Value| match frame["members"].as_array() {
            Some(list) => format!("{} members", list.len()),
            None => format!("+{} -{}", frame["joined"], frame["left"]),
        };
        post.frames.iter().map(|frame| show(read(frame))).collect()
    }

    #[test]
    fn in_a_small_room_each_change_has_a_line_and_nobody_is_told_its_own_twice() {
        let left = change("b", What::Left(vec!["GONE".into()]));
        let batch = [joined("a"), joined("b"), left];
        let posts = posts(
            &batch,
            &room(["a", "b", "c"].map(str::to_owned)),
            "of-a",
            Millis(2),
        );
        let (a, b) = (r#"+["A"] -null"#, r#"+["B"] -null"#);
        let gone = r#"+null -["GONE"]"#;
        assert_eq!(told(&posts, "a"), [a, b, gone, "3 members"]);
        // It handed its name over and was told then; whom it found gone it is told now.
        assert_eq!(told(&posts, "b"), [a, gone, "3 members"]);
        assert_eq!(told(&posts, "c"), [a, b, gone, "3 members"]);
    }

    #[test]
    fn in_a_large_room_they_share_a_line_and_only_the_new_get_the_list() {
        let batch = [joined("c1"), joined("c2")];
        let members = room((0..=LIST_LIMIT).map(|n| format!("c{n}")));
        let posts = posts(&batch, &members, "of-c1", Millis(2));
        let line = r#"+["C1","C2"] -null"#;
        assert_eq!(told(&posts, "c0"), [line]);
        assert_eq!(told(&posts, "c1"), [line, "101 members"]);
        assert_eq!(told(&posts, "c2"), [line, "101 members"]);
    }
}
