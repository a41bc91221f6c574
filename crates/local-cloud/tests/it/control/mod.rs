//! The local cloud's control planes, driven by the AWS SDK for Rust.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chatctl_local_cloud::{Conditions, ControlPlane, LocalCloud, Options};

mod account;
mod apigatewayv2;
mod authorizers;
mod dynamodb;
mod iam;
mod logs;
mod persistence;
mod policies;
mod sessions;
mod table_rules;
mod table_states;
mod tagging;

/// Changes propagate only when a test turns the clock so far.
pub(crate) const PROPAGATION: Duration = Duration::from_secs(3600);

pub(crate) const LAMBDA_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
pub(crate) const GATEWAY_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
pub(crate) const PUSH_POLICY: &str =
    "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";

/// A local cloud whose changes propagate only when the clock is turned.
pub(crate) async fn cloud() -> LocalCloud {
    cloud_with(ControlPlane::default()).await
}

pub(crate) async fn cloud_with(control_plane: ControlPlane) -> LocalCloud {
    let conditions = Conditions {
        propagation_millis: u64::try_from(PROPAGATION.as_millis()).unwrap(),
        control_plane,
        ..Conditions::default()
    };
    LocalCloud::start(Options {
        conditions,
        ..Options::default()
    })
    .await
    .unwrap()
}

/// The SDK's configuration for any caller: the account itself.
pub(crate) fn config(cloud: &LocalCloud) -> SdkConfig {
    config_as(
        cloud,
        Credentials::new("AKIDANYBODY", "secret", None, None, "test"),
    )
}

pub(crate) fn config_as(cloud: &LocalCloud, credentials: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(cloud.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// The code and message of a refusal.
pub(crate) fn refusal<T, E, R>(
    result: Result<T, aws_sdk_iam::error::SdkError<E, R>>,
) -> (String, String)
where
    E: ProvideErrorMetadata,
{
    let error = result.err().expect("the call should be refused");
    let service = error
        .as_service_error()
        .expect("the service should have answered");
    (
        service.code().unwrap_or_default().to_owned(),
        service.message().unwrap_or_default().to_owned(),
    )
}

/// Makes a role, and keys of a session of it once that has propagated.
pub(crate) async fn session(cloud: &LocalCloud, name: &str, policy: &str) -> SdkConfig {
    let iam = aws_sdk_iam::Client::new(&config(cloud));
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;
    iam.create_role()
        .role_name(name)
        .assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    iam.put_role_policy()
        .role_name(name)
        .policy_name("rights")
        .policy_document(policy)
        .send()
        .await
        .unwrap();
    cloud.clock().turn(PROPAGATION);
    assumed(cloud, name).await
}

/// Fresh keys of a session of the role.
pub(crate) async fn assumed(cloud: &LocalCloud, role: &str) -> SdkConfig {
    let sts = aws_sdk_sts::Client::new(&config(cloud));
    let assume = sts.assume_role().role_session_name("me");
    let assume = assume.role_arn(format!("arn:aws:iam::000000000000:role/{role}"));
    let assumed = assume.send().await.unwrap();
    let keys = assumed.credentials().unwrap();
    let token = Some(keys.session_token().to_owned());
    let credentials = Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        token,
        None,
        "test",
    );
    config_as(cloud, credentials)
}
