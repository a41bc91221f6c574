//! What everything is called, and how ours is told from what is not: names, ARNs and URLs, ids of
//! the stack's parts, tags, policy documents, and the constants of the chat's API and table.
//!
//! Each is made here and nowhere else. `resources/`, `stack/`, `tail/` and `doctor/` build on it.

pub mod chat;
pub mod ids;
pub mod names;
pub mod policy;
pub mod rights;
pub mod tags;

pub use names::Names;
