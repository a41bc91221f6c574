//! Tables that are being created, locked tags, and log groups that two make at once.

use super::{NAME, always, error};
use crate::killed::{killed_after, settled};
use crate::world::{World, calm, text};
use aws_sdk_dynamodb::types::TableStatus;
use chatctl_local_cloud::{Conditions, ControlPlane, Fault};

/// A deploy was killed when its table had just begun to be made.
async fn killed_during_create_table() -> World {
    let world = World::in_conditions(Conditions {
        propagation_millis: 1500,
        ..calm()
    })
    .await;
    let deploy = ["deploy", "--yes", "--no-prove"];
    killed_after(300, &world, &deploy, "CreateTable", 1).await;
    settled(&world).await;
    let table = world.clients.dynamodb.describe_table().table_name(NAME);
    let table = table.send().await.unwrap();
    let status = table.table().unwrap().table_status();
    assert_eq!(status, Some(&TableStatus::Creating));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_being_created_is_nobody_elses() {
    let world = killed_during_create_table().await;
    let status = world.run(&["status"]).await;
    let said = text(&status);
    assert!(
        status.status.success() && !said.contains("not ours"),
        "{said}"
    );
    world.deploy().await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_goes_on_while_the_table_of_a_killed_one_is_being_created() {
    let world = killed_during_create_table().await;
    world.deploy().await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_waits_for_a_table_that_is_being_created() {
    let empty = World::empty().await.snapshot().await;
    let world = killed_during_create_table().await;
    world.teardown().await.unwrap();
    assert_eq!(world.snapshot().await, empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_and_a_teardown_wait_for_a_table_that_is_being_deleted() {
    let empty = World::empty().await.snapshot().await;
    for again in [true, false] {
        let world = World::deployed().await;
        world.cloud.set_conditions(Conditions {
            propagation_millis: 1000,
            ..calm()
        });
        let delete = world.clients.dynamodb.delete_table().table_name(NAME);
        delete.send().await.unwrap();
        if again {
            world.deploy().await.unwrap();
        }
        world.teardown().await.unwrap();
        assert_eq!(world.snapshot().await, empty);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_that_are_locked_are_waited_for() {
    let conditions = calm();
    let world = World::in_conditions(Conditions {
        control_plane: ControlPlane {
            tag_lock_millis: 1700,
            ..conditions.control_plane.clone()
        },
        ..conditions
    })
    .await;
    let empty = world.snapshot().await;
    world
        .deploy_as(&world.settings(&["--tag", "team=blue"]))
        .await
        .unwrap();
    // One tag comes, another one goes: two calls, and the table is deleted at once.
    let other = world.settings(&["--tag", "owner=me"]);
    world.deploy_as(&other).await.unwrap();
    assert!(!world.deploy_as(&other).await.unwrap().changed);
    world.teardown_of(&other).await.unwrap();
    assert_eq!(world.snapshot().await, empty);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_group_that_somebody_makes_at_the_same_moment_is_tried_again() {
    let world = World::empty().await;
    let words =
        "A conflicting operation is currently in progress against this resource. Please try again.";
    world.cloud.inject(Fault {
        operation: Some("CreateLogGroup".into()),
        times: 4,
        ..Fault::new(error(400, "OperationAbortedException", words))
    });
    world.deploy().await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_somebody_changes_at_the_same_moment_is_tried_again() {
    let world = World::empty().await;
    let words = "Request was not processed because multiple requests to change this object were submitted simultaneously.";
    for operation in ["PutRolePolicy", "AttachRolePolicy"] {
        world.cloud.inject(Fault {
            service: Some("iam".into()),
            operation: Some(operation.into()),
            times: 4,
            ..Fault::new(error(409, "ConcurrentModification", words))
        });
    }
    world.deploy().await.unwrap();
    always(
        &world,
        "iam",
        "CreateRole",
        error(409, "ConcurrentModification", words),
    );
    assert!(!world.deploy().await.unwrap().changed);
}
