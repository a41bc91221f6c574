//! Every integration test, in one binary: a file per command or property.

#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]

mod architecture;
mod chat;
mod converge;
mod init;
mod local_control;
mod page;
mod snapshot;
mod standin;

#[cfg(unix)]
mod bad_input;
mod binary;
mod doctor;
#[cfg(target_os = "linux")]
mod local_command;
mod local_data;
mod logs;
mod world;
