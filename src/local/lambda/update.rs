//! UpdateFunctionCode, UpdateFunctionConfiguration, PublishVersion, DeleteFunction.

use std::sync::Arc;

use serde::Deserialize;

use super::super::Cloud;
use super::super::wire::{Fault, Request};
use super::configuration::Wanted;
use super::create::CodeMember;
use super::{Answer, Function, Name, body, fault, invalid, not_found, shape, validation};

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

pub(super) fn code(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let update: UpdateCode = body(request)?;
    let arn = cloud.function_arn(&name.function);
    cloud
        .functions
        .with(cloud, &name, |function| function.settled(cloud, &arn))?;
    let package = update.code.package()?;
    cloud.functions.with(cloud, &name, |function| {
        function.settled(cloud, &arn)?;
        locked(function, update.revision_id.as_deref())?;
        if update.dry_run {
            let now = shape::configuration(cloud, function, "$LATEST", &function.latest);
            return Ok((200, now));
        }
        function.begin_update(cloud);
        function.latest.code = package;
        if let Some(architecture) = update.architectures.and_then(|mut all| all.pop()) {
            if architecture != "x86_64" && architecture != "arm64" {
                let set = "enum value set: [x86_64, arm64]";
                return Err(validation("architectures", &architecture, set));
            }
            function.latest.configuration.architecture = architecture;
        }
        if update.publish {
            publish_now(function);
        }
        Ok((
            200,
            shape::configuration(cloud, function, "$LATEST", &function.latest),
        ))
    })
}

pub(super) fn configuration(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let wanted: Wanted = body(request)?;
    let arn = cloud.function_arn(&name.function);
    cloud.functions.with(cloud, &name, |function| {
        function.settled(cloud, &arn)?;
        locked(function, wanted.revision_id.as_deref())?;
        let mut configuration = function.latest.configuration.clone();
        configuration.apply(cloud, wanted)?;
        function.begin_update(cloud);
        function.latest.configuration = configuration;
        Ok((
            200,
            shape::configuration(cloud, function, "$LATEST", &function.latest),
        ))
    })
}

/// Optimistic locking: the caller's revision must be the present one.
fn locked(function: &Function, revision: Option<&str>) -> Result<(), Fault> {
    match revision {
        Some(revision) if revision != function.latest.revision_id => Err(fault(
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

pub(super) fn publish(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let publish: Publish = body(request)?;
    let arn = cloud.function_arn(&name.function);
    cloud.functions.with(cloud, &name, |function| {
        function.settled(cloud, &arn)?;
        locked(function, publish.revision_id.as_deref())?;
        let live = function.latest.code.sha256();
        if publish.code_sha256.as_ref().is_some_and(|wanted| wanted != live) {
            return Err(invalid(format!(
                "CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({live}). Please try again with the CodeSHA256 in $LATEST.",
                publish.code_sha256.unwrap_or_default()
            )));
        }
        let number = publish_now(function);
        if let (Some(version), Some(text)) = (function.versions.get_mut(&number), publish.description) {
            version.configuration.description = text;
        }
        let revision = function.versions.get(&number).unwrap_or(&function.latest);
        Ok((201, shape::configuration(cloud, function, &number.to_string(), revision)))
    })
}

/// A version with nothing new is not made again.
fn publish_now(function: &mut Function) -> u64 {
    let newest = function.versions.last_key_value();
    if let Some((number, _)) =
        newest.filter(|(_, last)| last.revision_id == function.latest.revision_id)
    {
        return *number;
    }
    let number = function.next_version;
    function.versions.insert(number, function.latest.clone());
    function.next_version += 1;
    number
}

pub(super) fn delete(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    let mut all = cloud.functions.lock();
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
        Some("$LATEST") => {
            return Err(invalid(
                "$LATEST version cannot be deleted without deleting the function.",
            ));
        }
        Some(number) => {
            let number: u64 = number.parse().map_err(|_| not_found(cloud, &name))?;
            function
                .versions
                .remove(&number)
                .ok_or_else(|| not_found(cloud, &name))?;
        }
    }
    Ok((204, serde_json::Value::Null))
}
