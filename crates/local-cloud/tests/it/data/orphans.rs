//! No process outlives a local cloud that is killed with `kill -9`.

use std::path::Path;
use std::process::{Command, Stdio};

use chatctl_local_cloud::{LocalCloud, Options};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{World, calm, until, zip};

/// A function that starts a process of its own, in the way of a careless shell script.
const SCRIPT: &str = r#"#!/bin/bash
sleep 3600 &
echo "$$ $!" > "$PIDS.new"
mv "$PIDS.new" "$PIDS"
wait
"#;

/// Not a test: the process with the local cloud that is killed. Cargo never runs it by itself.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below"]
async fn cloud_to_be_killed() {
    let Ok(pids) = std::env::var("ORPHAN_PIDS") else {
        return;
    };
    let world = World::bare(calm()).await;
    world.make_role().await;
    world
        .make_function_of("f", &[("PIDS", &pids)], zip(SCRIPT, 0o755))
        .await;
    let _never_answers = world.lambda.invoke().function_name("f").send().await;
}

fn read(pids: &Path) -> Option<(Pid, Pid)> {
    let text = std::fs::read_to_string(pids).ok()?;
    let (parent, child) = text.trim().split_once(' ')?;
    Some((
        Pid::from_raw(parent.parse().ok()?)?,
        Pid::from_raw(child.parse().ok()?)?,
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_cloud_kills_its_functions_and_the_next_start_sweeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let name = "data::orphans::cloud_to_be_killed";
    let mut cloud = Command::new(std::env::current_exe().unwrap())
        .args(["--quiet", "--ignored", "--exact", name])
        .env("ORPHAN_PIDS", &pids)
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (bootstrap, child) = until("the function to start", || read(&pids)).await;
    let owner = Pid::from_child(&cloud);
    kill_process(owner, Signal::KILL).unwrap();
    cloud.wait().unwrap();
    let gone = |pid| move || test_kill_process(pid).is_err().then_some(());
    if cfg!(target_os = "linux") {
        until("the bootstrap to be ended by the kernel", gone(bootstrap)).await;
    }

    let state_dir = Some(folder.path().join("next"));
    let next = LocalCloud::start(Options {
        state_dir,
        ..Options::default()
    })
    .await
    .unwrap();
    until("the bootstrap's own child to be swept", gone(child)).await;
    let left = std::fs::read_dir(folder.path())
        .unwrap()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("chatctl-local-")
        });
    assert_eq!(left.count(), 0, "the former state folder is removed");
    next.stop().await;
}
