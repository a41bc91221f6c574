//! What decides how a function runs, beside its code: the part of it that a published version keeps.

use crate::engine::{Fields, Output};
use crate::error::Result;
use crate::naming::names::API_UNKNOWN;
use crate::resources::ApiId;
use aws_sdk_lambda::types::{Environment, FunctionConfiguration};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// The configuration of `$LATEST`, or of a published version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The role's ARN.
    pub role: String,
    /// Its runtime.
    pub runtime: String,
    /// Its handler.
    pub handler: String,
    /// `arm64` or `x86_64`.
    pub architecture: String,
    /// MB.
    pub memory: i32,
    /// Seconds.
    pub timeout: i32,
    /// Environment; the values of the user's own keys are never shown.
    pub environment: BTreeMap<String, String>,
}

impl Configuration {
    /// As Lambda says it.
    pub(in crate::resources) fn found(now: &FunctionConfiguration) -> Self {
        let variables = now.environment().and_then(|e| e.variables());
        let architecture = now.architectures().first();
        Self {
            role: now.role().unwrap_or_default().to_owned(),
            runtime: now.runtime().map_or("none", |r| r.as_str()).to_owned(),
            handler: now.handler().unwrap_or_default().to_owned(),
            architecture: architecture.map_or("x86_64", |a| a.as_str()).to_owned(),
            memory: now.memory_size().unwrap_or_default(),
            timeout: now.timeout().unwrap_or_default(),
            environment: variables.cloned().unwrap_or_default().into_iter().collect(),
        }
    }

    /// One field for each setting.
    pub(super) fn fields(&self, fields: Fields) -> Fields {
        let fields = fields
            .with("architecture", self.architecture.as_str())
            .with("runtime", self.runtime.as_str())
            .with("handler", self.handler.as_str())
            .with("role", self.role.as_str())
            .with("memorySize", self.memory)
            .with("timeout", self.timeout);
        let variables = self.environment.iter();
        variables.fold(fields, |fields, (key, value)| {
            let path = format!("environment.{key}");
            if is_public(key) {
                fields.with(path, value.as_str())
            } else {
                fields.hidden(path, value.as_str())
            }
        })
    }

    /// All of it as one value, to be compared and never shown: it holds the user's variables.
    pub(in crate::resources) fn as_value(&self) -> Value {
        json!([
            self.role,
            self.runtime,
            self.handler,
            self.architecture,
            self.memory,
            self.timeout,
            self.environment,
        ])
    }

    /// It differs in something that UpdateFunctionConfiguration changes; the architecture comes with
    /// the code.
    pub(super) fn differs_beside_architecture(&self, other: &Self) -> bool {
        let other = Self {
            architecture: self.architecture.clone(),
            ..other.clone()
        };
        *self != other
    }

    /// The variables as the SDK takes them, with the API's id in those that name it.
    pub(super) fn sdk_environment(&self, api: Option<&Output<ApiId>>) -> Result<Environment> {
        let mut variables: HashMap<_, _> = self.environment.clone().into_iter().collect();
        if let Some(api) = api {
            let api = api.get()?;
            for value in variables.values_mut() {
                *value = value.replace(API_UNKNOWN, &api);
            }
        }
        let builder = Environment::builder().set_variables(Some(variables));
        Ok(builder.build())
    }
}

/// Ours are plain settings; what the user adds may be a secret.
fn is_public(key: &str) -> bool {
    key.starts_with("CHAT_") || key == "AWS_ENDPOINT_URL"
}
