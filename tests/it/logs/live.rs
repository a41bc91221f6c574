//! `--live`: StartLiveTail, its gaps and its price.

use super::{Chat, Tail};
use crate::world::until;
use chatctl_local_cloud::{Fault, FaultKind};
use std::time::Duration;

/// A live tail whose session is open.
async fn live(chat: &Chat) -> Tail {
    let tail = chat.follow(&["--live"]);
    open(chat).await;
    tail
}

async fn open(chat: &Chat) {
    until("a session is open", || chat.world.cloud.live_tails() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_tail_shows_what_comes_and_says_what_it_costs() {
    let chat = Chat::with_groups().await;
    let tail = live(&chat).await;
    tail.note("Live Tail costs about $0.01 a minute");
    chat.write("execution", &[(30, "(r=) one")]).await;
    chat.write("function", &[(20, "two")]).await;
    chat.write("access", &[(10, "three")]).await;
    let mut came = tail.messages(3);
    came.sort();
    assert_eq!(came, ["(r=) one", "three", "two"]);
    // It was pushed, not asked for.
    assert_eq!(chat.calls("FilterLogEvents"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_no_session_is_open_is_shown_once_and_in_order() {
    let chat = Chat::with_groups().await;
    let tail = live(&chat).await;
    chat.write("function", &[(0, "before"), (0, "before")])
        .await;
    assert_eq!(tail.messages(2), ["before", "before"]);
    chat.world.cloud.inject(Fault {
        operation: Some("StartLiveTail".into()),
        times: 4,
        ..Fault::new(FaultKind::Error(503))
    });
    chat.world.cloud.cut_live_tails();
    until("the session is cut", || chat.world.cloud.live_tails() == 0).await;
    chat.write("access", &[(0, "in the gap")]).await;
    chat.write("function", &[(0, "in the gap too")]).await;
    tail.note("the live session cannot be opened again at the moment");
    open(&chat).await;
    chat.write("function", &[(0, "after")]).await;
    tail.note("was opened again; what came in between follows");
    let came = tail.messages(3);
    assert_eq!(came, ["in the gap", "in the gap too", "after"]);
    // The gap is read a second time, and what it has in common with the session is known.
    let looks = chat.calls("FilterLogEvents");
    until("the gap is read again", || {
        chat.calls("FilterLogEvents") > looks
    })
    .await;
    tail.is_silent();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_after_three_hours_is_opened_again() {
    let chat = Chat::with_groups().await;
    let tail = live(&chat).await;
    chat.write("function", &[(0, "before")]).await;
    assert_eq!(tail.messages(1), ["before"]);
    let sessions = chat.calls("StartLiveTail");
    chat.world.cloud.clock().turn(Duration::from_secs(3 * 3600));
    tail.note("the live session ended (");
    until("another session", || chat.calls("StartLiveTail") > sessions).await;
    open(&chat).await;
    chat.write("function", &[(0, "after")]).await;
    assert_eq!(tail.messages(1), ["after"]);
    tail.is_silent();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_missing_is_waited_for_and_taken_in() {
    let chat = Chat::api().await;
    let tail = chat.follow(&["--live"]);
    tail.note("the function log group /aws/lambda/chat-production does not exist yet");
    chat.make("function").await;
    open(&chat).await;
    chat.write("function", &[(0, "one")]).await;
    assert_eq!(tail.messages(1), ["one"]);
    chat.make("access").await;
    // No session knows the group yet.
    chat.write("access", &[(0, "two")]).await;
    tail.note("the access log group is there now");
    assert_eq!(tail.messages(1), ["two"]);
    chat.write("access", &[(0, "three")]).await;
    assert_eq!(tail.messages(1), ["three"]);
    tail.is_silent();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_only_a_sample_comes_it_is_said_and_also_when_it_is_over() {
    let chat = Chat::with_groups().await;
    let tail = live(&chat).await;
    let names: Vec<_> = (0..1200).map(|n| n.to_string()).collect();
    let lines: Vec<_> = names.iter().map(|name| (0, name.as_str())).collect();
    chat.write("function", &lines).await;
    tail.note("CloudWatch shows a sample of them and leaves the rest out");
    let over = tail.note("all events are shown again");
    assert!(over.contains("`chatctl logs --since "), "{over}");
    tail.take(500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_meets_faults_is_opened_again_and_shows_each_line_once() {
    let chat = Chat::with_groups().await;
    let tail = live(&chat).await;
    chat.write("function", &[(0, "before")]).await;
    assert_eq!(tail.messages(1), ["before"]);
    let at = |operation: &str, kind| Fault {
        operation: Some(operation.into()),
        ..Fault::new(kind)
    };
    for kind in [FaultKind::Throttle, FaultKind::LostAnswer, FaultKind::Hang] {
        chat.world.cloud.inject(at("StartLiveTail", kind.clone()));
        chat.world.cloud.inject(at("FilterLogEvents", kind));
    }
    chat.world.cloud.cut_live_tails();
    until("the session is cut", || chat.world.cloud.live_tails() == 0).await;
    chat.write("access", &[(0, "in the gap")]).await;
    tail.note("the live session cannot be opened again at the moment");
    tail.note("was opened again; what came in between follows");
    assert_eq!(tail.messages(1), ["in the gap"]);
    chat.write("function", &[(0, "after")]).await;
    assert_eq!(tail.messages(1), ["after"]);
    tail.is_silent();
}
