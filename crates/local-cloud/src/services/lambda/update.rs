//! UpdateFunctionCode, UpdateFunctionConfiguration, DeleteFunction.

use serde::Deserialize;

use super::configuration::ConfigurationRequest;
use super::create::{self, CodeMember};
use super::{Functions, LambdaResult, Name, body, conflict, invalid, not_found, shape, versions};
use crate::wire::Request;

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

pub(super) fn code(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    let update: UpdateCode = body(request)?;
    let arn = functions.arn(&name.function);
    functions.with(&name, |function| function.settled(functions.now_ms(), &arn))?;
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
    functions.with(&name, |function| {
        function.settled(functions.now_ms(), &arn)?;
        function.check_revision(functions.now_ms(), update.revision_id.as_deref())?;
        if update.dry_run {
            return Ok((200, shape::latest(&functions.shared, function)));
        }
        let mut next = function.latest.clone();
        next.code = package;
        if let Some(architecture) = architecture {
            next.configuration.architecture = architecture;
        }
        function.begin_update(functions, next);
        if update.publish {
            let number = versions::publish_now(&functions.shared, function);
            return Ok((200, shape::version(&functions.shared, function, number)));
        }
        Ok((200, shape::latest(&functions.shared, function)))
    })
}

pub(super) fn configuration(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    let wanted: ConfigurationRequest = body(request)?;
    let arn = functions.arn(&name.function);
    functions.with(&name, |function| {
        function.settled(functions.now_ms(), &arn)?;
        function.check_revision(functions.now_ms(), wanted.revision_id.as_deref())?;
        let mut next = function.latest.clone();
        next.configuration.apply(functions, wanted)?;
        function.begin_update(functions, next);
        Ok((200, shape::latest(&functions.shared, function)))
    })
}

pub(super) fn delete(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    let mut all = functions.lock();
    if name.qualifier.as_deref() == Some("$LATEST") {
        return Err(invalid(
            "$LATEST version cannot be deleted without deleting the function.",
        ));
    }
    let Some(function) = all.get_mut(&name.function) else {
        return Err(not_found(&functions.shared, &name));
    };
    match name.qualifier.as_deref() {
        None => {
            all.remove(&name.function);
            drop(all);
            functions
                .environments
                .retire(&functions.arn(&name.function));
        }
        Some(number) => {
            let alias = |_| invalid("Deletion of aliases is not currently supported.");
            let version: u64 = number.parse().map_err(alias)?;
            let aliases = function.aliases_of(number);
            if !aliases.is_empty() {
                return Err(conflict(format!(
                    "Unable to delete version because the following aliases reference it: [{}]",
                    aliases.join(", ")
                )));
            }
            // One that is not there is deleted already.
            function.versions.remove(&version);
            functions
                .environments
                .retire_version(&functions.arn(&name.function), number);
            let of_another = |qualifier: Option<&str>| qualifier != name.qualifier.as_deref();
            function.keep_statements(of_another);
        }
    }
    Ok((204, serde_json::Value::Null))
}
