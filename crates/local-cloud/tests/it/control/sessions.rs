//! Sessions of roles that AssumeRole restricts, tags or knows by an external id; AWS's managed policies.

use aws_credential_types::Credentials;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use chatctl_local_cloud::LocalCloud;

use super::{PROPAGATION, cloud, config, config_as, refusal};

const ROLE: &str = "arn:aws:iam::000000000000:role/wide";
const TRUST: &str = r#"{"Statement":[
    {"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"},
    {"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:TagSession","Condition":{"StringEquals":{"aws:RequestTag/team":"chat"}}}]}"#;
const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A role `wide` with these policies, which have propagated.
async fn world(trust: &str, rights: &str) -> LocalCloud {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    let role = iam.create_role().role_name("wide");
    role.assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    let put = iam.put_role_policy().role_name("wide").policy_name("p");
    put.policy_document(rights).send().await.unwrap();
    cloud.clock().turn(PROPAGATION);
    cloud
}

fn assume(cloud: &LocalCloud) -> AssumeRoleFluentBuilder {
    let sts = aws_sdk_sts::Client::new(&config(cloud));
    sts.assume_role().role_arn(ROLE).role_session_name("me")
}

/// IAM as this session sees it.
async fn iam(cloud: &LocalCloud, assume: AssumeRoleFluentBuilder) -> aws_sdk_iam::Client {
    let keys = assume.send().await.unwrap().credentials.unwrap();
    let token = Some(keys.session_token);
    let keys = Credentials::new(
        keys.access_key_id,
        keys.secret_access_key,
        token,
        None,
        "test",
    );
    aws_sdk_iam::Client::new(&config_as(cloud, keys))
}

#[tokio::test]
async fn a_session_policy_restricts_what_its_role_allows() {
    let cloud = world(TRUST, ALL).await;
    let only = r#"{"Statement":{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}}"#;
    let mine = iam(&cloud, assume(&cloud).policy(only)).await;
    mine.get_role().role_name("wide").send().await.unwrap();
    let (code, words) = refusal(mine.list_roles().send().await);
    assert_eq!(code, "AccessDenied");
    assert!(
        words.ends_with("because no session policy allows the iam:ListRoles action"),
        "{words}"
    );
    let deny = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let none = iam(&cloud, assume(&cloud).policy(deny)).await;
    let (_, words) = refusal(none.get_role().role_name("wide").send().await);
    assert!(
        words.ends_with("with an explicit deny in a session policy"),
        "{words}"
    );

    let logs = "arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess";
    let logs = PolicyDescriptorType::builder().arn(logs).build();
    let reader = iam(&cloud, assume(&cloud).policy_arns(logs)).await;
    assert_eq!(refusal(reader.list_roles().send().await).0, "AccessDenied");
    let (code, _) = refusal(assume(&cloud).policy("{").send().await);
    assert_eq!(code, "MalformedPolicyDocument");
    cloud.stop().await;
}

#[tokio::test]
async fn session_tags_need_a_right_and_are_condition_keys() {
    let rights = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"chat"}}}}"#;
    let cloud = world(TRUST, rights).await;
    let tag = |value: &str| Tag::builder().key("team").value(value).build().unwrap();
    let plain = iam(&cloud, assume(&cloud)).await;
    assert_eq!(refusal(plain.list_roles().send().await).0, "AccessDenied");
    let tagged = iam(&cloud, assume(&cloud).tags(tag("chat"))).await;
    tagged.list_roles().send().await.unwrap();
    let (code, words) = refusal(assume(&cloud).tags(tag("other")).send().await);
    assert_eq!(code, "AccessDenied");
    assert!(
        words.contains("is not authorized to perform: sts:TagSession on resource"),
        "{words}"
    );
    let (code, words) = refusal(assume(&cloud).source_identity("me").send().await);
    assert_eq!(code, "NotImplemented");
    assert_eq!(
        words,
        "sts AssumeRole with SourceIdentity is not part of the local cloud"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_trust_policy_can_ask_for_an_external_id() {
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"secret"}}}}"#;
    let cloud = world(trust, ALL).await;
    assert_eq!(refusal(assume(&cloud).send().await).0, "AccessDenied");
    let wrong = assume(&cloud).external_id("guess").send().await;
    assert_eq!(refusal(wrong).0, "AccessDenied");
    assume(&cloud).external_id("secret").send().await.unwrap();
    cloud.stop().await;
}

#[tokio::test]
async fn a_policy_of_aws_is_there_or_refused_by_name() {
    let cloud = world(TRUST, ALL).await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    let attach = |name: &str| {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        iam.attach_role_policy()
            .role_name("wide")
            .policy_arn(arn)
            .send()
    };
    attach("service-role/AWSLambdaVPCAccessExecutionRole")
        .await
        .unwrap();
    attach("AmazonDynamoDBFullAccess").await.unwrap();
    let (code, words) = refusal(attach("AmazonBraketFullAccess").await);
    assert_eq!(code, "NotImplemented");
    assert_eq!(
        words,
        "iam with the policy arn:aws:iam::aws:policy/AmazonBraketFullAccess is not part of the local cloud"
    );
    let (code, _) = refusal(attach("AWSLambdaVPCAccessExecutionRole").await);
    assert_eq!(code, "NoSuchEntity", "the path belongs to the name");
    cloud.stop().await;
}
