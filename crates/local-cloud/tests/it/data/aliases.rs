//! Aliases of functions: their rules and words, and what an invocation through one runs.

use std::collections::BTreeSet;
use std::collections::HashMap;

use aws_sdk_lambda::operation::invoke::InvokeOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{AliasRoutingConfiguration, Environment, LogType};
use chatctl_local_cloud::{LocalCloud, Options};
use serde_json::Value;

use super::{FUNCTION, World, calm, refusal};

fn is(refused: (String, String), code: &str, words: &str) {
    assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, words));
}

/// A function `chat` with the versions 1 and 2, which differ in their variable `WORD`.
pub(super) async fn world() -> World {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    publish(&world).await;
    next_version(&world).await;
    world
}

async fn publish(world: &World) -> String {
    let publish = world.lambda.publish_version().function_name("chat");
    publish.send().await.unwrap().version.unwrap()
}

/// Changes the configuration and publishes it.
async fn next_version(world: &World) -> String {
    let events = world.folder.path().join("events").display().to_string();
    let variables = Environment::builder().variables("EVENTS", events);
    let word = fastrand::u32(..).to_string();
    let update = world.lambda.update_function_configuration();
    let update = update.function_name("chat");
    let update = update.environment(variables.variables("WORD", word).build());
    update.send().await.unwrap();
    publish(world).await
}

pub(super) async fn point(world: &World, version: &str) {
    let create = world.lambda.create_alias().function_name("chat");
    let create = create.name("live").function_version(version);
    create.send().await.unwrap();
}

pub(super) async fn move_to(world: &World, version: &str) {
    let update = world.lambda.update_alias().function_name("chat");
    let update = update.name("live").function_version(version);
    update.send().await.unwrap();
}

pub(super) async fn invoke(world: &World, qualifier: &str, payload: &str) -> InvokeOutput {
    let invoke = world.lambda.invoke().function_name("chat");
    let invoke = invoke.qualifier(qualifier).payload(Blob::new(payload));
    let answer = invoke.send().await.unwrap();
    assert_eq!(answer.function_error(), None);
    answer
}

pub(super) fn body(answer: &InvokeOutput) -> String {
    let answer: Value = serde_json::from_slice(answer.payload().unwrap().as_ref()).unwrap();
    answer["body"].as_str().unwrap().to_owned()
}

pub(super) async fn permit_alias(world: &World) -> Option<String> {
    let api = &world.api_id;
    let source = format!("arn:aws:execute-api:us-east-1:000000000000:{api}/*/*");
    let add = world
        .lambda
        .add_permission()
        .function_name("chat")
        .qualifier("live");
    let add = add.statement_id("api").action("lambda:InvokeFunction");
    let add = add.principal("apigateway.amazonaws.com").source_arn(source);
    add.send().await.unwrap().statement
}

fn weight(version: &str, weight: f64) -> AliasRoutingConfiguration {
    let weights = AliasRoutingConfiguration::builder();
    weights.additional_version_weights(version, weight).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_made_read_moved_listed_and_deleted() {
    let world = world().await;
    let arn = format!("{FUNCTION}:live");
    let create = world.lambda.create_alias().function_name("chat");
    let create = create
        .name("live")
        .function_version("1")
        .description("the live one");
    let made = create.clone().send().await.unwrap();
    assert_eq!(made.alias_arn(), Some(arn.as_str()));
    assert_eq!(
        (made.name(), made.function_version()),
        (Some("live"), Some("1"))
    );
    assert_eq!(made.description(), Some("the live one"));
    assert!(made.routing_config().is_none());
    is(
        refusal(create.send().await),
        "ResourceConflictException",
        &format!("Alias already exists: {arn}"),
    );

    let get = world
        .lambda
        .get_alias()
        .function_name(FUNCTION)
        .name("live");
    let read = get.clone().send().await.unwrap();
    assert_eq!(read.revision_id(), made.revision_id());

    let update = || {
        world
            .lambda
            .update_alias()
            .function_name("chat")
            .name("live")
    };
    let moved = update()
        .function_version("2")
        .revision_id(made.revision_id().unwrap());
    let moved = moved.send().await.unwrap();
    assert_eq!(
        (moved.function_version(), moved.description()),
        (Some("2"), Some("the live one"))
    );
    assert_ne!(moved.revision_id(), made.revision_id());
    let (code, words) = refusal(
        update()
            .revision_id(made.revision_id().unwrap())
            .send()
            .await,
    );
    assert_eq!(code, "PreconditionFailedException");
    assert!(
        words.ends_with("Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
    );

    let delete = || {
        world
            .lambda
            .delete_alias()
            .function_name("chat")
            .name("live")
            .send()
    };
    delete().await.unwrap();
    delete().await.unwrap();
    is(
        refusal(get.send().await),
        "ResourceNotFoundException",
        &format!("Cannot find alias arn: {arn}"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_are_listed_in_pages_and_by_version() {
    let world = world().await;
    point(&world, "2").await;
    let other = world
        .lambda
        .create_alias()
        .function_name("chat")
        .name("beta");
    other.function_version("$LATEST").send().await.unwrap();
    let list = || world.lambda.list_aliases().function_name("chat");
    let pages = list().max_items(1).into_paginator().items().send();
    let names: Result<Vec<_>, _> = pages.collect().await;
    let names: Vec<_> = names
        .unwrap()
        .into_iter()
        .map(|one| one.name.unwrap())
        .collect();
    assert_eq!(names, ["beta", "live"]);
    let of_two = list().function_version("2").send().await.unwrap();
    assert_eq!(of_two.aliases().len(), 1);
    assert_eq!(of_two.aliases()[0].name(), Some("live"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_cannot_be_is_refused_in_aws_s_words() {
    let world = world().await;
    let create = |name: &str, version: &str| {
        let create = world.lambda.create_alias().function_name("chat");
        create.name(name).function_version(version)
    };
    let gone = |version: &str| format!("Function not found: {FUNCTION}:{version}");
    let missing = "ResourceNotFoundException";
    is(
        refusal(create("live", "7").send().await),
        missing,
        &gone("7"),
    );
    let nobody = world.lambda.create_alias().function_name("nobody");
    let nobody = nobody.name("live").function_version("1").send().await;
    let words = format!("Function not found: {}", FUNCTION.replace("chat", "nobody"));
    is(refusal(nobody), missing, &words);
    let framed = |member: &str, value: &str, pattern: &str| {
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}"
        )
    };
    for name in ["7", "$LATEST", "a b"] {
        let words = framed("name", name, "(?!^[0-9]+$)([a-zA-Z0-9-_]+)");
        is(
            refusal(create(name, "1").send().await),
            "ValidationException",
            &words,
        );
    }
    let words = framed(
        "functionVersion",
        "live",
        "(\\$LATEST(\\.PUBLISHED)?|[0-9]+)",
    );
    is(
        refusal(create("x", "live").send().await),
        "ValidationException",
        &words,
    );

    let arn = format!("{FUNCTION}:live");
    let update = world
        .lambda
        .update_alias()
        .function_name("chat")
        .name("live");
    is(
        refusal(update.send().await),
        missing,
        &format!("Alias not found: {arn}"),
    );
    let invoke = world.lambda.invoke().function_name(&arn);
    is(refusal(invoke.send().await), missing, &gone("live"));
    let get = world
        .lambda
        .get_function()
        .function_name("chat")
        .qualifier("live");
    is(refusal(get.send().await), missing, &gone("live"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_version_that_cannot_be_is_refused_in_aws_s_words() {
    let world = world().await;
    let create = |version: &str| {
        let create = world.lambda.create_alias().function_name("chat");
        create.name("live").function_version(version)
    };
    let invalid = "InvalidParameterValueException";
    let routed = |version: &str, second: &str, part: f64| {
        create(version).routing_config(weight(second, part)).send()
    };
    is(
        refusal(routed("1", "1", 0.5).await),
        invalid,
        "Invalid function version 1. Function version 1 is already included in routing configuration.",
    );
    is(
        refusal(routed("$LATEST", "1", 0.5).await),
        invalid,
        "$LATEST is not supported for an alias pointing to more than 1 version",
    );
    is(
        refusal(routed("1", "7", 0.5).await),
        "ResourceNotFoundException",
        &format!("Function not found: {FUNCTION}:7"),
    );
    let (code, words) = refusal(routed("1", "2", 1.5).await);
    assert_eq!(code, "ValidationException");
    assert!(
        words.contains("Value '{2=1.5}' at 'routingConfig.additionalVersionWeights'"),
        "{words}"
    );
    let two = AliasRoutingConfiguration::builder();
    let two = two
        .additional_version_weights("1", 0.1)
        .additional_version_weights("2", 0.1);
    is(
        refusal(create("1").routing_config(two.build()).send().await),
        invalid,
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_through_an_alias_runs_its_version() {
    let world = world().await;
    point(&world, "1").await;
    let arn = format!("{FUNCTION}:live");
    let answer = invoke(&world, "live", r#"{"do":"env"}"#).await;
    assert_eq!(answer.executed_version(), Some("1"));
    let variables: HashMap<String, String> = serde_json::from_str(&body(&answer)).unwrap();
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_VERSION"], "1");
    assert!(variables["AWS_LAMBDA_LOG_STREAM_NAME"].contains("[1]"));
    assert!(!variables.contains_key("WORD"));

    move_to(&world, "2").await;
    let invoke = world
        .lambda
        .invoke()
        .function_name(&arn)
        .log_type(LogType::Tail);
    let answer = invoke
        .payload(Blob::new(r#"{"do":"invoked"}"#))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.executed_version(), Some("2"));
    assert_eq!(
        body(&answer),
        arn,
        "the ARN of the invocation names the alias"
    );
    assert!(answer.log_result().is_some());
    let plain = world.invoke("chat", r#"{"do":"invoked"}"#).await.1;
    assert!(
        plain.contains(&format!(r#""body":"{FUNCTION}""#)),
        "{plain}"
    );

    let get = || {
        world
            .lambda
            .get_function()
            .function_name("chat")
            .qualifier("live")
    };
    let shown = get().send().await.unwrap();
    let configuration = shown.configuration().unwrap();
    assert_eq!(configuration.function_arn(), Some(arn.as_str()));
    assert_eq!(configuration.version(), Some("2"));
    let configuration = world.lambda.get_function_configuration();
    let configuration = configuration.function_name("chat").qualifier("live");
    let configuration = configuration.send().await.unwrap();
    assert_eq!(configuration.function_arn(), Some(arn.as_str()));
    assert!(
        configuration
            .environment()
            .unwrap()
            .variables()
            .unwrap()
            .contains_key("WORD")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_location_of_a_version_leads_to_its_own_code() {
    let world = world().await;
    let update = world.lambda.update_function_code().function_name("chat");
    let other = super::zip("#!/bin/sh\n", 0o755);
    update
        .zip_file(Blob::new(other.clone()))
        .send()
        .await
        .unwrap();
    let code = async |qualifier: &str| {
        let get = world
            .lambda
            .get_function()
            .function_name("chat")
            .qualifier(qualifier);
        let location = get.send().await.unwrap().code.unwrap().location.unwrap();
        let path = location.split_once(&world.host()).unwrap().1.to_owned();
        super::function::call(&world.host(), "GET", &path, &[], b"").body
    };
    assert_eq!(code("$LATEST").await, other);
    assert_eq!(code("2").await, super::zip(&super::bootstrap(), 0o755));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_version_gets_its_part_of_the_invocations() {
    let world = world().await;
    point(&world, "1").await;
    let update = || {
        world
            .lambda
            .update_alias()
            .function_name("chat")
            .name("live")
    };
    let shared = update()
        .routing_config(weight("2", 0.5))
        .send()
        .await
        .unwrap();
    let weights = shared
        .routing_config
        .unwrap()
        .additional_version_weights
        .unwrap();
    assert_eq!(weights["2"], 0.5);
    let mut ran = BTreeSet::new();
    for _ in 0..64 {
        let answer = invoke(&world, "live", "{}").await;
        ran.insert(answer.executed_version().unwrap().to_owned());
    }
    assert_eq!(ran, ["1".to_owned(), "2".to_owned()].into());

    let (code, words) = refusal(update().function_version("2").send().await);
    assert_eq!(code, "InvalidParameterValueException");
    assert!(
        words.contains("already included in routing configuration"),
        "{words}"
    );
    let none = AliasRoutingConfiguration::builder().build();
    let alone = update()
        .function_version("2")
        .routing_config(none)
        .send()
        .await
        .unwrap();
    assert!(alone.routing_config().is_none());
    assert_eq!(
        invoke(&world, "live", "{}").await.executed_version(),
        Some("2")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_an_alias_leads_to_cannot_be_deleted() {
    let world = world().await;
    point(&world, "1").await;
    let other = world
        .lambda
        .create_alias()
        .function_name("chat")
        .name("beta");
    let other = other.function_version("2").routing_config(weight("1", 0.1));
    other.send().await.unwrap();
    let delete = |qualifier: &str| {
        let delete = world.lambda.delete_function().function_name("chat");
        delete.qualifier(qualifier).send()
    };
    is(
        refusal(delete("1").await),
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [beta, live]",
    );
    is(
        refusal(delete("live").await),
        "InvalidParameterValueException",
        "Deletion of aliases is not currently supported.",
    );
    for alias in ["beta", "live"] {
        let gone = world
            .lambda
            .delete_alias()
            .function_name("chat")
            .name(alias);
        gone.send().await.unwrap();
    }
    delete("1").await.unwrap();

    point(&world, "2").await;
    world
        .lambda
        .delete_function()
        .function_name("chat")
        .send()
        .await
        .unwrap();
    world.make_function("chat", &[]).await;
    let aliases = world
        .lambda
        .list_aliases()
        .function_name("chat")
        .send()
        .await
        .unwrap();
    assert!(
        aliases.aliases().is_empty(),
        "aliases go with their function"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_asked_for_by_the_qualified_arn() {
    let world = world().await;
    point(&world, "1").await;
    let caller = |resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["lambda:InvokeFunction","lambda:GetAlias","lambda:GetPolicy"],"Resource":"{resource}"}}}}"#
        )
    };
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;
    let role = world.iam.create_role().role_name("caller");
    role.assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    let grant = async |resource: &str| {
        let put = world
            .iam
            .put_role_policy()
            .role_name("caller")
            .policy_name("p");
        put.policy_document(caller(resource)).send().await.unwrap();
    };
    let assume = aws_sdk_sts::Client::new(&world.config).assume_role();
    let assume = assume.role_arn("arn:aws:iam::000000000000:role/caller");
    let session = assume
        .role_session_name("caller")
        .send()
        .await
        .unwrap()
        .credentials
        .unwrap();
    let credentials = aws_credential_types::Credentials::new(
        session.access_key_id,
        session.secret_access_key,
        Some(session.session_token),
        None,
        "test",
    );
    let own = aws_sdk_lambda::config::Builder::from(&world.config);
    let own = aws_sdk_lambda::Client::from_conf(own.credentials_provider(credentials).build());
    let qualified = || own.invoke().function_name("chat").qualifier("live").send();
    let plain = || own.invoke().function_name("chat").send();
    let alias = || own.get_alias().function_name("chat").name("live").send();

    grant(FUNCTION).await;
    plain().await.unwrap();
    alias().await.unwrap();
    let (code, words) = refusal(qualified().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        words.contains(&format!("on resource: {FUNCTION}:live")),
        "{words}"
    );
    grant(&format!("{FUNCTION}:live")).await;
    qualified().await.unwrap();
    assert_eq!(refusal(plain().await).0, "AccessDeniedException");
    assert_eq!(refusal(alias().await).0, "AccessDeniedException");
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_and_their_policies_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let start = async || {
        let options = Options {
            persist: Some(folder.path().to_owned()),
            conditions: calm(),
            ..Options::default()
        };
        World::of(LocalCloud::start(options).await.unwrap()).await
    };
    let world = start().await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    publish(&world).await;
    next_version(&world).await;
    point(&world, "1").await;
    let update = world
        .lambda
        .update_alias()
        .function_name("chat")
        .name("live");
    update
        .routing_config(weight("2", 0.25))
        .send()
        .await
        .unwrap();
    permit_alias(&world).await;
    let get = |world: &World| {
        world
            .lambda
            .get_alias()
            .function_name("chat")
            .name("live")
            .send()
    };
    let before = get(&world).await.unwrap();
    world.cloud.stop().await;

    let world = start().await;
    let after = get(&world).await.unwrap();
    assert_eq!(
        format!("{before:?}").split("_request_id").next(),
        format!("{after:?}").split("_request_id").next()
    );
    let policy = world
        .lambda
        .get_policy()
        .function_name("chat")
        .qualifier("live");
    assert_eq!(
        policy.send().await.unwrap().revision_id(),
        after.revision_id()
    );
}
