//! Why it does not work, and what to do about it.
//!
//! First everything is read, side by side, into [`Facts`]: plain data, in which "is not there" and
//! "could not be asked" are different things. Then each check, a pure function, judges the facts.
//! So every check can be tested by breaking one fact, and the whole chain by breaking one thing in
//! a cloud.
//!
//! ```text
//! look::all(clients, names) ─▶ Facts ─▶ checks::all ─▶ Vec<Finding> ─▶ report
//!                    probe  ──────┘
//! ```
//!
//! The doctor shares the names with the deployer, and nothing else: it looks with its own eyes,
//! because a mistake in how the deployer reads AWS is among the things that may be wrong.

pub mod checks;
pub mod expected;
pub mod facts;
pub mod look;
pub mod policy;
pub mod probe;
pub mod silence;

pub use facts::{Facts, Look};

use serde::Serialize;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
    /// The command that mends it.
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
