//! What the chat stores, and the guarantees it needs from a store.
//!
//! Memory of the process is no place for it: AWS runs as many copies of the function as there are
//! messages at once, and ends them when it likes. The prototype kept its names in a map and lost
//! members as soon as a second copy ran.

pub mod dynamo;
mod item;
mod queue;
pub mod wire;

use crate::chat::Member;
use crate::clock::Millis;
use crate::names::Name;

/// Why the store could not do it. Fit for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

/// A request for a name.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The connection that asks.
    pub connection: &'a str,
    /// The name it asks for.
    pub name: &'a Name,
    /// The name it holds, as far as is known.
    pub old: Option<&'a Name>,
    /// The time.
    pub now: Millis,
    /// When the claim ends, in seconds.
    pub expires: u64,
}

/// The result of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The name is its, and the old one is free.
    Yes,
    /// Another connection has it.
    Taken {
        /// That connection.
        owner: String,
    },
    /// The connection's own name is no longer `old`: look again.
    Changed,
}

/// A named, live connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub connection: String,
    /// Its name as shown.
    pub shown: String,
    /// When it took its first name, in milliseconds.
    pub since: u64,
}

/// The right to announce, which one request has at a time.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Whose it is: a random token.
    pub holder: String,
    /// The time.
    pub now: Millis,
    /// When others may take it.
    pub until: Millis,
}

/// The names of members, as shown.
pub fn shown(members: &[Listed]) -> Vec<String> {
    members.iter().map(|member| member.shown.clone()).collect()
}

/// The operations of a store. Each is atomic, whatever other copies of the function do meanwhile.
///
/// The futures need not be `Send`: the function runs on one thread, as Lambda gives it one event at a
/// time.
#[allow(async_fn_in_trait)]
pub trait Store {
    /// Counts a message of this connection and says what is known of it.
    async fn touch(
        &self,
        connection: &str,
        now: Millis,
        expires: u64,
    ) -> Result<Member, StoreError>;

    /// Stores the number of windows in a row over the limit.
    async fn strike(&self, connection: &str, strikes: u64, now: Millis) -> Result<(), StoreError>;

    /// The name this connection holds.
    async fn name_of(&self, connection: &str) -> Result<Option<Name>, StoreError>;

    /// Takes a name and gives up the old one, if the new one is free, its own already, or expired.
    async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, StoreError>;

    /// Everybody who has a name and has not expired, in the order in which they came.
    async fn members(&self, now: Millis) -> Result<Vec<Listed>, StoreError>;

    /// Who has the name with this key.
    async fn find(&self, key: &str, now: Millis) -> Result<Option<String>, StoreError>;

    /// Whether a message with this key was sent.
    async fn was_sent(&self, key: &str, now: Millis) -> Result<bool, StoreError>;

    /// Remembers for a while that the message with this key was sent.
    async fn remember_sent(&self, key: &str, now: Millis) -> Result<(), StoreError>;

    /// Puts a text into the queue of what is to be announced, and takes the lease if nobody has it: then
    /// returns the beginning of the queue. `None`: whoever has the lease announces this too.
    async fn hand_in(&self, text: &str, lease: &Lease) -> Result<Option<Vec<String>>, StoreError>;

    /// Takes the first `done` texts from the queue, renews the lease, and returns what comes next. If that
    /// is nothing, the lease is given back. `None`: another has it by now.
    async fn announced(
        &self,
        done: usize,
        lease: &Lease,
    ) -> Result<Option<Vec<String>>, StoreError>;

    /// Forgets a connection and frees its name, unless another has taken that meanwhile. Returns the
    /// name as shown, to exactly one of all who ask, and to nobody if it has expired: whoever did not
    /// count cannot leave. `key` frees that name too if the connection's own row is missing.
    async fn forget(
        &self,
        connection: &str,
        key: Option<&str>,
        now: Millis,
    ) -> Result<Option<String>, StoreError>;
}
