//! How it ends: Ctrl-C, and a reader who goes away.

use super::{Chat, message};
use std::process::Stdio;

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_with_130_between_two_lines() {
    let chat = Chat::with_groups().await;
    let names: Vec<_> = (0..5000)
        .map(|n| format!("{n} {}", "x".repeat(100)))
        .collect();
    // Old enough to be given out at once.
    let lines: Vec<_> = names.iter().map(|name| (60_000, name.as_str())).collect();
    chat.write("function", &lines).await;
    let mut tail = chat.follow(&[]);
    tail.take(100);
    assert_eq!(tail.interrupt(), Some(130));
    for line in tail.lines.iter() {
        assert!(message(&line).ends_with(&"x".repeat(100)));
    }
    assert_eq!(tail.notes.iter().collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_it_quietly_even_when_nothing_comes() {
    let chat = Chat::with_groups().await;
    let mut command = chat.command(&["logs", "--follow"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = tokio::task::block_in_place(|| child.wait_with_output().unwrap());
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_has_seen_enough_of_the_past_ends_it_quietly() {
    use std::io::{BufRead, BufReader};
    let chat = Chat::with_groups().await;
    let text = "x".repeat(200);
    let lines: Vec<_> = (0..3000).map(|_| (60_000, text.as_str())).collect();
    chat.write("function", &lines).await;
    let mut command = chat.command(&["logs"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = tokio::task::block_in_place(|| {
        let mut first = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut first).unwrap();
        assert!(first.contains("xxx"), "{first}");
        drop(out);
        child.wait_with_output().unwrap()
    });
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}
