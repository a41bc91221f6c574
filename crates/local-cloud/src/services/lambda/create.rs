//! CreateFunction.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::configuration::{Configuration, ConfigurationRequest};
use super::{
    Function, Functions, LambdaResult, Name, Package, Revision, body, conflict, invalid, null,
    revision_id, settings, shape, timestamp, validation, versions,
};
use crate::wire::{Request, ServiceError};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    function_name: String,
    code: CodeMember,
    architectures: Option<Vec<String>>,
    package_type: Option<String>,
    tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    publish: bool,
    #[serde(flatten)]
    wanted: ConfigurationRequest,
}

/// Where the code comes from. Only `ZipFile` is supported.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CodeMember {
    pub(super) zip_file: Option<String>,
    pub(super) s3_bucket: Option<String>,
    pub(super) image_uri: Option<String>,
}

impl CodeMember {
    pub(super) fn package(&self) -> Result<Package, ServiceError> {
        match &self.zip_file {
            Some(zip) => Package::from_base64(zip),
            None if self.s3_bucket.is_some() => {
                Err(ServiceError::not_here("lambda", "code from S3"))
            }
            None if self.image_uri.is_some() => {
                Err(ServiceError::not_here("lambda", "code from an image"))
            }
            None => Err(invalid("Please provide a source for function code.")),
        }
    }
}

pub(super) fn create(functions: &Functions, request: &Request) -> LambdaResult {
    let create: Create = body(request)?;
    let name = Name::new(&functions.shared, &create.function_name)?;
    let kind = create.package_type.as_deref();
    if kind.is_some_and(|kind| kind != "Zip") || create.code.image_uri.is_some() {
        return Err(ServiceError::not_here("lambda", "code from an image"));
    }
    if functions.lock().contains_key(&name.function) {
        return Err(conflict(format!(
            "Function already exist: {}",
            name.function
        )));
    }
    let mut configuration = Configuration::new(&name.function);
    require(&create.wanted)?;
    configuration.architecture = architecture(create.architectures)?;
    let code = create.code.package()?;
    configuration.apply(functions, create.wanted)?;
    let tags = settings::checked_tags(create.tags.unwrap_or_default())?;
    let function = function(functions, configuration, code, tags);
    let mut all = functions.lock();
    // Another call may have made it since the check above.
    if all.contains_key(&name.function) {
        return Err(conflict(format!(
            "Function already exist: {}",
            name.function
        )));
    }
    let function = all.entry(name.function).or_insert(function);
    let mut shape = shape::latest(&functions.shared, function);
    if create.publish {
        // The answer names the version, but not in the ARN.
        shape["Version"] = versions::publish_now(&functions.shared, function)
            .to_string()
            .into();
    }
    Ok((201, shape))
}

fn function(
    functions: &Functions,
    configuration: Configuration,
    code: Package,
    tags: BTreeMap<String, String>,
) -> Function {
    let latest = Revision {
        configuration,
        code,
        last_modified: timestamp(&functions.shared),
        revision_id: revision_id(),
        settled_id: Some(revision_id()),
        active_at: 0,
    };
    Function {
        latest,
        before_update: None,
        active_at: functions.shared.propagated_at(),
        updated_at: 0,
        update_fails: false,
        versions: BTreeMap::new(),
        aliases: BTreeMap::new(),
        next_version: 1,
        statements: Vec::new(),
        tags,
        reserved: None,
        running: Arc::default(),
    }
}

/// A zip function needs all three, even if its runtime does not use the handler.
fn require(wanted: &ConfigurationRequest) -> Result<(), ServiceError> {
    if wanted.role.is_none() {
        return Err(null("role"));
    }
    if wanted.runtime.is_none() || wanted.handler.is_none() {
        return Err(invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        ));
    }
    Ok(())
}

pub(super) fn architecture(wanted: Option<Vec<String>>) -> Result<String, ServiceError> {
    let wanted = wanted.unwrap_or_else(|| vec!["x86_64".to_owned()]);
    let shown = format!("[{}]", wanted.join(", "));
    match wanted.as_slice() {
        [one] if one == "x86_64" || one == "arm64" => Ok(one.clone()),
        [_] => Err(validation(
            "architectures",
            &shown,
            "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]",
        )),
        _ => {
            let order = if wanted.is_empty() { "greater" } else { "less" };
            let rule = format!("Member must have length {order} than or equal to 1");
            Err(validation("architectures", &shown, &rule))
        }
    }
}
