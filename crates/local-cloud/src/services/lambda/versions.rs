//! Published versions.

use serde::Deserialize;

use crate::shared::Shared;
use crate::wire::Request;

use super::{Function, Functions, LambdaResult, Name, Revision, body, invalid, revision_id, shape};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Publish {
    code_sha256: Option<String>,
    description: Option<String>,
    revision_id: Option<String>,
}

pub(super) fn publish(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    let publish: Publish = body(request)?;
    let arn = functions.arn(&name.function);
    functions.with(&name, |function| {
        function.settled(functions.now_ms(), &arn)?;
        function.check_revision(functions.now_ms(), publish.revision_id.as_deref())?;
        let live = function.latest.code.sha256();
        if publish.code_sha256.as_ref().is_some_and(|wanted| wanted != live) {
            return Err(invalid(format!(
                "CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({live}). Please try again with the CodeSHA256 in $LATEST.",
                publish.code_sha256.unwrap_or_default()
            )));
        }
        let next = function.next_version;
        let number = publish_now(&functions.shared, function);
        // Where nothing changed, the version that is there stays as it is.
        let made = function.versions.get_mut(&number).filter(|_| number == next);
        if let (Some(version), Some(text)) = (made, publish.description) {
            version.configuration.description = text;
        }
        Ok((201, shape::version(&functions.shared, function, number)))
    })
}

/// Publishes `$LATEST`, unless the newest version is equal to it. A new version has an id of its own, and is
/// Pending.
pub(super) fn publish_now(shared: &Shared, function: &mut Function) -> u64 {
    let newest = function.versions.last_key_value();
    if let Some((number, _)) =
        newest.filter(|(_, last)| last.revision_id == function.latest.revision_id)
    {
        return *number;
    }
    let number = function.next_version;
    let version = Revision {
        settled_id: Some(revision_id()),
        active_at: shared.propagated_at(),
        ..function.latest.clone()
    };
    function.versions.insert(number, version);
    function.next_version += 1;
    number
}
