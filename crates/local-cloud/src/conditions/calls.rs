//! The list of control-plane calls: operation, caller and status.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::FaultKind;

/// How many calls the list keeps; older ones are dropped.
const KEPT: usize = 20_000;

/// One control-plane call that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// 1 for the first since the start or the last clearing.
    pub number: u64,
    /// Milliseconds since 1970 on the local cloud's clock.
    pub at: i64,
    /// Who called: the account itself, or a role session such as a function's.
    pub caller: String,
    /// The first product in the client's User-Agent, such as `Boto3`.
    #[serde(default)]
    pub agent: String,
    /// Such as `iam`.
    pub service: String,
    /// Such as `CreateRole`.
    pub operation: String,
    /// Whether the operation can change something.
    pub mutating: bool,
    /// What was answered; `None` while it runs and when the answer was lost.
    pub status: Option<u16>,
    /// The fault that it met.
    pub fault: Option<FaultKind>,
}

/// The latest calls.
#[derive(Debug, Default)]
pub(super) struct Calls {
    listed: VecDeque<Call>,
}

impl Calls {
    pub(super) fn all(&self) -> Vec<Call> {
        self.listed.iter().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.listed.clear();
    }

    /// Adds a call and returns its number.
    pub(super) fn push(&mut self, mut call: Call) -> u64 {
        call.number = self.listed.back().map_or(1, |last| last.number + 1);
        if self.listed.len() == KEPT {
            self.listed.pop_front();
        }
        let number = call.number;
        self.listed.push_back(call);
        number
    }

    pub(super) fn answered(&mut self, number: u64, status: u16) {
        if let Some(call) = self.listed.iter_mut().rfind(|call| call.number == number) {
            call.status = Some(status);
        }
    }
}

/// Whether an operation can change something. AWS's read operations begin with certain verbs.
pub(crate) fn changes(operation: &str) -> bool {
    const READS: [&str; 10] = [
        "Get",
        "List",
        "Describe",
        "Filter",
        "Query",
        "Scan",
        "BatchGet",
        "Simulate",
        "StartLiveTail",
        "TransactGet",
    ];
    !READS.iter().any(|verb| operation.starts_with(verb))
}
