//! What a saved plan records of the settings and of what was found.

use super::SavedPlan;
use crate::config::Settings;
use crate::deployer::Assessment;
use crate::engine::plan::Step;
use crate::engine::view::PlanView;
use crate::engine::{Id, Resource};
use crate::package::SourceDigest;
use crate::resources::Kind;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

impl SavedPlan {
    /// The assessment's plan with what it was made from.
    pub fn new(assessment: &Assessment, settings: &Settings, source: &SourceDigest) -> Self {
        let salt = format!("{:032x}", fastrand::u128(..));
        Self::salted(assessment, settings, source, salt)
    }

    /// The same, to be compared with `self`.
    #[must_use]
    pub fn again(
        &self,
        assessment: &Assessment,
        settings: &Settings,
        source: &SourceDigest,
    ) -> Self {
        Self::salted(assessment, settings, source, self.salt.clone())
    }

    fn salted(
        assessment: &Assessment,
        settings: &Settings,
        source: &SourceDigest,
        salt: String,
    ) -> Self {
        let run = assessment.run();
        let place = &run.clients.place;
        Self {
            name: settings.name.clone(),
            stage: settings.stage.clone(),
            region: place.region.clone(),
            account: place.account_id.clone(),
            adopt: run.adopt,
            source: source.to_string(),
            settings: recorded(settings, &salt),
            found: found(&assessment.plan.steps, &salt),
            plan: PlanView::of(&assessment.plan),
            salt,
        }
    }
}

/// Every setting that shapes the stack, `function.memory` and the like. Where the source lies does not
/// count: its digest does.
fn recorded(settings: &Settings, salt: &str) -> BTreeMap<String, Value> {
    let mut all = json!({
        "function": settings.function,
        "gateway": settings.gateway,
        "logs": { "retention-days": settings.retention_days },
        "table": settings.table,
        "routes": settings.routes,
        "connect": settings.connect,
        "tags": settings.tags,
    });
    all["function"]["architecture"] = json!(settings.arch());
    let secrets = settings.function.environment.iter();
    let digests =
        secrets.map(|(key, value)| (key.clone(), digest(salt, &value.to_string()).into()));
    all["function"]["environment"] = Value::Object(digests.collect());
    let mut flat = BTreeMap::new();
    flatten("", all, &mut flat);
    flat
}

fn flatten(path: &str, value: Value, flat: &mut BTreeMap<String, Value>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() {
                    key
                } else {
                    format!("{path}.{key}")
                };
                flatten(&path, value, flat);
            }
        }
        value => {
            flat.insert(path.to_owned(), value);
        }
    }
}

fn found(steps: &[Step<Kind>], salt: &str) -> BTreeMap<String, String> {
    let found = steps
        .iter()
        .filter_map(|step| Some((&step.id, step.found.as_ref()?)));
    let digest = |(id, found): (&Id, &Kind)| (id.to_string(), digest(salt, &as_text(found)));
    found.map(digest).collect()
}

/// All managed fields, in one order: AWS may list the keys of a document in any.
fn as_text(found: &Kind) -> String {
    let fields = found.fields();
    let fields: BTreeMap<_, _> = fields
        .iter()
        .map(|field| (field.path.as_str(), ordered(&field.value)))
        .collect();
    json!(fields).to_string()
}

fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().map(|(k, v)| (k, ordered(v))).collect();
            let fields = fields.into_iter().map(|(key, value)| (key.clone(), value));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(ordered).collect()),
        plain => plain.clone(),
    }
}

fn digest(salt: &str, text: &str) -> String {
    hex(Sha256::new().chain_update(salt).chain_update(text))
}

/// The digest as text.
pub(super) fn hex(hash: Sha256) -> String {
    let bytes = hash.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
