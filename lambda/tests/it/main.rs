//! The function as a whole, in one test binary.
//!
//! `world` is what stands around it: the Runtime API, a DynamoDB written by others, and connections
//! that can be slow, dead or throttled.

#![allow(unreachable_pub, missing_docs, clippy::unwrap_used)] // Nobody sees these modules but us.

mod again;
mod broadcast;
mod crowd;
mod environments;
mod private;
mod sessions;
mod signing;
mod table;
mod world;
