//! The file's format: a head that says what it is, and the plan under a digest of its text.

use super::SavedPlan;
use super::content::hex;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::path::Path;

const KIND: &str = "chatctl plan";

/// Raised when an older chatctl would misread the file.
const FORMAT: u32 = 1;

/// The head's first part: what every format has.
#[derive(Debug, Deserialize)]
struct Head {
    kind: String,
    format: u32,
}

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
struct Envelope {
    kind: String,
    format: u32,
    /// Of the plan's text as it stands in the file.
    sha256: String,
    plan: Box<RawValue>,
}

impl SavedPlan {
    /// The text of the file.
    ///
    /// # Errors
    /// None in practice: every plan can be written as JSON.
    pub fn to_text(&self) -> Result<String> {
        let unwritable = |error| Error::failed("the plan cannot be written").because(error);
        let plan = serde_json::to_string_pretty(self).map_err(unwritable)?;
        let envelope = Envelope {
            kind: KIND.into(),
            format: FORMAT,
            sha256: sha256(&plan),
            plan: RawValue::from_string(plan).map_err(unwritable)?,
        };
        let text = serde_json::to_string_pretty(&envelope).map_err(unwritable)?;
        Ok(text + "\n")
    }

    /// Reads what [`SavedPlan::to_text`] wrote to `path`.
    ///
    /// # Errors
    /// It is something else, of another format, or not as it was written.
    pub fn from_text(text: &str, path: &Path) -> Result<Self> {
        let refuse = |why: &str| {
            Err(Error::usage(format!("{}: {why}", path.display()))
                .hint("`chatctl plan --out FILE` writes a plan that deploy takes"))
        };
        let Some(head) = serde_json::from_str::<Head>(text)
            .ok()
            .filter(|head| head.kind == KIND)
        else {
            return refuse("this is not a plan that chatctl wrote");
        };
        if head.format != FORMAT {
            let format = head.format;
            return refuse(&format!(
                "the plan has format {format}, and this chatctl reads format {FORMAT} only"
            ));
        }
        let envelope = serde_json::from_str::<Envelope>(text).ok();
        let Some(envelope) = envelope.filter(|all| all.sha256 == sha256(all.plan.get())) else {
            return refuse("the plan was changed after it was written, or is not whole");
        };
        match serde_json::from_str(envelope.plan.get()) {
            Ok(plan) => Ok(plan),
            Err(_) => refuse("the plan was written by another version of chatctl"),
        }
    }
}

fn sha256(text: &str) -> String {
    hex(Sha256::new().chain_update(text))
}
