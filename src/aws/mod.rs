//! One client for each AWS service, made once, pointed at the right cloud.
//!
//! AWS itself gets the usual credential chain and the proxy of the
//! environment; the local cloud and other endpoints on this machine get dummy credentials, so that
//! real ones never leave for a place that is not AWS.

mod errors;
mod handshake;
mod local;
mod partition;
mod profile;
mod sdk;
mod slow;
mod time_outs;

pub use errors::{
    Failure, code, explain, is_conflict, is_denied, is_missing, is_throttled, is_unclear,
};
pub use handshake::HandshakeSigner;
pub use partition::regions;
pub use profile::trust_its_bundle as trust_bundle_of_profile;
pub use slow::SlowCalls;

use crate::config::{Settings, Target, is_account};
use crate::error::{Error, Result};
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_types::timeout::TimeoutConfig;
use partition::dns_suffix;
use slow::SlowCallInterceptor;

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
    /// What all of them sign with.
    pub credentials: SharedCredentialsProvider,
    /// How long a call that sends the function's code may take.
    pub upload_limits: TimeoutConfig,
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

impl Place {
    /// A place in the named account, without a call to AWS: for what is only written down.
    ///
    /// # Errors
    /// No region is set, or that is no account.
    pub async fn named(settings: &Settings, account: &str) -> Result<Self> {
        if !is_account(account) {
            return Err(
                Error::usage(format!("{account:?} is not the id of an AWS account"))
                    .hint("an account has twelve digits"),
            );
        }
        let region = region(&sdk::config(settings, "chatctl").await?)?;
        let partition = partition::of_region(&region);
        Ok(Self {
            account_id: account.to_owned(),
            dns_suffix: dns_suffix(partition).to_owned(),
            partition: partition.to_owned(),
            caller_arn: String::new(),
            endpoint_url: settings.target.endpoint_url(),
            region,
        })
    }

    /// The domain that endpoints end in, where the function cannot guess it.
    pub fn unusual_dns_suffix(&self) -> Option<&str> {
        Some(self.dns_suffix.as_str()).filter(|suffix| *suffix != partition::USUAL_SUFFIX)
    }
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
        let config = sdk::config(settings, dummy_key).await?;
        let region = region(&config)?;
        let credentials = require_credentials(&config).await?;
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Client::from_conf(
                    $sdk::config::Builder::from(&config)
                        .interceptor(SlowCallInterceptor)
                        .build(),
                )
            };
        }
        let sts = client!(aws_sdk_sts);
        let place = whoami(&sts, region, settings).await?;
        require_account(settings, &place)?;
        Ok(Self {
            apigatewayv2: client!(aws_sdk_apigatewayv2),
            apigateway: client!(aws_sdk_apigateway),
            lambda: client!(aws_sdk_lambda),
            iam: client!(aws_sdk_iam),
            logs: client!(aws_sdk_cloudwatchlogs),
            dynamodb: client!(aws_sdk_dynamodb),
            sts,
            credentials,
            upload_limits: time_outs::of_an_upload(),
            place,
        })
    }
}

impl Clients {
    /// The same clients in another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let mut clients = self.clone();
        macro_rules! moved {
            ($($service:ident: $sdk:ident),*) => {$(
                let config = clients.$service.config().to_builder();
                let config = config.region(Region::new(region.to_owned())).build();
                clients.$service = $sdk::Client::from_conf(config);
            )*};
        }
        moved!(
            apigatewayv2: aws_sdk_apigatewayv2, apigateway: aws_sdk_apigateway,
            lambda: aws_sdk_lambda, iam: aws_sdk_iam, logs: aws_sdk_cloudwatchlogs,
            dynamodb: aws_sdk_dynamodb, sts: aws_sdk_sts
        );
        region.clone_into(&mut clients.place.region);
        clients
    }
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

/// The chat may be in one account only, if the file names it. The local cloud is in no account of
/// AWS.
fn require_account(settings: &Settings, place: &Place) -> Result<()> {
    let Some(wanted) = &settings.account else {
        return Ok(());
    };
    let is_local = matches!(settings.target, Target::Local(_));
    if is_local || *wanted == place.account_id {
        return Ok(());
    }
    let (caller, account) = (&place.caller_arn, &place.account_id);
    Err(Error::failed(format!(
        "these credentials are of account {account}, and this chat belongs to account {wanted}"
    ))
    .because_of(format!("the caller is {caller}"))
    .hint("choose others with --profile, or change `account` in chatctl.toml"))
}

/// Resolves the credentials once, before anything else, so that a machine without any gets one clear
/// error and not the failure of whichever call came first.
async fn require_credentials(config: &SdkConfig) -> Result<SharedCredentialsProvider> {
    let Some(provider) = config.credentials_provider() else {
        return Err(no_credentials());
    };
    match provider.provide_credentials().await {
        Ok(_) => Ok(provider),
        Err(error) if errors::is_nothing_found(&error) => Err(no_credentials()),
        Err(error) => Err(Error::failed("the AWS credentials cannot be loaded")
            .because(error)
            .hint("`aws login`, or `aws sso login` for single sign-on, renews a session")),
    }
}

fn no_credentials() -> Error {
    Error::failed("no AWS credentials were found")
        .hint("`aws login`, `aws sso login` or `aws configure` sets them up; in CI set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        .hint(NO_ACCOUNT)
}

const NO_ACCOUNT: &str = "no AWS account? `chatctl local` runs the same chat on this machine";

async fn whoami(sts: &aws_sdk_sts::Client, region: String, settings: &Settings) -> Result<Place> {
    let endpoint_url = settings.target.endpoint_url();
    let asked = sts.get_caller_identity().send().await;
    let identity = asked.map_err(|error| explain("ask AWS who is calling", error))?;
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
