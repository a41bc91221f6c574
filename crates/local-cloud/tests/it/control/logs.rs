//! Log groups, streams and events as a log reader meets them.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::builders::FilterLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::{FilteredLogEvent, InputLogEvent};
use chatctl_local_cloud::{ControlPlane, LocalCloud};

use super::{cloud, cloud_with, config, refusal, session};

async fn group_with_stream(cloud: &LocalCloud) -> Client {
    let client = Client::new(&config(cloud));
    client
        .create_log_group()
        .log_group_name("/g")
        .send()
        .await
        .unwrap();
    client
        .create_log_stream()
        .log_group_name("/g")
        .log_stream_name("s")
        .send()
        .await
        .unwrap();
    client
}

async fn events_of(search: FilterLogEventsFluentBuilder) -> Vec<FilteredLogEvent> {
    let pages = search
        .into_paginator()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    pages
        .into_iter()
        .flat_map(|page| page.events.unwrap_or_default())
        .collect()
}

async fn put(client: &Client, stream: &str, events: impl IntoIterator<Item = (i64, String)>) {
    let events = events.into_iter().map(|(time, text)| {
        InputLogEvent::builder()
            .timestamp(time)
            .message(text)
            .build()
            .unwrap()
    });
    client
        .put_log_events()
        .log_group_name("/g")
        .log_stream_name(stream)
        .set_log_events(Some(events.collect()))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_group_has_two_arns_retention_and_tags() {
    let cloud = cloud().await;
    let client = group_with_stream(&cloud).await;
    client
        .put_retention_policy()
        .log_group_name("/g")
        .retention_in_days(14)
        .send()
        .await
        .unwrap();
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:/g";
    client
        .tag_resource()
        .resource_arn(arn)
        .tags("a", "1")
        .send()
        .await
        .unwrap();
    let groups = client
        .describe_log_groups()
        .log_group_name_prefix("/g")
        .send()
        .await
        .unwrap();
    let group = &groups.log_groups()[0];
    assert_eq!(
        group.arn(),
        Some("arn:aws:logs:us-east-1:000000000000:log-group:/g:*")
    );
    assert_eq!(group.log_group_arn(), Some(arn));
    assert_eq!(group.retention_in_days(), Some(14));
    let tags = client
        .list_tags_for_resource()
        .resource_arn(arn)
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tags().unwrap()["a"], "1");
    let (code, words) = refusal(client.create_log_group().log_group_name("/g").send().await);
    assert_eq!(code, "ResourceAlreadyExistsException");
    assert_eq!(words, "The specified log group already exists");
    let (code, words) = refusal(client.delete_log_group().log_group_name("/no").send().await);
    assert_eq!(code, "ResourceNotFoundException");
    assert_eq!(words, "The specified log group does not exist.");
    let days = client
        .put_retention_policy()
        .log_group_name("/g")
        .retention_in_days(2)
        .send()
        .await;
    assert_eq!(refusal(days).0, "InvalidParameterException");
    cloud.stop().await;
}

#[tokio::test]
async fn events_of_all_streams_come_in_order_in_pages() {
    let cloud = cloud().await;
    let client = group_with_stream(&cloud).await;
    client
        .create_log_stream()
        .log_group_name("/g")
        .log_stream_name("t")
        .send()
        .await
        .unwrap();
    let now = cloud.clock().now_ms();
    put(
        &client,
        "s",
        (0..50).map(|i| (now - 1000 + i * 2, format!("s{i}"))),
    )
    .await;
    put(
        &client,
        "t",
        (0..50).map(|i| (now - 999 + i * 2, format!("t{i}"))),
    )
    .await;
    let pages = client.filter_log_events().log_group_name("/g").limit(7);
    let events = events_of(pages).await;
    assert_eq!(events.len(), 100);
    assert!(events.is_sorted_by_key(|event| event.timestamp()));
    assert!(
        events
            .iter()
            .all(|event| event.event_id().unwrap().len() == 56)
    );
    let inclusive = client
        .filter_log_events()
        .log_group_name("/g")
        .start_time(now - 1000)
        .end_time(now - 1000);
    assert_eq!(inclusive.send().await.unwrap().events().len(), 1);
    cloud.stop().await;
}

#[tokio::test]
async fn an_empty_page_with_a_token_is_not_the_end() {
    let cloud = cloud_with(ControlPlane {
        empty_log_pages: 2,
        ..ControlPlane::default()
    })
    .await;
    let client = group_with_stream(&cloud).await;
    put(&client, "s", [(cloud.clock().now_ms(), "one".to_owned())]).await;
    let first = client
        .filter_log_events()
        .log_group_name("/g")
        .send()
        .await
        .unwrap();
    assert!(first.events().is_empty());
    assert!(first.next_token().is_some());
    let pages = client.filter_log_events().log_group_name("/g");
    assert_eq!(events_of(pages).await.len(), 1);
    cloud.stop().await;
}

#[tokio::test]
async fn a_token_can_be_repeated_for_ever() {
    let cloud = cloud_with(ControlPlane {
        repeated_log_tokens: true,
        ..ControlPlane::default()
    })
    .await;
    let client = group_with_stream(&cloud).await;
    let ask = |token| {
        client
            .filter_log_events()
            .log_group_name("/g")
            .set_next_token(token)
    };
    let first = ask(None).send().await.unwrap();
    let again = ask(first.next_token.clone()).send().await.unwrap();
    assert!(first.next_token.is_some() && again.events().is_empty());
    assert_eq!(first.next_token, again.next_token);
    cloud.stop().await;
}

#[tokio::test]
async fn an_event_can_be_read_only_after_the_delay() {
    let cloud = cloud_with(ControlPlane {
        log_delay_millis: 9000,
        ..ControlPlane::default()
    })
    .await;
    let client = group_with_stream(&cloud).await;
    put(&client, "s", [(cloud.clock().now_ms(), "late".to_owned())]).await;
    let count = || async {
        client
            .filter_log_events()
            .log_group_name("/g")
            .send()
            .await
            .unwrap()
            .events()
            .len()
    };
    assert_eq!(count().await, 0);
    cloud.clock().turn(std::time::Duration::from_secs(9));
    assert_eq!(count().await, 1);
    cloud.stop().await;
}

#[tokio::test]
async fn one_stream_ends_with_an_unchanged_token() {
    let cloud = cloud().await;
    let client = group_with_stream(&cloud).await;
    let now = cloud.clock().now_ms();
    put(
        &client,
        "s",
        (0..5).map(|i| (now - 100 + i, format!("m{i}"))),
    )
    .await;
    let get = || {
        client
            .get_log_events()
            .log_group_name("/g")
            .log_stream_name("s")
    };
    let newest = get().limit(2).send().await.unwrap();
    let texts: Vec<_> = newest
        .events()
        .iter()
        .map(|event| event.message().unwrap())
        .collect();
    assert_eq!(texts, ["m3", "m4"]);
    let older = get()
        .limit(2)
        .next_token(newest.next_backward_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(older.events()[0].message(), Some("m1"));
    let end = get()
        .next_token(newest.next_forward_token().unwrap())
        .send()
        .await
        .unwrap();
    assert!(end.events().is_empty());
    assert_eq!(end.next_forward_token(), newest.next_forward_token());
    let exclusive = get()
        .start_from_head(true)
        .end_time(now - 100 + 2)
        .send()
        .await
        .unwrap();
    assert_eq!(exclusive.events().len(), 2);
    cloud.stop().await;
}

#[tokio::test]
async fn events_that_are_too_old_or_too_new_are_named_in_the_answer() {
    let cloud = cloud().await;
    let client = group_with_stream(&cloud).await;
    let now = cloud.clock().now_ms();
    let hour = 3_600_000;
    let event = |time| {
        InputLogEvent::builder()
            .timestamp(time)
            .message("m")
            .build()
            .unwrap()
    };
    let answer = client
        .put_log_events()
        .log_group_name("/g")
        .log_stream_name("s")
        .log_events(event(now))
        .log_events(event(now + 3 * hour))
        .send()
        .await
        .unwrap();
    let rejected = answer.rejected_log_events_info().unwrap();
    assert_eq!(rejected.too_new_log_event_start_index(), Some(1));
    let unordered = client
        .put_log_events()
        .log_group_name("/g")
        .log_stream_name("s")
        .log_events(event(now))
        .log_events(event(now - 1))
        .send();
    let (_, words) = refusal(unordered.await);
    assert_eq!(
        words,
        "Log events in a single PutLogEvents request must be in chronological order."
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_hundred_thousand_events_are_paged_in_a_moment() {
    let cloud = cloud().await;
    let client = group_with_stream(&cloud).await;
    let now = cloud.clock().now_ms();
    for batch in 0..10 {
        put(
            &client,
            "s",
            (0..10_000).map(|i| (now - 100_000 + batch * 10_000 + i, format!("{i}"))),
        )
        .await;
    }
    let pages = client.filter_log_events().log_group_name("/g");
    let ids = events_of(pages).await;
    let unique: std::collections::BTreeSet<_> = ids.iter().map(|event| event.event_id()).collect();
    assert_eq!((ids.len(), unique.len()), (100_000, 100_000));
    cloud.stop().await;
}

#[tokio::test]
async fn a_session_without_the_right_cannot_write() {
    let cloud = cloud().await;
    let root = group_with_stream(&cloud).await;
    let policy = r#"{"Statement":{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/g:*"}}"#;
    let mine = Client::new(&session(&cloud, "writer", policy).await);
    put(&mine, "s", [(cloud.clock().now_ms(), "mine".to_owned())]).await;
    let (code, words) = refusal(mine.create_log_group().log_group_name("/h").send().await);
    assert_eq!(code, "AccessDeniedException");
    assert!(words.starts_with("User: arn:aws:sts::000000000000:assumed-role/writer/me is not authorized to perform: logs:CreateLogGroup"), "{words}");
    let read = root
        .filter_log_events()
        .log_group_name("/g")
        .send()
        .await
        .unwrap();
    assert_eq!(read.events().len(), 1);
    cloud.stop().await;
}
