//! chatctl takes a chat backend from Rust source to a live WebSocket URL on AWS, and removes it
//! again without a trace. The same crate holds a small, strict local AWS.
//!
//! Data flows one way: [`cli`] → [`config`] → `package` → `stack` → `engine` → `report`.
//! ARCHITECTURE.md is the map.

pub mod any_api;
pub mod aws;
pub mod chat_api;
pub mod chat_client;
pub mod cli;
pub mod commands;
pub mod config;
pub mod deployer;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod naming;
pub mod network;
pub mod package;
pub mod page;
pub mod prove;
pub mod report;
pub mod resources;
pub mod rights;
pub mod signals;
pub mod stack;
pub mod tail;
pub mod websocket;
