//! One client for each AWS service, made once, pointed at the right cloud.
//!
//! AWS itself gets the usual credential chain and the proxy of the
//! environment; the local cloud and other endpoints on this machine get dummy credentials, so that
//! real ones never leave for a place that is not AWS.

mod errors;

pub use errors::{
    Failure, code, explain, is_conflict, is_denied, is_missing, is_throttled, is_unclear, status,
};

use crate::config::{Settings, Target};
use crate::error::{Error, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_http_client::{Builder, Connector, proxy::ProxyConfig, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::retry::RetryConfig;
use std::time::Duration;

/// Every client that chatctl uses, with the account and the region.
#[derive(Debug, Clone)]
pub struct Clients {
    /// API Gateway v2: WebSocket APIs.
    pub apigatewayv2: aws_sdk_apigatewayv2::Client,
    /// API Gateway v1: the account settings live only there.
    pub apigateway: aws_sdk_apigateway::Client,
    /// Lambda.
    pub lambda: aws_sdk_lambda::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// STS.
    pub sts: aws_sdk_sts::Client,
    /// The account and the region.
    pub place: Place,
}

/// The account and the region: all that an ARN or a URL needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Such as `eu-central-1`.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: String,
    /// Such as `amazonaws.com`.
    pub dns_suffix: String,
    /// The URL that stands for every AWS endpoint, if this is not AWS.
    pub endpoint_url: Option<String>,
    /// The caller's ARN, from STS.
    pub caller_arn: String,
}

impl Clients {
    /// Loads the configuration, makes the clients and asks STS for the caller's identity.
    ///
    /// # Errors
    /// No credentials, no region, or a cloud that cannot be reached: each with a hint.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        Self::connect_as(settings, "chatctl").await
    }

    /// The same; where dummy credentials are used, with this access key.
    ///
    /// # Errors
    /// No credentials, no region, or a cloud that cannot be reached: each with a hint.
    pub async fn connect_as(settings: &Settings, dummy_key: &str) -> Result<Self> {
        let config = sdk_config(settings, dummy_key).await;
        let region = region(&config)?;
        require_credentials(&config).await?;
        let sts = aws_sdk_sts::Client::new(&config);
        let place = whoami(&sts, region, settings).await?;
        Ok(Self {
            apigatewayv2: aws_sdk_apigatewayv2::Client::new(&config),
            apigateway: aws_sdk_apigateway::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sts,
            place,
        })
    }
}

async fn sdk_config(settings: &Settings, dummy_key: &str) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client(&settings.target))
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = settings.target.endpoint_url() {
        loader = loader.endpoint_url(url);
        if settings.region.is_none() {
            loader = loader.region(Region::new("us-east-1"));
        }
    }
    if uses_dummy_credentials(settings) {
        loader = loader.credentials_provider(Credentials::from_keys(dummy_key, "local", None));
    } else if settings.target == Target::Aws {
        loader = loader.credentials_provider(chain(settings).await);
    }
    loader.load().await
}

/// The usual chain, but off EC2 it gives up on the instance metadata service at once instead of
/// after many seconds.
async fn chain(
    settings: &Settings,
) -> aws_config::default_provider::credentials::DefaultCredentialsChain {
    let region = settings.region.clone().map(Region::new);
    let provider = aws_config::provider_config::ProviderConfig::default()
        .with_http_client(http_client(&settings.target))
        .with_region(region.clone());
    let metadata = aws_config::imds::Client::builder()
        .configure(&provider)
        .max_attempts(1)
        .connect_timeout(Duration::from_millis(500))
        .build();
    let mut chain = aws_config::default_provider::credentials::Builder::default()
        .configure(provider)
        .imds_client(metadata);
    if region.is_some() {
        chain.set_region(region);
    }
    if let Some(profile) = &settings.profile {
        chain = chain.profile_name(profile);
    }
    chain.build().await
}

/// The local cloud never sees real credentials; another endpoint sees them only if the user named
/// a profile or put keys into the environment for it.
fn uses_dummy_credentials(settings: &Settings) -> bool {
    match settings.target {
        Target::Aws => false,
        Target::Local(_) => true,
        Target::Endpoint(_) => {
            settings.profile.is_none() && !crate::config::has_keys_in_environment()
        }
    }
}

/// Only AWS is reached through the environment's proxy: one would hijack a loopback address too.
fn http_client(target: &Target) -> SharedHttpClient {
    let proxy = match target {
        Target::Aws => ProxyConfig::from_env(),
        Target::Local(_) | Target::Endpoint(_) => ProxyConfig::disabled(),
    };
    Builder::new().build_with_connector_fn(move |connector_settings, components| {
        let ring = tls::rustls_provider::CryptoMode::Ring;
        let mut builder = Connector::builder()
            .tls_provider(tls::Provider::Rustls(ring))
            .proxy_config(proxy.clone());
        builder.set_connector_settings(connector_settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.build()
    })
}

fn region(config: &SdkConfig) -> Result<String> {
    let Some(region) = config.region() else {
        return Err(Error::failed("no AWS region is set")
            .hint(
                "pass --region eu-central-1, set AWS_REGION, or put `region = …` into chatctl.toml",
            )
            .hint(NO_ACCOUNT));
    };
    Ok(region.to_string())
}

/// Resolves the credentials once, before anything else, so that a machine without any gets one clear
/// error and not the failure of whichever call came first.
async fn require_credentials(config: &SdkConfig) -> Result<()> {
    let Some(provider) = config.credentials_provider() else {
        return Err(no_credentials());
    };
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(error) if errors::is_nothing_found(&error) => Err(no_credentials()),
        Err(error) => Err(Error::failed("the AWS credentials cannot be loaded")
            .because(error)
            .hint("if you use single sign-on, `aws sso login` renews the session")),
    }
}

fn no_credentials() -> Error {
    Error::failed("no AWS credentials were found")
        .hint("`aws configure` or `aws sso login` sets them up; in CI set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        .hint(NO_ACCOUNT)
}

const NO_ACCOUNT: &str = "no AWS account? `chatctl local` runs the same chat on this machine";

async fn whoami(sts: &aws_sdk_sts::Client, region: String, settings: &Settings) -> Result<Place> {
    let endpoint_url = settings.target.endpoint_url();
    let identity = sts.get_caller_identity().send().await.map_err(|error| {
        let error = explain("ask AWS who is calling", error);
        match &settings.target {
            Target::Local(_) => error.hint(format!(
                "`{}` starts the local cloud; leave it running",
                settings.command("local")
            )),
            _ => error,
        }
    })?;
    let caller_arn = identity.arn().unwrap_or_default().to_owned();
    let partition = caller_arn
        .split(':')
        .nth(1)
        .filter(|p| !p.is_empty())
        .unwrap_or("aws");
    Ok(Place {
        account_id: identity.account().unwrap_or_default().to_owned(),
        dns_suffix: dns_suffix(partition).to_owned(),
        partition: partition.to_owned(),
        caller_arn,
        region,
        endpoint_url,
    })
}

/// The domain that a partition's endpoints end in (AWS SDKs' `partitions.json`).
fn dns_suffix(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}
