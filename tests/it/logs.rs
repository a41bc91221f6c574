//! `chatctl logs`: one stream out of three groups, each event once, and a reason when there is none.
//!
//! Most tests write into the groups themselves, so that they know every event. The bigger storm is
//! written by boto3: tests/outside/test_logs.py.

use crate::binary::{Said, chatctl, run};
use aws_sdk_apigatewayv2::types::ProtocolType;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use chatctl::aws::Clients;
use chatctl::cli::{Global, Wanted};
use chatctl::config::Settings;
use chatctl::local::{ControlPlane, Fault, FaultKind, LocalCloud, Options, Weather};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A local cloud with a chat's API, and its log groups when they are asked for.
struct Chat {
    cloud: LocalCloud,
    aws: Clients,
    folder: tempfile::TempDir,
    groups: BTreeMap<&'static str, String>,
}

impl Chat {
    async fn in_weather(control_plane: ControlPlane) -> Self {
        let weather = Weather {
            propagation_millis: 0,
            control_plane,
            ..Weather::default()
        };
        let options = Options {
            weather,
            ..Options::default()
        };
        let cloud = LocalCloud::start(options).await.unwrap();
        let global = Global {
            endpoint_url: Some(cloud.endpoint().to_owned()),
            ..Global::default()
        };
        let settings = Settings::load(&global, &Wanted::default()).unwrap();
        Self {
            aws: Clients::connect(&settings).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            groups: BTreeMap::new(),
            cloud,
        }
    }

    /// The API with our tags; the groups are only named.
    async fn api() -> Self {
        let calm = ControlPlane {
            mutation_millis: 0,
            ..ControlPlane::default()
        };
        let mut chat = Self::in_weather(calm).await;
        chat.add_api().await;
        chat
    }

    async fn add_api(&mut self) {
        let made = self
            .aws
            .apigatewayv2
            .create_api()
            .name("chat-production")
            .protocol_type(ProtocolType::Websocket)
            .route_selection_expression("$request.body.action")
            .tags("chatctl:stack", "chat")
            .tags("chatctl:stage", "production")
            .send()
            .await
            .unwrap();
        let api = made.api_id().unwrap();
        self.groups = BTreeMap::from([
            ("function", "/aws/lambda/chat-production".to_owned()),
            ("execution", format!("/aws/apigateway/{api}/production")),
            ("access", "/chatctl/chat/production/access".to_owned()),
        ]);
    }

    async fn with_groups() -> Self {
        let chat = Self::api().await;
        for source in ["function", "execution", "access"] {
            chat.make(source).await;
        }
        chat
    }

    async fn make(&self, source: &str) {
        let logs = &self.aws.logs;
        let group = &self.groups[source];
        logs.create_log_group()
            .log_group_name(group)
            .send()
            .await
            .unwrap();
        let stream = logs
            .create_log_stream()
            .log_group_name(group)
            .log_stream_name("s");
        stream.send().await.unwrap();
    }

    /// Writes lines, each with its age in milliseconds.
    async fn write(&self, source: &str, lines: &[(i64, &str)]) {
        let now = now();
        let mut events: Vec<_> = lines.iter().map(|(age, text)| (now - age, *text)).collect();
        events.sort_unstable();
        let events = events.into_iter().map(|(time, text)| {
            InputLogEvent::builder()
                .timestamp(time)
                .message(text)
                .build()
                .unwrap()
        });
        self.aws
            .logs
            .put_log_events()
            .log_group_name(&self.groups[source])
            .log_stream_name("s")
            .set_log_events(Some(events.collect()))
            .send()
            .await
            .unwrap();
    }

    fn chatctl(&self, args: &[&str]) -> Said {
        let endpoint = ["--endpoint-url", self.cloud.endpoint()];
        tokio::task::block_in_place(|| run(chatctl(self.folder.path()).args(args).args(endpoint)))
    }

    /// The messages that `chatctl logs` shows with these flags.
    fn shows(&self, flags: &[&str]) -> Vec<String> {
        let args = [&["logs", "--output", "json"], flags].concat();
        let said = self.chatctl(&args);
        assert_eq!(said.code, 0, "{}", said.err);
        said.out.lines().map(message).collect()
    }

    fn follow(&self, flags: &[&str]) -> Tail {
        let mut command = chatctl(self.folder.path());
        command
            .args(["logs", "--follow", "--output", "json"])
            .args(flags);
        command.args(["--endpoint-url", self.cloud.endpoint()]);
        Tail::start(&mut command)
    }
}

fn now() -> i64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

fn message(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    line["message"].as_str().unwrap().to_owned()
}

/// A running `chatctl logs --follow`.
struct Tail {
    child: Child,
    lines: Receiver<String>,
    notes: Receiver<String>,
}

impl Tail {
    fn start(command: &mut std::process::Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = pump(child.stdout.take().unwrap());
        let notes = pump(child.stderr.take().unwrap());
        Self {
            child,
            lines,
            notes,
        }
    }

    /// The next lines, as soon as so many are there.
    fn take(&self, count: usize) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        while all.len() < count {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => all.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!(
                        "{} of {count} lines came; {:?}",
                        all.len(),
                        self.notes.try_iter().collect::<Vec<_>>()
                    )
                }
            }
        }
        all
    }

    /// The first note that has the words.
    fn note(&self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.notes.recv_timeout(left) {
                Ok(note) if note.contains(words) => return note,
                Ok(_) => {}
                Err(_) => panic!("nobody said {words:?}"),
            }
        }
    }

    fn interrupt(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pump(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        for line in lines {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

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
    assert_eq!(chat.shows(&["--limit", "2"]), ["5", "6"]);
    assert_eq!(
        chat.shows(&["--since", "4m 30s", "--until", "2m 30s"]),
        ["3", "4"]
    );
}

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
async fn an_empty_page_with_a_token_is_not_the_end() {
    let holes = ControlPlane {
        mutation_millis: 0,
        empty_log_pages: 3,
        ..ControlPlane::default()
    };
    let mut chat = Chat::in_weather(holes).await;
    chat.add_api().await;
    chat.make("access").await;
    chat.write("access", &[(10, "behind empty pages")]).await;
    assert_eq!(chat.shows(&["--source", "access"]), ["behind empty pages"]);
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
            chat.cloud.inject(Fault {
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
    let again = tail.lines.recv_timeout(Duration::from_secs(6));
    assert_eq!(again, Err(RecvTimeoutError::Timeout));
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
    let asked = |chat: &Chat| {
        let calls = chat.cloud.calls();
        calls
            .iter()
            .filter(|call| call.operation == "FilterLogEvents")
            .count()
    };
    let until = Instant::now() + PATIENCE;
    while asked(&chat) < 3 {
        assert!(Instant::now() < until, "it is not looked for again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    chat.make("access").await;
    chat.write("access", &[(0, "at last")]).await;
    assert_eq!(message(&tail.take(1)[0]), "at last");
    let rest: Vec<_> = tail
        .notes
        .try_iter()
        .filter(|n| n.contains("does not exist"))
        .collect();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_that_is_deployed_while_we_follow_is_found() {
    let calm = ControlPlane {
        mutation_millis: 0,
        ..ControlPlane::default()
    };
    let mut chat = Chat::in_weather(calm).await;
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
async fn ctrl_c_ends_with_130_between_two_lines() {
    let chat = Chat::with_groups().await;
    let names: Vec<_> = (0..5000)
        .map(|n| format!("{n} {}", "x".repeat(100)))
        .collect();
    let lines: Vec<_> = names.iter().map(|name| (0, name.as_str())).collect();
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
    let mut command = chatctl(chat.folder.path());
    command.args(["logs", "--follow", "--endpoint-url", chat.cloud.endpoint()]);
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
async fn a_strangers_escape_sequences_stay_text() {
    let chat = Chat::with_groups().await;
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil";
    chat.write("function", &[(0, evil)]).await;
    chat.write(
        "access",
        &[(0, r#"{"status":"200","userAgent":"\u001b[31mred"}"#)],
    )
    .await;
    for color in ["never", "always"] {
        let said = chat.chatctl(&["logs", "--utc", "--color", color]);
        let plain = anstream::adapter::strip_str(&said.out).to_string();
        assert!(
            !plain.replace('\n', "").chars().any(char::is_control),
            "{plain:?}"
        );
        assert!(
            plain.contains(r"\x1b]0;owned\x07\x1b[2J\x9b31m\u{202e}evil"),
            "{plain}"
        );
        assert!(plain.contains(r"\x1b[31mred"), "{plain}");
    }
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
async fn without_a_chat_the_logs_say_that_there_is_none() {
    let chat = Chat::in_weather(ControlPlane::default()).await;
    let said = chat.chatctl(&["logs"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(
        said.err
            .contains("the chat chat, stage production, is not deployed"),
        "{}",
        said.err
    );
    assert!(said.err.contains("hint: chatctl deploy"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_explained_once_after_a_while() {
    let chat = Chat::with_groups().await;
    let tail = chat.follow(&[]);
    tail.note("no log line for 10 s");
    // The stage was never made, which is the nearest reason.
    tail.note("the stage production does not exist");
    chat.write("access", &[(0, "something")]).await;
    assert_eq!(message(&tail.take(1)[0]), "something");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_deployed_says_why_its_logs_are_empty() {
    let calm = ControlPlane {
        mutation_millis: 0,
        ..ControlPlane::default()
    };
    let chat = Chat::in_weather(calm).await;
    let deployed = chat.chatctl(&["deploy", "--yes", "--no-prove"]);
    assert_eq!(deployed.code, 0, "{}", deployed.err);
    let why = || chat.chatctl(&["logs", "--since", "1s"]).err;
    assert!(why().contains("nobody has used the chat yet"), "{}", why());
    let gateway = &chat.aws.apigatewayv2;
    let api = gateway.get_apis().send().await.unwrap().items()[0]
        .api_id()
        .unwrap()
        .to_owned();
    let off = aws_sdk_apigatewayv2::types::RouteSettings::builder()
        .logging_level(aws_sdk_apigatewayv2::types::LoggingLevel::Off)
        .throttling_burst_limit(10)
        .throttling_rate_limit(10.0);
    let update = gateway.update_stage().api_id(&api).stage_name("production");
    update
        .default_route_settings(off.build())
        .send()
        .await
        .unwrap();
    assert!(
        why().contains("execution logging is off on the stage"),
        "{}",
        why()
    );
    let iam = &chat.aws.iam;
    let role = "chatctl-apigateway-logging-us-east-1";
    let attached = iam
        .list_attached_role_policies()
        .role_name(role)
        .send()
        .await
        .unwrap();
    for policy in attached.attached_policies() {
        let detach = iam.detach_role_policy().role_name(role);
        detach
            .policy_arn(policy.policy_arn().unwrap())
            .send()
            .await
            .unwrap();
    }
    iam.delete_role().role_name(role).send().await.unwrap();
    let why = why();
    assert!(why.contains("is gone"), "a dangling role: {why}");
    assert!(why.contains("hint: chatctl deploy"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_said_and_the_rest_is_shown() {
    let chat = Chat::with_groups().await;
    chat.write("function", &[(10, "mine")]).await;
    chat.write("access", &[(5, "not mine")]).await;
    let iam = &chat.aws.iam;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::000000000000:root"}}]}"#;
    let role = iam
        .create_role()
        .role_name("reader")
        .assume_role_policy_document(trust);
    role.send().await.unwrap();
    let rights = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:FilterLogEvents","Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/*"}]}"#;
    let policy = iam
        .put_role_policy()
        .role_name("reader")
        .policy_name("read");
    policy.policy_document(rights).send().await.unwrap();
    let session = chat
        .aws
        .sts
        .assume_role()
        .role_arn("arn:aws:iam::000000000000:role/reader")
        .role_session_name("me");
    let session = session.send().await.unwrap();
    let keys = session.credentials().unwrap();
    let mut command = chatctl(chat.folder.path());
    command
        .args(["logs", "--output", "json"])
        .args(["--endpoint-url", chat.cloud.endpoint()])
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .env("AWS_SESSION_TOKEN", keys.session_token());
    let said = tokio::task::block_in_place(|| run(&mut command));
    assert_eq!(said.code, 1, "{}", said.err);
    assert_eq!(said.out.lines().map(message).collect::<Vec<_>>(), ["mine"]);
    for source in ["access", "execution"] {
        let words = format!("no permission to read the {source} log group");
        assert_eq!(said.err.matches(&words).count(), 1, "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_tail_shows_what_comes_and_says_what_it_costs() {
    let chat = Chat::with_groups().await;
    let tail = chat.follow(&["--live"]);
    tail.note("Live Tail costs about $0.01 a minute");
    let until = Instant::now() + PATIENCE;
    let started = |chat: &Chat| {
        let calls = chat.cloud.calls();
        calls.iter().any(|call| call.operation == "StartLiveTail")
    };
    while !started(&chat) {
        assert!(Instant::now() < until, "no session was started");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    chat.write("execution", &[(30, "(r=) one")]).await;
    chat.write("function", &[(20, "two")]).await;
    chat.write("access", &[(10, "three")]).await;
    let mut came: Vec<_> = tail.take(3).iter().map(|line| message(line)).collect();
    came.sort();
    assert_eq!(came, ["(r=) one", "three", "two"]);
}
