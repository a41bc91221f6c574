//! The function, who may call it, and what it may do.

use super::{FUNCTION, Patient, ROLE};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::Environment;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_gone_is_found() {
    let patient = Patient::healthy().await;
    let delete = patient.world.clients.lambda.delete_function();
    delete.function_name(FUNCTION).send().await.unwrap();
    let found = patient.examine();
    assert_eq!(found.checks[0], "function:failure", "{found:?}");
    patient.follow(found.mends.first().unwrap());
    patient.examine().is(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_concurrency_is_found() {
    let patient = Patient::healthy().await;
    let lambda = &patient.world.clients.lambda;
    let stop = lambda.put_function_concurrency().function_name(FUNCTION);
    stop.reserved_concurrent_executions(0).send().await.unwrap();
    let found = patient.examine();
    found.is(&["function:failure", "probe:failure"]);
    // Somebody set it on purpose, outside of chatctl, so Lambda itself is told.
    let mend = "aws lambda delete-function-concurrency --function-name chat-production";
    assert!(found.mends.contains(mend), "{found:?}");
    let go = lambda.delete_function_concurrency().function_name(FUNCTION);
    go.send().await.unwrap();
    patient.examine().is(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_with_another_table_is_found() {
    let patient = Patient::healthy().await;
    let wrong = Environment::builder().variables("CHAT_TABLE", "other");
    let lambda = &patient.world.clients.lambda;
    let update = lambda.update_function_configuration();
    let update = update.function_name(FUNCTION).environment(wrong.build());
    update.send().await.unwrap();
    patient.goes_live("by hand").await;
    patient.is_found_and_mended(&["function:failure", "probe:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_somebody_else_is_found() {
    let patient = Patient::healthy().await;
    let strange = crate::world::tiny(&patient.world.settings).zip;
    let update = patient.world.clients.lambda.update_function_code();
    let update = update.function_name(FUNCTION).zip_file(Blob::new(strange));
    update.send().await.unwrap();
    patient.goes_live("by hand").await;
    patient.is_found_and_mended(&["function:warning", "probe:failure"]);
}

async fn permission(patient: &Patient) -> Value {
    let policy = patient.world.clients.lambda.get_policy();
    let policy = policy
        .function_name(FUNCTION)
        .qualifier("live")
        .send()
        .await
        .unwrap();
    let policy: Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
    policy["Statement"][0].clone()
}

async fn remove(patient: &Patient, statement: &Value) {
    let remove = patient.world.clients.lambda.remove_permission();
    let remove = remove.function_name(FUNCTION).qualifier("live");
    let remove = remove.statement_id(statement["Sid"].as_str().unwrap());
    remove.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_invoke_permission_is_found() {
    let patient = Patient::healthy().await;
    remove(&patient, &permission(&patient).await).await;
    patient.is_found_and_mended(&["permission:failure", "probe:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_of_another_api_or_account_is_found() {
    let patient = Patient::healthy().await;
    let lambda = &patient.world.clients.lambda;
    let ours = permission(&patient).await;
    let source = ours["Condition"]["ArnLike"]["AWS:SourceArn"].as_str();
    let source = source.unwrap().to_owned();
    remove(&patient, &ours).await;
    let stale = source.replace(&patient.api, "formerapi0");
    for (id, arn, account) in [
        ("stale", stale.as_str(), None),
        ("strange", source.as_str(), Some("111111111111")),
    ] {
        let add = lambda
            .add_permission()
            .function_name(FUNCTION)
            .qualifier("live");
        add.statement_id(id)
            .action("lambda:InvokeFunction")
            .principal("apigateway.amazonaws.com")
            .source_arn(arn)
            .set_source_account(account.map(str::to_owned))
            .send()
            .await
            .unwrap();
    }
    patient.is_found_and_mended(&["permission:failure", "probe:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_trust_lambda_is_found() {
    let patient = Patient::healthy().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}"#;
    let update = patient.world.clients.iam.update_assume_role_policy();
    let update = update.role_name(ROLE).policy_document(trust);
    update.send().await.unwrap();
    let found = patient.examine();
    assert_eq!(found.checks[0], "function-role:failure", "{found:?}");
    // Environments that could be started before go on running, on AWS too.
    let others = &found.checks[1..];
    assert!(
        others.iter().all(|check| check == "probe:failure"),
        "{found:?}"
    );
    patient.follow(found.mends.first().unwrap());
    patient.examine().is(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_to_push_is_found() {
    let patient = Patient::healthy().await;
    let delete = patient.world.clients.iam.delete_role_policy();
    let delete = delete.role_name(ROLE).policy_name("manage-connections");
    delete.send().await.unwrap();
    patient.is_found_and_mended(&["function-rights:failure", "probe:failure"]);
}

/// Puts a condition on the right to push.
async fn push_only_if(patient: &Patient, condition: &str) {
    let rights = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"execute-api:ManageConnections","Resource":"*","Condition":{condition}}}]}}"#
    );
    let put = patient.world.clients.iam.put_role_policy();
    let put = put.role_name(ROLE).policy_name("manage-connections");
    put.policy_document(rights).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_holds_elsewhere_is_found() {
    let patient = Patient::healthy().await;
    let elsewhere = r#"{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#;
    push_only_if(&patient, elsewhere).await;
    patient.is_found_and_mended(&["function-rights:failure", "probe:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_only_aws_can_judge_is_said_to_be_so() {
    let patient = Patient::healthy().await;
    let network = r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#;
    push_only_if(&patient, network).await;
    let found = patient.examine();
    let words = "depends on a condition that the doctor cannot judge: aws:SourceVpc";
    assert!(found.text.contains(words), "{found:?}");
    assert_eq!(found.checks[0], "function-rights:skipped", "{found:?}");
}
