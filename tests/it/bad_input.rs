//! Whatever is wrong with what the user gave: one clear error, a hint, the documented exit code,
//! and nothing half-made.

use crate::binary::{chatctl, run};
use crate::world::{World, text};
use chatctl_local_cloud::{LocalCloud, Options};
use std::net::TcpListener;
use std::path::Path;

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A program on the PATH that answers what the test wants.
fn fake_program(folder: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    write(folder, name, &format!("#!/bin/sh\n{script}\n"));
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.join(name), mode).unwrap();
}

async fn cloud() -> LocalCloud {
    LocalCloud::start(Options::default()).await.unwrap()
}

/// Every kind of thing that a deploy makes; none may be there after a refusal.
async fn assert_empty(cloud: &LocalCloud) {
    let url = format!("{}/_chatctl/calls", cloud.endpoint());
    let text = tokio::task::spawn_blocking(move || http_get(&url))
        .await
        .unwrap();
    for write in ["Create", "Put", "Update", "Delete", "Add", "Tag"] {
        assert!(
            !text.contains(&format!("\"{write}")),
            "a {write} call was made: {text}"
        );
    }
}

pub fn http_get(url: &str) -> String {
    use std::io::{Read, Write};
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_taken_port_is_told_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let dir = tempfile::tempdir().unwrap();
    let said = run(chatctl(dir.path()).args(["local", "--port", &port]));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains(&format!("port {port} is taken")),
        "{}",
        said.err
    );
    assert!(said.err.contains("hint: "), "{}", said.err);
}

#[tokio::test]
async fn a_lambda_that_does_not_compile_shows_the_compilers_words_and_makes_nothing() {
    let cloud = cloud().await;
    let dir = tempfile::tempdir().unwrap();
    let manifest = "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
                    [[bin]]\nname = \"bootstrap\"\npath = \"main.rs\"\n[workspace]\n";
    write(dir.path(), "mine/Cargo.toml", manifest);
    write(
        dir.path(),
        "mine/main.rs",
        "fn main() { let x: u8 = \"text\"; }\n",
    );
    let port = cloud.addr().port().to_string();
    let mut command = chatctl(dir.path());
    command.args([
        "deploy", "--local", "--port", &port, "--yes", "--lambda", "mine",
    ]);
    let said = tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .unwrap();
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("error[E0308]: mismatched types"),
        "{}",
        said.err
    );
    assert!(said.err.contains("nothing was deployed"), "{}", said.err);
    assert_empty(&cloud).await;
    cloud.stop().await;
}

#[tokio::test]
async fn a_missing_rust_target_is_named_with_the_command_that_adds_it() {
    let cloud = cloud().await;
    let dir = tempfile::tempdir().unwrap();
    fake_program(dir.path(), "bin/rustc", "echo /nowhere/at/all");
    fake_program(dir.path(), "bin/cargo", "exit 9");
    let mut command = chatctl(dir.path());
    command
        .args([
            "deploy",
            "--yes",
            "--arch",
            "arm64",
            "--endpoint-url",
            cloud.endpoint(),
        ])
        .env("CHATCTL_CACHE_DIR", dir.path().join("cache"))
        .env("PATH", dir.path().join("bin"));
    let said = tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .unwrap();
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err
            .contains("rustup target add aarch64-unknown-linux-musl"),
        "{}",
        said.err
    );
    assert_empty(&cloud).await;
    cloud.stop().await;
}

#[tokio::test]
async fn a_machine_without_rust_is_told_where_to_get_it() {
    let cloud = cloud().await;
    let dir = tempfile::tempdir().unwrap();
    let mut command = chatctl(dir.path());
    command
        .args(["deploy", "--yes", "--endpoint-url", cloud.endpoint()])
        .env("CHATCTL_CACHE_DIR", dir.path().join("cache"))
        .env("PATH", dir.path());
    let said = tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .unwrap();
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("no Rust toolchain was found"),
        "{}",
        said.err
    );
    assert!(said.err.contains("https://rustup.rs"), "{}", said.err);
    assert_empty(&cloud).await;
    cloud.stop().await;
}

#[test]
fn a_malformed_file_is_refused_with_file_line_and_key() {
    for (text, wanted) in [
        (
            "name = \"x\"\n[function]\nmemroy = 1\n",
            "chatctl.toml:3: unknown key `memroy`",
        ),
        ("name = \n", "chatctl.toml:1: "),
        ("[function]\nmemory = \"much\"\n", "chatctl.toml:2: "),
        (
            "\n[logs]\nretention-days = 8\n",
            "chatctl.toml:3: logs.retention-days: 8 days",
        ),
        (
            "[gateway]\nthrottle-rate = 0.0\n",
            "chatctl.toml:2: gateway.throttle-rate: ",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "chatctl.toml", text);
        let said = run(chatctl(dir.path()).args(["plan", "--local"]));
        assert_eq!(said.code, 64, "{}", said.err);
        assert!(said.err.contains(wanted), "{text:?}: {}", said.err);
    }
}

#[test]
fn values_that_aws_would_refuse_are_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    for (flags, wanted) in [
        (
            ["--region", "eu-cenral-1"],
            "--region: \"eu-cenral-1\" is not an AWS region",
        ),
        (
            ["--name", "My Chat"],
            "--name: \"My Chat\" cannot be part of",
        ),
        (["--stage", "a/b"], "--stage: \"a/b\" is not a stage name"),
    ] {
        let said = run(chatctl(dir.path()).args(["deploy", "--yes"]).args(flags));
        assert_eq!(said.code, 64, "{}", said.err);
        assert!(said.err.contains(wanted), "{}", said.err);
        assert!(said.err.contains("hint: "), "{}", said.err);
    }
}

#[test]
fn without_credentials_one_sentence_says_so_and_points_to_the_local_cloud() {
    let dir = tempfile::tempdir().unwrap();
    let said = run(chatctl(dir.path()).args(["deploy", "--yes", "--region", "us-east-1"]));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err
            .starts_with("error: no AWS credentials were found\n"),
        "{}",
        said.err
    );
    assert!(said.err.contains("`chatctl local`"), "{}", said.err);
}

#[test]
fn without_a_region_the_three_ways_to_set_one_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = chatctl(dir.path());
    command
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "y");
    let said = run(command.args(["deploy", "--yes"]));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("no AWS region is set"), "{}", said.err);
    assert!(said.err.contains("--region"), "{}", said.err);
}

#[test]
fn a_local_cloud_that_does_not_run_is_told_with_the_command_that_starts_it() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string();
    let dir = tempfile::tempdir().unwrap();
    let said = run(chatctl(dir.path()).args(["status", "--local", "--port", &port]));
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains(&format!("`chatctl local --port {port}`")),
        "{}",
        said.err
    );
}

#[test]
fn an_unknown_flag_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        run(chatctl(dir.path()).args(["deploy", "--nonsense"])).code,
        64
    );
    assert_eq!(run(chatctl(dir.path()).arg("--help")).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_in_a_hint_leads_to_the_same_chat() {
    let world = super::world::World::empty().await;
    let port = world.cloud.addr().port();
    let wanted = format!("`chatctl deploy --name mine --stage test --local --port {port}` deploys");
    for args in [
        ["open", "--name", "mine", "--stage", "test"],
        ["chat", "--name", "mine", "--stage", "test"],
    ] {
        let output = world.run(&args).await;
        let said = super::world::text(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(&wanted), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_region_that_is_not_the_local_clouds_is_refused() {
    let world = World::empty().await;
    let said = world.run(&["status", "--region", "eu-west-1"]).await;
    assert_eq!(said.status.code(), Some(64), "{}", text(&said));
    let words = "error: --region eu-west-1: the local cloud is in us-east-1\n";
    assert!(text(&said).contains(words), "{}", text(&said));
    // The local cloud's own region may be typed, and one for AWS may be set.
    let mut command = world.chatctl(&["list", "--region", "us-east-1"]);
    command.env("AWS_REGION", "eu-west-1");
    let fine = tokio::task::spawn_blocking(move || command.output().unwrap());
    let fine = fine.await.unwrap();
    assert!(fine.status.success(), "{}", text(&fine));
    let mut command = world.chatctl(&["list"]);
    command.env("AWS_REGION", "eu-west-1");
    let fine = tokio::task::spawn_blocking(move || command.output().unwrap());
    let fine = fine.await.unwrap();
    assert!(fine.status.success(), "{}", text(&fine));
}
