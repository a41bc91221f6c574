//! Posting frames to connections. What callers rely on: every recipient is tried, all tries end before
//! the function returns, and a recipient that is slow, gone or throttled does not delay the others.

pub mod gateway;

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
    async fn deliver(&self, place: &Place, posts: Vec<Post>) -> Report;

    /// Whether a connection is open, without posting to it.
    async fn presence(&self, place: &Place, connection: &str) -> Presence;

    /// Closes a connection.
    async fn close(&self, place: &Place, connection: &str);
}
