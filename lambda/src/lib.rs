//! The chat behind a WebSocket API: one function for all six routes.
//!
//! ```text
//! runtime ─ event ─▶ room ─ touch ─▶ store        (the sender's row, with its rate count)
//!                     │  ─ decide ─▶ chat          (pure: what is to be done)
//!                     │  ─ claim, forget ─▶ store  (who has which name)
//!                     └─ deliver ─▶ push           (tell whom it concerns)
//! ```
//!
//! `chat`, `names` and `event` are pure. `store` and `push` are traits with one real implementation
//! each (DynamoDB, API Gateway) and one in memory for tests. `README.md` has the protocol and the
//! reasons.

pub mod announce;
pub mod chat;
pub mod clock;
pub mod config;
pub mod event;
pub mod http;
pub mod log;
pub mod memory;
pub mod names;
pub mod outcome;
pub mod push;
pub mod room;
pub mod runtime;
pub mod sign;
pub mod store;
