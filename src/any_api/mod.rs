//! Reads any WebSocket API of the account, whoever made it, and changes nothing: `--api ID`.
//!
//! ```text
//! find ─▶ Api ─▶ look ─▶ ApiFacts ─▶ status, checks, silence, log_groups
//! ```
//!
//! What is wanted of such an API is not known, so the checks find only what cannot work, and say what to do with
//! the AWS CLI: `chatctl deploy` would not touch it.

mod aws_cli;
pub mod called;
pub mod checks;
pub mod facts;
pub mod find;
pub mod log_groups;
mod look;
pub mod silence;
pub mod status;

pub use aws_cli::AwsCli;
pub use facts::{Api, ApiFacts};
pub use look::{RIGHTS, Which, look};
pub use status::ApiStatus;
