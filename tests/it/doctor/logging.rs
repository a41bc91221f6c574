//! Whether what happens is written down.

use super::{Patient, STAGE};
use aws_sdk_apigateway::types::{Op, PatchOperation};
use aws_sdk_apigatewayv2::types::{LoggingLevel, RouteSettings};

#[tokio::test(flavor = "multi_thread")]
async fn execution_logging_that_is_off_is_found() {
    let patient = Patient::healthy().await;
    let off = |mut now: RouteSettings| {
        now.logging_level = Some(LoggingLevel::Off);
        now
    };
    patient.set_stage(off).await;
    patient.is_found_and_mended(&["execution-log:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_in_the_log_are_found() {
    let patient = Patient::healthy().await;
    let trace = |mut now: RouteSettings| {
        now.data_trace_enabled = Some(true);
        now
    };
    patient.set_stage(trace).await;
    patient.is_found_and_mended(&["execution-log:warning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_access_log_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.world.clients.apigatewayv2;
    let delete = gateway.delete_access_log_settings().api_id(&patient.api);
    delete.stage_name(STAGE).send().await.unwrap();
    patient.is_found_and_mended(&["access-log:failure"]);
}

/// The name of the account's logging role.
async fn logging_role(patient: &Patient) -> String {
    let account = patient.world.clients.apigateway.get_account().send();
    let account = account.await.unwrap();
    let arn = account.cloudwatch_role_arn().unwrap();
    arn.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_logging_role_is_found() {
    let patient = Patient::healthy().await;
    let none = PatchOperation::builder()
        .op(Op::Replace)
        .path("/cloudwatchRoleArn")
        .value("");
    let update = patient.world.clients.apigateway.update_account();
    let update = update.patch_operations(none.build()).send();
    update.await.unwrap();
    patient.is_found_and_mended(&["account-logging:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dangling_logging_role_is_found() {
    let patient = Patient::healthy().await;
    let iam = &patient.world.clients.iam;
    let role = logging_role(&patient).await;
    let attached = iam.list_attached_role_policies().role_name(&role).send();
    let attached = attached.await.unwrap();
    let policy = attached.attached_policies()[0].policy_arn().unwrap();
    let detach = iam.detach_role_policy().role_name(&role);
    detach.policy_arn(policy).send().await.unwrap();
    let found = patient.examine();
    // A role without rights may be somebody else's, so IAM itself is told to mend it.
    found.is(&["account-logging:failure"]);
    let mend = format!("aws iam attach-role-policy --role-name {role} --policy-arn {policy}");
    assert_eq!(found.mends.first(), Some(&mend));
    let attach = iam.attach_role_policy().role_name(&role);
    attach.policy_arn(policy).send().await.unwrap();
    patient.examine().is(&[]);
    let detach = iam.detach_role_policy().role_name(&role);
    detach.policy_arn(policy).send().await.unwrap();
    iam.delete_role().role_name(&role).send().await.unwrap();
    patient.is_found_and_mended(&["account-logging:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logging_role_that_trusts_somebody_else_is_found_and_the_told_document_mends_it() {
    let patient = Patient::healthy().await;
    let iam = &patient.world.clients.iam;
    let role = logging_role(&patient).await;
    let trust = |document: String| {
        let update = iam.update_assume_role_policy().role_name(&role);
        update.policy_document(document).send()
    };
    let other = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}"#;
    trust(other.to_owned()).await.unwrap();
    let found = patient.examine();
    found.is(&["account-logging:failure"]);
    let mend = found.mends.first().unwrap();
    let (command, document) = mend.split_once(" --policy-document ").unwrap();
    let told = format!("aws iam update-assume-role-policy --role-name {role}");
    assert_eq!(command, told);
    trust(document.trim_matches('\'').to_owned()).await.unwrap();
    patient.examine().is(&[]);
}

async fn access_group(patient: &Patient) -> String {
    let logs = &patient.world.clients.logs;
    let groups = logs
        .describe_log_groups()
        .log_group_name_prefix("/chatctl/");
    let groups = groups.send().await.unwrap();
    groups.log_groups()[0].log_group_name().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_group_without_retention_is_found() {
    let patient = Patient::healthy().await;
    let logs = &patient.world.clients.logs;
    let delete = logs.delete_retention_policy();
    let delete = delete.log_group_name(access_group(&patient).await).send();
    delete.await.unwrap();
    patient.is_found_and_mended(&["log-groups:warning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_group_that_is_gone_is_found() {
    let patient = Patient::healthy().await;
    let delete = patient.world.clients.logs.delete_log_group();
    let delete = delete.log_group_name(access_group(&patient).await).send();
    delete.await.unwrap();
    patient.is_found_and_mended(&["log-groups:failure"]);
}
