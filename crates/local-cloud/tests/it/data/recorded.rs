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
    let hours = [-16 * 24, -15 * 24, -48, -36, -2, -1, 3, 4].map(|hour| now + hour * DAY_MS / 24);
    let days = logs.put_retention_policy().log_group_name("g");
    days.retention_in_days(1).send().await.unwrap();
    let answer = put(&hours).await.unwrap();
    let rejected = answer.rejected_log_events_info().unwrap();
    assert_eq!(rejected.too_old_log_event_end_index(), Some(2));
    assert_eq!(rejected.expired_log_event_end_index(), Some(4));
    assert_eq!(rejected.too_new_log_event_start_index(), Some(6));
    let days = logs.put_retention_policy().log_group_name("g");
    days.retention_in_days(7).send().await.unwrap();
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
    assert!(group.stored_bytes().is_some());
    let groups = logs.describe_log_groups().log_group_name_pattern("g");
    let groups = groups.send().await.unwrap();
    let found = &groups.log_groups()[0];
    let shown = (found.stored_bytes(), found.deletion_protection_enabled());
    assert_eq!(shown, (None, None));
    let both = logs.describe_log_streams().log_group_name("g");
    let both = refusal(both.log_group_identifier("g").send().await);
    let wanted = "LogGroup name and LogGroup ARN are mutually exclusive parameters.";
    assert_eq!(both, ("ValidationException".to_owned(), wanted.to_owned()));
    let long = logs.create_log_group().log_group_name("g".repeat(513));
    let (code, words) = refusal(long.send().await);
    assert_eq!(code, "InvalidParameterException");
    let wanted = "Invalid LogGroup or LogStream, both must have length less than or equal to 512.";
    assert_eq!(words, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_has_the_revision_id_of_its_function() {
    let world = world().await;
    let add = world.lambda.add_permission().function_name("chat");
    let add = add.statement_id("a").action("lambda:InvokeFunction");
    add.principal("*").send().await.unwrap();
    let revisions = async || {
        let policy = world.lambda.get_policy().function_name("chat").send();
        let now = world.lambda.get_function_configuration();
        let now = now.function_name("chat").send().await.unwrap();
        (policy.await.unwrap().revision_id, now.revision_id)
    };
    let (policy, function) = revisions().await;
    assert_eq!(policy, function);
    let tag = world.lambda.tag_resource().resource(super::FUNCTION);
    tag.tags("a", "1").send().await.unwrap();
    let (policy, function) = revisions().await;
    assert_eq!(policy, function);
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_and_sts_refuse_and_show_what_they_were_seen_to() {
    let world = world().await;
    let iam = &world.iam;
    let describe = iam.update_role_description().role_name("chat");
    let described = describe.description("new").send().await.unwrap();
    let role = described.role().unwrap();
    assert_eq!(role.description(), Some("new"));
    assert!(role.max_session_duration().is_none() && role.role_last_used().is_none());
    let attach = iam.attach_role_policy().role_name("chat");
    let attach = attach.policy_arn("longpolicynamebynoone").send().await;
    let wanted = ("ValidationError", "Invalid ARN:  Could not be parsed!");
    let (code, words) = refusal(attach);
    assert_eq!((code.as_str(), words.as_str()), wanted);
    let tag = |key: &str| {
        let tag = aws_sdk_iam::types::Tag::builder().key(key).value("1");
        tag.build().unwrap()
    };
    let made = iam
        .create_role()
        .role_name("made")
        .description("seen by reads alone");
    let made = made.assume_role_policy_document(super::TRUST).send().await;
    let made = made.unwrap().role.unwrap();
    assert!(made.description().is_none() && made.max_session_duration().is_none());
    let tag_role = || iam.tag_role().role_name("made");
    let (code, words) = refusal(tag_role().tags(tag("AWS:x")).send().await);
    let wanted = "Tag keys beginning with aws: are reserved for system use.";
    assert_eq!((code.as_str(), words.as_str()), ("InvalidInput", wanted));
    let blank = refusal(tag_role().tags(tag(" ")).send().await);
    assert_eq!(blank.0, "ValidationError");
    let none = refusal(tag_role().set_tags(Some(Vec::new())).send().await);
    assert_eq!(none.0, "InvalidInput");
    let both = iam.create_policy().policy_name("p").tags(tag("Team"));
    let both = both.tags(tag("team")).policy_document(super::RIGHTS);
    assert_eq!(both.send().await.unwrap().policy().unwrap().tags().len(), 2);
    let sts = aws_sdk_sts::Client::new(&world.config);
    let assume = |arn: &str| sts.assume_role().role_session_name("me").role_arn(arn);
    for arn in ["arn::b:::something/test-role", "arn:a:a::aaaaaaaaaa:"] {
        let (code, words) = refusal(assume(arn).send().await);
        assert_eq!(
            (code.as_str(), words),
            ("ValidationError", format!("{arn} is invalid"))
        );
    }
    let (code, words) = refusal(assume(super::ROLE).transitive_tag_keys("a").send().await);
    assert_eq!(code, "InvalidParameterValue");
    assert!(
        words.starts_with("The specified transitive tag key must be"),
        "{words}"
    );
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
