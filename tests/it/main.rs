//! Every integration test, in one binary: a file per command or property.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stderr
)]

mod account_logging;
mod adoption;
mod any_api;
mod architecture;
mod backends;
mod bad_input;
mod binary;
mod calls;
#[cfg(target_os = "linux")]
mod chat;
mod colleagues;
mod completions;
mod conditions;
mod connect;
mod converge;
mod deploy;
mod doctor;
mod drift;
mod examples;
mod github;
mod guards;
mod hangs;
mod init;
mod json;
mod killed;
mod list;
mod local_command;
mod logs;
mod messages;
mod ownership;
mod page;
mod persist;
mod plan;
mod policy;
mod real_aws;
mod redeploy;
mod running;
mod saved_plan;
mod schemas;
mod signals;
mod snapshot;
mod standin;
mod teardown;
mod terminal;
mod versions;
mod watch;
mod world;
