//! A small, strict AWS on one loopback port: [`LocalCloud`].
//!
#![doc = include_str!("../README.md")]
// How the modules of this crate depend on each other is checked by `tests/it/architecture.rs`.

mod clock;
mod conditions;
mod control;
mod data_plane;
mod local_cloud;
mod operations;
mod options;
mod origin_check;
mod persist;
mod port_owner;
mod router;
mod runtime;
mod server;
mod services;
mod shared;
mod start_error;
mod state;
mod transport;
mod wire;

pub use clock::Clock;
pub use conditions::{Call, Conditions, ControlPlane, Fault, FaultKind, Scenario};
pub use local_cloud::{Finder, LocalCloud};
pub use options::Options;
pub use port_owner::{PortOwner, port_owner};
pub use start_error::StartError;
