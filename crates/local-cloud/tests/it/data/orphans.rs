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

/// A function that starts a daemon: a session, a working folder and a parent of its own.
#[cfg(target_os = "linux")]
const DAEMON: &str = r#"#!/bin/bash
(cd / && setsid bash -c 'echo "$PPID $$" > "$PIDS.new"; mv "$PIDS.new" "$PIDS"; sleep 3600; true' &)
sleep 3600
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

/// Not a test either: the same with a daemon.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test below"]
async fn cloud_with_a_daemon_to_be_killed() {
    let Ok(pids) = std::env::var("ORPHAN_PIDS") else {
        return;
    };
    let world = with_daemon(&pids).await;
    let _never_answers = world.lambda.invoke().function_name("f").send().await;
}

#[cfg(target_os = "linux")]
async fn with_daemon(pids: &str) -> World {
    let world = World::bare(calm()).await;
    world.make_role().await;
    let code = zip(DAEMON, 0o755);
    world.make_function_of("f", &[("PIDS", pids)], code).await;
    world
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_in_a_session_of_its_own_ends_with_its_environment() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let world = with_daemon(&pids.display().to_string()).await;
    let invoke = world.lambda.invoke().function_name("f").send();
    let invoking = tokio::spawn(invoke);
    let (_, daemon) = until("the daemon to start", || read(&pids)).await;
    world.cloud.stop().await;
    invoking.abort();
    until("the daemon to be ended", gone(daemon)).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_next_start_ends_a_process_in_a_session_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let name = "data::orphans::cloud_with_a_daemon_to_be_killed";
    let mut cloud = start(name, folder.path());
    let (_, daemon) = until("the daemon to start", || read(&pids)).await;
    cloud.kill().unwrap();
    cloud.wait().unwrap();
    assert!(
        test_kill_process(daemon).is_ok(),
        "nothing but the next start ends it"
    );
    let next = next_start(folder.path()).await;
    until("the daemon to be ended", gone(daemon)).await;
    next.stop().await;
}

/// This test binary in its part as a local cloud.
fn start(name: &str, folder: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--quiet", "--ignored", "--exact", name])
        .env("ORPHAN_PIDS", folder.join("pids"))
        .env("TMPDIR", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn next_start(folder: &Path) -> LocalCloud {
    let state_dir = Some(folder.join("next"));
    let options = Options {
        state_dir,
        ..Options::default()
    };
    LocalCloud::start(options).await.unwrap()
}

/// A process is gone, or waits only for its parent to see that.
fn gone(process: Pid) -> impl FnMut() -> Option<()> {
    move || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
        let is_zombie = stat.is_ok_and(|stat| stat.contains(") Z "));
        (is_zombie || test_kill_process(process).is_err()).then_some(())
    }
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
    let mut cloud = start(name, folder.path());
    let (bootstrap, child) = until("the function to start", || read(&pids)).await;
    let owner = Pid::from_child(&cloud);
    kill_process(owner, Signal::KILL).unwrap();
    cloud.wait().unwrap();
    if cfg!(target_os = "linux") {
        until("the bootstrap to be ended by the kernel", gone(bootstrap)).await;
    }

    let next = next_start(folder.path()).await;
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
