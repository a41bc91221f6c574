//! Posting frames to connections. What callers rely on: every recipient is tried, all tries end before
//! the function returns, and a recipient that is slow, gone or throttled does not delay the others.

pub mod gateway;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::event::Place;
use crate::sign::sha256_hex;

/// A text for clients, hashed once however many get it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The text.
    pub body: Bytes,
    /// Its SHA-256 in hex, which each request must carry in its signature.
    pub hash: String,
}

impl Frame {
    /// Hashes.
    pub fn new(body: Bytes) -> Self {
        let hash = sha256_hex(&body);
        Self { body, hash }
    }
}

/// Frames for one connection, delivered in order.
#[derive(Clone, Debug)]
pub struct Post {
    /// The connection.
    pub to: String,
    /// Shared between all who get the same.
    pub frames: Arc<[Frame]>,
}

/// Frames that wait to be sent: for each connection in the order in which they were added, also if more
/// are added while some are on their way.
#[derive(Debug, Default)]
pub struct Outbox(RefCell<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    frames: BTreeMap<String, VecDeque<Arc<[Frame]>>>,
    idle: VecDeque<String>,
}

impl Outbox {
    /// Adds posts.
    pub fn add(&self, posts: Vec<Post>) {
        let Waiting { frames, idle } = &mut *self.0.borrow_mut();
        for post in posts {
            let waiting = frames.entry(post.to.clone()).or_insert_with(|| {
                idle.push_back(post.to);
                VecDeque::new()
            });
            waiting.push_back(post.frames);
        }
    }

    /// A connection that has frames and to which nothing is on its way.
    pub fn next(&self) -> Option<String> {
        self.0.borrow_mut().idle.pop_front()
    }

    /// The next frames for this connection. None: it is done with.
    pub fn take(&self, to: &str) -> Option<Arc<[Frame]>> {
        let frames = &mut self.0.borrow_mut().frames;
        let next = frames.get_mut(to)?.pop_front();
        if next.is_none() {
            frames.remove(to);
        }
        next
    }

    /// Drops what is not on its way yet.
    pub fn clear(&self) {
        let Waiting { frames, idle } = &mut *self.0.borrow_mut();
        frames.values_mut().for_each(VecDeque::clear);
        idle.drain(..).for_each(|to| drop(frames.remove(&to)));
    }

    /// Drops what waits for this connection.
    pub fn give_up(&self, to: &str) {
        self.0.borrow_mut().frames.remove(to);
    }
}

/// The result of a batch.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Connections that got everything.
    pub delivered: usize,
    /// Connections that are no more.
    pub gone: Vec<String>,
    /// Connections that did not get everything, for another reason.
    pub failed: usize,
    /// One of these reasons, fit for a log.
    pub trouble: Option<String>,
}

/// Whether a connection is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is, or that could not be found out.
    Here,
    /// It is not.
    Gone,
}

/// The connections of an API.
#[allow(async_fn_in_trait)] // As with Store: one thread, no Send needed.
pub trait Push {
    /// Delivers a batch.
    async fn deliver(&self, place: &Place, posts: Vec<Post>) -> Report {
        let outbox = Outbox::default();
        outbox.add(posts);
        self.drain(place, &outbox).await
    }

    /// Delivers until the outbox is empty.
    async fn drain(&self, place: &Place, outbox: &Outbox) -> Report;

    /// Whether a connection is open, without posting to it.
    async fn presence(&self, place: &Place, connection: &str) -> Presence;

    /// Closes a connection.
    async fn close(&self, place: &Place, connection: &str);
}
