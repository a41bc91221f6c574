//! Functions whose role was made again, whose last update failed, that nobody or everybody may call.

use super::{NAME, ROLE, api, code, deploy_for_real, planned, prove};
use crate::world::{World, text};
use aws_sdk_lambda::types::LastUpdateStatus;
use chatctl::engine::plan::Action;
use serde_json::Value;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const NO_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

async fn delete_role(world: &World) {
    let iam = &world.clients.iam;
    let policies = iam.list_role_policies().role_name(ROLE).send();
    for name in policies.await.unwrap().policy_names() {
        let delete = iam.delete_role_policy().role_name(ROLE);
        delete.policy_name(name).send().await.unwrap();
    }
    iam.delete_role().role_name(ROLE).send().await.unwrap();
}

/// The role as it was, but with another unique id.
async fn make_role_again(world: &World) {
    let iam = &world.clients.iam;
    let before = iam.get_role().role_name(ROLE).send().await.unwrap();
    let mut policies = Vec::new();
    for name in ["chat", "manage-connections"] {
        let policy = iam.get_role_policy().role_name(ROLE).policy_name(name);
        let document = policy.send().await.unwrap().policy_document;
        let document = percent_encoding::percent_decode_str(&document);
        policies.push((name, document.decode_utf8().unwrap().into_owned()));
    }
    delete_role(world).await;
    let create = iam.create_role().role_name(ROLE);
    let create = create.assume_role_policy_document(TRUST);
    let tags = before.role().unwrap().tags().to_vec();
    create.set_tags(Some(tags)).send().await.unwrap();
    for (name, document) in policies {
        let put = iam.put_role_policy().role_name(ROLE).policy_name(name);
        put.policy_document(document).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_whose_role_was_made_again_by_hand_is_seen_and_healed() {
    let world = World::empty().await;
    deploy_for_real(&world).await;
    make_role_again(&world).await;
    let invoke = world.clients.lambda.invoke().function_name(NAME).send();
    let refused = invoke.await.unwrap_err();
    assert_eq!(
        code(&refused),
        Some("KMSAccessDeniedException"),
        "{refused:?}"
    );
    assert!(prove(&world, 300).await.is_err(), "the chat is dead");
    let plan = world.run(&["plan", "--exit-code"]).await;
    let said = text(&plan);
    assert_eq!(plan.status.code(), Some(2), "{said}");
    assert!(said.contains("roleId"), "{said}");
    deploy_for_real(&world).await;
    prove(&world, 20_000).await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_whose_role_a_deploy_makes_again_answers_after_it() {
    let world = World::empty().await;
    deploy_for_real(&world).await;
    delete_role(&world).await;
    deploy_for_real(&world).await;
    prove(&world, 20_000).await.unwrap();
    let mended = world.deploy().await.unwrap();
    assert!(!mended.changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_update_is_cured_by_the_next_deploy() {
    let world = World::deployed().await;
    let (iam, lambda) = (&world.clients.iam, &world.clients.lambda);
    let trust = iam.update_assume_role_policy().role_name(ROLE);
    trust.policy_document(NO_TRUST).send().await.unwrap();
    let update = lambda.update_function_configuration().function_name(NAME);
    update.memory_size(512).send().await.unwrap();
    let status = async || {
        let now = lambda.get_function_configuration().function_name(NAME);
        now.send().await.unwrap().last_update_status
    };
    assert_eq!(status().await, Some(LastUpdateStatus::Failed));
    let mended = world.deploy().await.unwrap();
    assert_eq!(
        planned(&mended, "function"),
        (Action::Update, vec!["memorySize".into()])
    );
    assert_eq!(status().await, Some(LastUpdateStatus::Successful));
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_concurrency_of_0_is_seen_and_taken_off() {
    let world = World::deployed().await;
    let lambda = &world.clients.lambda;
    let stop = lambda.put_function_concurrency().function_name(NAME);
    stop.reserved_concurrent_executions(0).send().await.unwrap();
    let invoke = lambda.invoke().function_name(NAME).send().await;
    assert_eq!(code(&invoke.unwrap_err()), Some("TooManyRequestsException"));
    let mended = world.deploy().await.unwrap();
    let wanted = (Action::Update, vec!["reservedConcurrency".into()]);
    assert_eq!(planned(&mended, "function"), wanted);
    lambda.invoke().function_name(NAME).send().await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_lets_everybody_call_the_function_is_named_and_left_alone() {
    let world = World::deployed().await;
    let lambda = &world.clients.lambda;
    let open = lambda.add_permission().function_name(NAME);
    let open = open.statement_id("theirs").principal("*");
    open.action("lambda:InvokeFunction").send().await.unwrap();
    let plan = world.run(&["plan", "--exit-code"]).await;
    let said = text(&plan);
    assert_eq!(plan.status.code(), Some(0), "{said}");
    assert!(
        said.contains("not ours: the statement \"theirs\""),
        "{said}"
    );
    let doctor = world.run(&["doctor", "--output", "json"]).await;
    let found: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let found = found["findings"].as_array().unwrap();
    let policy = found.iter().find(|one| one["check"] == "function-policy");
    assert_eq!(policy.unwrap()["verdict"], "warning", "{found:?}");
    assert!(!world.deploy().await.unwrap().changed);
    let policy = lambda
        .get_policy()
        .function_name(NAME)
        .send()
        .await
        .unwrap();
    let policy = policy.policy().unwrap();
    assert!(policy.contains("\"theirs\""), "{policy}");
    // A statement of ours beside it is made again all the same.
    let ours = format!("chatctl-live-{}", api(&world.clients).await);
    let remove = lambda.remove_permission().function_name(NAME);
    let remove = remove.qualifier("live");
    remove.statement_id(ours).send().await.unwrap();
    world.deploy().await.unwrap();
    assert!(!world.deploy().await.unwrap().changed);
}
