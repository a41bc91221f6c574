//! The WebSocket door.

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Sockets {}
