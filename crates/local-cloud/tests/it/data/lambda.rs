//! Lambda's control plane. Fidelity checklist 3 and 4.

use std::time::Duration;

use aws_sdk_lambda::client::Waiters;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, InvocationType, LastUpdateStatus, State};
use chatctl_local_cloud::Conditions;

use super::{FUNCTION, World, bootstrap, calm, refusal, zip};

const HOUR: Duration = Duration::from_secs(3600);

/// Nothing propagates until a test turns the clock.
async fn slow() -> World {
    World::bare(Conditions {
        propagation_millis: 3_600_000,
        ..calm()
    })
    .await
}

fn code() -> Vec<u8> {
    zip(&bootstrap(), 0o755)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_role_cannot_be_assumed_for_a_while() {
    let world = slow().await;
    world.make_role().await;
    let refused = refusal(world.creation("f", &[], code()).send().await);
    let words = "The role defined for the function cannot be assumed by Lambda.";
    assert_eq!(
        refused,
        (
            "InvalidParameterValueException".to_owned(),
            words.to_owned()
        )
    );
    world.cloud.clock().turn(HOUR);
    world.creation("f", &[], code()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_function_is_pending_and_refuses_invocations_and_updates() {
    let world = slow().await;
    world.make_role().await;
    world.cloud.clock().turn(HOUR);
    let made = world.creation("f", &[], code()).send().await.unwrap();
    assert_eq!(made.state(), Some(&State::Pending));
    assert_eq!(made.last_update_status(), None);
    let pending = "The operation cannot be performed at this time. The function is currently in the following state: Pending";
    let invoke = world.lambda.invoke().function_name("f").send().await;
    assert_eq!(
        refusal(invoke),
        ("ResourceConflictException".to_owned(), pending.to_owned())
    );
    let update = world
        .lambda
        .update_function_configuration()
        .function_name("f")
        .timeout(5);
    assert_eq!(refusal(update.send().await).1, pending);
    world.cloud.clock().turn(HOUR);
    let found = world
        .lambda
        .get_function()
        .function_name("f")
        .send()
        .await
        .unwrap();
    let configuration = found.configuration().unwrap();
    assert_eq!(configuration.state(), Some(&State::Active));
    assert_eq!(
        configuration.last_update_status(),
        Some(&LastUpdateStatus::Successful)
    );
    assert_eq!(world.invoke("f", "{}").await.0, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn overlapping_updates_are_409_and_invocations_use_the_old_code_meanwhile() {
    let world = slow().await;
    world.make_role().await;
    world.cloud.clock().turn(HOUR);
    world.make_function("f", &[]).await;
    world.cloud.clock().turn(HOUR);
    let broken = zip("#!/bin/sh\nexit 9\n", 0o755);
    let update = world
        .lambda
        .update_function_code()
        .function_name("f")
        .zip_file(Blob::new(broken));
    let answer = update.send().await.unwrap();
    assert_eq!(
        answer.last_update_status(),
        Some(&LastUpdateStatus::InProgress)
    );
    let configure = || {
        world
            .lambda
            .update_function_configuration()
            .function_name("f")
            .timeout(5)
    };
    let busy = "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:us-east-1:000000000000:function:f".to_owned();
    assert_eq!(
        refusal(configure().send().await),
        ("ResourceConflictException".to_owned(), busy)
    );
    assert_eq!(
        world.invoke("f", "{}").await.0,
        None,
        "the old code still works"
    );
    world.cloud.clock().turn(HOUR);
    assert!(world.invoke("f", "{}").await.1.contains("exit status 9"));
    configure().send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_s_waiters_see_a_function_become_active_and_updated() {
    let world = World::bare(Conditions {
        propagation_millis: 300,
        ..calm()
    })
    .await;
    world.make_role().await;
    let began = std::time::Instant::now();
    while world.creation("f", &[], code()).send().await.is_err() {
        assert!(began.elapsed() < super::PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let wait = world
        .lambda
        .wait_until_function_active_v2()
        .function_name("f");
    wait.wait(super::PATIENCE).await.unwrap();
    let update = world
        .lambda
        .update_function_configuration()
        .function_name("f")
        .memory_size(256);
    update.send().await.unwrap();
    let wait = world
        .lambda
        .wait_until_function_updated_v2()
        .function_name("f");
    wait.wait(super::PATIENCE).await.unwrap();
    let found = world
        .lambda
        .get_function_configuration()
        .function_name("f")
        .send()
        .await
        .unwrap();
    assert_eq!(found.memory_size(), Some(256));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_replaces_all_variables_and_the_running_processes() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("f", &[("AA", "1")]).await;
    let before = world.invoke("f", r#"{"do":"pid"}"#).await.1;
    let variables = Environment::builder().variables("BB", "2").build();
    let update = world
        .lambda
        .update_function_configuration()
        .function_name("f");
    let update = update.environment(variables).send().await.unwrap();
    assert_eq!(update.environment().unwrap().variables().unwrap().len(), 1);
    assert_ne!(world.invoke("f", r#"{"do":"pid"}"#).await.1, before);
    let (_, env) = world.invoke("f", r#"{"do":"env"}"#).await;
    assert!(env.contains(r#"\"BB\":\"2\""#) && !env.contains(r#"\"AA\":\"1\""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_in_aws_s_words() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    let create = || world.creation("f", &[], code());
    let reserved = world
        .creation("f", &[("AWS_REGION", "x")], code())
        .send()
        .await;
    assert!(
        refusal(reserved)
            .1
            .ends_with("Reserved keys used in this request: AWS_REGION")
    );
    let (code_, words) = refusal(create().timeout(901).send().await);
    assert_eq!(code_, "ValidationException");
    assert!(words.contains("less than or equal to 900"), "{words}");
    let no_zip = world.creation("f", &[], b"not a zip".to_vec()).send().await;
    assert_eq!(
        refusal(no_zip).1,
        "Could not unzip uploaded file. Please check your file, then try to upload again."
    );
    let stranger = "arn:aws:iam::000000000000:role/nobody";
    assert!(
        refusal(create().role(stranger).send().await)
            .1
            .contains("cannot be assumed")
    );
    create().send().await.unwrap();
    let again = refusal(create().send().await);
    assert_eq!(
        again,
        (
            "ResourceConflictException".to_owned(),
            "Function already exist: f".to_owned()
        )
    );
    let missing = world.lambda.get_function().function_name("g").send().await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:g";
    let words = format!("Function not found: {arn}");
    assert_eq!(
        refusal(missing),
        ("ResourceNotFoundException".to_owned(), words)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_are_kept_as_arn_like_statements() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    let none = world.lambda.get_policy().function_name("chat").send().await;
    assert_eq!(
        refusal(none),
        (
            "ResourceNotFoundException".to_owned(),
            "The resource you requested does not exist.".to_owned()
        )
    );
    let add = || {
        let add = world
            .lambda
            .add_permission()
            .function_name("chat")
            .statement_id("s1");
        let add = add
            .action("lambda:InvokeFunction")
            .principal("apigateway.amazonaws.com");
        add.source_arn("arn:aws:execute-api:us-east-1:000000000000:a1/*/*")
    };
    let statement = add().send().await.unwrap().statement().unwrap().to_owned();
    assert_eq!(
        statement,
        format!(
            r#"{{"Sid":"s1","Effect":"Allow","Principal":{{"Service":"apigateway.amazonaws.com"}},"Action":"lambda:InvokeFunction","Resource":"{FUNCTION}","Condition":{{"ArnLike":{{"AWS:SourceArn":"arn:aws:execute-api:us-east-1:000000000000:a1/*/*"}}}}}}"#
        )
    );
    let (code, words) = refusal(add().send().await);
    assert_eq!(code, "ResourceConflictException");
    assert!(words.starts_with("The statement id (s1) provided already exists."));
    let policy = world
        .lambda
        .get_policy()
        .function_name("chat")
        .send()
        .await
        .unwrap();
    assert!(policy.policy().unwrap().contains(&statement));
    let remove = || {
        world
            .lambda
            .remove_permission()
            .function_name("chat")
            .statement_id("s1")
    };
    remove().send().await.unwrap();
    assert_eq!(
        refusal(remove().send().await).0,
        "ResourceNotFoundException"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_concurrency_of_zero_stops_a_function() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    let reserve = |count| {
        let put = world
            .lambda
            .put_function_concurrency()
            .function_name("chat");
        put.reserved_concurrent_executions(count).send()
    };
    assert!(
        refusal(reserve(901).await)
            .1
            .contains("below its minimum value of [100]")
    );
    reserve(0).await.unwrap();
    let throttled = world.lambda.invoke().function_name("chat").send().await;
    assert_eq!(refusal(throttled).0, "TooManyRequestsException");
    world
        .lambda
        .delete_function_concurrency()
        .function_name("chat")
        .send()
        .await
        .unwrap();
    assert_eq!(world.invoke("chat", "{}").await.0, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_versions_are_kept() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world
        .creation("chat", &[], code())
        .tags("a", "1")
        .send()
        .await
        .unwrap();
    world
        .lambda
        .tag_resource()
        .resource(FUNCTION)
        .tags("b", "2")
        .send()
        .await
        .unwrap();
    world
        .lambda
        .untag_resource()
        .resource(FUNCTION)
        .tag_keys("a")
        .send()
        .await
        .unwrap();
    let tags = world
        .lambda
        .list_tags()
        .resource(FUNCTION)
        .send()
        .await
        .unwrap();
    assert_eq!(
        tags.tags().unwrap().clone(),
        [("b".to_owned(), "2".to_owned())].into()
    );

    let publish = || world.lambda.publish_version().function_name("chat").send();
    assert_eq!(publish().await.unwrap().version(), Some("1"));
    assert_eq!(
        publish().await.unwrap().version(),
        Some("1"),
        "nothing is new"
    );
    let at = world
        .lambda
        .invoke()
        .function_name("chat")
        .qualifier("1")
        .send()
        .await
        .unwrap();
    assert_eq!(at.executed_version(), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_pages() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    for name in ["a", "b", "c"] {
        world
            .make_function_of(name, &[], zip("#!/bin/sh\n", 0o755))
            .await;
    }
    let pages = world
        .lambda
        .list_functions()
        .max_items(2)
        .into_paginator()
        .items()
        .send();
    let names: Result<Vec<_>, _> = pages.collect().await;
    let names: Vec<_> = names
        .unwrap()
        .into_iter()
        .map(|f| f.function_name.unwrap())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_invocation_answers_202_and_runs_afterwards() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("f", &[]).await;
    let invoke = world
        .lambda
        .invoke()
        .function_name("f")
        .invocation_type(InvocationType::Event);
    let answer = invoke
        .payload(Blob::new(r#"{"mark":7}"#))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status_code(), 202);
    super::until("the event", || {
        world.events().into_iter().find(|event| event["mark"] == 7)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_here_answers_501_and_names_itself() {
    let world = World::bare(calm()).await;
    let layers = world.lambda.list_layers().send().await;
    let (code, words) = refusal(layers);
    assert_eq!(code, "NotImplemented");
    assert_eq!(words, "lambda ListLayers is not part of the local cloud");
}
