//! Lambda's rules and words, as recordings of AWS have them: runtimes, names, versions, policies.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    DeadLetterConfig, Environment, EphemeralStorage, FunctionCode, LoggingConfig, Runtime, State,
};
use chatctl_local_cloud::Conditions;

use super::{FUNCTION, ROLE, World, bootstrap, calm, refusal, zip};

fn package() -> Vec<u8> {
    zip(&bootstrap(), 0o755)
}

async fn world() -> World {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world
}

fn is(refused: (String, String), code: &str, words: &str) {
    assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, words));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_runtime_that_is_not_here_is_501_and_says_what_to_use() {
    let world = world().await;
    let create = |runtime: &str| {
        let create = world.creation("f", &[], package());
        create.runtime(Runtime::from(runtime)).send()
    };
    for runtime in ["java21", "ruby3.4"] {
        let (code, words) = refusal(create(runtime).await);
        assert_eq!(code, "NotImplemented");
        assert!(
            words.contains(runtime) && words.contains("use provided.al2023"),
            "{words}"
        );
    }
    let (code, words) = refusal(create("cobol").await);
    assert_eq!(code, "InvalidParameterValueException");
    assert!(words.starts_with("Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["));
    let (_, words) = refusal(create("go1.x").await);
    assert!(
        words.starts_with("The runtime parameter of go1.x is no longer supported"),
        "{words}"
    );
    create("provided.al2").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn values_out_of_bounds_are_refused_in_aws_s_frame() {
    let world = world().await;
    let create = || world.creation("f", &[], package());
    let framed = |value: &str, member: &str, rule: &str| {
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
        )
    };
    let storage = EphemeralStorage::builder().size(511).build().unwrap();
    let words = framed(
        "511",
        "ephemeralStorage.size",
        "Member must have value greater than or equal to 512",
    );
    is(
        refusal(create().ephemeral_storage(storage).send().await),
        "ValidationException",
        &words,
    );
    let words = framed(
        "127",
        "memorySize",
        "Member must have value greater than or equal to 128",
    );
    is(
        refusal(create().memory_size(127).send().await),
        "ValidationException",
        &words,
    );
    let long = "x".repeat(257);
    let words = framed(
        &long,
        "description",
        "Member must have length less than or equal to 256",
    );
    is(
        refusal(create().description(&long).send().await),
        "ValidationException",
        &words,
    );
    let variables = Environment::builder().variables("BIG", "x".repeat(4096));
    let (code, words) = refusal(create().environment(variables.build()).send().await);
    assert_eq!(code, "InvalidParameterValueException");
    assert!(words.contains("exceeded the 4KB limit. String measured: {\"BIG\":\"xxx"));
    let level = LoggingConfig::builder().system_log_level("WARN".into());
    let (_, words) = refusal(create().logging_config(level.build()).send().await);
    assert!(words.starts_with("To configure log level, your log format must be JSON."));
    let role = "arn:aws:iam::111111111111:role/chat";
    is(
        refusal(create().role(role).send().await),
        "AccessDeniedException",
        "Cross-account pass role is not allowed.",
    );
    let queue = DeadLetterConfig::builder().target_arn("arn:aws:sqs:us-east-1:000000000000:q");
    is(
        refusal(create().dead_letter_config(queue.build()).send().await),
        "NotImplemented",
        "lambda with a dead-letter queue is not part of the local cloud",
    );
    let bucket = FunctionCode::builder().s3_bucket("b").s3_key("k").build();
    assert_eq!(
        refusal(create().code(bucket).send().await).0,
        "NotImplemented"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_named_in_its_own_region_and_account() {
    let world = world().await;
    world.make_function("chat", &[]).await;
    let get = |name: &str| world.lambda.get_function().function_name(name);
    get(FUNCTION).send().await.unwrap();
    get("000000000000:function:chat").send().await.unwrap();
    let elsewhere = FUNCTION.replace("us-east-1", "eu-west-1");
    is(
        refusal(get(&elsewhere).send().await),
        "ResourceNotFoundException",
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    );
    let stranger = FUNCTION.replace("000000000000", "111111111111");
    assert_eq!(
        refusal(get(&stranger).send().await).0,
        "AccessDeniedException"
    );
    is(
        refusal(get("chat:1").qualifier("2").send().await),
        "InvalidParameterValueException",
        "The derived qualifier from the function name does not match the specified qualifier.",
    );
    let (code, words) = refusal(get("chat!").send().await);
    assert_eq!(code, "ValidationException");
    assert!(words.contains("Value 'chat!' at 'functionName'"), "{words}");
    let long = "x".repeat(65);
    let (code, words) = refusal(world.creation(&long, &[], package()).send().await);
    assert_eq!(code, "InvalidParameterValueException");
    assert!(words.ends_with("Member must have length less than or equal to 64"));
    let invoke = world.lambda.invoke().function_name("nobody").send().await;
    is(
        refusal(invoke),
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:us-east-1:000000000000:function:nobody:$LATEST",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_named_in_its_arn_and_pending_at_first() {
    let hour = std::time::Duration::from_secs(3600);
    let world = World::bare(Conditions {
        propagation_millis: 3_600_000,
        ..calm()
    })
    .await;
    world.make_role().await;
    world.cloud.clock().turn(hour);
    let create = world.creation("chat", &[], package()).publish(true);
    let made = create.send().await.unwrap();
    assert_eq!(
        (made.version(), made.function_arn()),
        (Some("1"), Some(FUNCTION))
    );
    world.cloud.clock().turn(hour);
    let get = |qualifier: &str| {
        let get = world.lambda.get_function_configuration();
        get.function_name("chat").qualifier(qualifier).send()
    };
    let latest = get("$LATEST").await.unwrap();
    assert!(latest.function_arn().unwrap().ends_with(":chat:$LATEST"));
    assert_ne!(
        latest.revision_id(),
        made.revision_id(),
        "settling changes it"
    );
    let update = world.lambda.update_function_code().function_name("chat");
    let update = update
        .zip_file(Blob::new(zip("#!/bin/sh\n", 0o755)))
        .publish(true);
    let stale = update.clone().revision_id(made.revision_id().unwrap());
    assert_eq!(refusal(stale.send().await).0, "PreconditionFailedException");
    let published = update.revision_id(latest.revision_id().unwrap());
    let published = published.send().await.unwrap();
    assert_eq!(published.version(), Some("2"));
    assert!(published.function_arn().unwrap().ends_with(":chat:2"));
    assert_eq!(published.state(), Some(&State::Pending));
    let invoke = world.lambda.invoke().function_name("chat").qualifier("2");
    assert_eq!(refusal(invoke.send().await).0, "ResourceConflictException");
    world.cloud.clock().turn(hour);
    assert_eq!(get("2").await.unwrap().state(), Some(&State::Active));
    let listed = world
        .lambda
        .list_versions_by_function()
        .function_name("chat");
    let listed = listed.send().await.unwrap();
    assert_eq!(listed.versions().len(), 3);
    assert!(
        listed
            .versions()
            .iter()
            .all(|version| version.state().is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_has_a_policy_of_its_own() {
    let world = world().await;
    world.make_function("chat", &[]).await;
    let publish = world.lambda.publish_version().function_name("chat");
    publish.send().await.unwrap();
    let add = |id: &str, principal: &str| {
        let add = world.lambda.add_permission().function_name("chat");
        let add = add.statement_id(id).action("lambda:InvokeFunction");
        add.principal(principal)
    };
    let gateway = "apigateway.amazonaws.com";
    let made = add("a", gateway).qualifier("1").send().await.unwrap();
    assert!(made.statement().unwrap().contains(":function:chat:1"));
    let get = || world.lambda.get_policy().function_name("chat");
    assert_eq!(refusal(get().send().await).0, "ResourceNotFoundException");
    let policy = get().qualifier("1").send().await.unwrap();
    is(
        refusal(add("a", gateway).qualifier("$LATEST").send().await),
        "InvalidParameterValueException",
        "We currently do not support adding policies for $LATEST.",
    );
    is(
        refusal(add("a", "invalid.nonaws.com").send().await),
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    );
    is(
        refusal(add("a", gateway).qualifier("live").send().await),
        "ResourceNotFoundException",
        &format!("Cannot find alias arn: {FUNCTION}:live"),
    );
    let (code, words) = refusal(add("b", gateway).revision_id("x").send().await);
    assert_eq!(code, "PreconditionFailedException");
    assert!(words.ends_with("Call the GetPolicy API to retrieve the latest Revision Id"));
    let revision = policy.revision_id().unwrap();
    add("b", gateway)
        .revision_id(revision)
        .send()
        .await
        .unwrap();
    let long = format!(
        "arn:aws:execute-api:us-east-1:000000000000:{}",
        "x".repeat(20_300)
    );
    let (code, words) = refusal(add("c", gateway).source_arn(long).send().await);
    assert_eq!(code, "PolicyLengthExceededException");
    assert!(
        words.ends_with("is bigger than the limit (20480)."),
        "{words}"
    );
    let remove = |id: &str, qualifier: Option<&str>| {
        let remove = world.lambda.remove_permission().function_name("chat");
        let qualifier = qualifier.map(str::to_owned);
        remove.statement_id(id).set_qualifier(qualifier).send()
    };
    is(
        refusal(remove("b", Some("1")).await),
        "ResourceNotFoundException",
        "Statement b is not found in resource policy.",
    );
    remove("a", Some("1")).await.unwrap();
    is(
        refusal(remove("a", Some("1")).await),
        "ResourceNotFoundException",
        "No policy is associated with the given resource.",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_gives_its_reason_and_a_payload_has_a_limit() {
    let world = World::bare(Conditions {
        concurrent_executions: 0,
        ..calm()
    })
    .await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    let reason = async || {
        let invoke = world.lambda.invoke().function_name("chat").send().await;
        let error = invoke.unwrap_err().into_service_error();
        let throttled = error.is_too_many_requests_exception();
        assert!(throttled, "{error}");
        format!("{error:?}")
    };
    assert!(reason().await.contains("ConcurrentInvocationLimitExceeded"));
    let put = world
        .lambda
        .put_function_concurrency()
        .function_name("chat");
    put.reserved_concurrent_executions(0).send().await.unwrap();
    let why = reason().await;
    assert!(
        why.contains("ReservedFunctionConcurrentInvocationLimitExceeded"),
        "{why}"
    );
    let big = format!("\"{}\"", "x".repeat(6 << 20));
    let invoke = world.lambda.invoke().function_name("chat");
    let (code, words) = refusal(invoke.payload(Blob::new(big)).send().await);
    assert_eq!(code, "RequestTooLargeException");
    assert_eq!(
        words,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    );
    let put = world
        .lambda
        .put_function_concurrency()
        .function_name("nobody");
    let refused = refusal(put.reserved_concurrent_executions(1).send().await);
    assert!(
        refused.1.ends_with(":function:nobody:$LATEST"),
        "{}",
        refused.1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_whole_functions_have_tags() {
    let world = world().await;
    world.make_function("chat", &[]).await;
    let tag = |arn: &str| world.lambda.tag_resource().resource(arn);
    let one = tag(&format!("{FUNCTION}:1")).tags("a", "1").send().await;
    is(
        refusal(one),
        "InvalidParameterValueException",
        "Tags on function aliases and versions are not supported. Please specify a function ARN.",
    );
    let many = (0..51).map(|i| (format!("k{i}"), String::new())).collect();
    is(
        refusal(tag(FUNCTION).set_tags(Some(many)).send().await),
        "InvalidParameterValueException",
        "Number of tags exceeds resource tag limit.",
    );
    assert_eq!(
        refusal(tag(ROLE).tags("a", "1").send().await).0,
        "ValidationException"
    );
}
