//! UpdateFunctionCode, UpdateFunctionConfiguration, PublishVersion, DeleteFunction.

use std::sync::Arc;

use serde::Deserialize;

use super::configuration::ConfigurationRequest;
use super::create::{self, CodeMember};
use super::{
    Function, LambdaResult, Name, Revision, body, fault, invalid, not_found, revision_id, shape,
};
use crate::Cloud;
use crate::wire::{Request, ServiceError};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateCode {
    #[serde(flatten)]
    code: CodeMember,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    publish: bool,
    revision_id: Option<String>,
}

pub(super) fn code(cloud: &Arc<Cloud>, request: &Request) -> LambdaResult {
    let name = Name::of(cloud, request)?;
    let update: UpdateCode = body(request)?;
    let arn = cloud.function_arn(&name.function);
    cloud
        .functions
        .with(cloud, &name, |function| function.settled(cloud, &arn))?;
    if update.code.image_uri.is_some() {
        return Err(invalid(
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        ));
    }
    let package = update.code.package()?;
    let architecture = match update.architectures {
        Some(wanted) => Some(create::architecture(Some(wanted))?),
        None => None,
    };
    cloud.functions.with(cloud, &name, |function| {
        function.settled(cloud, &arn)?;
        locked(cloud, function, update.revision_id.as_deref())?;
        if update.dry_run {
            return Ok((200, shape::latest(cloud, function)));
        }
        function.begin_update(cloud);
        function.latest.code = package;
        if let Some(architecture) = architecture {
            function.latest.configuration.architecture = architecture;
        }
        if update.publish {
            let number = publish_now(cloud, function);
            return Ok((200, shape::version(cloud, function, number)));
        }
        Ok((200, shape::latest(cloud, function)))
    })
}

pub(super) fn configuration(cloud: &Arc<Cloud>, request: &Request) -> LambdaResult {
    let name = Name::of(cloud, request)?;
    let wanted: ConfigurationRequest = body(request)?;
    let arn = cloud.function_arn(&name.function);
    cloud.functions.with(cloud, &name, |function| {
        function.settled(cloud, &arn)?;
        locked(cloud, function, wanted.revision_id.as_deref())?;
        let mut configuration = function.latest.configuration.clone();
        configuration.apply(cloud, wanted)?;
        function.begin_update(cloud);
        function.latest.configuration = configuration;
        Ok((200, shape::latest(cloud, function)))
    })
}

/// Optimistic locking: the caller's revision must be the present one.
fn locked(cloud: &Cloud, function: &Function, revision: Option<&str>) -> Result<(), ServiceError> {
    match revision {
        Some(revision) if revision != function.revision_id(cloud.clock.now_ms()) => Err(fault(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        )),
        _ => Ok(()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publish {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

pub(super) fn publish(cloud: &Arc<Cloud>, request: &Request) -> LambdaResult {
    let name = Name::of(cloud, request)?;
    let publish: Publish = body(request)?;
    let arn = cloud.function_arn(&name.function);
    cloud.functions.with(cloud, &name, |function| {
        function.settled(cloud, &arn)?;
        locked(cloud, function, publish.revision_id.as_deref())?;
        let live = function.latest.code.sha256();
        if publish.code_sha256.as_ref().is_some_and(|wanted| wanted != live) {
            return Err(invalid(format!(
                "CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({live}). Please try again with the CodeSHA256 in $LATEST.",
                publish.code_sha256.unwrap_or_default()
            )));
        }
        let number = publish_now(cloud, function);
        if let (Some(version), Some(text)) = (function.versions.get_mut(&number), publish.description) {
            version.configuration.description = text;
        }
        Ok((201, shape::version(cloud, function, number)))
    })
}

/// A version with nothing new is not made again. A new one has an id of its own, and is Pending.
pub(super) fn publish_now(cloud: &Cloud, function: &mut Function) -> u64 {
    let newest = function.versions.last_key_value();
    if let Some((number, _)) =
        newest.filter(|(_, last)| last.revision_id == function.latest.revision_id)
    {
        return *number;
    }
    let number = function.next_version;
    let version = Revision {
        settled_id: Some(revision_id()),
        active_at: cloud.propagated_at(),
        ..function.latest.clone()
    };
    function.versions.insert(number, version);
    function.next_version += 1;
    number
}

pub(super) fn delete(cloud: &Arc<Cloud>, request: &Request) -> LambdaResult {
    let name = Name::of(cloud, request)?;
    let mut all = cloud.functions.lock();
    if name.qualifier.as_deref() == Some("$LATEST") {
        return Err(invalid(
            "$LATEST version cannot be deleted without deleting the function.",
        ));
    }
    let Some(function) = all.get_mut(&name.function) else {
        return Err(not_found(cloud, &name));
    };
    match name.qualifier.as_deref() {
        None => {
            all.remove(&name.function);
            drop(all);
            cloud
                .environments
                .retire(&cloud.function_arn(&name.function));
        }
        Some(number) => {
            let alias = |_| invalid("Deletion of aliases is not currently supported.");
            let number: u64 = number.parse().map_err(alias)?;
            let removed = function.versions.remove(&number);
            removed.ok_or_else(|| not_found(cloud, &name))?;
            let of_another = |qualifier: Option<&str>| qualifier != name.qualifier.as_deref();
            function.keep_statements(of_another);
        }
    }
    Ok((204, serde_json::Value::Null))
}
