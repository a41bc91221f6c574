//! From anywhere to the same end: a fault at every single call of a deploy and of a teardown, then
//! one plain run.

use super::world::World;
use chatctl_local_cloud::{Call, Fault, FaultKind};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many clouds at one time.
const SIDE_BY_SIDE: usize = 6;

/// What goes wrong, and how often the SDK may try a call. Once: every fault reaches our own code.
/// Three times: the SDK repeats, and a create that it repeats must not make a second one. To our
/// code a read that fails is a read that fails: one kind of failure stands for all of them, unless
/// `CHATCTL_ALL_FAULTS` is set.
fn misfortunes(mutating: bool) -> Vec<(FaultKind, u32)> {
    if !mutating && std::env::var_os("CHATCTL_ALL_FAULTS").is_none() {
        return vec![(FaultKind::Reset, 1)];
    }
    vec![
        (FaultKind::Throttle, 1),
        (FaultKind::Error(500), 1),
        (FaultKind::Reset, 1),
        (FaultKind::LostAnswer, 1),
        (FaultKind::LostAnswer, 3),
    ]
}

/// Each call of an undisturbed run, as the n-th of its operation.
fn places(calls: &[Call]) -> Vec<(String, String, u64, bool)> {
    let mut counts: BTreeMap<(String, String, bool), u64> = BTreeMap::new();
    for call in calls {
        let key = (call.service.clone(), call.operation.clone(), call.mutating);
        *counts.entry(key).or_default() += 1;
    }
    let each = counts
        .into_iter()
        .flat_map(|((service, operation, mutating), count)| {
            (1..=count).map(move |nth| (service.clone(), operation.clone(), nth, mutating))
        });
    each.collect()
}

struct Case {
    service: String,
    operation: String,
    nth: u64,
    kind: FaultKind,
    tries: u32,
}

impl Case {
    fn strike(&self, world: &World) {
        world.cloud.inject(Fault {
            service: Some(self.service.clone()),
            operation: Some(self.operation.clone()),
            nth: self.nth,
            ..Fault::new(self.kind.clone())
        });
    }

    fn name(&self) -> String {
        let Self {
            service,
            operation,
            nth,
            kind,
            tries,
        } = self;
        format!("{kind:?} at {service} {operation} #{nth}, {tries} tries")
    }
}

fn cases(calls: &[Call]) -> Vec<Case> {
    let mut all = Vec::new();
    for (service, operation, nth, mutating) in places(calls) {
        for (kind, tries) in misfortunes(mutating) {
            let (service, operation) = (service.clone(), operation.clone());
            all.push(Case {
                service,
                operation,
                nth,
                kind,
                tries,
            });
        }
    }
    all
}

/// The faults are used up or called off before the plain run.
async fn calm(world: &World) {
    let url = format!("{}/_chatctl/faults", world.cloud.endpoint());
    super::world::delete(&url).await;
}

/// An undisturbed deploy and teardown: their calls, and the two states that they end in.
struct Reference {
    deploy: Vec<Call>,
    deployed: Value,
    teardown: Vec<Call>,
    empty: Value,
}

async fn reference() -> Reference {
    let world = World::empty().await;
    let empty = world.snapshot().await;
    let before = world.cloud.calls().len();
    world.deploy().await.unwrap();
    let deploy = world.cloud.calls().split_off(before);
    let deployed = world.snapshot().await;
    let before = world.cloud.calls().len();
    world.teardown().await.unwrap();
    let teardown = world.cloud.calls().split_off(before);
    assert_eq!(world.snapshot().await, empty);
    Reference {
        deploy,
        deployed,
        teardown,
        empty,
    }
}

/// Runs the cases side by side and tells all that failed at once.
async fn all_of<F, Fut>(cases: Vec<Case>, check: F)
where
    F: Fn(Case) -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    let count = cases.len();
    let results = stream::iter(cases).map(|case| {
        let name = case.name();
        let check = check(case);
        async move { check.await.map_err(|why| format!("{name}: {why}")) }
    });
    let results: Vec<_> = results.buffer_unordered(SIDE_BY_SIDE).collect().await;
    let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert!(
        failed.is_empty(),
        "{} of {count} cases:\n{}",
        failed.len(),
        failed.join("\n")
    );
    eprintln!("{count} cases");
}

pub fn same(now: &Value, wanted: &Value, what: &str) -> Result<(), String> {
    if now == wanted {
        return Ok(());
    }
    let (now, wanted) = (format!("{now:#}"), format!("{wanted:#}"));
    let diff = similar::TextDiff::from_lines(&wanted, &now);
    Err(format!("{what}\n{}", diff.unified_diff().context_radius(2)))
}

#[tokio::test(flavor = "multi_thread")]
async fn recovers_from_a_failure_at_every_call_of_a_deploy() {
    let reference = reference().await;
    let wanted = &reference.deployed;
    all_of(cases(&reference.deploy), |case| async move {
        let world = World::empty().await;
        case.strike(&world);
        // It may fail or not; both are fine.
        let _ = world.deploy_trying(case.tries).await;
        calm(&world).await;
        world
            .deploy()
            .await
            .map_err(|error| format!("the plain run: {error}"))?;
        same(&world.snapshot().await, wanted, "another end")?;
        let third = world.deploy().await.map_err(|error| error.to_string())?;
        if third.changed {
            Err(format!("not settled: {:?}", third.plan.summary))
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recovers_from_a_failure_at_every_call_of_a_teardown() {
    let reference = reference().await;
    let empty = &reference.empty;
    all_of(cases(&reference.teardown), |case| async move {
        let world = World::deployed().await;
        case.strike(&world);
        let _ = world.teardown_trying(case.tries).await;
        calm(&world).await;
        world
            .teardown()
            .await
            .map_err(|error| format!("the plain run: {error}"))?;
        same(&world.snapshot().await, empty, "something is left")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tears_down_from_every_half_state() {
    let reference = reference().await;
    let empty = &reference.empty;
    let mut cases = cases(&reference.deploy);
    let writes: Vec<_> = reference
        .deploy
        .iter()
        .filter(|call| call.mutating)
        .map(|call| &call.operation)
        .collect();
    cases.retain(|case| {
        let lost = case.tries == 1 && case.kind == FaultKind::LostAnswer;
        lost && writes.contains(&&case.operation)
    });
    all_of(cases, |case| async move {
        let world = World::empty().await;
        case.strike(&world);
        let _ = world.deploy_trying(case.tries).await;
        calm(&world).await;
        world
            .teardown()
            .await
            .map_err(|error| format!("the teardown: {error}"))?;
        same(&world.snapshot().await, empty, "something is left")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_run_twice() {
    let world = World::deployed().await;
    let before = world.snapshot().await;
    // Everything is planned against an empty cloud, and carried out in a full one.
    super::world::apply_as_if_empty(&world).await;
    same(&world.snapshot().await, &before, "another end").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deploys_at_once_end_with_one_of_everything() {
    let reference = reference().await;
    for round in 0..8 {
        let world = World::empty().await;
        let (one, other) = tokio::join!(world.deploy(), world.deploy());
        for end in [one, other] {
            if let Err(error) = end {
                panic!("round {round}: {error}");
            }
        }
        same(&world.snapshot().await, &reference.deployed, "another end").unwrap();
    }
}

/// A call that hangs ends within this; the SDK's own limits are longer.
const LIMIT: Duration = Duration::from_millis(1_500);
/// A run whose call hangs ends within this, with the deployer's own waits.
const BOUND: Duration = Duration::from_secs(90);

/// Each call of a run hangs once. Uploads have minutes, so they have a test of their own limits
/// (`calls::time_outs`).
fn hangs(calls: &[Call]) -> Vec<Case> {
    let each = places(calls).into_iter();
    each.filter(|(_, operation, ..)| {
        !["CreateFunction", "UpdateFunctionCode"].contains(&operation.as_str())
    })
    .map(|(service, operation, nth, _)| Case {
        service,
        operation,
        nth,
        kind: FaultKind::Hang,
        tries: 1,
    })
    .collect()
}

async fn bounded<T>(run: impl Future<Output = chatctl::error::Result<T>>) -> Result<(), String> {
    match tokio::time::timeout(BOUND, run).await {
        Err(_) => Err("it waits for ever".into()),
        Ok(Err(error)) if error.to_string().is_empty() => Err("an error without words".into()),
        Ok(_) => Ok(()),
    }
}

/// Hangs at every call of a deploy of what is there before, then one plain run.
async fn hangs_at_a_deploy(calls: &[Call], wanted: &Value) {
    all_of(hangs(calls), |case| async move {
        let mut world = Box::pin(World::deployed()).await;
        case.strike(&world);
        let patient = world.clients.clone();
        world.clients = super::world::limited(&patient, LIMIT);
        bounded(Box::pin(world.deploy())).await?;
        world.clients = patient;
        calm(&world).await;
        let plain = Box::pin(world.deploy()).await;
        plain.map_err(|error| format!("the plain run: {error}"))?;
        same(&world.snapshot().await, wanted, "another end")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_changes_nothing_ends_in_time_when_any_of_its_calls_hangs() {
    let world = Box::pin(World::deployed()).await;
    let before = world.cloud.calls().len();
    let wanted = world.snapshot().await;
    Box::pin(world.deploy()).await.unwrap();
    let calls = world.cloud.calls().split_off(before);
    let reads: Vec<_> = calls.into_iter().filter(|call| !call.mutating).collect();
    let deployed = Box::pin(reference()).await.deployed;
    same(&wanted, &deployed, "another start").unwrap();
    hangs_at_a_deploy(&reads, &deployed).await;
}
