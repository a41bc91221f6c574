//! With `--output json`, stdout is one document or a stream of lines, also when a command fails.

use super::binary::{Said, chatctl, run};
use super::schemas;
use super::signals::{send, stopped_at, waiting};
use super::world::{World, text};
use chatctl_local_cloud::{Fault, FaultKind};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;

/// The one document of a command that failed so, and its text as the exit code and stderr have it.
fn failure(stdout: &[u8], code: Option<i32>, kind: &str, expected: i32) -> Value {
    let said = String::from_utf8_lossy(stdout);
    let document: Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(document.as_object().unwrap().len(), 1, "{said}");
    let failure = document["failure"].clone();
    assert_eq!(code, Some(expected), "{said}");
    assert_eq!(failure["exitCode"], expected, "{said}");
    assert_eq!(failure["kind"], kind, "{said}");
    failure
}

/// Like [`failure`], of a command that also says so on stderr.
fn failure_of(output: &Output, kind: &str, expected: i32) -> Value {
    let failure = failure(&output.stdout, output.status.code(), kind, expected);
    let message = failure["message"].as_str().unwrap();
    let said = text(output);
    assert!(said.contains(&format!("error: {message}")), "{said}");
    failure
}

fn json(folder: &Path, args: &[&str]) -> Output {
    let mut command = chatctl(folder);
    command.args(args).args(["--output", "json"]);
    let output = command.output().unwrap();
    schemas::check(&command, &output);
    output
}

#[test]
fn a_wrong_command_line_is_a_document() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        ["status", "--regoin=x", "--output", "json"].as_slice(),
        &["--output=json", "status", "--regoin=x"],
    ] {
        let output = chatctl(folder.path()).args(args).output().unwrap();
        let failure = failure_of(&output, "usage", 64);
        assert_eq!(failure["message"], "unexpected argument '--regoin' found");
        assert_eq!(failure["hints"][0], "a similar argument exists: '--region'");
    }
    let none = json(folder.path(), &[]);
    let failure = failure(&none.stdout, none.status.code(), "usage", 64);
    assert_eq!(failure["message"], "no command was given");
    let text = run(chatctl(folder.path()).args(["status", "--regoin=x"]));
    assert_eq!((text.code, text.out.as_str()), (64, ""));
}

#[test]
fn help_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let Said { code, out, .. } =
        run(chatctl(folder.path()).args(["status", "--output", "json", "--help"]));
    assert_eq!(code, 0);
    assert!(out.contains("Usage: chatctl status"), "{out}");
}

#[test]
fn a_wrong_configuration_is_a_document_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = "name = \"team\"\nregoin = \"eu-central-1\"\n";
    std::fs::write(folder.path().join("chatctl.toml"), file).unwrap();
    let output = json(folder.path(), &["plan"]);
    let failure = failure_of(&output, "usage", 64);
    assert_eq!(failure["place"], json!({"file": "chatctl.toml", "line": 2}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_may_not_ask_says_so_in_its_document() {
    let world = World::empty().await;
    let output = world.run(&["deploy", "--output", "json"]).await;
    let failure = failure_of(&output, "usage", 64);
    let hints = failure["hints"].to_string();
    assert!(hints.contains("--yes"), "{hints}");
    assert_eq!(failure.get("place"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_fails_ends_with_its_document_and_the_events_stay_on_stderr() {
    let world = World::empty().await;
    world.cloud.inject(Fault {
        operation: Some("CreateTable".into()),
        ..Fault::new(FaultKind::ServiceError {
            status: 400,
            code: "AccessDeniedException".into(),
            message: "not you".into(),
        })
    });
    let args = ["deploy", "--yes", "--no-prove", "--output", "json"];
    let output = world.run(&args).await;
    let failure = failure_of(&output, "failed", 1);
    assert_ne!(failure["causes"], json!([]), "{failure}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let events = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let failed: Vec<_> = events.filter(|event| event["event"] == "failed").collect();
    assert!(failed.iter().any(|event| event["id"] == "table"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_is_stopped_ends_with_its_document() {
    let world = World::empty().await;
    let args = ["deploy", "--yes", "--no-prove", "--output", "json"];
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let output = stopped_at(&world, &args, "CreateApi", signal).await;
        failure_of(&output, "interrupted", code);
        world.teardown().await.unwrap();
    }
}

#[test]
fn a_command_that_a_signal_ends_at_once_ends_with_its_document() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["status", "--local", "--output", "json"];
    let (child, _connection) = waiting(chatctl(folder.path()).args(args));
    send(&child, Signal::INT);
    let output = child.wait_with_output().unwrap();
    let failure = failure_of(&output, "interrupted", 130);
    assert_eq!(failure["message"], "stopped by SIGINT");
}

/// The document must not wait for a reader that does not read.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_command_whose_output_nobody_reads() {
    use super::world::until;
    use rustix::io::ioctl_fionread;
    use rustix::pipe::{fcntl_setpipe_size, pipe};

    let folder = tempfile::tempdir().unwrap();
    let args = [
        "policy",
        "--account",
        "123456789012",
        "--region",
        "eu-central-1",
        "--output",
        "json",
    ];
    // Smaller than the output.
    let (reader, writer) = pipe().unwrap();
    let size = fcntl_setpipe_size(&writer, 4096).unwrap() as u64;
    let mut command = chatctl(folder.path());
    let mut child = command
        .args(args)
        .stdout(writer)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("the pipe is full", || {
        ioctl_fionread(&reader).unwrap() >= size
    })
    .await;
    send(&child, Signal::INT);
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert_eq!(ended.await.unwrap().code(), Some(130));
    drop(reader);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_with_changes_is_its_document_and_no_failure() {
    let world = World::deployed().await;
    let args = ["plan", "--exit-code", "--memory", "512", "--output", "json"];
    let output = world.run(&args).await;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["summary"]["update"], 2);
    assert_eq!(document.get("failure"), None);
}

#[test]
fn init_lists_what_it_wrote_and_what_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let document = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };
    let first = document(&json(folder.path(), &["init"]));
    assert_eq!(first, json!({"written": ["chatctl.toml"], "changed": []}));

    let again = json(folder.path(), &["init"]);
    let failure = failure_of(&again, "failed", 1);
    assert_eq!(
        failure["message"],
        "chatctl.toml is there already; nothing was written"
    );
    let lambda = document(&json(folder.path(), &["init", "--lambda"]));
    assert_eq!(lambda["changed"], json!(["chatctl.toml"]));
    let written = lambda["written"].as_array().unwrap();
    assert!(written.contains(&json!("lambda/Cargo.toml")), "{lambda}");
    for path in written {
        let path = folder.path().join(path.as_str().unwrap());
        assert!(path.is_file(), "{path:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_says_where_the_page_is() {
    let world = super::world::World::deployed().await;
    let mut command = world.chatctl(&["open", "--output", "json"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let first = tokio::task::spawn_blocking(move || {
        let mut documents = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
        documents.next().unwrap().unwrap()
    });
    let document = first.await.unwrap();
    super::schemas::valid("open", &document);
    send(&child, Signal::INT);
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert_eq!(ended.await.unwrap().code(), Some(0));
}
