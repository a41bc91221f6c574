//! Answers that others recorded on AWS.

use aws_sdk_cloudwatchlogs::types::InputLogEvent;

use super::{World, calm, refusal};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

async fn world() -> World {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_16_days_ago_is_rejected_and_those_beside_it_are_taken() {
    let world = World::bare(calm()).await;
    let logs = &world.logs;
    logs.create_log_group()
        .log_group_name("g")
        .send()
        .await
        .unwrap();
    let stream = logs.create_log_stream().log_group_name("g");
    stream.log_stream_name("s").send().await.unwrap();
    let now = world.cloud.clock().now_ms();
    let event = |time: i64| {
        let event = InputLogEvent::builder().timestamp(time).message("m");
        event.build().unwrap()
    };
    let put = |times: &[i64]| {
        let put = logs.put_log_events().log_group_name("g");
        let events = times.iter().map(|time| event(*time)).collect();
        put.log_stream_name("s").set_log_events(Some(events)).send()
    };
    let answer = put(&[now - 16 * DAY_MS, now]).await.unwrap();
    let rejected = answer.rejected_log_events_info().unwrap();
    assert_eq!(rejected.too_old_log_event_end_index(), Some(1));
    let (code, words) = refusal(put(&[now - 2 * DAY_MS, now]).await);
    assert_eq!(code, "InvalidParameterException");
    assert!(
        words.ends_with("cannot span more than 24 hours."),
        "{words}"
    );
    let groups = logs.describe_log_groups().send().await.unwrap();
    let group = &groups.log_groups()[0];
    assert_eq!(group.deletion_protection_enabled(), Some(false));
    assert_eq!(group.bearer_token_authentication_enabled(), Some(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_without_a_change_leaves_the_version_as_it_is() {
    let world = world().await;
    let publish = |text: &str| {
        let publish = world.lambda.publish_version().function_name("chat");
        publish.description(text).send()
    };
    publish("first").await.unwrap();
    let again = publish("second").await.unwrap();
    assert_eq!(
        (again.version(), again.description()),
        (Some("1"), Some("first"))
    );
    // A version that is not there is deleted already.
    let delete = world.lambda.delete_function().function_name("chat");
    delete.qualifier("7").send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_concurrency_make_another_revision_id() {
    let world = world().await;
    let id = async || {
        let now = world.lambda.get_function_configuration();
        let now = now.function_name("chat").send().await.unwrap();
        now.revision_id().unwrap().to_owned()
    };
    let first = id().await;
    let tag = world.lambda.tag_resource().resource(super::FUNCTION);
    tag.tags("a", "1").send().await.unwrap();
    let second = id().await;
    let reserve = world.lambda.put_function_concurrency();
    let reserve = reserve
        .function_name("chat")
        .reserved_concurrent_executions(5);
    reserve.send().await.unwrap();
    let third = id().await;
    assert!(first != second && second != third);
    let free = world.lambda.delete_function_concurrency();
    let (_, words) = refusal(free.function_name("nobody").send().await);
    assert!(words.ends_with(":function:nobody:$LATEST"), "{words}");
}
