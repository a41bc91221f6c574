//! `chatctl policy`: with exactly that policy the command works; without any one action of it, it
//! does not.

mod command;
mod trial;

use super::drift;
use super::world::{OPTIONS, Tiny, World, quiet, text};
use chatctl::deployer;
use chatctl::naming::rights::Task;
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use std::collections::BTreeSet;
use trial::{Caller, actions, document, tries};

/// So many clouds at one time.
const SIDE_BY_SIDE: usize = 6;

/// The policy of the task suffices, and without any one action of any of its statements it does not.
async fn is_the_least(task: Task) {
    let whole = document(task);
    tries(task, &whole).await.unwrap();
    let missing = stream::iter(without_one(&whole)).map(|(left_out, policy)| async move {
        let went = tries(task, &policy).await;
        went.is_ok().then_some(left_out)
    });
    let needless: Vec<_> = missing.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let needless: Vec<_> = needless.into_iter().flatten().collect();
    assert!(
        needless.is_empty(),
        "{task:?} needs no {}",
        needless.join(", ")
    );
}

/// The policy without each action of each statement in turn, and which that is.
fn without_one(policy: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (n, statement) in policy["Statement"].as_array().unwrap().iter().enumerate() {
        for (m, action) in statement["Action"].as_array().unwrap().iter().enumerate() {
            let mut less = policy.clone();
            let statements = less["Statement"].as_array_mut().unwrap();
            let actions = statements[n]["Action"].as_array_mut().unwrap();
            actions.remove(m);
            if actions.is_empty() {
                statements.remove(n);
            }
            all.push((format!("{action} on {}", statement["Resource"]), less));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_has_the_rights_it_needs_and_no_more() {
    is_the_least(Task::Deploy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_doctor_have_the_rights_they_need_and_no_more() {
    is_the_least(Task::Status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_have_the_rights_they_need_and_no_more() {
    is_the_least(Task::Logs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_any_api_has_the_rights_it_needs_and_no_more() {
    is_the_least(Task::Api).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_has_the_rights_it_needs_and_no_more() {
    is_the_least(Task::Teardown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_drift_is_put_right_with_the_rights_of_a_deploy_and_every_call_is_declared() {
    let world = World::empty().await;
    let caller = Caller::with(&world, &document(Task::Deploy)).await;
    let deploy = async || {
        // Some drifts turn the clock, and a session ends after an hour.
        let clients = Caller::again(&world).await.clients;
        deployer::deploy(clients, &world.settings, &Tiny, OPTIONS, &quiet()).await
    };
    deploy().await.unwrap();
    for (change, id, _, field) in drift::rows() {
        change(&world).await;
        let mended = deploy().await;
        mended.unwrap_or_else(|error| panic!("{id} {field}: {error}"));
        assert!(!deploy().await.unwrap().changed, "{id} {field}");
    }
    let called: BTreeSet<String> = caller.actions_called(&world).collect();
    let declared = actions(&document(Task::Deploy));
    let undeclared: Vec<_> = called.difference(&declared).collect();
    assert!(undeclared.is_empty(), "{undeclared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_deploy_proves_its_version_and_the_doctor_is_content() {
    let world = World::empty().await;
    let caller = Caller::with(&world, &document(Task::Deploy)).await;
    let deployed = caller.run(&world, &["deploy", "--yes"]).await;
    assert!(deployed.status.success(), "{}", text(&deployed));
    Caller::may(&world, &document(Task::Status)).await;
    let doctor = caller.run(&world, &["doctor"]).await;
    assert!(doctor.status.success(), "{}", text(&doctor));
}
