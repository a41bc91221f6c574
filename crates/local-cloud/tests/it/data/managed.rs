//! Managed runtimes: which interpreter runs them. What their programs do is tested from outside, with real ones.

use aws_sdk_lambda::types::Runtime;
use chatctl_local_cloud::{LocalCloud, Options};
use serde_json::Value;

use super::{World, bootstrap, calm, zip};

/// A cloud whose PATH has nothing but this folder.
async fn world(search_path: &str) -> World {
    let options = Options {
        conditions: calm(),
        search_path: search_path.to_owned(),
        ..Options::default()
    };
    let world = World::of(LocalCloud::start(options).await.unwrap()).await;
    world.make_role().await;
    world
}

async fn make(world: &World, runtime: &str) {
    let create = world.creation("f", &[], zip("no bootstrap", 0o644));
    let create = create.runtime(Runtime::from(runtime));
    create.handler("index.handler").send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_interpreter_is_named_in_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let world = world(&folder.path().display().to_string()).await;
    make(&world, "python3.12").await;
    let (error, payload) = world.invoke("f", "{}").await;
    assert_eq!(error.as_deref(), Some("Unhandled"));
    let payload: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(payload["errorType"], "Runtime.InvalidEntrypoint");
    let words = payload["errorMessage"].as_str().unwrap();
    assert!(
        words.ends_with("the runtime python3.12 needs the program `python3`, which is not in the PATH of the local cloud: install it"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreter_of_another_version_runs_it_with_one_warning() {
    let folder = tempfile::tempdir().unwrap();
    let node = folder.path().join("node");
    let probe = format!(
        "if [ \"$1\" = -p ]; then echo '{}'; echo 20.1.0; exit; fi",
        node.display()
    );
    let run = bootstrap().replace("#!/bin/sh\n", "");
    super::script(&node, &format!("#!/bin/sh\n{probe}\n{run}"));
    let world = world(&folder.path().display().to_string()).await;
    let group = world.logs.create_log_group();
    group.log_group_name("/aws/lambda/f").send().await.unwrap();
    make(&world, "nodejs22.x").await;
    let (error, payload) = world.invoke("f", r#"{"do":"env"}"#).await;
    assert_eq!(error, None);
    let answer: Value = serde_json::from_str(&payload).unwrap();
    let variables: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(variables["AWS_EXECUTION_ENV"], "AWS_Lambda_nodejs22.x");
    assert_eq!(variables["_HANDLER"], "index.handler");
    world.invoke("f", r#"{"do":"exit:3"}"#).await;
    assert_eq!(world.invoke("f", "{}").await.0, None);
    let reports = |lines: &[String]| {
        lines
            .iter()
            .filter(|line| line.starts_with("REPORT"))
            .count()
    };
    let lines = world
        .lines("/aws/lambda/f", |lines| reports(lines) == 3)
        .await;
    let warned = |line: &&String| {
        line.starts_with("[WARNING] the local cloud runs nodejs22.x by version 20.1.0 of ")
    };
    assert_eq!(lines.iter().filter(warned).count(), 1, "{lines:#?}");
    assert!(
        lines[0].starts_with("INIT_START Runtime Version: nodejs:22.v1\t"),
        "{lines:#?}"
    );
}
