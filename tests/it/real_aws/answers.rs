//! Answers that are not what they seem.

use super::{always, deploy_for_real, error, prove};
use crate::world::{World, delete};
use chatctl_local_cloud::{Fault, FaultKind};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_200_that_had_no_effect_is_noticed_and_the_next_deploy_heals_it() {
    let world = World::empty().await;
    world.cloud.inject(Fault {
        operation: Some("AddPermission".into()),
        ..Fault::new(FaultKind::EmptyAnswer)
    });
    let failed = world.deploy().await.unwrap_err();
    assert_eq!(failed.kind().exit_code(), 1);
    let causes = failed.causes().join("\n");
    assert!(causes.starts_with("permission "), "{causes}");
    assert!(causes.ends_with("it is not there"), "{causes}");
    assert!(world.deploy().await.unwrap().changed);
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_whose_table_refuses_is_not_live() {
    let world = World::empty().await;
    deploy_for_real(&world).await;
    let words = "User is not authorized to perform this action on the table";
    always(
        &world,
        "dynamodb",
        "*",
        error(400, "AccessDeniedException", words),
    );
    let failed = prove(&world, 2000).await.unwrap_err();
    let cause = failed.causes().join(" ");
    assert!(cause.contains("unavailable"), "{failed:?}");
    let hint = &failed.hints()[0];
    assert!(
        hint.contains("its table") && hint.contains("chatctl logs"),
        "{hint}"
    );
    delete(&format!("{}/_chatctl/faults", world.cloud.endpoint())).await;
    prove(&world, 20_000).await.unwrap();
}
