//! `chatctl chat`, as a program drives it. With a terminal: tests/outside/test_terminal.py.

use super::standin::{StandIn, answer_once};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running `chatctl chat`.
struct Chatter {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Chatter {
    fn start(url: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chatctl"))
            .args(["chat", "--url", url, "--color", "never"])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .all(|line| sender.send(line).is_ok())
        });
        Self {
            child,
            input,
            lines,
        }
    }

    fn types(&mut self, line: &str) -> &mut Self {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        self
    }

    fn shows(&mut self, line: &str) -> &mut Self {
        assert_eq!(self.lines.recv_timeout(PATIENCE).as_deref(), Ok(line));
        self
    }

    /// Ends the input, waits, and gives the rest of stdout, stderr and the status.
    fn ends(mut self) -> (Vec<String>, String, ExitStatus) {
        drop(self.input.take());
        let rest = self.lines.iter().collect();
        let mut errors = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        (rest, errors, self.child.wait().unwrap())
    }
}

#[test]
fn two_scripts_talk_publicly_and_privately_and_see_each_other_come_and_go() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &["--user", "Alice"]);
    alice.shows("* Alice has joined the chat");
    let mut bob = Chatter::start(&chat.url(), &["--user", "Bob"]);
    bob.shows("* Bob has joined the chat");
    alice
        .shows("* Bob has joined the chat")
        .types("hi all")
        .shows("Alice: hi all");
    bob.shows("Alice: hi all")
        .types("/msg Alice psst: you")
        .shows("[private to Alice] psst: you");
    alice
        .shows("[private] Bob: psst: you")
        .types("/members")
        .shows("members (2): Alice, Bob");
    let (rest, _, status) = bob.ends();
    assert!(rest.is_empty() && status.success(), "{rest:?}");
    alice.shows("* Bob has left the chat");
    assert!(alice.ends().2.success());
}

#[test]
fn a_script_keeps_its_order_and_leaves_only_when_all_is_said() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &[]);
    for line in [
        "/name Alice",
        "one",
        "two",
        "/msg Nobody three",
        "//quit is said",
        "/quit",
        "never",
    ] {
        alice.types(line);
    }
    let (shown, _, status) = alice.ends();
    let wanted = [
        "* Alice has joined the chat",
        "Alice: one",
        "Alice: two",
        "[private to Nobody] three",
        "! no: no_such_member",
        "Alice: /quit is said",
    ];
    assert_eq!(shown, wanted);
    assert_eq!(status.code(), Some(1), "one message was refused");
}

/// A script of these lines: what it shows, what it says on stderr, and its status.
fn script(flags: &[&str], lines: &[&str]) -> (Vec<String>, String, Option<i32>) {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), flags);
    for line in lines {
        alice.types(line);
    }
    let (shown, errors, status) = alice.ends();
    (shown, errors, status.code())
}

#[test]
fn a_script_in_which_all_went_well_ends_with_0() {
    let lines = ["hello", "/msg Alice to myself", "/members", "/help", ""];
    let (shown, errors, code) = script(&["--user", "Alice"], &lines);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(shown.len(), 5, "{shown:?}");
}

#[test]
fn a_script_ends_with_1_when_its_name_is_refused() {
    let (shown, errors, code) = script(&["--user", "a:b"], &[]);
    assert_eq!((shown, code), (vec!["! no: bad_name".to_owned()], Some(1)));
    let wanted = "error: the script was not done in full: 1 refused, not sent or not answered\n";
    assert!(errors.contains(wanted), "{errors}");
    assert!(errors.contains("hint: "), "{errors}");
}

#[test]
fn a_script_waits_for_the_refusal_of_its_last_message_and_ends_with_1() {
    let lines = ["/msg Nobody one", "two", "/msg Nobody three"];
    let (shown, errors, code) = script(&["--user", "Alice"], &lines);
    let wanted = [
        "* Alice has joined the chat",
        "[private to Nobody] one",
        "! no: no_such_member",
        "Alice: two",
        "[private to Nobody] three",
        "! no: no_such_member",
    ];
    assert_eq!(shown, wanted);
    assert!(
        errors.contains("2 refused, not sent or not answered"),
        "{errors}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a_script_ends_with_1_when_a_line_is_no_command_or_too_large_and_does_the_rest() {
    let large = "x".repeat(200_000);
    for (wrong, why) in [
        ("/nmae Bea", "there is no /nmae"),
        (&large, "at most 128 KB"),
    ] {
        let (shown, errors, code) = script(&["--user", "Alice"], &[wrong, "hello"]);
        assert_eq!(shown, ["* Alice has joined the chat", "Alice: hello"]);
        assert!(errors.contains(why), "{errors}");
        assert_eq!(code, Some(1), "{errors}");
    }
}

#[test]
fn a_script_that_is_no_text_ends_with_1() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &["--user", "Alice"]);
    let input = alice.input.as_mut().unwrap();
    input.write_all(b"hello\n\xff\xfe\n").unwrap();
    let (shown, errors, status) = alice.ends();
    assert_eq!(shown, ["* Alice has joined the chat", "Alice: hello"]);
    assert!(errors.contains("cannot be read on"), "{errors}");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn one_line_is_sent_answered_and_ends_with_0_or_with_1() {
    let joined = "* Alice has joined the chat";
    for (line, shown, code) in [
        ("hello", "Alice: hello", 0),
        ("/msg Alice psst", "[private to Alice] psst", 0),
        ("/msg Nobody psst", "[private to Nobody] psst", 1),
    ] {
        let (lines, errors, ended) = script(&["--user", "Alice", "--once", line], &[]);
        assert_eq!(lines[..2], [joined, shown], "{errors}");
        assert_eq!(ended, Some(code), "{errors}");
    }
}

#[test]
fn one_line_needs_a_name_and_a_text() {
    for (flags, why) in [
        (&["--once", "hello"][..], "--user"),
        (&["--user", "Alice", "--once", " "][..], "not empty"),
    ] {
        let (lines, errors, code) = script(flags, &[]);
        assert!(lines.is_empty() && errors.contains(why), "{errors}");
        assert_eq!(code, Some(64), "{errors}");
    }
}

#[test]
fn the_help_of_chat_has_its_exit_codes_and_its_pace() {
    let help = Command::new(env!("CARGO_BIN_EXE_chatctl"))
        .args(["help", "chat"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in [
        "Exit codes: 0 success, 1 there is no connection; and for a script also 1 when anything was refused",
        "below the chat's rate of 10 messages in 10 s",
    ] {
        assert!(help.contains(wanted), "{help}");
    }
}

#[test]
fn a_script_that_paces_itself_says_so() {
    let lines: Vec<String> = (1..=10).map(|n| n.to_string()).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (shown, errors, code) = script(&["--user", "Alice"], &lines);
    assert_eq!((shown.len(), code), (11, Some(0)), "{shown:?}");
    assert_eq!(errors.matches("slowed down").count(), 1, "{errors}");
}

#[test]
fn json_output_is_the_frames_one_a_line() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &["--user", "Alice", "--output", "json"]);
    alice.types("hi").types("/members");
    let (shown, _, _) = alice.ends();
    let frames: Vec<Value> = shown
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let wanted = [
        json!({"systemMessage": "Alice has joined the chat"}),
        json!({"members": ["Alice"]}),
        json!({"publicMessage": "Alice: hi"}),
        json!({"members": ["Alice"]}),
    ];
    assert_eq!(frames, wanted);
}

#[test]
fn what_strangers_send_cannot_steer_the_terminal() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &["--user", "Alice"]);
    alice.shows("* Alice has joined the chat");
    chat.say(r#"{"publicMessage":"Eve: \u001b[2J\u202egone\nAlice: forged"}"#);
    alice.shows(r"Eve: \x1b[2J\u{202e}gone ⏎ Alice: forged");
    chat.say(r#"{"error":{"code":"x","message":"\u001b]0;title\u0007"}}"#);
    alice.shows(r"! \x1b]0;title\x07");
    assert!(alice.ends().2.success());
}

#[test]
fn a_lost_connection_comes_back_under_the_same_name() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &["--user", "Alice"]);
    alice.shows("* Alice has joined the chat");
    chat.cut();
    alice
        .shows("* Alice has joined the chat")
        .types("back")
        .shows("Alice: back");
    let names = chat
        .heard()
        .iter()
        .filter(|message| message["action"] == "setName")
        .count();
    let (_, errors, status) = alice.ends();
    assert_eq!(names, 2);
    assert!(
        errors.contains("connecting again") && errors.contains("connected again"),
        "{errors}"
    );
    assert!(status.success());
}

#[test]
fn a_large_message_leaves_in_frames_that_api_gateway_takes() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &["--user", "Alice"]);
    let large = "x".repeat(100_000);
    alice
        .shows("* Alice has joined the chat")
        .types(&large)
        .shows(&format!("Alice: {large}"));
    assert!(alice.ends().2.success());
}

#[test]
fn a_frame_that_nobody_understands_is_passed_over() {
    let chat = StandIn::start();
    let mut alice = Chatter::start(&chat.url(), &["--user", "Alice"]);
    alice.shows("* Alice has joined the chat");
    for odd in [
        "",
        "null",
        "[1]",
        r#"{"members":7}"#,
        r#"{"later":{"version":2}}"#,
    ] {
        chat.say(odd);
    }
    alice.types("still here").shows("Alice: still here");
    assert!(alice.ends().2.success());
}

#[test]
fn a_chat_that_is_not_there_is_said_and_the_exit_code_is_1() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let alice = Chatter::start(&format!("ws://127.0.0.1:{port}/production"), &[]);
    let (_, errors, status) = alice.ends();
    assert!(
        errors.contains("cannot connect to ws://127.0.0.1"),
        "{errors}"
    );
    assert!(errors.contains("hint: "), "{errors}");
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_refused_handshake_says_what_its_status_means() {
    for (status, meaning) in [
        (403, "stage"),
        (429, "throttle"),
        (500, "invoke"),
        (502, "chatctl logs"),
    ] {
        let url = answer_once(format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n"));
        let (_, errors, code) = Chatter::start(&url.replace("http://", "ws://"), &[]).ends();
        assert!(
            errors.contains(meaning) && errors.contains(&status.to_string()),
            "{errors}"
        );
        assert_eq!(code.code(), Some(1));
    }
}

#[test]
fn a_url_of_another_kind_is_a_usage_error() {
    let (_, errors, status) = Chatter::start("https://example.com/production", &[]).ends();
    assert!(errors.contains("is not the URL of a WebSocket"), "{errors}");
    assert_eq!(status.code(), Some(64));
}
