//! Roles, their policies, sessions, and what propagates when.

use aws_sdk_iam::types::Tag;

use super::{LAMBDA_TRUST, PROPAGATION, PUSH_POLICY, cloud, config, refusal, session};

#[tokio::test]
async fn a_role_reads_back_as_it_was_made() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    let tag = Tag::builder()
        .key("chatctl:stack")
        .value("chat")
        .build()
        .unwrap();
    iam.create_role()
        .role_name("chat-function")
        .assume_role_policy_document(LAMBDA_TRUST)
        .description("for the chat")
        .tags(tag)
        .send()
        .await
        .unwrap();
    let read = iam
        .get_role()
        .role_name("CHAT-function")
        .send()
        .await
        .unwrap();
    let role = read.role().unwrap();
    assert_eq!(role.arn(), "arn:aws:iam::000000000000:role/chat-function");
    assert_eq!(role.description(), Some("for the chat"));
    assert_eq!(role.max_session_duration(), Some(3600));
    assert_eq!(role.tags()[0].value(), "chat");
    assert!(
        role.assume_role_policy_document()
            .unwrap()
            .starts_with("%7B%22Version%22")
    );
    cloud.stop().await;
}

#[tokio::test]
async fn names_that_exist_in_another_case_are_taken() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    let create = |name: &str| {
        iam.create_role()
            .role_name(name)
            .assume_role_policy_document(LAMBDA_TRUST)
            .send()
    };
    create("one").await.unwrap();
    let (code, words) = refusal(create("ONE").await);
    assert_eq!(code, "EntityAlreadyExists");
    assert_eq!(words, "Role with name ONE already exists.");
    let (code, words) = refusal(iam.get_role().role_name("two").send().await);
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("NoSuchEntity", "The role with name two cannot be found.")
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_role_is_deleted_only_after_its_policies() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    iam.create_role()
        .role_name("r")
        .assume_role_policy_document(LAMBDA_TRUST)
        .send()
        .await
        .unwrap();
    iam.attach_role_policy()
        .role_name("r")
        .policy_arn(PUSH_POLICY)
        .send()
        .await
        .unwrap();
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*"}}"#;
    iam.put_role_policy()
        .role_name("r")
        .policy_name("p")
        .policy_document(policy)
        .send()
        .await
        .unwrap();
    let (code, words) = refusal(iam.delete_role().role_name("r").send().await);
    assert_eq!(
        (code.as_str(), words.as_str()),
        (
            "DeleteConflict",
            "Cannot delete entity, must detach all policies first."
        )
    );
    iam.detach_role_policy()
        .role_name("r")
        .policy_arn(PUSH_POLICY)
        .send()
        .await
        .unwrap();
    let (_, words) = refusal(iam.delete_role().role_name("r").send().await);
    assert_eq!(words, "Cannot delete entity, must delete policies first.");
    iam.delete_role_policy()
        .role_name("r")
        .policy_name("p")
        .send()
        .await
        .unwrap();
    iam.delete_role().role_name("r").send().await.unwrap();
    let (code, _) = refusal(iam.delete_role().role_name("r").send().await);
    assert_eq!(code, "NoSuchEntity");
    cloud.stop().await;
}

#[tokio::test]
async fn roles_are_listed_in_pages() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    for index in 0..7 {
        let name = format!("role-{index}");
        iam.create_role()
            .role_name(name)
            .assume_role_policy_document(LAMBDA_TRUST)
            .send()
            .await
            .unwrap();
    }
    let pages = iam
        .list_roles()
        .max_items(3)
        .into_paginator()
        .items()
        .send();
    let roles = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    let names: Vec<_> = roles.iter().map(|role| role.role_name()).collect();
    assert_eq!(names.len(), 7);
    assert!(names.is_sorted());
    cloud.stop().await;
}

#[tokio::test]
async fn a_session_may_do_what_its_role_allows_once_that_has_propagated() {
    let cloud = cloud().await;
    let allowed = r#"{"Statement":{"Effect":"Allow","Action":"iam:GetRole","Resource":"arn:aws:iam::000000000000:role/me"}}"#;
    let mine = session(&cloud, "me", allowed).await;
    let sts = aws_sdk_sts::Client::new(&mine);
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(
        identity.arn(),
        Some("arn:aws:sts::000000000000:assumed-role/me/me")
    );
    let iam = aws_sdk_iam::Client::new(&mine);
    iam.get_role().role_name("me").send().await.unwrap();
    let (code, words) = refusal(iam.delete_role().role_name("me").send().await);
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        words,
        "User: arn:aws:sts::000000000000:assumed-role/me/me is not authorized to perform: iam:DeleteRole on resource: arn:aws:iam::000000000000:role/me because no identity-based policy allows the iam:DeleteRole action"
    );

    let root = aws_sdk_iam::Client::new(&config(&cloud));
    root.delete_role_policy()
        .role_name("me")
        .policy_name("rights")
        .send()
        .await
        .unwrap();
    iam.get_role().role_name("me").send().await.unwrap();
    cloud.clock().turn(PROPAGATION);
    // An hour later the right is gone, and so are the keys.
    let (code, _) = refusal(iam.get_role().role_name("me").send().await);
    assert_eq!(code, "ExpiredToken");
    cloud.stop().await;
}

#[tokio::test]
async fn a_fresh_role_cannot_be_assumed_yet() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    let trust =
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}"#;
    let role = iam
        .create_role()
        .role_name("fresh")
        .assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    let arn = role.role().unwrap().arn();
    let sts = aws_sdk_sts::Client::new(&config(&cloud));
    let assume = || {
        sts.assume_role()
            .role_arn(arn)
            .role_session_name("me")
            .send()
    };
    let (code, words) = refusal(assume().await);
    assert_eq!(code, "AccessDenied");
    assert!(
        words.contains("is not authorized to perform: sts:AssumeRole on resource"),
        "{words}"
    );
    cloud.clock().turn(PROPAGATION);
    assume().await.unwrap();
    cloud.stop().await;
}

#[tokio::test]
async fn broken_policies_are_refused_in_aws_words() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    iam.create_role()
        .role_name("r")
        .assume_role_policy_document(LAMBDA_TRUST)
        .send()
        .await
        .unwrap();
    let put = |text: &str| {
        iam.put_role_policy()
            .role_name("r")
            .policy_name("p")
            .policy_document(text)
            .send()
    };
    let (code, words) = refusal(put("{").await);
    assert_eq!(
        (code.as_str(), words.as_str()),
        (
            "MalformedPolicyDocument",
            "This policy contains invalid Json"
        )
    );
    let (code, _) =
        refusal(put(r#"{"Statement":{"Effect":"Allow","Action":"a:—","Resource":"*"}}"#).await);
    assert_eq!(code, "MalformedPolicyDocument");
    let (code, words) = refusal(
        iam.get_role_policy()
            .role_name("r")
            .policy_name("p")
            .send()
            .await,
    );
    assert_eq!(
        (code.as_str(), words.as_str()),
        (
            "NoSuchEntity",
            "The role policy with name p cannot be found."
        )
    );
    cloud.stop().await;
}
