//! The account's logging role, and stages that log through it.

use aws_sdk_apigateway::types::{Op, PatchOperation};
use aws_sdk_apigatewayv2::Client;
use aws_sdk_apigatewayv2::types::{AccessLogSettings, LoggingLevel, RouteSettings};
use chatctl_local_cloud::{ControlPlane, LocalCloud};

use super::apigatewayv2::api;
use super::{GATEWAY_TRUST, PROPAGATION, PUSH_POLICY, cloud, cloud_with, config, refusal};

/// Sets an account role that works.
async fn allow_logging(cloud: &LocalCloud) {
    let iam = aws_sdk_iam::Client::new(&config(cloud));
    iam.create_role()
        .role_name("push")
        .assume_role_policy_document(GATEWAY_TRUST)
        .send()
        .await
        .unwrap();
    iam.attach_role_policy()
        .role_name("push")
        .policy_arn(PUSH_POLICY)
        .send()
        .await
        .unwrap();
    cloud.clock().turn(PROPAGATION);
    set_account_role(cloud, "arn:aws:iam::000000000000:role/push")
        .await
        .unwrap();
}

async fn set_account_role(
    cloud: &LocalCloud,
    arn: &str,
) -> Result<
    aws_sdk_apigateway::operation::update_account::UpdateAccountOutput,
    aws_sdk_apigateway::error::SdkError<
        aws_sdk_apigateway::operation::update_account::UpdateAccountError,
    >,
> {
    let client = aws_sdk_apigateway::Client::new(&config(cloud));
    let patch = PatchOperation::builder()
        .op(Op::Replace)
        .path("/cloudwatchRoleArn")
        .value(arn);
    client
        .update_account()
        .patch_operations(patch.build())
        .send()
        .await
}

#[tokio::test]
async fn logging_without_the_account_role_is_refused() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let stage = |level: LoggingLevel| {
        let settings = RouteSettings::builder()
            .logging_level(level)
            .data_trace_enabled(true)
            .build();
        client
            .create_stage()
            .api_id(&api_id)
            .stage_name("production")
            .default_route_settings(settings)
            .send()
    };
    let (code, words) = refusal(stage(LoggingLevel::Info).await);
    assert_eq!(code, "BadRequestException");
    assert_eq!(
        words,
        "CloudWatch Logs role ARN must be set in account settings to enable logging"
    );
    stage(LoggingLevel::Off).await.unwrap();
    allow_logging(&cloud).await;
    let settings = RouteSettings::builder()
        .logging_level(LoggingLevel::Info)
        .build();
    client
        .update_stage()
        .api_id(&api_id)
        .stage_name("production")
        .default_route_settings(settings)
        .send()
        .await
        .unwrap();
    cloud.stop().await;
}

#[tokio::test]
async fn access_logs_are_checked_for_format_then_role_then_destination() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    let (api_id, ..) = api(&client).await;
    let destination = "arn:aws:logs:us-east-1:000000000000:log-group:/chatctl/chat/access";
    let stage = |format: &str| {
        let log = AccessLogSettings::builder()
            .destination_arn(destination)
            .format(format)
            .build();
        client
            .create_stage()
            .api_id(&api_id)
            .stage_name("production")
            .access_log_settings(log)
            .send()
    };
    let (_, words) = refusal(stage("$context.routeKey").await);
    assert_eq!(
        words,
        "The following errors are found in Access Log Format: Access Log format must include either $context.requestId or $context.extendedRequestId : '$context.routeKey'"
    );
    let (_, words) = refusal(stage("a\n$context.requestId").await);
    assert_eq!(
        words,
        "The following errors are found in Access Log Format: Access Log format must be single line: 'a\n$context.requestId'"
    );
    let (_, words) = refusal(stage("$context.requestId").await);
    assert_eq!(
        words,
        "CloudWatch Logs role ARN must be set in account settings to enable logging"
    );
    allow_logging(&cloud).await;
    let (code, words) = refusal(stage("$context.requestId").await);
    let missing = format!("Cannot enable logging. LogDestination: {destination} does not exist");
    assert_eq!((code.as_str(), words), ("NotFoundException", missing));
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&cloud));
    logs.create_log_group()
        .log_group_name("/chatctl/chat/access")
        .send()
        .await
        .unwrap();
    stage("$context.requestId").await.unwrap();
    client
        .delete_access_log_settings()
        .api_id(&api_id)
        .stage_name("production")
        .send()
        .await
        .unwrap();
    let read = client
        .get_stage()
        .api_id(&api_id)
        .stage_name("production")
        .send()
        .await
        .unwrap();
    assert!(read.access_log_settings().is_none());
    cloud.stop().await;
}

#[tokio::test]
async fn an_account_role_must_exist_trust_be_strong_enough_and_have_propagated() {
    let cloud = cloud().await;
    let words_of = |result| refusal(result).1;
    let weak = "The role ARN does not have required permissions configured. Please grant trust permission for API Gateway and add the required role policy.";
    let arn = "arn:aws:iam::000000000000:role/push";
    assert_eq!(words_of(set_account_role(&cloud, arn).await), weak);
    let iam = aws_sdk_iam::Client::new(&config(&cloud));
    iam.create_role()
        .role_name("push")
        .assume_role_policy_document(super::LAMBDA_TRUST)
        .send()
        .await
        .unwrap();
    iam.attach_role_policy()
        .role_name("push")
        .policy_arn(PUSH_POLICY)
        .send()
        .await
        .unwrap();
    cloud.clock().turn(PROPAGATION);
    assert_eq!(words_of(set_account_role(&cloud, arn).await), weak);
    iam.update_assume_role_policy()
        .role_name("push")
        .policy_document(GATEWAY_TRUST)
        .send()
        .await
        .unwrap();
    assert_eq!(
        words_of(set_account_role(&cloud, arn).await),
        weak,
        "too fresh"
    );
    cloud.clock().turn(PROPAGATION);
    let account = set_account_role(&cloud, arn).await.unwrap();
    assert_eq!(account.cloudwatch_role_arn(), Some(arn));
    assert_eq!(account.throttle_settings().unwrap().burst_limit(), 5000);
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&cloud));
    let groups = logs
        .describe_log_groups()
        .log_group_name_prefix("/aws/apigateway/welcome")
        .send()
        .await;
    assert_eq!(groups.unwrap().log_groups().len(), 1);
    let account = set_account_role(&cloud, "").await.unwrap();
    assert_eq!(account.cloudwatch_role_arn(), None);
    cloud.stop().await;
}

#[tokio::test]
async fn strict_rates_refuse_a_second_account_update_for_20_seconds() {
    let cloud = cloud_with(ControlPlane {
        control_rates: true,
        ..ControlPlane::default()
    })
    .await;
    set_account_role(&cloud, "").await.unwrap();
    let (code, words) = refusal(set_account_role(&cloud, "").await);
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("TooManyRequestsException", "Too Many Requests")
    );
    cloud.clock().turn(std::time::Duration::from_secs(20));
    set_account_role(&cloud, "").await.unwrap();
    cloud.stop().await;
}
