//! How the SDK calls: where to, with whose credentials, through which proxy, trusting whom.

use super::{local, profile, time_outs};
use crate::config::{Settings, Target};
use crate::error::{Error, Result};
use crate::network;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::retry::RetryConfig;
use std::time::Duration;

/// The configuration of every client.
///
/// # Errors
/// The file of certificates cannot be used.
pub(super) async fn config(settings: &Settings, dummy_key: &str) -> Result<SdkConfig> {
    if !matches!(settings.target, Target::Local(_)) {
        profile::trust_its_bundle(settings.profile.as_deref()).await?;
    }
    let http_client = http_client(&settings.target)?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client.clone())
        .timeout_config(time_outs::of_a_call())
        .retry_config(RetryConfig::standard().with_max_attempts(5));
    if let Some(region) = region(settings).await? {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = &settings.profile {
        if !uses_dummy_credentials(settings) {
            profile::require(profile).await?;
        }
        loader = loader.profile_name(profile);
    }
    if let Some(url) = settings.target.endpoint_url() {
        loader = loader.endpoint_url(url);
    }
    if uses_dummy_credentials(settings) {
        loader = loader.credentials_provider(Credentials::from_keys(dummy_key, "local", None));
    } else if settings.target == Target::Aws {
        let config = loader.no_credentials().load().await;
        let chain = SharedCredentialsProvider::new(chain(settings, &config, http_client).await);
        return Ok(config.into_builder().credentials_provider(chain).build());
    }
    Ok(loader.load().await)
}

/// The region to sign for; nothing if the SDK is to look for one in AWS's own configuration.
async fn region(settings: &Settings) -> Result<Option<String>> {
    let given = settings.region.clone();
    Ok(match settings.target {
        Target::Aws => given,
        Target::Endpoint(_) => given.or_else(|| Some("us-east-1".into())),
        Target::Local(port) => {
            let running = local::region(port, &settings.chat_flags()).await?;
            running.or(given).or_else(|| Some("us-east-1".into()))
        }
    })
}

/// The usual chain, but off EC2 it gives up on the instance metadata service at once instead of
/// after many seconds. Its own calls, to STS, single sign-on and sign-in, go where `config` says:
/// to FIPS or dual-stack endpoints as well.
async fn chain(
    settings: &Settings,
    config: &SdkConfig,
    http_client: SharedHttpClient,
) -> DefaultCredentialsChain {
    let region = settings.region.clone().map(Region::new);
    let provider = ProviderConfig::default()
        .with_http_client(http_client)
        .with_timeout_config(time_outs::of_a_call())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack())
        .with_region(region.clone());
    let metadata = aws_config::imds::Client::builder()
        .configure(&provider)
        .max_attempts(1)
        .connect_timeout(Duration::from_millis(500))
        .build();
    let mut chain = DefaultCredentialsChain::builder()
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
fn http_client(target: &Target) -> Result<SharedHttpClient> {
    let proxy = match target {
        Target::Aws => ProxyConfig::from_env(),
        Target::Local(_) | Target::Endpoint(_) => ProxyConfig::disabled(),
    };
    let trusted = match (target, network::ca_bundle()?) {
        // It speaks no TLS, and reading the system's certificates takes time.
        (Target::Local(_), _) => TrustStore::empty(),
        (_, Some(pem)) => TrustStore::empty().with_pem_certificate(pem),
        (_, None) => TrustStore::default(),
    };
    let context = TlsContext::builder().with_trust_store(trusted).build();
    let context = context.map_err(|error| Error::failed("TLS cannot be set up").because(error))?;
    let client = Builder::new().build_with_connector_fn(move |connector_settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context.clone())
            .proxy_config(proxy.clone());
        builder.set_connector_settings(connector_settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.build()
    });
    Ok(client)
}
