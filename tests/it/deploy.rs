//! `chatctl deploy`, with the real function behind it.

use super::world::{World, calm, text};
use chatctl::config::ChatFlags;
use chatctl::prove::Client;
use chatctl_local_cloud::{Conditions, Fault, FaultKind};
use serde_json::Value;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn ends_with_a_chat_that_answers_and_a_second_run_changes_nothing() {
    let world = World::empty().await;
    let first = world.run(&["deploy", "--yes", "--output", "json"]).await;
    assert!(first.status.success(), "{}", text(&first));
    let json: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert!(json["provedInSeconds"].is_number(), "{json}");
    assert_eq!(json["plan"]["summary"]["create"], 21);
    let before = world.cloud.calls().len();
    let began = Instant::now();
    let second = world.run(&["deploy"]).await;
    assert!(second.status.success(), "{}", text(&second));
    assert!(
        text(&second).contains("nothing was changed"),
        "{}",
        text(&second)
    );
    assert_eq!(world.writes_since(before), []);
    let reads = world.cloud.calls().len() - before;
    assert!(reads <= 32, "{reads} reads");
    eprintln!("a no-op deploy: {reads} reads, {:?}", began.elapsed());
    let all = world.run(&["logs"]).await;
    assert!(!all.stdout.is_empty(), "the proof is in the logs");
    let failures = world.run(&["logs", "--errors"]).await;
    assert!(failures.stdout.is_empty(), "{}", text(&failures));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_named_by_the_id_that_the_plan_could_not_know() {
    let world = World::empty().await;
    let deployed = world.run(&["deploy", "--yes", "--no-prove"]).await;
    let said = text(&deployed);
    assert!(deployed.status.success(), "{said}");
    let made: Vec<_> = said.lines().filter(|l| l.contains("+ created")).collect();
    assert_eq!(made.len(), 21, "{said}");
    let unknown: Vec<_> = made.iter().filter(|l| l.contains("{api}")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let group = |line: &&&str| line.contains("created log-group/execution /aws/apigateway/");
    assert_eq!(made.iter().filter(group).count(), 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_the_proof_says_what_a_500_means() {
    let world = World::empty().await;
    let proved = world.run(&["deploy", "--yes", "--no-prove"]).await;
    assert!(proved.status.success(), "{}", text(&proved));
    let status = world.run(&["status", "--output", "json"]).await;
    let json: Value = serde_json::from_slice(&status.stdout).unwrap();
    let url = json["url"].as_str().unwrap();
    let id = url.split('/').rev().nth(1).unwrap();
    let call = world
        .clients
        .lambda
        .remove_permission()
        .function_name("chat-production");
    call.qualifier("live")
        .statement_id(format!("chatctl-live-{id}"))
        .send()
        .await
        .unwrap();
    let (limit, flags) = (Duration::from_millis(300), ChatFlags::default());
    let error = chatctl::prove::prove_within(limit, url, &Client::default(), &flags, |_| {})
        .await
        .unwrap_err();
    assert!(error.hints()[0].starts_with("500 means"), "{error:?}");
    let nowhere = url.replace("production", "nowhere");
    let client = Client::default();
    let error = chatctl::prove::prove_within(limit, &nowhere, &client, &flags, |_| {});
    assert!(error.await.unwrap_err().hints()[0].starts_with("403 means"));
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_for_a_fresh_role_without_a_fixed_sleep() {
    let conditions = Conditions {
        propagation_millis: 1500,
        ..calm()
    };
    let world = World::in_conditions(conditions).await;
    let began = Instant::now();
    world.deploy().await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(1500));
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_rates_of_the_control_plane() {
    let mut conditions = calm();
    conditions.control_plane.control_rates = true;
    let world = World::in_conditions(conditions).await;
    let began = Instant::now();
    world.deploy_trying(1).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "slowed by a limit that it does not reach"
    );
    let refused = world
        .cloud
        .calls()
        .into_iter()
        .filter(|call| call.status == Some(429));
    assert_eq!(refused.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_cause_is_told_once_and_names_the_command_that_goes_on() {
    let world = World::empty().await;
    world.cloud.inject(Fault {
        operation: Some("CreateRole".into()),
        times: 99,
        ..Fault::new(FaultKind::Error(503))
    });
    let error = world.deploy_trying(1).await.unwrap_err();
    assert!(
        error.message().starts_with("cannot create the role"),
        "{error}"
    );
    let hints = error.hints().join(" ");
    assert!(hints.contains(&goes_on(&world)), "{hints}");
}

/// The hint after a failure; its command leads to the same cloud again.
fn goes_on(world: &World) -> String {
    let port = world.cloud.addr().port();
    format!("`chatctl deploy --local --port {port}` goes on from here")
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_deploy_unasked_where_nobody_can_be_asked() {
    let world = World::empty().await;
    let output = world.run(&["deploy"]).await;
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert_eq!(world.writes_since(0), []);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_what_runs_says_how_to_go_on_and_exits_130() {
    let world = World::deployed().await;
    world.teardown().await.unwrap();
    world.cloud.inject(Fault {
        operation: Some("CreateApi".into()),
        ..Fault::new(FaultKind::Delay(1500))
    });
    let mut command = world.chatctl(&["deploy", "--yes", "--no-prove"]);
    command
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let made = world
        .cloud
        .calls()
        .iter()
        .filter(|c| c.operation == "CreateApi")
        .count();
    let child = command.spawn().unwrap();
    super::world::wait_for(&world, "CreateApi", made + 1).await;
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap())
        .await
        .unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains(&goes_on(&world)), "{said}");
    let calls = world.cloud.calls();
    assert!(
        !calls
            .iter()
            .rev()
            .take_while(|c| c.operation != "CreateApi")
            .any(|c| c.operation == "CreateRoute")
    );
    world.run(&["deploy", "--yes", "--no-prove"]).await;
    assert_eq!(
        world.run(&["plan", "--exit-code"]).await.status.code(),
        Some(0)
    );
}
