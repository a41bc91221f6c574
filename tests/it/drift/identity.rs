//! Roles, the account, log groups and the table.

use super::*;

pub fn roles() -> Vec<Row> {
    use Action::Update;
    vec![
        (
            change!(w => iam(w).update_assume_role_policy().role_name(ROLE).policy_document(TRUST).send().await.unwrap()),
            "role/function",
            Update,
            "trust.Statement",
        ),
        (
            change!(w => iam(w).put_role_policy().role_name(ROLE).policy_name("chat").policy_document(POLICY).send().await.unwrap()),
            "role/function",
            Update,
            "policies.chat",
        ),
        (
            change!(w => iam(w).delete_role_policy().role_name(ROLE).policy_name("chat").send().await.unwrap()),
            "role/function",
            Update,
            "policies.chat",
        ),
        (
            change!(w => iam(w).put_role_policy().role_name(ROLE).policy_name("more").policy_document(POLICY).send().await.unwrap()),
            "role/function",
            Update,
            "policies.more",
        ),
        (
            change!(w => iam(w).attach_role_policy().role_name(ROLE).policy_arn("arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole").send().await.unwrap()),
            "role/function",
            Update,
            "attached.AWSLambdaBasicExecutionRole",
        ),
        (
            change!(w => iam(w).untag_role().role_name(ROLE).tag_keys("chatctl:id").send().await.unwrap()),
            "role/function",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => iam(w).put_role_policy().role_name(ROLE).policy_name("manage-connections").policy_document(POLICY).send().await.unwrap()),
            "grant",
            Update,
            "policy.Statement",
        ),
        (
            change!(w => iam(w).delete_role_policy().role_name(ROLE).policy_name("manage-connections").send().await.unwrap()),
            "grant",
            Action::Create,
            "policy",
        ),
        (
            change!(w => iam(w).update_assume_role_policy().role_name(LOGGING).policy_document(TRUST).send().await.unwrap()),
            "role/logging",
            Update,
            "trust.Statement",
        ),
        (
            change!(w => iam(w).detach_role_policy().role_name(LOGGING).policy_arn("arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs").send().await.unwrap()),
            "role/logging",
            Update,
            "attached.AmazonAPIGatewayPushToCloudWatchLogs",
        ),
        (
            change!(w => account(w, "").await),
            "account-logging",
            Action::Create,
            "cloudwatchRoleArn",
        ),
        (
            change!(w => drop_logging_role(w).await),
            "role/logging",
            Action::Create,
            "trust",
        ),
    ]
}

async fn account(w: &World, role: &str) {
    let operation = PatchOperation::builder()
        .op(Op::Replace)
        .path("/cloudwatchRoleArn")
        .value(role);
    let call = w.clients.apigateway.update_account();
    call.patch_operations(operation.build())
        .send()
        .await
        .unwrap();
}

async fn drop_logging_role(w: &World) {
    let arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";
    iam(w)
        .detach_role_policy()
        .role_name(LOGGING)
        .policy_arn(arn)
        .send()
        .await
        .unwrap();
    iam(w)
        .delete_role()
        .role_name(LOGGING)
        .send()
        .await
        .unwrap();
}

async fn retention(w: &World, group: &str) {
    let call = w.clients.logs.put_retention_policy().log_group_name(group);
    call.retention_in_days(1).send().await.unwrap();
}

pub fn logs_and_table() -> Vec<Row> {
    use Action::{Create, Update};
    vec![
        (
            change!(w => retention(w, "/aws/lambda/chat-production").await),
            "log-group/function",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => retention(w, "/chatctl/chat/production/access").await),
            "log-group/access",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => retention(w, &format!("/aws/apigateway/{}/production", api(w).await)).await),
            "log-group/execution",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => w.clients.logs.delete_retention_policy().log_group_name("/aws/lambda/chat-production").send().await.unwrap()),
            "log-group/function",
            Update,
            "retentionInDays",
        ),
        (
            change!(w => w.clients.logs.untag_resource().resource_arn(group_arn("/chatctl/chat/production/access")).tag_keys("chatctl:id").send().await.unwrap()),
            "log-group/access",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => w.clients.logs.delete_log_group().log_group_name("/chatctl/chat/production/access").send().await.unwrap()),
            "log-group/access",
            Create,
            "retentionInDays",
        ),
        (
            change!(w => time_to_live(w).await),
            "table",
            Update,
            "timeToLive",
        ),
        (
            change!(w => w.clients.dynamodb.untag_resource().resource_arn(TABLE_ARN).tag_keys("chatctl:id").send().await.unwrap()),
            "table",
            Update,
            "tags.chatctl:id",
        ),
        (
            change!(w => w.clients.dynamodb.delete_table().table_name(NAME).send().await.unwrap()),
            "table",
            Create,
            "keySchema",
        ),
    ]
}

/// DynamoDB lets it be changed once in an hour.
async fn time_to_live(w: &World) {
    w.cloud.clock().turn(Duration::from_secs(3700));
    let off = TimeToLiveSpecification::builder()
        .attribute_name("expires")
        .enabled(false);
    let call = w.clients.dynamodb.update_time_to_live().table_name(NAME);
    call.time_to_live_specification(off.build().unwrap())
        .send()
        .await
        .unwrap();
    w.cloud.clock().turn(Duration::from_secs(3700));
}
