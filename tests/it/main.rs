//! Every integration test, in one binary: a file per command or property.

#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]

mod chat;
mod converge;
mod init;
mod local_control;
mod local_data;
mod page;
mod snapshot;
mod standin;
mod world;
