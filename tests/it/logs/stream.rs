//! Three groups as one stream: in order, each event once, whatever happens on the way.

use super::{Chat, message};
use crate::world::{calm, until};
use chatctl_local_cloud::{Fault, FaultKind};
use serde_json::Value;
use std::collections::BTreeSet;

#[tokio::test(flavor = "multi_thread")]
async fn three_groups_come_as_one_stream_in_order() {
    const MINUTE: i64 = 60_000;
    let chat = Chat::with_groups().await;
    chat.write("access", &[(MINUTE, "6"), (4 * MINUTE, "3")])
        .await;
    chat.write("function", &[(5 * MINUTE, "2"), (2 * MINUTE, "5")])
        .await;
    chat.write("execution", &[(6 * MINUTE, "1"), (3 * MINUTE, "4")])
        .await;
    assert_eq!(chat.shows(&[]), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(chat.shows(&["--source", "access"]), ["3", "6"]);
    let two = ["--source", "access", "--source", "function"];
    assert_eq!(chat.shows(&two), ["2", "3", "5", "6"]);
    assert_eq!(chat.shows(&["--limit", "2"]), ["5", "6"]);
    assert_eq!(
        chat.shows(&["--since", "4m 30s", "--until", "2m 30s"]),
        ["3", "4"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_page_with_a_token_is_not_the_end() {
    let mut conditions = calm();
    conditions.control_plane.empty_log_pages = 3;
    let mut chat = Chat::in_conditions(conditions).await;
    chat.add_api().await;
    chat.make("access").await;
    chat.write("access", &[(10, "behind empty pages")]).await;
    assert_eq!(chat.shows(&["--source", "access"]), ["behind empty pages"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_that_is_repeated_for_ever_is_an_error_and_no_loop() {
    let mut conditions = calm();
    conditions.control_plane.repeated_log_tokens = true;
    let mut chat = Chat::in_conditions(conditions).await;
    chat.add_api().await;
    chat.make("access").await;
    for flags in [&[][..], &["--follow"]] {
        let said = chat.chatctl(&[&["logs", "--source", "access"], flags].concat());
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(
            said.err.contains("the same page token again and again"),
            "{}",
            said.err
        );
        let group = "cannot read the log group /chatctl/chat/production/access";
        assert!(said.err.contains(group), "{}", said.err);
    }
    assert!(chat.calls("FilterLogEvents") < 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn following_shows_every_event_once_through_faults_and_delays() {
    let chat = Chat::with_groups().await;
    let tail = chat.follow(&["--since", "2m"]);
    let mut written = BTreeSet::new();
    for round in 0..40i64 {
        for (kind, nth) in [
            (FaultKind::Throttle, 1),
            (FaultKind::Error(503), 3),
            (FaultKind::Reset, 5),
            (FaultKind::Delay(150), 2),
        ] {
            chat.world.cloud.inject(Fault {
                service: Some("logs".into()),
                operation: Some("FilterLogEvents".into()),
                nth,
                ..Fault::new(kind)
            });
        }
        for source in ["function", "execution", "access"] {
            let names: Vec<_> = (0..25).map(|n| format!("{source} {round} {n}")).collect();
            // Some are late by up to half a minute, some share their millisecond.
            let late = |n: i64| if n % 5 == 0 { n * 1200 % 30_000 } else { n / 3 };
            let lines: Vec<_> = names
                .iter()
                .enumerate()
                .map(|(n, name)| (late(i64::try_from(n).unwrap() + round), name.as_str()))
                .collect();
            chat.write(source, &lines).await;
            written.extend(names);
        }
    }
    let came = tail.take(written.len());
    let unique: BTreeSet<_> = came.iter().map(|line| message(line)).collect();
    assert_eq!(unique, written);
    // Nothing comes a second time, though the overlap is read again and again.
    tail.is_silent();
    let mut newest = 0;
    for line in &came {
        let line: Value = serde_json::from_str(line).unwrap();
        let time = line["timestamp"].as_i64().unwrap();
        assert_eq!(line["late"] == true, time < newest, "{line}");
        newest = newest.max(time);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_missing_is_waited_for_and_said_once() {
    let chat = Chat::api().await;
    let tail = chat.follow(&["--source", "access"]);
    tail.note("the access log group /chatctl/chat/production/access does not exist yet");
    // It is looked for a few times before it is there.
    let asked = || chat.calls("FilterLogEvents") >= 3;
    until("it is looked for again", asked).await;
    chat.make("access").await;
    chat.write("access", &[(0, "at last")]).await;
    assert_eq!(tail.messages(1), ["at last"]);
    let rest: Vec<_> = tail
        .notes
        .try_iter()
        .filter(|n| n.contains("does not exist"))
        .collect();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_that_is_deployed_while_we_follow_is_found() {
    let mut chat = Chat::in_conditions(calm()).await;
    let tail = chat.follow(&["--source", "execution"]);
    tail.note("does not exist yet");
    chat.add_api().await;
    chat.make("execution").await;
    chat.write(
        "execution",
        &[(0, "(r=) Starting execution for request: r=")],
    )
    .await;
    assert!(tail.take(1)[0].contains("Starting execution"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_deleted_and_made_again_is_followed_on() {
    let chat = Chat::with_groups().await;
    let tail = chat.follow(&[]);
    chat.write("access", &[(0, "one")]).await;
    assert_eq!(tail.messages(1), ["one"]);
    chat.delete("access").await;
    tail.note("the access log group /chatctl/chat/production/access does not exist yet");
    // The others are not held up by it.
    chat.write("function", &[(0, "meanwhile")]).await;
    assert_eq!(tail.messages(1), ["meanwhile"]);
    chat.make("access").await;
    chat.write("access", &[(0, "two")]).await;
    assert_eq!(tail.messages(1), ["two"]);
    tail.note("can be read now");
    tail.is_silent();
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_answered_with_fewer_calls_and_said() {
    let chat = Chat::with_groups().await;
    let tail = chat.follow(&["--since", "1m"]);
    until("it reads", || chat.calls("FilterLogEvents") > 3).await;
    chat.world.cloud.inject(Fault {
        operation: Some("FilterLogEvents".into()),
        times: 8,
        ..Fault::new(FaultKind::Throttle)
    });
    tail.note("CloudWatch Logs asks for fewer calls; going on at ");
    chat.write("function", &[(0, "still here")]).await;
    assert_eq!(tail.messages(1), ["still here"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_lines_of_the_past_come_first_and_then_all_that_follow() {
    let chat = Chat::with_groups().await;
    // One is old, the others are so young that they are sorted with what comes.
    let past = [(60_000, "1"), (300, "2"), (200, "3"), (100, "4")];
    chat.write("function", &past).await;
    let tail = chat.follow(&["--limit", "2"]);
    assert_eq!(tail.messages(2), ["3", "4"]);
    for n in ["5", "6", "7"] {
        chat.write("access", &[(0, n)]).await;
    }
    assert_eq!(tail.messages(3), ["5", "6", "7"]);
}
