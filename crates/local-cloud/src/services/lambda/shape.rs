//! How functions look on the wire, and the operations that read them.

use serde_json::{Map, Value, json};

use super::name::function_arn;
use super::{Function, Functions, LambdaResult, Name, Revision, not_found, validation};
use crate::shared::Shared;
use crate::wire::Request;

/// `$LATEST` as operations that change it show it.
pub(super) fn latest(shared: &Shared, function: &Function) -> Value {
    configuration(shared, function, ("$LATEST", None), &function.latest)
}

/// A published version.
pub(super) fn version(shared: &Shared, function: &Function, number: u64) -> Value {
    let revision = function.versions.get(&number).unwrap_or(&function.latest);
    let number = number.to_string();
    configuration(shared, function, (&number, Some(&number)), revision)
}

/// `FunctionConfiguration`. The ARN has the version or alias in it that the caller named.
fn configuration(
    shared: &Shared,
    function: &Function,
    (version, qualifier): (&str, Option<&str>),
    revision: &Revision,
) -> Value {
    let configuration = &revision.configuration;
    let mut arn = function_arn(shared, &configuration.name);
    if let Some(qualifier) = qualifier {
        arn = format!("{arn}:{qualifier}");
    }
    let mut shape = json!({
        "FunctionName": configuration.name,
        "FunctionArn": arn,
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": revision.code.size(),
        "Description": configuration.description,
        "Timeout": configuration.timeout,
        "MemorySize": configuration.memory,
        "LastModified": revision.last_modified,
        "CodeSha256": revision.code.sha256(),
        "Version": version,
        "TracingConfig": { "Mode": configuration.tracing },
        "PackageType": "Zip",
        "Architectures": [configuration.architecture],
        "EphemeralStorage": { "Size": configuration.ephemeral },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "RuntimeVersionConfig": {
            "RuntimeVersionArn":
                format!("arn:aws:lambda:{}::runtime:{}", shared.region, "0".repeat(64)),
        },
        "LoggingConfig": configuration.logging,
    });
    if let Some(variables) = &configuration.variables {
        shape["Environment"] = json!({ "Variables": variables });
    }
    let now = shared.clock.now_ms();
    if version == "$LATEST" {
        shape["RevisionId"] = json!(function.revision_id(now));
        state(
            &mut shape,
            function.is_pending(now),
            function.is_updating(now),
        );
        if function.update_fails && !function.is_updating(now) {
            failed_update(&mut shape);
        }
    } else {
        let id = revision.settled_id.as_ref();
        shape["RevisionId"] = json!(id.unwrap_or(&revision.revision_id));
        state(
            &mut shape,
            now < revision.active_at.max(function.active_at),
            false,
        );
    }
    shape
}

/// `LastUpdateStatus` is there only once the function is active.
fn state(shape: &mut Value, is_pending: bool, is_updating: bool) {
    if is_pending {
        shape["State"] = json!("Pending");
        shape["StateReason"] = json!("The function is being created.");
        shape["StateReasonCode"] = json!("Creating");
        return;
    }
    shape["State"] = json!("Active");
    if is_updating {
        shape["LastUpdateStatus"] = json!("InProgress");
        shape["LastUpdateStatusReason"] = json!("The function is being created.");
        shape["LastUpdateStatusReasonCode"] = json!("Creating");
    } else {
        shape["LastUpdateStatus"] = json!("Successful");
    }
}

fn failed_update(shape: &mut Value) {
    shape["LastUpdateStatus"] = json!("Failed");
    shape["LastUpdateStatusReason"] =
        json!("The function's execution role cannot be assumed by Lambda.");
    shape["LastUpdateStatusReasonCode"] = json!("InsufficientRolePermissions");
}

/// Lists leave out the state and the version of the runtime.
fn listed(mut shape: Value) -> Value {
    if let Some(members) = shape.as_object_mut() {
        members.retain(|name, _| {
            !name.starts_with("State")
                && !name.starts_with("LastUpdateStatus")
                && name != "RuntimeVersionConfig"
        });
    }
    shape
}

/// The configuration that GetFunction shows is the newest, also while its update is in progress.
fn shown(shared: &Shared, function: &Function, name: &Name) -> Option<Value> {
    let qualifier = name.qualifier.as_deref();
    let version = function.version_of(qualifier.unwrap_or("$LATEST"));
    let revision = match version {
        "$LATEST" => &function.latest,
        version => function.at(version, shared.clock.now_ms())?,
    };
    Some(configuration(
        shared,
        function,
        (version, qualifier),
        revision,
    ))
}

pub(super) fn get_configuration(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    functions.with(&name, |function| {
        let shown = shown(&functions.shared, function, &name)
            .ok_or_else(|| not_found(&functions.shared, &name))?;
        Ok((200, shown))
    })
}

pub(super) fn get_function(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    // Who may read the function but not its tags gets the function, and why the tags are missing.
    let caller = functions.iam.admit(request)?;
    let (action, arn) = ("lambda:ListTags", functions.arn(&name.function));
    let denied = functions.iam.authorize(&caller, action, &arn, &[]).err();
    functions.with(&name, |function| {
        let shown = shown(&functions.shared, function, &name)
            .ok_or_else(|| not_found(&functions.shared, &name))?;
        let version = shown["Version"].as_str().unwrap_or_default();
        let location = format!(
            "{}/_chatctl/functions/{}/code.zip?version={version}",
            functions.shared.endpoint, name.function
        );
        let mut whole = Map::new();
        whole.insert("Configuration".to_owned(), shown);
        whole.insert(
            "Code".to_owned(),
            json!({ "RepositoryType": "S3", "Location": location }),
        );
        match &denied {
            Some(error) => {
                let error = json!({ "ErrorCode": error.code, "Message": error.message });
                whole.insert("TagsError".to_owned(), error);
            }
            None if function.tags.is_empty() => {}
            None => {
                whole.insert("Tags".to_owned(), json!(function.tags));
            }
        }
        if let Some(reserved) = function.reserved {
            let concurrency = json!({ "ReservedConcurrentExecutions": reserved });
            whole.insert("Concurrency".to_owned(), concurrency);
        }
        Ok((200, Value::Object(whole)))
    })
}

pub(super) fn list_functions(functions: &Functions, request: &Request) -> LambdaResult {
    let every = match request.param("FunctionVersion").as_deref() {
        None => false,
        Some("ALL") => true,
        Some(other) => {
            let rule = "Member must satisfy enum value set: [ALL]";
            return Err(validation("functionVersion", other, rule));
        }
    };
    let all = functions.lock();
    let mut items = Vec::new();
    for (name, function) in all.iter() {
        let which = ("$LATEST", every.then_some("$LATEST"));
        let shape = configuration(&functions.shared, function, which, &function.latest);
        items.push((name.clone(), listed(shape)));
        for number in function.versions.keys().filter(|_| every) {
            let shape = version(&functions.shared, function, *number);
            items.push((format!("{name}:{number:020}"), listed(shape)));
        }
    }
    page(request, "Functions", items)
}

pub(super) fn list_versions(functions: &Functions, request: &Request) -> LambdaResult {
    let name = Name::of(&functions.shared, request)?;
    functions.with(&name, |function| {
        let latest = configuration(
            &functions.shared,
            function,
            ("$LATEST", Some("$LATEST")),
            &function.latest,
        );
        let mut items = vec![(String::new(), listed(latest))];
        for number in function.versions.keys() {
            let shape = version(&functions.shared, function, *number);
            items.push((format!("{number:020}"), listed(shape)));
        }
        page(request, "Versions", items)
    })
}

/// One page; the marker is the key of the first item that is left.
pub(super) fn page(request: &Request, member: &str, items: Vec<(String, Value)>) -> LambdaResult {
    let most = match request.param("MaxItems") {
        None => 50,
        Some(text) => match text.parse::<usize>() {
            Ok(most @ 1..=10_000) => most.min(50),
            Ok(0) => {
                let rule = "Member must have value greater than or equal to 1";
                return Err(validation("maxItems", &text, rule));
            }
            _ => {
                let rule = "Member must have value less than or equal to 10000";
                return Err(validation("maxItems", &text, rule));
            }
        },
    };
    let marker = request.param("Marker").unwrap_or_default();
    let mut left = items.into_iter().skip_while(|(key, _)| *key < marker);
    let shown: Vec<Value> = left.by_ref().take(most).map(|(_, shape)| shape).collect();
    let mut answer = json!({ member: shown });
    if let Some((next, _)) = left.next() {
        answer["NextMarker"] = json!(next);
    }
    Ok((200, answer))
}
