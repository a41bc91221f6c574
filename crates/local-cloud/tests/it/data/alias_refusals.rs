//! Aliases that cannot be: AWS's words for them.

use aws_sdk_lambda::types::AliasRoutingConfiguration;

use super::aliases::{is, weight, world};
use super::{FUNCTION, refusal};

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
