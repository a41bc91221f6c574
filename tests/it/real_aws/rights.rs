//! Callers who may not do everything.

use super::ROLE;
use crate::world::{FOR_SURE, OPTIONS, Tiny, World, quiet, with_keys};
use aws_credential_types::Credentials;
use aws_sdk_apigateway::types::{Op, PatchOperation};
use chatctl::aws::Clients;
use chatctl::deployer;

const THEIRS: &str = "arn:aws:iam::000000000000:role/theirs";
const PUSH: &str = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";

/// Everything but `denied` on `resource`.
async fn narrow(world: &World, denied: &str, resource: &str) -> Clients {
    let iam = &world.clients.iam;
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;
    let create = iam.create_role().role_name("narrow");
    let create = create.assume_role_policy_document(trust);
    create.send().await.unwrap();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny","Action":"{denied}","Resource":"{resource}"}}]}}"#
    );
    let put = iam.put_role_policy().role_name("narrow").policy_name("all");
    put.policy_document(policy).send().await.unwrap();
    let assume = world.clients.sts.assume_role().role_session_name("me");
    let assume = assume.role_arn("arn:aws:iam::000000000000:role/narrow");
    let keys = assume.send().await.unwrap().credentials.unwrap();
    let (id, secret) = (keys.access_key_id(), keys.secret_access_key());
    let token = Some(keys.session_token().to_owned());
    with_keys(
        &world.clients,
        &Credentials::new(id, secret, token, None, "test"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_the_functions_tags_is_told_so() {
    let world = World::deployed().await;
    let clients = narrow(&world, "lambda:ListTags", "*").await;
    let deployed = deployer::deploy(clients, &world.settings, &Tiny, OPTIONS, &quiet()).await;
    let error = deployed.unwrap_err();
    let said = format!("{error:?}");
    assert!(
        said.contains("AccessDeniedException") && said.contains("lambda:ListTags"),
        "{said}"
    );
    assert!(!said.contains("not ours"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logging_role_of_somebody_else_that_may_not_be_read_is_used_as_it_is() {
    let world = World::empty().await;
    let iam = &world.clients.iam;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let create = iam.create_role().role_name("theirs");
    let create = create.assume_role_policy_document(trust);
    create.send().await.unwrap();
    let attach = iam.attach_role_policy().role_name("theirs");
    attach.policy_arn(PUSH).send().await.unwrap();
    let operation = PatchOperation::builder().op(Op::Replace);
    let operation = operation.path("/cloudwatchRoleArn").value(THEIRS);
    let update = world.clients.apigateway.update_account();
    let update = update.patch_operations(operation.build());
    update.send().await.unwrap();
    let clients = narrow(&world, "iam:GetRole", THEIRS).await;
    let (settings, ui) = (&world.settings, quiet());
    let deployed = deployer::deploy(clients.clone(), settings, &Tiny, OPTIONS, &ui);
    deployed.await.unwrap();
    let account = async || {
        let account = world.clients.apigateway.get_account().send().await;
        account.unwrap().cloudwatch_role_arn
    };
    assert_eq!(account().await.as_deref(), Some(THEIRS));
    let gone = deployer::teardown(clients, settings, FOR_SURE, &ui);
    gone.await.unwrap();
    assert_eq!(account().await.as_deref(), Some(THEIRS));
    let role = world.clients.iam.get_role().role_name(ROLE).send().await;
    assert!(role.is_err(), "ours is gone");
}
