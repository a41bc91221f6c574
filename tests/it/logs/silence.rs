//! Why nothing comes.

use super::{Chat, message};
use crate::binary::run;
use crate::world::calm;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_chat_the_logs_say_that_there_is_none() {
    let chat = Chat::in_conditions(calm()).await;
    let said = chat.chatctl(&["logs"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(
        said.err
            .contains("the chat chat, stage production, is not deployed"),
        "{}",
        said.err
    );
    assert!(said.err.contains("hint: chatctl deploy"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_explained_once_after_a_while() {
    let chat = Chat::with_groups().await;
    let tail = chat.follow(&[]);
    tail.note("no log line for 10 s");
    // The stage was never made, which is the nearest reason.
    tail.note("the stage production does not exist");
    // It is said once, however long the silence goes on.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let again: Vec<_> = tail.notes.try_iter().collect();
    assert!(
        !again.iter().any(|note| note.contains("no log line")),
        "{again:?}"
    );
    // And it has not ended meanwhile.
    chat.write("access", &[(0, "something")]).await;
    assert_eq!(tail.messages(1), ["something"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_lines_stop_the_reason_is_told_if_something_is_broken() {
    // There is no stage, which is broken enough.
    let chat = Chat::with_groups().await;
    let tail = chat.follow(&[]);
    chat.write("function", &[(0, "the last line")]).await;
    assert_eq!(tail.messages(1), ["the last line"]);
    tail.note("no log line for 10 s");
    tail.note("the stage production does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_deployed_says_why_its_logs_are_empty() {
    let chat = Chat::in_conditions(calm()).await;
    let deployed = chat.chatctl(&["deploy", "--yes", "--no-prove"]);
    assert_eq!(deployed.code, 0, "{}", deployed.err);
    let why = || chat.chatctl(&["logs", "--since", "1s"]).err;
    assert!(why().contains("nobody has used the chat yet"), "{}", why());
    let gateway = &chat.world.clients.apigatewayv2;
    let api = gateway.get_apis().send().await.unwrap().items()[0]
        .api_id()
        .unwrap()
        .to_owned();
    let off = aws_sdk_apigatewayv2::types::RouteSettings::builder()
        .logging_level(aws_sdk_apigatewayv2::types::LoggingLevel::Off)
        .throttling_burst_limit(10)
        .throttling_rate_limit(10.0);
    let update = gateway.update_stage().api_id(&api).stage_name("production");
    update
        .default_route_settings(off.build())
        .send()
        .await
        .unwrap();
    assert!(
        why().contains("execution logging is off on the stage"),
        "{}",
        why()
    );
    let iam = &chat.world.clients.iam;
    let role = "chatctl-apigateway-logging-us-east-1";
    let attached = iam.list_attached_role_policies().role_name(role).send();
    for policy in attached.await.unwrap().attached_policies() {
        let detach = iam.detach_role_policy().role_name(role);
        let arn = policy.policy_arn().unwrap();
        detach.policy_arn(arn).send().await.unwrap();
    }
    iam.delete_role().role_name(role).send().await.unwrap();
    assert!(why().contains("is gone"), "a dangling role: {}", why());
    assert!(why().contains("hint: chatctl deploy"), "{}", why());
    let none = aws_sdk_apigateway::types::PatchOperation::builder()
        .op(aws_sdk_apigateway::types::Op::Replace)
        .path("/cloudwatchRoleArn")
        .value("");
    let account = chat.world.clients.apigateway.update_account();
    let account = account.patch_operations(none.build()).send();
    account.await.unwrap();
    let no_role = "API Gateway has no CloudWatch Logs role in this account and region";
    assert!(why().contains(no_role), "{}", why());
    let logs = &chat.world.clients.logs;
    let group = "/chatctl/chat/production/access";
    let delete = logs.delete_log_group().log_group_name(group).send();
    delete.await.unwrap();
    let no_group = format!("the access log group {group} does not exist");
    assert!(why().contains(&no_group), "{}", why());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_said_and_the_rest_is_shown() {
    let chat = Chat::with_groups().await;
    chat.write("function", &[(10, "mine")]).await;
    chat.write("access", &[(5, "not mine")]).await;
    let iam = &chat.world.clients.iam;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::000000000000:root"}}]}"#;
    let role = iam
        .create_role()
        .role_name("reader")
        .assume_role_policy_document(trust);
    role.send().await.unwrap();
    let rights = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:FilterLogEvents","Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/*"}]}"#;
    let policy = iam
        .put_role_policy()
        .role_name("reader")
        .policy_name("read");
    policy.policy_document(rights).send().await.unwrap();
    let session = chat
        .world
        .clients
        .sts
        .assume_role()
        .role_arn("arn:aws:iam::000000000000:role/reader")
        .role_session_name("me");
    let session = session.send().await.unwrap();
    let keys = session.credentials().unwrap();
    let mut command = chat.command(&["logs", "--output", "json"]);
    command
        .env("AWS_ACCESS_KEY_ID", keys.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", keys.secret_access_key())
        .env("AWS_SESSION_TOKEN", keys.session_token());
    let said = tokio::task::block_in_place(|| run(&mut command));
    assert_eq!(said.code, 1, "{}", said.err);
    let mut lines: Vec<_> = said.out.lines().collect();
    let failure: serde_json::Value = serde_json::from_str(lines.pop().unwrap()).unwrap();
    assert_eq!(lines.into_iter().map(message).collect::<Vec<_>>(), ["mine"]);
    assert_eq!(failure["failure"]["exitCode"], 1);
    let why = failure["failure"]["message"].as_str().unwrap();
    assert!(why.starts_with("no permission to read the "), "{why}");
    for source in ["access", "execution"] {
        let words = format!("no permission to read the {source} log group");
        assert_eq!(said.err.matches(&words).count(), 1, "{}", said.err);
    }
}
