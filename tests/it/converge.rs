//! From anywhere to the same end: a fault at every single call of a deploy and of a teardown, then
//! one plain run.

use super::world::World;
use chatctl_local_cloud::{Call, Fault, FaultKind};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use std::collections::BTreeMap;

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

/// A call of an undisturbed run: service, operation, which one of that operation, whether it writes.
pub(super) type Place = (String, String, u64, bool);

/// Each call of an undisturbed run, operation by operation.
pub(super) fn places(calls: &[Call]) -> Vec<Place> {
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

pub(super) struct Case {
    pub(super) service: String,
    pub(super) operation: String,
    pub(super) nth: u64,
    pub(super) kind: FaultKind,
    pub(super) tries: u32,
}

impl Case {
    pub(super) fn strike(&self, world: &World) {
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
pub(super) async fn calm(world: &World) {
    let url = format!("{}/_chatctl/faults", world.cloud.endpoint());
    super::world::delete(&url).await;
}

/// An undisturbed deploy and teardown: their calls, and the two states that they end in.
pub(super) struct Reference {
    pub(super) deploy: Vec<Call>,
    pub(super) deployed: Value,
    pub(super) teardown: Vec<Call>,
    pub(super) empty: Value,
}

pub(super) async fn reference() -> Reference {
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
    side_by_side(SIDE_BY_SIDE, cases, check).await;
}

/// The same with so many at one time.
pub(super) async fn side_by_side<F, Fut>(width: usize, cases: Vec<Case>, check: F)
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
    let results: Vec<_> = results.buffer_unordered(width).collect().await;
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
