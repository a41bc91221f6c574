//! The local cloud as its users meet it: over the wire, through AWS's own SDKs.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr
)]

mod architecture;
mod control;
mod data;
