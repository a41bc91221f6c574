//! How functions look on the wire, and the operations that only look.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::Cloud;
use super::super::wire::Request;
use super::{Answer, Function, Name, Revision, not_found, validation};

/// `FunctionConfiguration`.
pub(super) fn configuration(
    cloud: &Cloud,
    function: &Function,
    version: &str,
    revision: &Revision,
) -> Value {
    let configuration = &revision.configuration;
    let arn = cloud.function_arn(&configuration.name);
    let arn = if version == "$LATEST" {
        arn
    } else {
        format!("{arn}:{version}")
    };
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
        "RevisionId": revision.revision_id,
        "PackageType": "Zip",
        "Architectures": [configuration.architecture],
        "EphemeralStorage": { "Size": configuration.ephemeral },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "RuntimeVersionConfig": {
            "RuntimeVersionArn":
                format!("arn:aws:lambda:{}::runtime:{}", cloud.region, "0".repeat(64)),
        },
        "LoggingConfig": configuration.logging,
    });
    if let Some(variables) = &configuration.variables {
        shape["Environment"] = json!({ "Variables": variables });
    }
    state(&mut shape, function, cloud.clock.now_ms());
    shape
}

/// `LastUpdateStatus` is there only once the function is active.
fn state(shape: &mut Value, function: &Function, now: i64) {
    if function.is_pending(now) {
        shape["State"] = json!("Pending");
        shape["StateReason"] = json!("The function is being created.");
        shape["StateReasonCode"] = json!("Creating");
        return;
    }
    shape["State"] = json!("Active");
    if function.is_updating(now) {
        shape["LastUpdateStatus"] = json!("InProgress");
        shape["LastUpdateStatusReason"] = json!("The function is being created.");
        shape["LastUpdateStatusReasonCode"] = json!("Creating");
    } else {
        shape["LastUpdateStatus"] = json!("Successful");
    }
}

/// The configuration that GetFunction shows is the newest, also while its update is in progress.
fn shown(cloud: &Cloud, function: &Function, name: &Name) -> Option<Value> {
    let (version, mut revision) = function.at(name.qualifier.as_deref(), cloud.clock.now_ms())?;
    if version == "$LATEST" {
        revision = &function.latest;
    }
    Some(configuration(cloud, function, &version, revision))
}

pub(super) fn get_configuration(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    cloud.functions.with(cloud, &name, |function| {
        let shown = shown(cloud, function, &name).ok_or_else(|| not_found(cloud, &name))?;
        Ok((200, shown))
    })
}

pub(super) fn get_function(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    cloud.functions.with(cloud, &name, |function| {
        let shown = shown(cloud, function, &name).ok_or_else(|| not_found(cloud, &name))?;
        let location = format!(
            "{}/_chatctl/functions/{}/code.zip",
            cloud.endpoint, name.function
        );
        let mut whole = Map::new();
        whole.insert("Configuration".to_owned(), shown);
        whole.insert(
            "Code".to_owned(),
            json!({ "RepositoryType": "S3", "Location": location }),
        );
        if !function.tags.is_empty() {
            whole.insert("Tags".to_owned(), json!(function.tags));
        }
        if let Some(reserved) = function.reserved {
            let concurrency = json!({ "ReservedConcurrentExecutions": reserved });
            whole.insert("Concurrency".to_owned(), concurrency);
        }
        Ok((200, Value::Object(whole)))
    })
}

pub(super) fn list_functions(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let all = cloud.functions.lock();
    let mut items = Vec::new();
    for (name, function) in all.iter() {
        items.push((
            name.clone(),
            configuration(cloud, function, "$LATEST", &function.latest),
        ));
        if request.param("FunctionVersion").as_deref() == Some("ALL") {
            for (number, revision) in &function.versions {
                let shape = configuration(cloud, function, &number.to_string(), revision);
                items.push((format!("{name}:{number:020}"), shape));
            }
        }
    }
    page(request, "Functions", items)
}

pub(super) fn list_versions(cloud: &Arc<Cloud>, request: &Request) -> Answer {
    let name = Name::of(request)?;
    cloud.functions.with(cloud, &name, |function| {
        let latest = configuration(cloud, function, "$LATEST", &function.latest);
        let mut items = vec![(String::new(), latest)];
        for (number, revision) in &function.versions {
            let shape = configuration(cloud, function, &number.to_string(), revision);
            items.push((format!("{number:020}"), shape));
        }
        page(request, "Versions", items)
    })
}

/// One page; the marker is the key of the first item that is left.
fn page(request: &Request, member: &str, items: Vec<(String, Value)>) -> Answer {
    let most = match request.param("MaxItems") {
        None => 50,
        Some(text) => match text.parse::<usize>() {
            Ok(most @ 1..=10_000) => most.min(50),
            _ => return Err(validation("maxItems", &text, "value between 1 and 10000")),
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
