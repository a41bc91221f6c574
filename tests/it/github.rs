//! What chatctl says to a GitHub Actions runner, and what nobody else can make it say.

use super::world::{World, text};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes the command one that a runner starts.
fn on_runner(command: &mut Command, folder: &Path) {
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", folder)
        .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
        .env("GITHUB_OUTPUT", folder.join("output"));
}

/// Runs the binary as a step of a workflow.
async fn step(world: &World, args: &[&str]) -> Output {
    let mut command = world.chatctl(args);
    on_runner(&mut command, world.folder.path());
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    run.await.unwrap()
}

fn read(world: &World, name: &str) -> String {
    std::fs::read_to_string(world.folder.path().join(name)).unwrap()
}

/// The outputs of a step, read as the runner reads them.
fn outputs(world: &World) -> BTreeMap<String, String> {
    let text = read(world, "output");
    let mut lines = text.lines();
    let mut all = BTreeMap::new();
    while let Some(head) = lines.next() {
        let (name, end) = head.split_once("<<").unwrap();
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != end).collect();
        all.insert(name.to_owned(), value.join("\n"));
    }
    all
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_wrong_line_of_the_configuration_is_annotated() {
    let repository = tempfile::tempdir().unwrap();
    let folder = repository.path().join("services/chat");
    std::fs::create_dir_all(&folder).unwrap();
    for (toml, start) in [
        (
            "\n[logs]\nretention-days = 8\n",
            "::error title=chatctl,file=services/chat/chatctl.toml,line=3::chatctl.toml:3: logs.retention-days",
        ),
        (
            "name = \"x\"\n[function]\nmemroy = 1\n",
            "::error title=chatctl,file=services/chat/chatctl.toml,line=3::chatctl.toml:3: unknown key",
        ),
    ] {
        std::fs::write(folder.join("chatctl.toml"), toml).unwrap();
        let mut command = crate::binary::chatctl(&folder);
        on_runner(command.args(["plan", "--local"]), repository.path());
        let said = crate::binary::run(&mut command);
        assert_eq!(said.code, 64, "{}", said.err);
        assert!(
            said.err.lines().any(|line| line.starts_with(start)),
            "{}",
            said.err
        );
        command.env_remove("GITHUB_ACTIONS");
        let said = crate::binary::run(&mut command);
        assert!(!said.err.contains("::"), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_the_summary_of_its_step() {
    let world = World::deployed().await;
    let output = step(&world, &["plan", "--throttle-burst", "20"]).await;
    assert!(output.status.success(), "{}", text(&output));
    insta::assert_snapshot!(read(&world, "summary.md"), @"
    ### chat/production in us-east-1: 1 to update

    ```diff
    ! stage  production
        throttlingBurstLimit: 1000 → 20
    ```
    ");
    assert_eq!(outputs(&world)["changed"], "true");
    step(&world, &["plan"]).await;
    assert!(read(&world, "summary.md").contains("nothing to change"));
    assert_eq!(outputs(&world)["changed"], "false");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_folds_its_lines_and_sets_outputs() {
    let world = World::deployed().await;
    let args = ["deploy", "--yes", "--no-prove", "--throttle-burst", "20"];
    let output = step(&world, &args).await;
    let said = stderr(&output);
    assert!(output.status.success(), "{said}");
    let commands: Vec<_> = said.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(
        commands,
        [
            "::group::Plan: 1 to update",
            "::endgroup::",
            "::group::Changes",
            "::endgroup::"
        ]
    );
    let outputs = outputs(&world);
    let url = &outputs["url"];
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .ends_with(url.as_str())
    );
    assert!(url.contains(&outputs["api-id"]), "{outputs:?}");
    assert_eq!(outputs["changed"], "true");
    let summary = read(&world, "summary.md");
    assert!(
        summary.contains("is deployed") && summary.contains(url),
        "{summary}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_reads_json_sees_no_groups() {
    let world = World::deployed().await;
    let args = [
        "deploy",
        "--yes",
        "--no-prove",
        "--throttle-burst",
        "20",
        "--output",
        "json",
    ];
    let output = step(&world, &args).await;
    assert!(output.status.success(), "{}", text(&output));
    assert!(!text(&output).contains("::group"), "{}", text(&output));
    serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_runner_nothing_of_it_is_said_or_written() {
    let world = World::deployed().await;
    let args = ["deploy", "--yes", "--no-prove", "--throttle-burst", "20"];
    let mut command = world.chatctl(&args);
    on_runner(&mut command, world.folder.path());
    command.env("GITHUB_ACTIONS", "false");
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = run.await.unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(!stderr(&output).contains("::"), "{}", stderr(&output));
    assert!(!world.folder.path().join("output").exists());
    assert!(!world.folder.path().join("summary.md").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_is_no_command_to_the_runner() {
    let world = World::deployed().await;
    let (group, stream) = ("/aws/lambda/chat-production", "hostile");
    let logs = &world.clients.logs;
    let call = logs.create_log_stream().log_group_name(group);
    call.log_stream_name(stream).send().await.unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let event = aws_sdk_cloudwatchlogs::types::InputLogEvent::builder()
        .timestamp(i64::try_from(now.as_millis()).unwrap())
        .message("said ##[error]x\n::error::y")
        .build()
        .unwrap();
    let call = logs.put_log_events().log_group_name(group);
    let call = call.log_stream_name(stream).log_events(event);
    call.send().await.unwrap();
    for format in ["text", "json"] {
        let output = step(&world, &["logs", "--output", format]).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("said"), "{}", text(&output));
        assert!(!said.contains("##["), "{said}");
        let obeyed = said.lines().any(|line| line.trim_start().starts_with("::"));
        assert!(!obeyed, "{said}");
    }
}
