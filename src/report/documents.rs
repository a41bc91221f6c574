//! The JSON documents of commands that have no result of a type of its own.

use crate::deployer::Adoption;
use crate::engine::view::PlanView;
use serde::Serialize;

/// What `init` did: paths from the folder that it ran in.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InitDocument {
    /// Files that were not there before.
    pub written: Vec<String>,
    /// Files that were there.
    pub changed: Vec<String>,
}

impl InitDocument {
    /// These files were written.
    pub fn new(written: impl Iterator<Item = String>) -> Self {
        Self {
            written: written.collect(),
            changed: Vec::new(),
        }
    }
}

/// What `plan` found.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanDocument<'a> {
    /// The plan.
    #[serde(flatten)]
    pub plan: &'a PlanView,
    /// What `--adopt` takes over, and what not; only with `plan --adopt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adoption: Option<&'a Adoption>,
}

/// What `open` serves.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OpenDocument<'a> {
    /// URL of the chat page.
    pub page: &'a str,
    /// WebSocket URL of the chat.
    pub endpoint: &'a str,
}

/// The first line of `local`: what is ready. Lines of the log follow.
#[cfg(feature = "local")]
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LocalDocument<'a> {
    /// URL of the AWS APIs.
    pub endpoint: &'a str,
    /// WebSocket URL of the chat; not with `--no-deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<&'a str>,
    /// URL of the chat page; not with `--no-deploy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<&'a str>,
    /// Seed of the random faults.
    pub seed: u64,
}

#[cfg(test)]
#[cfg(feature = "local")]
mod tests {
    use super::*;
    use crate::any_api::ApiStatus;
    use crate::deployer::{Deployed, Gone, Listing, RolledBack, Status};
    use crate::engine::event::Event;
    use crate::report::doctor::Document as DoctorDocument;
    use crate::report::failure::FailureDocument;
    use crate::report::logs::JsonLine;
    use crate::rights::PipelineRole;
    use schemars::{JsonSchema, Schema, generate::SchemaSettings};
    use std::path::Path;

    /// Set, it makes the test write the files.
    const UPDATE: &str = "UPDATE_SCHEMAS";

    fn schema<T: JsonSchema>() -> Schema {
        let settings = SchemaSettings::draft2020_12().for_serialize();
        settings.into_generator().into_root_schema_for::<T>()
    }

    /// The files in `schemas/` are generated from the types that are written.
    #[test]
    fn the_schemas_are_up_to_date() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        let all = [
            ("api-status", schema::<ApiStatus>()),
            ("deploy", schema::<Deployed>()),
            ("doctor", schema::<DoctorDocument<'_>>()),
            ("event", schema::<Event>()),
            ("failure", schema::<FailureDocument<'_>>()),
            ("init", schema::<InitDocument>()),
            ("list", schema::<Listing>()),
            ("local", schema::<LocalDocument<'_>>()),
            ("log-line", schema::<JsonLine<'_>>()),
            ("open", schema::<OpenDocument<'_>>()),
            ("plan", schema::<PlanDocument<'_>>()),
            ("policy-role", schema::<PipelineRole>()),
            ("rollback", schema::<RolledBack>()),
            ("status", schema::<Status>()),
            ("teardown", schema::<Gone>()),
        ];
        let update = std::env::var_os(UPDATE).is_some();
        for (name, schema) in &all {
            let text = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
            let path = folder.join(format!("{name}.json"));
            if update {
                fs_err::create_dir_all(&folder).unwrap();
                fs_err::write(&path, &text).unwrap();
            }
            let written = fs_err::read_to_string(&path).unwrap_or_default();
            assert!(
                written == text,
                "{name}: run `{UPDATE}=1 cargo test --lib schemas`"
            );
        }
        assert_eq!(fs_err::read_dir(&folder).unwrap().count(), all.len());
    }
}
