//! `chatctl local --persist DIR`: what was there is there again, however the last one ended.

use crate::binary::{chatctl, run};
use crate::running::{Client, Running};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// The same port for every start, as a user has it: URLs carry it.
fn start(dir: &Path, port: u16, flags: &[&str]) -> Running {
    let flags = [&["--persist", "kept"], flags].concat();
    Running::start_on(chatctl(dir), &port.to_string(), &flags)
}

fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    probe.local_addr().unwrap().port()
}

/// Waits until the kept files name what the test has just made.
fn wait_until_kept(dir: &Path, room: &str, text: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    let kept = || {
        let contents = std::fs::read_to_string(dir.join("kept/chatctl-local.json")).ok()?;
        let contents: Value = serde_json::from_str(&contents).ok()?;
        let file = contents["sections"][room].as_str()?.to_owned();
        let bytes = std::fs::read(dir.join("kept").join(file)).ok()?;
        Some(String::from_utf8_lossy(&bytes).contains(text))
    };
    while kept() != Some(true) {
        assert!(Instant::now() < until, "{room} is never kept with {text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_chat_is_whole_after_kill_9_and_after_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let local = start(dir.path(), port, &[]);
    let url = local.text("url");
    let mut alice = Client::connect(&url).await;
    alice
        .send(json!({"action": "setName", "name": "Alice"}))
        .await;
    alice.expect("members").await;
    let tag = ["deploy", "--yes", "--tag", "team=blue", "--retention", "30"];
    let tagged = local.second_shell(dir.path(), &tag);
    assert_eq!(tagged.code, 0, "{}", tagged.err);
    wait_until_kept(dir.path(), "apigatewayv2", "\"blue\"");
    wait_until_kept(dir.path(), "lambda", "\"blue\"");
    wait_until_kept(dir.path(), "logs", "setName");
    wait_until_kept(dir.path(), "items", "Alice");
    local.kill();

    for end in ["kill", "interrupt", "look"] {
        let local = start(dir.path(), port, &["--no-deploy"]);
        let plan = [
            "plan",
            "--exit-code",
            "--tag",
            "team=blue",
            "--retention",
            "30",
        ];
        let plan = local.second_shell(dir.path(), &plan);
        assert_eq!(plan.code, 0, "after {end}: {}{}", plan.out, plan.err);
        let logs = local.second_shell(dir.path(), &["logs", "--since", "1h", "--output", "json"]);
        assert!(logs.out.contains("setName"), "{}", logs.out);
        let mut bob = Client::connect(&url).await;
        bob.send(json!({"action": "ping"})).await;
        bob.expect("pong").await;
        match end {
            "kill" => local.kill(),
            _ => assert_eq!(local.interrupt(), 0),
        }
    }
}

/// Killed at any moment while much changes, the folder always opens again, with what was there some
/// moments before.
#[test]
fn killed_in_the_middle_of_many_changes_the_folder_always_opens_again() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut known = 0;
    for round in 0..6_u64 {
        let local = start(dir.path(), port, &["--no-deploy"]);
        let found = groups(&local);
        assert!(found >= known, "{found} groups of {known} are left");
        let endpoint = local.endpoint();
        let written = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(found));
        let writer = std::thread::spawn({
            let written = written.clone();
            move || while make_group(&endpoint, round, &written) {}
        });
        // Some rounds end before the first writing, some in one, some after several.
        wait_for(|| written.load(std::sync::atomic::Ordering::Acquire) > found + 5);
        std::thread::sleep(Duration::from_millis(100 * round));
        known = kept_groups(dir.path());
        local.kill();
        writer.join().unwrap();
    }
    assert!(known > 0, "nothing was ever kept");
}

fn wait_for(done: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "waited in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kept_groups(dir: &Path) -> usize {
    let contents = std::fs::read_to_string(dir.join("kept/chatctl-local.json"));
    let Ok(contents) = contents else { return 0 };
    let contents: Value = serde_json::from_str(&contents).unwrap();
    let file = contents["sections"]["logs"].as_str().unwrap_or_default();
    let text = std::fs::read_to_string(dir.join("kept").join(file)).unwrap_or_default();
    text.matches("\"name\":").count()
}

fn groups(local: &Running) -> usize {
    let answer = logs(&local.endpoint(), "DescribeLogGroups", "{\"limit\":50}").unwrap();
    let mut count = 0;
    let mut page: Value = serde_json::from_str(&answer).unwrap();
    loop {
        count += page["logGroups"].as_array().unwrap().len();
        let Some(token) = page["nextToken"].as_str() else {
            return count;
        };
        let ask = json!({"limit": 50, "nextToken": token}).to_string();
        let answer = logs(&local.endpoint(), "DescribeLogGroups", &ask).unwrap();
        page = serde_json::from_str(&answer).unwrap();
    }
}

fn make_group(endpoint: &str, round: u64, written: &std::sync::atomic::AtomicUsize) -> bool {
    let number = written.load(std::sync::atomic::Ordering::Acquire);
    let body = json!({"logGroupName": format!("/g/{round}/{number}")}).to_string();
    let made = logs(endpoint, "CreateLogGroup", &body).is_some();
    written.fetch_add(usize::from(made), std::sync::atomic::Ordering::AcqRel);
    made
}

/// One call of CloudWatch Logs; `None` if nobody answers any more.
fn logs(endpoint: &str, operation: &str, body: &str) -> Option<String> {
    use std::io::{Read, Write};
    let host = endpoint.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).ok()?;
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-amz-target: Logs_20140328.{operation}\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=00\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    Some(body.to_owned())
}

#[test]
fn a_folder_that_cannot_be_believed_is_refused_and_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let local = start(dir.path(), free_port(), &["--no-deploy"]);
    let refused = |wanted: &str| {
        let before = listing(&kept);
        let said = run(chatctl(dir.path()).args([
            "local",
            "--no-deploy",
            "--port",
            "0",
            "--persist",
            "kept",
        ]));
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(said.err.contains(wanted), "{wanted}: {}", said.err);
        assert!(said.err.contains("hint: "), "{}", said.err);
        assert_eq!(listing(&kept), before);
    };
    refused(&format!(
        "in use by another local cloud, process {}",
        local.child.id()
    ));
    local.control("PATCH", "clock", r#"{"turnMillis":1000}"#);
    assert_eq!(local.interrupt(), 0);

    let contents = kept.join("chatctl-local.json");
    let text = std::fs::read_to_string(&contents).unwrap();
    std::fs::write(&contents, text.replace("\"version\": 2", "\"version\": 7")).unwrap();
    refused("of version 7, and this program knows version 2");
    std::fs::write(&contents, &text[..text.len() / 2]).unwrap();
    refused("cannot be read from");
    std::fs::write(&contents, text.replace("us-east-1", "eu-west-1")).unwrap();
    refused("its region is eu-west-1");
    std::fs::write(&contents, &text).unwrap();

    let index: Value = serde_json::from_str(&text).unwrap();
    let iam = kept.join(index["sections"]["iam"].as_str().unwrap());
    let good = std::fs::read(&iam).unwrap();
    std::fs::write(&iam, b"{}").unwrap();
    refused("it is not what was written");
    std::fs::write(&iam, good).unwrap();
    let again = start(dir.path(), free_port(), &["--no-deploy"]);
    let (_, clock) = again.control("GET", "clock", "");
    assert!(clock["aheadMillis"].as_i64().unwrap() >= 1000, "{clock}");
    assert_eq!(again.interrupt(), 0);
}

fn listing(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            // The lock's own text is the process that tried last.
            let bytes = if name == "lock" {
                Vec::new()
            } else {
                std::fs::read(entry.path()).unwrap()
            };
            (name, bytes)
        })
        .collect();
    found.sort();
    found
}
