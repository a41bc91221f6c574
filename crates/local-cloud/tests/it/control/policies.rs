//! Managed policies of the account: their life, and what they allow and bound.

use super::{LAMBDA_TRUST, PROPAGATION, assumed, cloud, config, refusal, session};

const READ: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}}"#;
const LIST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}}"#;

fn no(code: &str, words: &str) -> (String, String) {
    (code.to_owned(), words.to_owned())
}

#[tokio::test]
async fn a_policy_is_deleted_only_after_its_attachments() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    let create = || {
        let create = iam.create_policy().policy_name("reader").path("/chat/");
        create.description("reads").policy_document(READ).send()
    };
    let made = create().await.unwrap().policy.unwrap();
    let arn = made.arn().unwrap();
    assert_eq!(arn, "arn:aws:iam::000000000000:policy/chat/reader");
    assert!(made.policy_id().unwrap().starts_with("ANPA"));
    let taken = "A policy called reader already exists. Duplicate names are not allowed.";
    assert_eq!(refusal(create().await), no("EntityAlreadyExists", taken));
    let role = iam
        .create_role()
        .role_name("r")
        .assume_role_policy_document(LAMBDA_TRUST);
    role.send().await.unwrap();
    let attach = iam.attach_role_policy().role_name("r").policy_arn(arn);
    attach.send().await.unwrap();
    let read = iam.get_policy().policy_arn(arn).send().await.unwrap();
    let read = read.policy().unwrap();
    assert_eq!(
        (read.attachment_count(), read.description()),
        (Some(1), Some("reads"))
    );
    let delete = || iam.delete_policy().policy_arn(arn).send();
    let attached = "Cannot delete a policy attached to entities.";
    assert_eq!(refusal(delete().await), no("DeleteConflict", attached));
    let detach = iam.detach_role_policy().role_name("r").policy_arn(arn);
    detach.send().await.unwrap();
    delete().await.unwrap();
    let gone = format!("Policy {arn} was not found.");
    assert_eq!(refusal(delete().await), no("NoSuchEntity", &gone));
    cloud.stop().await;
}

#[tokio::test]
async fn a_policy_is_in_the_present_language_and_has_a_limit() {
    let cloud = cloud().await;
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    let create = |text: &str| {
        iam.create_policy()
            .policy_name("p")
            .policy_document(text)
            .send()
    };
    let old = READ.replace("2012-10-17", "2008-10-17");
    let words = "Policy document must be version 2012-10-17 or greater.";
    assert_eq!(
        refusal(create(&old).await),
        no("MalformedPolicyDocument", words)
    );
    let resources = vec!["\"arn:aws:s3:::a-bucket-with-quite-a-long-name/*\""; 150].join(",");
    let long = READ.replace("\"*\"", &format!("[{resources}]"));
    let quota = "Cannot exceed quota for PolicySize: 6144";
    assert_eq!(refusal(create(&long).await), no("LimitExceeded", quota));
    cloud.stop().await;
}

#[tokio::test]
async fn a_new_policy_counts_once_it_has_propagated() {
    let cloud = cloud().await;
    let root = aws_sdk_iam::Client::new(&config(&cloud));
    let made = root.create_policy().policy_name("p").policy_document(READ);
    let arn = made.send().await.unwrap().policy.unwrap().arn.unwrap();
    let nothing = r#"{"Statement":{"Effect":"Allow","Action":"logs:*","Resource":"*"}}"#;
    let mine = session(&cloud, "me", nothing).await;
    let attach = root.attach_role_policy().role_name("me").policy_arn(&arn);
    attach.send().await.unwrap();
    let early = aws_sdk_iam::Client::new(&mine).get_role().role_name("me");
    assert_eq!(refusal(early.send().await).0, "AccessDenied");
    // Keys live for an hour, which is as long as a change takes here.
    cloud.clock().turn(PROPAGATION);
    let iam = aws_sdk_iam::Client::new(&assumed(&cloud, "me").await);
    let read = || iam.get_role().role_name("me").send();
    read().await.unwrap();
    assert_eq!(refusal(iam.list_roles().send().await).0, "AccessDenied");
    cloud.stop().await;
}

#[tokio::test]
async fn a_permissions_boundary_takes_away_what_it_does_not_allow() {
    let cloud = cloud().await;
    let root = aws_sdk_iam::Client::new(&config(&cloud));
    let made = root
        .create_policy()
        .policy_name("bound")
        .policy_document(LIST);
    let arn = made.send().await.unwrap().policy.unwrap().arn.unwrap();
    let both = r#"{"Statement":{"Effect":"Allow","Action":["iam:GetRole","iam:ListRoles"],"Resource":"*"}}"#;
    let nowhere = "arn:aws:iam::000000000000:policy/nowhere";
    let role = root
        .create_role()
        .role_name("x")
        .assume_role_policy_document(LAMBDA_TRUST);
    let refused = refusal(role.permissions_boundary(nowhere).send().await);
    let words = format!("Scope ARN: {nowhere} does not exist or is not attachable.");
    assert_eq!(refused, no("NoSuchEntity", &words));
    let role = root.create_role().role_name("me");
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;
    let role = role
        .assume_role_policy_document(trust)
        .permissions_boundary(&arn);
    role.send().await.unwrap();
    let put = root.put_role_policy().role_name("me").policy_name("p");
    put.policy_document(both).send().await.unwrap();
    cloud.clock().turn(PROPAGATION);
    let iam = aws_sdk_iam::Client::new(&assumed(&cloud, "me").await);
    iam.list_roles().send().await.unwrap();
    let (_, words) = refusal(iam.get_role().role_name("me").send().await);
    let why = "because no permissions boundary allows the iam:GetRole action";
    assert!(words.ends_with(why), "{words}");
    let read = root.get_role().role_name("me").send().await.unwrap();
    let boundary = read.role().unwrap().permissions_boundary().unwrap();
    assert_eq!(boundary.permissions_boundary_arn(), Some(arn.as_str()));
    assert_eq!(
        refusal(root.delete_policy().policy_arn(&arn).send().await).0,
        "DeleteConflict"
    );
    let delete = root.delete_role_permissions_boundary().role_name("me");
    delete.send().await.unwrap();
    root.delete_policy().policy_arn(&arn).send().await.unwrap();
    cloud.stop().await;
}

#[tokio::test]
async fn a_role_is_given_to_a_service_only_by_who_may_pass_it() {
    let cloud = cloud().await;
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let without = format!(
        r#"{{"Statement":{{"Effect":"Allow","Action":"lambda:CreateFunction","Resource":"{function}"}}}}"#
    );
    let mine = session(&cloud, "me", &without).await;
    let create = |config| {
        let create = aws_sdk_lambda::Client::new(config).create_function();
        let create = create.function_name("f").handler("bootstrap");
        let code = aws_sdk_lambda::types::FunctionCode::builder();
        let code = code.zip_file(aws_sdk_lambda::primitives::Blob::new(b"no zip"));
        let create = create.runtime("provided.al2023".into()).code(code.build());
        create.role("arn:aws:iam::000000000000:role/me").send()
    };
    let (code, words) = refusal(create(&mine).await);
    assert_eq!(code, "AccessDeniedException");
    assert!(
        words.ends_with("is not authorized to perform: iam:PassRole on resource: arn:aws:iam::000000000000:role/me because no identity-based policy allows the iam:PassRole action"),
        "{words}"
    );
    let pass = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}}}}"#;
    let root = aws_sdk_iam::Client::new(&config(&cloud));
    let put = root.put_role_policy().role_name("me").policy_name("pass");
    put.policy_document(pass).send().await.unwrap();
    cloud.clock().turn(PROPAGATION);
    // What is refused now is the code, so the rights were enough.
    let (_, words) = refusal(create(&assumed(&cloud, "me").await).await);
    assert!(
        words.starts_with("Could not unzip uploaded file."),
        "{words}"
    );
    cloud.stop().await;
}
