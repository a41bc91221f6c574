//! `chatctl local --watch`: the chat's source changes, the sockets stay.

use crate::binary::{chatctl, run};
use crate::running::{Client, Running, wait_for_end};
use serde_json::json;
use std::fs;
use std::path::Path;

/// What is said once for each change that is taken up.
const CHANGED: &str = "the Lambda's source has changed";

/// The bundled source, written out as a user would have it.
fn own_source(folder: &Path) {
    let said = run(chatctl(folder).args(["init", "--lambda"]));
    assert_eq!(said.code, 0, "{}", said.err);
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Answers a heartbeat with this key.
async fn answers_with(client: &mut Client, key: &str) {
    client.send(json!({ "action": "ping" })).await;
    client.expect(key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_built_and_live_while_open_sockets_stay_open() {
    let dir = tempfile::tempdir().unwrap();
    own_source(dir.path());
    let frames = dir.path().join("lambda/src/chat/frames.rs");
    let mut local = Running::start(dir.path(), &["--watch", "--lambda", "lambda"]);
    let redeployed = |local: &Running| local.line(|line| line["redeployed"].is_string());
    let mut alice = Client::connect(&local.text("url")).await;
    answers_with(&mut alice, "pong").await;

    edit(&frames, "raw(\"pong\"", "raw(\"pong1\"");
    assert_eq!(redeployed(&local)["redeployed"], local.ready["url"]);
    answers_with(&mut alice, "pong1").await;

    // What does not compile is told in the compiler's own words; what is live stays.
    edit(&frames, "raw(\"pong1\"", "raw(\"pong2\", no_such_thing");
    local.said("the former function stays live", 1);
    let err = local.err();
    assert!(err.contains("error[E0425]"), "{err}");
    assert!(err.contains("src/chat/frames.rs"), "{err}");
    answers_with(&mut alice, "pong1").await;

    // The next good save mends it. It comes as editors write: a backup, a new file that takes the place
    // of the old one, a new module beside it, all at once, and more than once.
    let text = fs::read_to_string(&frames).unwrap();
    let good = text.replace(
        "raw(\"pong2\", no_such_thing",
        "raw(crate::chat::word::PONG",
    );
    let word = dir.path().join("lambda/src/chat/word.rs");
    let of_chat = dir.path().join("lambda/src/chat/mod.rs");
    let with_word = fs::read_to_string(&of_chat).unwrap().replacen(
        "pub mod frames;",
        "pub mod frames;\npub mod word;",
        1,
    );
    let beside = frames.with_file_name("frames.rs.saving");
    for _ in 0..5 {
        fs::copy(&frames, frames.with_file_name("frames.rs~")).unwrap();
        fs::write(&beside, &good).unwrap();
        fs::rename(&beside, &frames).unwrap();
        fs::write(
            &word,
            "//! A word.\n\n/// The word.\npub const PONG: &str = \"pong3\";\n",
        )
        .unwrap();
        fs::write(&of_chat, &with_word).unwrap();
    }
    redeployed(&local);
    answers_with(&mut alice, "pong3").await;
    assert_eq!(local.err().matches(CHANGED).count(), 3, "{}", local.err());

    // Neither builds nor what editors leave behind are changes: the next real one is the next build.
    for name in [
        "target/debug/x.rs",
        "src/.frames.rs.swp",
        "src/chat/frames.rs~",
        "NOTES.md",
    ] {
        let file = dir.path().join("lambda").join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "fn").unwrap();
    }
    edit(&word, "pong3", "pong4");
    redeployed(&local);
    answers_with(&mut alice, "pong4").await;
    assert_eq!(local.err().matches(CHANGED).count(), 4, "{}", local.err());

    // A file that comes back with its old time is a change all the same.
    let (old, new) = (word.with_extension("old"), word.with_extension("new"));
    fs::write(
        &old,
        fs::read_to_string(&word).unwrap().replace("pong4", "pong5"),
    )
    .unwrap();
    fs::File::open(&old)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    fs::rename(&word, &new).unwrap();
    fs::rename(&old, &word).unwrap();
    fs::remove_file(&new).unwrap();
    redeployed(&local);
    answers_with(&mut alice, "pong5").await;
    assert_eq!(local.interrupt(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_for_node_is_zipped_again_while_open_sockets_stay_open() {
    let dir = tempfile::tempdir().unwrap();
    let said = run(chatctl(dir.path()).args(["init", "--template", "echo"]));
    assert_eq!(said.code, 0, "{}", said.err);
    let local = Running::start(dir.path(), &["--watch"]);
    let mut alice = Client::connect(&local.text("url")).await;
    answers_with(&mut alice, "action").await;
    edit(
        &dir.path().join("function/index.mjs"),
        "200, body }",
        "200, body: JSON.stringify({ second: body }) }",
    );
    local.line(|line| line["redeployed"].is_string());
    answers_with(&mut alice, "second").await;
    assert_eq!(local.interrupt(), 0);
}

/// A build script that tells its process id and never ends.
const ENDLESS: &str = r#"fn main() {
    let id = std::process::id().to_string();
    std::fs::write("../running.new", id).unwrap();
    std::fs::rename("../running.new", "../running").unwrap();
    loop {
        std::thread::sleep(std::time::Duration::from_secs(3600));
    }
}
"#;

/// The process of a build that does not end by itself.
fn endless(local: &mut Running, folder: &Path) -> u32 {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(300);
    loop {
        if let Ok(text) = fs::read_to_string(folder.join("running")) {
            return text.parse().unwrap();
        }
        assert!(local.child.try_wait().unwrap().is_none(), "{}", local.err());
        assert!(std::time::Instant::now() < until, "{}", local.err());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Builds of its own, so that one that hangs keeps no other test waiting.
fn alone(folder: &Path) -> std::process::Command {
    let mut command = chatctl(folder);
    command.env("CHATCTL_CACHE_DIR", folder.join("cache"));
    command
}

/// A package that Cargo need not fetch anything for.
fn small_source(folder: &Path) {
    let manifest = "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                    [[bin]]\nname = \"bootstrap\"\npath = \"main.rs\"\n[workspace]\n";
    fs::create_dir_all(folder.join("mine")).unwrap();
    fs::write(folder.join("mine/Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("mine/main.rs"), "fn main() {}\n").unwrap();
}

/// `CodeSha256` of what is deployed.
fn code_of(local: &Running) -> String {
    use std::io::{Read, Write};
    let host = local.endpoint().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(&host).unwrap();
    let signed = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00";
    write!(
        stream,
        "GET /2015-03-31/functions/chat-production HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: {signed}\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let function: serde_json::Value = serde_json::from_str(body).unwrap();
    let code = function["Configuration"]["CodeSha256"].as_str();
    code.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// Two copies of one package, as two checkouts are: the second one's files are older than the build of
/// the first, and still it is the second one that is deployed.
#[test]
fn a_second_copy_of_a_source_is_not_taken_for_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let local = Running::start(dir.path(), &["--no-deploy"]);
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    small_source(&second);
    small_source(&first);
    fs::write(
        second.join("mine/main.rs"),
        "fn main() { println!(\"second\") }\n",
    )
    .unwrap();
    let code = |copy: &Path| {
        let mut command = alone(dir.path());
        let source = copy.join("mine").display().to_string();
        command.args([
            "deploy",
            "--yes",
            "--no-prove",
            "--local",
            "--lambda",
            &source,
        ]);
        let said = run(command.args(["--port", &local.port()]));
        assert_eq!(said.code, 0, "{}", said.err);
        code_of(&local)
    };
    let (one, two) = (code(&first), code(&second));
    assert_ne!(one, two);
    assert_eq!(local.interrupt(), 0);
}

#[test]
fn ctrl_c_during_a_build_ends_the_compiler_too() {
    let dir = tempfile::tempdir().unwrap();
    small_source(dir.path());
    fs::write(dir.path().join("mine/build.rs"), ENDLESS).unwrap();
    let mut local = Running::begin(alone(dir.path()), &["--lambda", "mine"]);
    let build = endless(&mut local, dir.path());
    let err = local.stop();
    assert!(err.contains("error: stopped"), "{err}");
    wait_for_end(build);
}

#[test]
fn ctrl_c_during_a_rebuild_ends_the_compiler_too() {
    let dir = tempfile::tempdir().unwrap();
    own_source(dir.path());
    let mut local = Running::start(dir.path(), &["--watch", "--lambda", "lambda"]);
    fs::write(dir.path().join("lambda/build.rs"), ENDLESS).unwrap();
    let build = endless(&mut local, dir.path());
    let err = local.stop();
    assert!(
        err.contains("stopped while the function was being"),
        "{err}"
    );
    wait_for_end(build);
}

#[test]
fn a_source_folder_that_goes_away_and_comes_back_is_watched_again() {
    let dir = tempfile::tempdir().unwrap();
    own_source(dir.path());
    let mut local = Running::start(dir.path(), &["--watch", "--lambda", "lambda"]);
    let (here, away) = (dir.path().join("lambda"), dir.path().join("away"));
    fs::rename(&here, &away).unwrap();
    local.said("the function stays as it is", 1);
    fs::rename(&away, &here).unwrap();
    local.said("it is again what is live", 1);
    edit(
        &here.join("src/chat/frames.rs"),
        "raw(\"pong\"",
        "raw(\"pong9\"",
    );
    local.line(|line| line["redeployed"].is_string());
    assert_eq!(local.interrupt(), 0);
}

#[test]
fn what_cannot_be_watched_is_told_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let said = run(chatctl(dir.path()).args(["local", "--port", "0", "--watch"]));
    assert_eq!(said.code, 64, "{}", said.err);
    assert!(said.err.contains("chatctl init --lambda"), "{}", said.err);
    let said = run(chatctl(dir.path()).args(["local", "--watch", "--no-deploy"]));
    assert_eq!(said.code, 64, "{}", said.err);
}
