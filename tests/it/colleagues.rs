//! Somebody else deletes what a deploy has just made: it fails at once, and says so.

use super::world::{World, calm, wait_for};
use chatctl_local_cloud::Conditions;
use std::time::{Duration, Instant};

/// Far below the minutes for which AWS is given time.
const AT_ONCE: Duration = Duration::from_secs(30);

/// A cloud in which a new role, table or function is not usable for a while.
async fn slow() -> World {
    World::in_conditions(Conditions {
        propagation_millis: 8_000,
        ..calm()
    })
    .await
}

/// Deploys while `delete` is at work, and gives the error.
async fn failed(world: &World, delete: impl Future<Output = ()>) -> String {
    let began = Instant::now();
    let (deployed, ()) = tokio::join!(world.deploy(), delete);
    let error = deployed.unwrap_err();
    let took = began.elapsed();
    assert!(took < AT_ONCE, "{took:?}: {error}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_deleted_while_lambda_cannot_assume_it_yet() {
    let world = slow().await;
    let iam = &world.clients.iam;
    let role = "chat-production-function";
    let delete = async {
        wait_for(&world, "CreateFunction", 1).await;
        // Both policies, so that only the function still needs the role. The call is listed before it
        // has its effect, so the deletion may be early.
        wait_for(&world, "PutRolePolicy", 2).await;
        while iam.delete_role().role_name(role).send().await.is_err() {
            let listed = iam.list_role_policies().role_name(role).send().await;
            for name in listed.unwrap().policy_names() {
                let call = iam.delete_role_policy().role_name(role);
                call.policy_name(name).send().await.unwrap();
            }
        }
    };
    let error = failed(&world, delete).await;
    assert!(error.contains("was deleted by somebody"), "{error}");
    assert!(error.contains(role), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_deleted_before_it_is_active() {
    let world = World::in_conditions(calm()).await;
    let dynamodb = &world.clients.dynamodb;
    let delete = async {
        wait_for(&world, "CreateTable", 1).await;
        // In CREATING a deletion is refused; it goes through as soon as the table is there.
        loop {
            match dynamodb
                .delete_table()
                .table_name("chat-production")
                .send()
                .await
            {
                Ok(_) => break,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let error = failed(&world, delete).await;
    assert!(error.contains("chat-production"), "{error}");
}
