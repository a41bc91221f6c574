//! Which lines are shown: by time, source, pattern, request, connection.

use super::Chat;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn filter_grep_and_errors_choose_lines() {
    let chat = Chat::with_groups().await;
    let lines = [
        (300, r#"{"level":"INFO","route":"setName"}"#),
        (200, r#"{"level":"ERROR","route":"sendPublic"}"#),
        (100, "Plain Words"),
    ];
    chat.write("function", &lines).await;
    assert_eq!(
        chat.shows(&["--grep", "plain|setname"]),
        [lines[0].1, lines[2].1]
    );
    assert_eq!(chat.shows(&["--grep", "plaiN"]), [""; 0]);
    assert_eq!(chat.shows(&["--errors"]), [lines[1].1]);
    assert_eq!(
        chat.shows(&["--filter", "{ $.route = \"setName\" }"]),
        [lines[0].1]
    );
    assert_eq!(chat.chatctl(&["logs", "--grep", "("]).code, 64);
    assert_eq!(chat.chatctl(&["logs", "--since", "yesterday"]).code, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_request_is_told_by_either_id() {
    let chat = Chat::with_groups().await;
    let line =
        r#"{"level":"INFO","requestId":"lam-1","apiRequestId":"gate-1=","connectionId":"con-1="}"#;
    let execution = [
        (900, "(gate-1=) Starting execution for request: gate-1="),
        (800, "(other=) Starting execution for request: other="),
    ];
    let function = [
        (700, "START RequestId: lam-1 Version: $LATEST"),
        (600, line),
        (500, "plain words in between"),
        (400, "END RequestId: lam-1"),
        (400, "REPORT RequestId: lam-1\tDuration: 2.00 ms"),
    ];
    chat.write("execution", &execution).await;
    chat.write("function", &function).await;
    chat.write(
        "access",
        &[(
            300,
            r#"{"requestId":"gate-1=","connectionId":"con-1=","status":"200"}"#,
        )],
    )
    .await;
    let story = chat.shows(&["--request", "gate-1="]);
    assert_eq!(story.len(), 7, "{story:?}");
    assert!(!story.iter().any(|line| line.contains("other=")));
    assert_eq!(chat.shows(&["--request", "lam-1"]), story);
    assert_eq!(chat.shows(&["--connection", "con-1="]), story);
    let none = chat.chatctl(&["logs", "--request", "nobody"]);
    assert!(
        none.err
            .contains("none of the 8 events of this time matches --request nobody"),
        "{}",
        none.err
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_an_age_or_a_moment() {
    let chat = Chat::with_groups().await;
    let minutes = |n: i64| n * 60_000;
    let lines = [(minutes(90), "old"), (minutes(5), "young")];
    chat.write("function", &lines).await;
    assert_eq!(chat.shows(&[]), ["young"]);
    assert_eq!(chat.shows(&["--since", "2h"]), ["old", "young"]);
    let ago = |n: i64| jiff::Timestamp::from_millisecond(super::now() - minutes(n)).unwrap();
    let (since, until) = (ago(100).to_string(), ago(60).to_string());
    let between = ["--since", since.as_str(), "--until", until.as_str()];
    assert_eq!(chat.shows(&between), ["old"]);
    for wrong in [["--since", "soon"], ["--until", "2h"]] {
        let said = chat.chatctl(&[&["logs"], &wrong[..]].concat());
        assert_eq!(said.code, 64, "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_apis_with_the_chats_tags_the_older_one_is_read() {
    let chat = Chat::with_groups().await;
    chat.write("execution", &[(1000, "(E=) the chat's own")])
        .await;
    // APIs are dated to the second, and listed by their ids.
    chat.world.cloud.clock().turn(Duration::from_secs(2));
    let own = &chat.groups["execution"];
    let gateway = &chat.world.clients.apigatewayv2;
    loop {
        let younger = chat.create_api().await;
        if format!("/aws/apigateway/{younger}/production") < *own {
            break;
        }
        let delete = gateway.delete_api().api_id(younger);
        delete.send().await.unwrap();
    }
    let shown = chat.shows(&["--source", "execution"]);
    assert_eq!(shown, ["(E=) the chat's own"]);
}
