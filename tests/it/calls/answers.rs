//! What is made of AWS's answers.

use super::middle;
use crate::world::World;
use futures_util::stream::{self, StreamExt};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The same cloud, reached through the server in the middle.
async fn through(addr: SocketAddr, mut world: World) -> World {
    world.clients = middle::clients(&world.settings, addr).await;
    world
}

/// IAM answers 409 to a quota as it does to a name that is taken (aws/eks-hybrid#741).
#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_iam_is_not_taken_for_a_role_that_exists() {
    let world = World::empty().await;
    let iam = &world.clients.iam;
    stream::iter(0..1000)
        .for_each_concurrent(16, |n| async move {
            let role = iam.create_role().role_name(format!("other-{n}"));
            let role = role.assume_role_policy_document(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
            );
            role.send().await.unwrap();
        })
        .await;
    let began = Instant::now();
    let error = world.deploy().await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(30), "{error}");
    assert!(
        error
            .causes()
            .iter()
            .any(|cause| cause.starts_with("LimitExceeded: ")),
        "{error}"
    );
    assert!(
        error.hints().iter().any(|hint| hint.contains("quota")),
        "{:?}",
        error.hints()
    );
}

/// IAM refuses a create while it still works on another change (terraform-provider-aws#39421).
#[tokio::test(flavor = "multi_thread")]
async fn a_concurrent_modification_of_a_role_is_waited_out() {
    const BUSY: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>ConcurrentModification</Code>\
        <Message>Please try again.</Message></Error></ErrorResponse>";
    for operation in ["Action=CreateRole", "Action=TagRole"] {
        let world = World::empty().await;
        if operation == "Action=TagRole" {
            world.deploy().await.unwrap();
        }
        let first = AtomicBool::new(true);
        let addr = middle::start(world.cloud.addr(), move |_, _, body| {
            (body.contains(operation) && first.swap(false, Ordering::SeqCst)).then_some((
                409,
                &[("content-type", "text/xml")],
                BUSY,
            ))
        })
        .await;
        let world = through(addr, world).await;
        let settings = world.settings(&["--tag", "team=chat"]);
        world.deploy_as(&settings).await.unwrap();
        let role = world
            .clients
            .iam
            .get_role()
            .role_name("chat-production-function");
        let role = role.send().await.unwrap().role.unwrap();
        assert!(
            role.tags().iter().any(|tag| tag.key == "team"),
            "{operation}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_is_named_with_its_call() {
    let world = World::empty().await;
    let addr = middle::start(world.cloud.addr(), |method, path, _| {
        (method == "POST" && path.ends_with("/policy")).then_some((
            200,
            &[("content-type", "text/html")],
            "<html>please log in</html>",
        ))
    })
    .await;
    let world = through(addr, world).await;
    let error = world.deploy().await.unwrap_err();
    let cause = "the answer to AddPermission (HTTP 200) could not be read";
    assert!(error.causes().iter().any(|one| one == cause), "{error}");
    assert!(
        error.hints().iter().any(|hint| hint.contains("proxy")),
        "{:?}",
        error.hints()
    );
}
