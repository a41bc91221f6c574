//! Finds out why the chat or its logs do not work, and what to do about it.
//!
//! First everything is read concurrently into [`Facts`]: plain data, in which "does not exist" and
//! "could not be read" are different things. Then each check, a pure function, evaluates the facts.
//! So every check can be tested by breaking one fact, and the whole chain by breaking one thing in
//! a cloud.
//!
//! ```text
//! look::all(clients, names) ─▶ Facts ─▶ checks::all ─▶ Vec<Finding> ─▶ report
//!                    probe  ──────┘
//! ```
//!
//! The doctor shares the names with the deployer, and nothing else: it reads AWS with code of its
//! own, because a mistake in how the deployer reads AWS is among the possible causes.

pub mod checks;
pub mod expected;
pub mod facts;
pub mod look;
pub mod policy;
pub mod probe;
pub mod silence;

pub use facts::{Facts, Look};

use crate::error::Error;
use serde::Serialize;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It could not be looked at, or another check's failure stands before it.
    Skipped,
    /// It works, but something is not as it should be.
    Warning,
    /// This breaks the chat, or its logs.
    Failure,
}

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Stable name, such as `account-logging`.
    pub check: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found: one sentence.
    pub what: String,
    /// Why it matters; only when something is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The command that fixes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Verdict::Good, what.into(), None, None)
    }

    /// It could not be looked at.
    pub fn skipped(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skipped, what.into(), None, None)
    }

    /// Not as it should be, but it works.
    pub fn warning(
        check: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (why, mend) = (Some(why.into()), Some(mend.into()));
        Self::new(check, Verdict::Warning, what.into(), why, mend)
    }

    /// Broken.
    pub fn failure(
        check: &'static str,
        what: impl Into<String>,
        why: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (why, mend) = (Some(why.into()), Some(mend.into()));
        Self::new(check, Verdict::Failure, what.into(), why, mend)
    }

    /// Connecting to AWS failed, so nothing else can be checked. `details` is the command that shows
    /// more.
    pub fn not_connected(error: &Error, details: String) -> Self {
        let check = if error.message().contains("region") {
            "region"
        } else {
            "credentials"
        };
        let why = match error.causes() {
            [] => "nothing can be looked at without it".to_owned(),
            causes => causes.join(": "),
        };
        let mend = match error.hints() {
            [] => details,
            hints => hints.join("; "),
        };
        Self::failure(check, error.message(), why, mend)
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        what: String,
        why: Option<String>,
        mend: Option<String>,
    ) -> Self {
        Self {
            check,
            verdict,
            what,
            why,
            mend,
        }
    }
}
