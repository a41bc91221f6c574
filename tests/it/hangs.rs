//! A call that is not answered in time, at the calls of a deploy and of a teardown: the command ends in
//! time and says which call it was, or goes on; then one plain run.

use super::converge::{Case, Place, calm, places, reference, same, side_by_side};
use super::world::{World, limited, until};
use chatctl::error::{Error, Result};
use chatctl_local_cloud::{Call, FaultKind};
use serde_json::Value;
use std::time::Duration;

/// A call that hangs ends within this; the SDK's own limits are longer.
const LIMIT: Duration = Duration::from_secs(2);
/// A run whose call hangs ends within this, with the deployer's own waits.
const BOUND: Duration = Duration::from_secs(60);

/// So late does a call take effect whose caller no longer waits for it.
const LATE: FaultKind = FaultKind::Delay(3_000);
/// So many clouds at one time: most of them wait.
const SIDE_BY_SIDE: usize = 16;

/// Every write hangs once, and of the reads of an operation the first and the last: the others lie
/// between them and are made by the same code. `CHATCTL_ALL_FAULTS` takes them all.
fn hangs(calls: &[Call]) -> Vec<Case> {
    let places = places(calls);
    let is_last = |index: usize| {
        let next = places.get(index + 1);
        next.is_none_or(|next: &Place| next.2 == 1)
    };
    let all = std::env::var_os("CHATCTL_ALL_FAULTS").is_some();
    let each = places.iter().enumerate();
    each.filter(|(index, (.., nth, is_write))| all || *is_write || *nth == 1 || is_last(*index))
        .map(|(_, place)| case(place, FaultKind::Hang))
        .collect()
}

/// Every create takes effect after the deployer gave it up.
fn late_creates(calls: &[Call]) -> Vec<Case> {
    let places = places(calls);
    let creates = places.iter().filter(|place| place.1.starts_with("Create"));
    creates.map(|place| case(place, LATE)).collect()
}

fn case((service, operation, nth, _): &Place, kind: FaultKind) -> Case {
    Case {
        service: service.clone(),
        operation: operation.clone(),
        nth: *nth,
        kind,
        tries: 1,
    }
}

/// Runs it with a call that hangs. It ends in time, and names a call if it fails.
async fn meets<T, F>(case: &Case, world: &mut World, run: F) -> Result<(), String>
where
    F: AsyncFnOnce(&World) -> Result<T>,
{
    let patient = world.clients.clone();
    world.clients = limited(&patient, LIMIT);
    case.strike(world);
    let ended = tokio::time::timeout(BOUND, Box::pin(run(world))).await;
    world.clients = patient;
    calm(world).await;
    match ended {
        Err(_) => Err("it does not end".into()),
        Ok(Err(error)) if !names_a_call(&error) => Err(format!("it says: {error}")),
        Ok(_) => Ok(()),
    }
}

/// On a busy machine another call may be slower than the limit.
fn names_a_call(error: &Error) -> bool {
    let is_named = |cause: &String| cause.contains(" was not answered in time");
    error.causes().iter().any(is_named)
}

/// Never a second API, and in it never a second integration.
fn is_single(state: &Value) -> Result<(), String> {
    let count = |list: &Value| list.as_array().map_or(0, Vec::len);
    let apis = &state["apis"];
    match (count(apis), count(&apis[0]["integrations"])) {
        (0 | 1, 0 | 1) => Ok(()),
        (apis, integrations) => Err(format!("{apis} APIs, {integrations} integrations")),
    }
}

async fn plain_deploy(world: &World, wanted: &Value) -> Result<(), String> {
    let plain = Box::pin(world.deploy()).await;
    plain.map_err(|error| format!("the plain run: {error}"))?;
    same(&world.snapshot().await, wanted, "another end")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_that_changes_nothing_ends_in_time_when_any_of_its_calls_hangs() {
    let world = Box::pin(World::deployed()).await;
    let before = world.cloud.calls().len();
    Box::pin(world.deploy()).await.unwrap();
    let calls = world.cloud.calls().split_off(before);
    let reads: Vec<_> = calls.into_iter().filter(|call| !call.mutating).collect();
    let wanted = &Box::pin(reference()).await.deployed;
    side_by_side(SIDE_BY_SIDE, hangs(&reads), |case| async move {
        let mut world = Box::pin(World::deployed()).await;
        meets(&case, &mut world, World::deploy).await?;
        plain_deploy(&world, wanted).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_ends_in_time_when_any_of_its_calls_hangs_and_the_next_completes_it() {
    let reference = Box::pin(reference()).await;
    let wanted = &reference.deployed;
    side_by_side(SIDE_BY_SIDE, hangs(&reference.deploy), |case| async move {
        let mut world = World::empty().await;
        meets(&case, &mut world, World::deploy).await?;
        is_single(&world.snapshot().await)?;
        plain_deploy(&world, wanted).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_create_makes_after_it_was_given_up_is_used_or_removed_by_the_next_deploy() {
    let reference = Box::pin(reference()).await;
    let wanted = &reference.deployed;
    side_by_side(
        SIDE_BY_SIDE,
        late_creates(&reference.deploy),
        |case| async move {
            let mut world = World::empty().await;
            meets(&case, &mut world, World::deploy).await?;
            until("no call is under way", || {
                world.cloud.calls().iter().all(|call| call.status.is_some())
            })
            .await;
            plain_deploy(&world, wanted).await
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_ends_in_time_when_any_of_its_calls_hangs_and_the_next_completes_it() {
    let reference = Box::pin(reference()).await;
    let empty = &reference.empty;
    side_by_side(
        SIDE_BY_SIDE,
        hangs(&reference.teardown),
        |case| async move {
            let mut world = Box::pin(World::deployed()).await;
            meets(&case, &mut world, World::teardown).await?;
            let plain = Box::pin(world.teardown()).await;
            plain.map_err(|error| format!("the plain run: {error}"))?;
            same(&world.snapshot().await, empty, "something is left")
        },
    )
    .await;
}
