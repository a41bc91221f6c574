//! SIGINT, SIGTERM and SIGHUP do the same everywhere, and the exit code tells which it was.

use super::binary::chatctl;
use super::running::Running;
use super::world::{World, text, wait_for};
use chatctl_local_cloud::{Fault, FaultKind};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

/// Every signal that asks to stop, with the exit code of what it stops.
fn signals() -> Vec<(Signal, i32)> {
    let mut signals = vec![(Signal::INT, 130), (Signal::TERM, 143)];
    // Under `nohup`, what this test starts ignores it too.
    if !has_hangup(std::process::id(), "SigIgn:") {
        signals.push((Signal::HUP, 129));
    }
    signals
}

/// Whether SIGHUP is in this mask of the process.
fn has_hangup(process: u32, mask: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix(mask));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 == 1
}

fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

async fn end(child: Child) -> Output {
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    ended.await.unwrap()
}

/// The command is told to stop while its call of `operation` is under way.
pub async fn stopped_at(world: &World, args: &[&str], operation: &str, signal: Signal) -> Output {
    let calls = world.cloud.calls();
    let before = calls.iter().filter(|call| call.operation == operation);
    let next = before.count() + 1;
    world.cloud.inject(Fault {
        operation: Some(operation.into()),
        ..Fault::new(FaultKind::Delay(500))
    });
    let child = start(&mut world.chatctl(args));
    wait_for(world, operation, next).await;
    send(&child, signal);
    end(child).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_finishes_what_runs_and_ends_with_the_signals_code() {
    for (signal, code) in signals() {
        let world = World::empty().await;
        let args = ["deploy", "--yes", "--no-prove"];
        let output = stopped_at(&world, &args, "CreateApi", signal).await;
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("error: stopped: "), "{said}");
        assert!(said.contains("goes on from here"), "{said}");
        let calls = world.cloud.calls();
        let made = calls.iter().find(|call| call.operation == "CreateApi");
        assert_eq!(made.unwrap().status, Some(201), "the call was cut off");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_finishes_what_runs_and_ends_with_the_signals_code() {
    for (signal, code) in signals() {
        let world = World::deployed().await;
        let output = stopped_at(&world, &["teardown", "--yes"], "DeleteApi", signal).await;
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("error: stopped: "), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_drops_what_a_deploy_still_does() {
    let world = World::empty().await;
    world.cloud.inject(Fault {
        operation: Some("CreateApi".into()),
        ..Fault::new(FaultKind::Delay(600_000))
    });
    let mut child = start(&mut world.chatctl(&["deploy", "--yes", "--no-prove"]));
    wait_for(&world, "CreateApi", 1).await;
    send(&child, Signal::TERM);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    tokio::task::block_in_place(|| {
        let is_stopping = |line: &String| line.contains("stopping: nothing new starts");
        lines
            .by_ref()
            .map(Result::unwrap)
            .find(is_stopping)
            .unwrap();
        send(&child, Signal::INT);
        let rest: Vec<_> = lines.map(Result::unwrap).collect();
        assert!(
            rest.iter().any(|line| line.contains("error: stopped: ")),
            "{rest:?}"
        );
    });
    assert_eq!(end(child).await.status.code(), Some(143));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_follow_end_without_a_word_and_with_the_signals_code() {
    for (signal, code) in signals() {
        let world = World::empty().await;
        let child = start(&mut world.chatctl(&["logs", "--follow", "--quiet"]));
        wait_for(&world, "FilterLogEvents", 1).await;
        send(&child, signal);
        let output = end(child).await;
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn the_local_cloud_ends_well_by_any_signal() {
    let dir = tempfile::tempdir().unwrap();
    for (signal, _) in signals() {
        let local = Running::start(dir.path(), &["--no-deploy"]);
        assert_eq!(local.end_by(signal), 0);
    }
}

#[test]
fn the_local_cloud_ends_with_the_signals_code_when_its_first_deploy_is_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    for (signal, code) in signals() {
        let flags = ["--fault", "CreateApi=delay:600s"];
        let mut local = Running::begin(chatctl(dir.path()), &flags);
        local.said("deploying the chat", 1);
        assert_eq!(local.end_by(signal), code);
    }
}

/// A port that takes a connection and never answers; the command that waits there.
pub fn waiting(command: &mut Command) -> (Child, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let child = start(command.env("CHATCTL_PORT", &port));
    (child, listener.accept().unwrap().0)
}

#[test]
fn a_command_with_nothing_to_finish_ends_at_once_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    for (signal, code) in signals() {
        let (child, _connection) = waiting(chatctl(dir.path()).args(["status", "--local"]));
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("error: stopped by SIG"), "{said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_nohup_starts_does_not_listen_for_the_hangup() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$0\" status --local"])
        .arg(env!("CARGO_BIN_EXE_chatctl"))
        .current_dir(dir.path());
    let (mut child, _connection) = waiting(&mut command);
    assert!(!has_hangup(child.id(), "SigCgt:"), "it listens for SIGHUP");
    send(&child, Signal::TERM);
    let mut said = String::new();
    let stderr = child.stderr.as_mut().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{said}");
}
