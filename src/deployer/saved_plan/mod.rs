//! A plan in a file: made and reviewed in one run, applied in another.
//!
//! The file says what the plan was made from, so that `deploy --plan` can make it once more and refuse
//! when anything differs. It holds no value of `function.environment` and no hidden field, only salted
//! digests of them.

mod content;
mod file;
mod moved;

use crate::aws::Place;
use crate::config::Settings;
use crate::engine::view::PlanView;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A plan, and everything that it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedPlan {
    name: String,
    stage: String,
    region: String,
    account: String,
    /// Made with `--adopt`, and applied so.
    adopt: bool,
    /// Goes into every digest, so that equal secrets do not look equal in two files.
    salt: String,
    /// The digest of the function's source.
    source: String,
    /// Every setting that shapes the stack, by its key in `chatctl.toml`.
    settings: BTreeMap<String, Value>,
    /// Every resource that was found: its id, and a digest of all its managed fields.
    found: BTreeMap<String, String>,
    /// What would be done.
    plan: PlanView,
}

impl SavedPlan {
    /// The plan was made to take over what is not ours.
    pub fn adopts(&self) -> bool {
        self.adopt
    }

    /// The plan is one for this chat, at this place.
    ///
    /// # Errors
    /// It is not; both are named.
    pub fn require_target(&self, settings: &Settings, place: &Place) -> Result<()> {
        let planned = (&self.name, &self.stage, &self.region, &self.account);
        let meant = (
            &settings.name,
            &settings.stage,
            &place.region,
            &place.account_id,
        );
        if planned == meant {
            return Ok(());
        }
        let target = |(name, stage, region, account)| {
            format!("{name}/{stage} in {region}, account {account}")
        };
        let what = format!("the plan is for {}", target(planned));
        Err(Error::usage(what)
            .because_of(format!("this deploy is for {}", target(meant)))
            .hint("pass the flags and the credentials that `chatctl plan` had"))
    }
}
