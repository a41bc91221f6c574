//! The function and who may call it.

use super::*;
use aws_sdk_lambda::types::AliasRoutingConfiguration;

pub fn rows() -> Vec<Row> {
    use Action::{Create, Update};
    vec![
        (
            change!(w => lambda(w).update_function_configuration().function_name(NAME).memory_size(512).send().await.unwrap()),
            "function",
            Update,
            "memorySize",
        ),
        (
            change!(w => lambda(w).update_function_configuration().function_name(NAME).timeout(3).send().await.unwrap()),
            "function",
            Update,
            "timeout",
        ),
        (
            change!(w => lambda(w).update_function_configuration().function_name(NAME).handler("other").send().await.unwrap()),
            "function",
            Update,
            "handler",
        ),
        (
            change!(w => environment(w, "CHAT_TABLE", "other").await),
            "function",
            Update,
            "environment.CHAT_TABLE",
        ),
        (
            change!(w => environment(w, "EXTRA", "secret").await),
            "function",
            Update,
            "environment.EXTRA",
        ),
        (
            change!(w => lambda(w).update_function_code().function_name(NAME).zip_file(other_code()).send().await.unwrap()),
            "function",
            Update,
            "code",
        ),
        (
            change!(w => lambda(w).untag_resource().resource(FUNCTION_ARN).tag_keys("chatctl:digest").send().await.unwrap()),
            "function",
            Update,
            "code",
        ),
        (
            change!(w => lambda(w).untag_resource().resource(FUNCTION_ARN).tag_keys("chatctl:id").send().await.unwrap()),
            "function",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => lambda(w).delete_function().function_name(NAME).send().await.unwrap()),
            "function",
            Create,
            "code",
        ),
    ]
}

/// The version that is live, and who may call it.
pub fn live() -> Vec<Row> {
    use Action::{Create, Delete, Update};
    vec![
        (
            change!(w => remove_permission(w).await),
            "permission",
            Create,
            "statements.chatctl-",
        ),
        (
            change!(w => { remove_permission(w).await; widen_permission(w).await }),
            "permission",
            Update,
            "statements.chatctl-",
        ),
        (
            change!(w => stale_permission(w).await),
            "permission",
            Update,
            "statements.chatctl-gone",
        ),
        (
            change!(w => unqualified_permission(w).await),
            "permission/function",
            Delete,
            "",
        ),
        (
            change!(w => lambda(w).update_alias().function_name(NAME).name("live").function_version("$LATEST").send().await.unwrap()),
            "alias",
            Update,
            "version",
        ),
        (
            change!(w => split(w).await),
            "alias",
            Update,
            "routingConfig",
        ),
        (
            change!(w => lambda(w).delete_alias().function_name(NAME).name("live").send().await.unwrap()),
            "alias",
            Create,
            "version",
        ),
    ]
}

pub fn other_code() -> aws_sdk_lambda::primitives::Blob {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
    zip.start_file("bootstrap", options).unwrap();
    std::io::Write::write_all(&mut zip, b"#!/bin/sh\nexit 2\n").unwrap();
    aws_sdk_lambda::primitives::Blob::new(zip.finish().unwrap().into_inner())
}

async fn remove_permission(w: &World) {
    let id = format!("chatctl-live-{}", api(w).await);
    lambda(w)
        .remove_permission()
        .function_name(NAME)
        .qualifier("live")
        .statement_id(id)
        .send()
        .await
        .unwrap();
}

async fn widen_permission(w: &World) {
    let id = format!("chatctl-live-{}", api(w).await);
    let call = lambda(w)
        .add_permission()
        .function_name(NAME)
        .qualifier("live")
        .statement_id(id);
    let call = call
        .action("lambda:InvokeFunction")
        .principal("apigateway.amazonaws.com");
    call.send().await.unwrap();
}

/// Our right to call, for `$LATEST`.
async fn unqualified_permission(w: &World) {
    let call = lambda(w)
        .add_permission()
        .function_name(NAME)
        .statement_id("chatctl-api");
    call.action("lambda:InvokeFunction")
        .principal("apigateway.amazonaws.com")
        .send()
        .await
        .unwrap();
}

/// Somebody publishes a version and lets it have a tenth of the calls.
async fn split(w: &World) {
    let call = lambda(w)
        .update_function_configuration()
        .function_name(NAME);
    call.description("mine").send().await.unwrap();
    let made = lambda(w).publish_version().function_name(NAME);
    let made = made.send().await.unwrap();
    let weights = AliasRoutingConfiguration::builder()
        .additional_version_weights(made.version().unwrap(), 0.1)
        .build();
    let call = lambda(w).update_alias().function_name(NAME).name("live");
    call.routing_config(weights).send().await.unwrap();
}

pub async fn stale_permission(w: &World) {
    let call = lambda(w)
        .add_permission()
        .function_name(NAME)
        .qualifier("live")
        .statement_id("chatctl-gone");
    let call = call
        .action("lambda:InvokeFunction")
        .principal("apigateway.amazonaws.com");
    call.send().await.unwrap();
}
