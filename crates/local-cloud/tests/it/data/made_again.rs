//! Roles that are made again, updates that fail, tags that may not be read, and late log lines.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_apigatewayv2::types::{LoggingLevel, RouteSettings};
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::types::{Environment, LastUpdateStatus};

use super::{FUNCTION, ROLE, World, calm, refusal};

const NOT_DECRYPTED: &str = "Lambda was unable to decrypt the environment variables because KMS access was denied. Please check the function's KMS key settings.";

async fn make_again(world: &World) {
    let rights = world.iam.delete_role_policy().role_name("chat");
    rights.policy_name("rights").send().await.unwrap();
    let delete = world.iam.delete_role().role_name("chat");
    delete.send().await.unwrap();
    world.make_role().await;
}

/// Another role with the rights of the first; its ARN.
async fn other_role(world: &World) -> String {
    let create = world.iam.create_role().role_name("other");
    let create = create.assume_role_policy_document(super::TRUST);
    let made = create.send().await.unwrap();
    made.role().unwrap().arn().to_owned()
}

async fn set_role(world: &World, arn: &str) {
    let update = world.lambda.update_function_configuration();
    let update = update.function_name("chat").role(arn);
    update.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_made_again_cannot_decrypt_the_variables() {
    let world = World::chat().await;
    make_again(&world).await;
    let invoke = || world.lambda.invoke().function_name("chat").send();
    let refused = invoke().await.unwrap_err();
    let SdkError::ServiceError(answer) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(answer.raw().status().as_u16(), 502);
    let (code, words) = refusal(invoke().await);
    assert_eq!(code, "KMSAccessDeniedException");
    assert!(words.starts_with(NOT_DECRYPTED), "{words}");
    let (status, body) = world.try_connect("").await.unwrap_err();
    assert!(
        status >= 500 && body.contains("Internal server error"),
        "{status} {body}"
    );
    // The same role once more is no cure; another one and back is.
    set_role(&world, ROLE).await;
    assert_eq!(refusal(invoke().await).0, "KMSAccessDeniedException");
    let other = other_role(&world).await;
    set_role(&world, &other).await;
    set_role(&world, ROLE).await;
    assert_eq!(world.invoke("chat", "{}").await.0, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_variables_needs_no_grant() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    let none = Environment::builder().set_variables(Some(std::collections::HashMap::new()));
    let update = world.lambda.update_function_configuration();
    let update = update.function_name("chat").environment(none.build());
    update.send().await.unwrap();
    make_again(&world).await;
    let invoke = world.lambda.invoke().function_name("chat");
    invoke.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_update_leaves_the_former_revision_and_another_update_cures_it() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    let trust = |service: &str| {
        let update = world.iam.update_assume_role_policy().role_name("chat");
        let document = super::TRUST.replace("lambda.amazonaws.com", service);
        update.policy_document(document).send()
    };
    let update = |memory| {
        let update = world.lambda.update_function_configuration();
        update.function_name("chat").memory_size(memory).send()
    };
    let status = async || {
        let now = world.lambda.get_function_configuration();
        let now = now.function_name("chat").send().await.unwrap();
        now.last_update_status().unwrap().clone()
    };
    trust("ec2.amazonaws.com").await.unwrap();
    update(256).await.unwrap();
    assert_eq!(status().await, LastUpdateStatus::Failed);
    trust("lambda.amazonaws.com").await.unwrap();
    let (_, answer) = world.invoke("chat", r#"{"do":"memory"}"#).await;
    assert!(!answer.is_empty(), "the former revision serves");
    update(512).await.unwrap();
    assert_eq!(status().await, LastUpdateStatus::Successful);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_tags_gets_the_function_and_the_reason() {
    let world = World::bare(calm()).await;
    world.make_role().await;
    world.make_function("chat", &[]).await;
    let tag = world.lambda.tag_resource().resource(FUNCTION);
    tag.tags("a", "1").send().await.unwrap();
    let function = world.lambda.get_function().function_name("chat");
    let whole = function.send().await.unwrap();
    assert!(whole.tags().is_some() && whole.tags_error().is_none());
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;
    let create = world.iam.create_role().role_name("reader");
    let create = create.assume_role_policy_document(trust);
    create.send().await.unwrap();
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"lambda:GetFunction","Resource":"*"}}"#;
    let put = world.iam.put_role_policy().role_name("reader");
    let put = put.policy_name("read").policy_document(policy);
    put.send().await.unwrap();
    let sts = aws_sdk_sts::Client::new(&world.config);
    let assume = sts.assume_role().role_session_name("me");
    let assume = assume.role_arn("arn:aws:iam::000000000000:role/reader");
    let keys = assume.send().await.unwrap().credentials.unwrap();
    let (id, secret) = (keys.access_key_id(), keys.secret_access_key());
    let token = Some(keys.session_token().to_owned());
    let keys = Credentials::new(id, secret, token, None, "test");
    let config = world.lambda.config().to_builder();
    let reader = config.credentials_provider(keys).build();
    let reader = aws_sdk_lambda::Client::from_conf(reader);
    let read = reader.get_function().function_name("chat").send();
    let read = read.await.unwrap();
    assert!(read.configuration().is_some() && read.tags().is_none());
    let error = read.tags_error().unwrap();
    assert_eq!(error.error_code(), "AccessDeniedException");
    assert!(error.message().contains("lambda:ListTags"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_line_brings_back_the_log_group_of_an_api_that_logged_to_its_end() {
    for logs_to_its_end in [true, false] {
        let world = World::chat().await;
        world.allow_logging().await;
        let log = |level: LoggingLevel| {
            let settings = RouteSettings::builder().logging_level(level);
            let update = world.gateway.update_stage().api_id(&world.api_id);
            let update = update.stage_name("production");
            update.default_route_settings(settings.build()).send()
        };
        log(LoggingLevel::Info).await.unwrap();
        world.connect().await.socket.close(None).await.unwrap();
        world.cloud.silent().await;
        let group = format!("/aws/apigateway/{}/production", world.api_id);
        world.lines(&group, |lines| !lines.is_empty()).await;
        if !logs_to_its_end {
            log(LoggingLevel::Off).await.unwrap();
        }
        let delete = world.gateway.delete_api().api_id(&world.api_id);
        delete.send().await.unwrap();
        let delete = world.logs.delete_log_group().log_group_name(&group);
        delete.send().await.unwrap();
        world.cloud.clock().turn(Duration::from_secs(1));
        if logs_to_its_end {
            world.lines(&group, |lines| lines.len() == 1).await;
        } else {
            let groups = world.logs.describe_log_groups();
            let groups = groups.log_group_name_prefix(&group).send().await;
            assert_eq!(groups.unwrap().log_groups(), []);
        }
    }
}
