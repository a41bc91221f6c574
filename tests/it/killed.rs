//! kill -9 of the binary at every write of a deploy and of a teardown, then one plain run.

use super::world::{World, calm, wait_for};
use chatctl_local_cloud::{Call, Fault, FaultKind};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

const SIDE_BY_SIDE: usize = 4;

/// Each write, as the n-th of its operation.
fn writes(calls: &[Call]) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.mutating) {
        *counts.entry(call.operation.clone()).or_default() += 1;
    }
    let each = counts.into_iter();
    each.flat_map(|(operation, count)| (1..=count).map(move |nth| (operation.clone(), nth)))
        .collect()
}

/// Runs the binary and kills it while the n-th call of this operation is under way.
async fn killed_at(world: &World, args: &[&str], operation: &str, nth: u64) {
    killed_after(400, world, args, operation, nth).await;
}

/// The same; the call comes into effect, if at all, so many milliseconds after it was made.
pub(super) async fn killed_after(
    millis: u64,
    world: &World,
    args: &[&str],
    operation: &str,
    nth: u64,
) {
    let before = world
        .cloud
        .calls()
        .iter()
        .filter(|call| call.operation == operation)
        .count();
    world.cloud.inject(Fault {
        operation: Some(operation.into()),
        nth,
        ..Fault::new(FaultKind::Delay(millis))
    });
    let mut command = world.chatctl(args);
    let mut child = command
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(world, operation, before + usize::try_from(nth).unwrap()).await;
    child.kill().unwrap();
    let end = child.wait().unwrap();
    assert!(
        !end.success(),
        "{operation} #{nth}: it was over before it was killed"
    );
    super::world::delete(&format!("{}/_chatctl/faults", world.cloud.endpoint())).await;
}

/// The cloud ends what it had begun for the killed one, as AWS does.
pub(super) async fn settled(world: &World) {
    let open = || {
        let calls = world.cloud.calls().into_iter();
        calls.filter(|call| call.status.is_none()).count()
    };
    let ended = async {
        while open() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // A call that the cloud gave up with its caller stays open for ever.
    let _ = tokio::time::timeout(Duration::from_millis(800), ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_killed_at_any_write_is_completed_by_the_next() {
    let world = World::empty().await;
    world.deploy().await.unwrap();
    let wanted = world.snapshot().await;
    let cases = writes(&world.cloud.calls());
    let count = cases.len();
    let ends = stream::iter(cases).map(|(operation, nth)| {
        let wanted = &wanted;
        async move {
            let world = World::empty().await;
            killed_at(&world, &["deploy", "--yes", "--no-prove"], &operation, nth).await;
            settled(&world).await;
            world.deploy().await.unwrap();
            let now = world.snapshot().await;
            let settled = !world.deploy().await.unwrap().changed;
            (
                operation,
                nth,
                settled && without_code(now) == without_code(wanted.clone()),
            )
        }
    });
    let ends: Vec<_> = ends.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let failed: Vec<_> = ends.iter().filter(|(.., fine)| !fine).collect();
    assert!(failed.is_empty(), "{failed:?}");
    eprintln!("{count} cases");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_killed_at_any_write_is_completed_by_the_next() {
    let world = World::empty().await;
    let empty = world.snapshot().await;
    world.deploy().await.unwrap();
    let before = world.cloud.calls().len();
    world.teardown().await.unwrap();
    let cases = writes(&world.cloud.calls()[before..]);
    let count = cases.len();
    let ends = stream::iter(cases).map(|(operation, nth)| {
        let empty = &empty;
        async move {
            let world = World::deployed().await;
            killed_at(&world, &["teardown", "--yes"], &operation, nth).await;
            settled(&world).await;
            world.teardown().await.unwrap();
            (operation, nth, world.snapshot().await == *empty)
        }
    });
    let ends: Vec<_> = ends.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let failed: Vec<_> = ends.iter().filter(|(.., fine)| !fine).collect();
    assert!(failed.is_empty(), "{failed:?}");
    eprintln!("{count} cases");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_a_killed_run_makes_late_is_gone_at_the_end_of_the_next() {
    let world = World::empty().await;
    world.deploy().await.unwrap();
    let wanted = world.snapshot().await;
    let world = World::empty().await;
    let deploy = ["deploy", "--yes", "--no-prove"];
    killed_after(1000, &world, &deploy, "CreateApi", 1).await;
    // The next run looks before the killed one's call comes into effect, and ends after it.
    let mut slow = calm();
    slow.latency_millis = 80;
    world.cloud.set_conditions(slow);
    world.deploy().await.unwrap();
    super::converge::same(&world.snapshot().await, &wanted, "another end").unwrap();
}

/// The binary uploads the real function, the test a tiny one.
fn without_code(mut snapshot: Value) -> Value {
    for function in snapshot["functions"].as_array_mut().unwrap() {
        function["code"] = Value::Null;
        function["tags"]["chatctl:code"] = Value::Null;
    }
    snapshot
}
