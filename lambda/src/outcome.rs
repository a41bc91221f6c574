//! How the handling of an event ended: what Lambda is answered and what the log says.

/// Numbers for the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Deliveries that ended well.
    pub recipients: usize,
    /// Connections found gone.
    pub gone: usize,
    /// Deliveries that did not.
    pub failed: usize,
}

/// How an event ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// One word for it.
    pub code: &'static str,
    /// The status that API Gateway logs, and on `$connect` hands to the client.
    pub status: u16,
    /// The sub-protocol to echo.
    pub protocol: Option<&'static str>,
    /// Why a `$connect` was refused.
    pub reason: Option<String>,
    /// How many were reached.
    pub tally: Tally,
    /// What an operator should know.
    pub trouble: Option<String>,
}

impl Outcome {
    /// An outcome with nothing but a word and a status.
    pub fn new(code: &'static str, status: u16) -> Self {
        let tally = Tally::default();
        Self {
            code,
            status,
            protocol: None,
            reason: None,
            tally,
            trouble: None,
        }
    }
}
