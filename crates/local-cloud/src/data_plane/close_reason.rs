//! How a connection ends: code and reason, as the `$disconnect` event shows them.

use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Code and reason of a close frame, as the `$disconnect` event shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CloseReason {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl CloseReason {
    /// A close frame with this code and reason.
    pub(crate) fn with(code: u16, reason: &str) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
        }
    }

    /// A time limit, or the server stops.
    pub(crate) fn going_away() -> Self {
        Self::with(1001, "Going away")
    }

    /// `DeleteConnection`, which cannot choose code or reason.
    pub(crate) fn deleted() -> Self {
        Self::with(1000, "Connection Closed Normally")
    }

    /// The network failed. AWS may notice only at the idle time-out; here it shows at once.
    ///
    /// Uncertain: the code is the one that the protocol reserves for it; AWS's reason is not documented.
    pub(crate) fn lost() -> Self {
        Self::with(1006, "Connection closed abnormally")
    }

    /// A close frame cannot carry 1006: the connection just ends.
    pub(super) fn is_lost(&self) -> bool {
        self.code == 1006
    }

    pub(super) fn by_client(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self::with(frame.code.into(), &frame.reason),
            None => Self::with(1005, "Client-side close frame status not set"),
        }
    }
}
