//! What the environment and the profile say of the way out: the proxy, and the certificates that are
//! trusted.
//!
//! `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` mean what they mean to curl. `AWS_CA_BUNDLE`, or else the
//! profile's `ca_bundle`, replaces the system's certificates, as it does in the AWS CLI and in the SDKs
//! that read it.

use crate::config;
use crate::error::{Error, Result};
use http::Uri;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tower_service::Service;

/// A connection to a server or through a proxy; TLS to the server is not part of it.
pub type Stream = TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// The bundle of the profile in use: there is one profile in a run, and WebSockets trust what calls trust.
static OF_PROFILE: OnceLock<CaBundle> = OnceLock::new();

/// A file of certificates to trust in place of the system's.
#[derive(Debug, Clone)]
struct CaBundle {
    path: PathBuf,
    /// What names it, for errors.
    setting: String,
}

/// Trusts the `ca_bundle` of the profile from now on, unless `AWS_CA_BUNDLE` is set.
pub(crate) fn trust_bundle_of_profile(profile: &str, path: PathBuf) {
    let setting = format!("ca_bundle = {} of the profile {profile:?}", path.display());
    let _ = OF_PROFILE.set(CaBundle { path, setting });
}

fn bundle() -> Option<CaBundle> {
    let of_environment = config::ca_bundle().map(|path| CaBundle {
        setting: format!("AWS_CA_BUNDLE={}", path.display()),
        path,
    });
    of_environment.or_else(|| OF_PROFILE.get().cloned())
}

/// The text of the bundle's file, if one is named; every certificate in it can be used.
///
/// # Errors
/// The file cannot be read, or holds no certificates.
pub(crate) fn ca_bundle() -> Result<Option<Vec<u8>>> {
    let Some(bundle) = bundle() else {
        return Ok(None);
    };
    let unusable = || {
        Error::failed(format!("{} cannot be used", bundle.setting))
            .hint("it names a file of certificates in PEM; without it the system's are trusted")
    };
    let text = fs_err::read(&bundle.path).map_err(|error| unusable().because(error))?;
    roots_of(&text).map_err(|why| unusable().because_of(why))?;
    Ok(Some(text))
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok(roots)
}

/// TLS that trusts the bundle that is named, or the system's certificates.
///
/// # Errors
/// The bundle cannot be used.
pub(crate) fn tls() -> Result<Arc<ClientConfig>> {
    let roots = match ca_bundle()? {
        Some(pem) => roots_of(&pem).map_err(Error::failed)?,
        None => system_roots(),
    };
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::failed("TLS cannot be set up").because(error))?;
    let config = config.with_root_certificates(roots);
    Ok(Arc::new(config.with_no_client_auth()))
}

/// A system may hold certificates that cannot be parsed; the others count.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Connects to `address`, such as `https://host:443`. What speaks TLS is reached through the
/// environment's proxy, as AWS itself is; nothing on this machine ever is.
///
/// # Errors
/// Nobody answers there, or the proxy refuses.
pub(crate) async fn connect(address: &Uri, tls: Option<&Arc<ClientConfig>>) -> Result<Stream> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    // Messages are small, and their latency matters more than the number of packets.
    tcp.set_nodelay(true);
    let proxy = tls.and_then(|tls| Some((tls, proxy(&Matcher::from_env(), address)?)));
    if let Some((tls, proxy)) = proxy {
        return through(&proxy, tcp, tls, address).await;
    }
    let connected = tcp.call(address.clone()).await;
    let stream = connected.map_err(|error| unreachable(address, &error))?;
    Ok(TokioIo::new(MaybeHttpsStream::Http(stream)))
}

fn proxy(matcher: &Matcher, address: &Uri) -> Option<Intercept> {
    matcher
        .intercept(address)
        .filter(|_| !address.host().is_some_and(is_this_machine))
}

fn is_this_machine(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let name = host == "localhost" || host.ends_with(".localhost");
    ip.map_or(name, |ip| ip.is_loopback())
}

/// Asks the proxy for a tunnel. The user and the password of its URL go to it and nowhere else.
async fn through(
    proxy: &Intercept,
    tcp: HttpConnector,
    tls: &ClientConfig,
    address: &Uri,
) -> Result<Stream> {
    let to_proxy = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
    if let Some(user) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(user.clone());
    }
    let connected = tunnel.call(address.clone()).await;
    connected.map(TokioIo::new).map_err(|error| {
        let by = authority(proxy.uri());
        unreachable(address, &error).because_of(format!("asked was the proxy {by}"))
    })
}

fn unreachable(address: &Uri, error: &dyn std::error::Error) -> Error {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let to = authority(address);
    Error::failed(format!("no connection to {to}")).because_of(cause.to_string())
}

fn authority(address: &Uri) -> &str {
    address
        .authority()
        .map_or("", |authority| authority.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_and_this_machine_are_reached_directly() {
        let matcher = Matcher::builder()
            .all("http://proxy.example:3128")
            .no("inside.example, 10.0.0.0/8")
            .build();
        for (host, by_proxy) in [
            ("a1.execute-api.eu-central-1.amazonaws.com", true),
            ("chat.inside.example", false),
            ("10.1.2.3", false),
            ("127.0.0.1", false),
            ("[::1]", false),
            ("localhost", false),
            ("a1.execute-api.localhost", false),
        ] {
            let address = format!("https://{host}:443").parse().unwrap();
            assert_eq!(proxy(&matcher, &address).is_some(), by_proxy, "{host}");
        }
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        assert!(roots_of(b"no certificate").is_err());
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(roots_of(broken).is_err());
    }
}
