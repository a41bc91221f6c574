//! One HTTP client for everything: Runtime API, DynamoDB and connections. It is made in the init
//! phase and keeps its connections open between invocations.
//!
//! What surprises: between two invocations the process is frozen, and whatever the other side closed
//! meanwhile is noticed only when it is used. The pool tries again by itself if nothing was sent yet;
//! for the rest the callers decide, with the help of `HttpError`.
//!
//! TLS comes from rustls with Graviola, which is Rust and assembler only, so that no C compiler is
//! needed to build for either processor. `http://` endpoints never touch it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;

/// An answer larger than this is not one of ours: DynamoDB sends at most 1 MB and its framing.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// Scheme, host and path of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    /// Host, and port if given.
    pub host: String,
    /// Without a slash at its end; may be empty.
    pub path: String,
}

impl Endpoint {
    /// Reads `https://host[:port][/path]`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let bad = || format!("{url:?} is not a URL of the form https://host:port/path");
        let (scheme, rest) = if let Some(rest) = url.strip_prefix("https://") {
            ("https", rest)
        } else {
            ("http", url.strip_prefix("http://").ok_or_else(bad)?)
        };
        let (host, path) = rest.split_once('/').map_or((rest, ""), |(h, p)| (h, p));
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        let uri: http::Uri = format!("{scheme}://{host}{path}")
            .parse()
            .map_err(|_| bad())?;
        if host.is_empty() || host.contains('@') || uri.query().is_some() {
            return Err(bad());
        }
        Ok(Self {
            scheme,
            host: host.to_owned(),
            path,
        })
    }

    /// The whole URL of a path that begins with this endpoint's own.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.host)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.host, self.path)
    }
}

/// Why there is no answer. The texts name no content.
#[derive(Debug)]
pub enum HttpError {
    /// Nothing was sent; trying again cannot do anything twice.
    NotSent(String),
    /// The connection broke in between; the request may have had its effect.
    Broken(String),
    /// No answer in time.
    Timeout,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "could not connect: {why}"),
            Self::Broken(why) => write!(f, "the connection broke: {why}"),
            Self::Timeout => f.write_str("no answer in time"),
        }
    }
}

/// The client. Requests carry their own `host` header: the signed ones have it anyway.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Http {
    /// Makes the client; connects to nothing yet.
    pub fn new() -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT_LIMIT));
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(Arc::new(provider()))
            .map_err(|e| format!("TLS cannot be set up: {e}"))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .set_host(false)
            .build(connector);
        Ok(Self { client })
    }

    /// Sends, and reads the whole answer, within `limit`.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<(StatusCode, Bytes), HttpError> {
        let whole = tokio::time::timeout(limit, self.exchange(request));
        let (parts, body) = whole.await.map_err(|_| HttpError::Timeout)??;
        Ok((parts.status, body))
    }

    /// Sends, and waits for the answer as long as it takes.
    pub async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(Parts, Bytes), HttpError> {
        let answer = self.client.request(request).await.map_err(|e| {
            let why = innermost(&e);
            if e.is_connect() {
                HttpError::NotSent(why)
            } else {
                HttpError::Broken(why)
            }
        })?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body
            .map_err(|e| HttpError::Broken(e.to_string()))?
            .to_bytes();
        Ok((parts, body))
    }
}

/// The function presents no certificate of its own, so what signs with one is left out of the binary.
fn provider() -> CryptoProvider {
    CryptoProvider {
        key_provider: &NoKeys,
        ..rustls_graviola::default_provider()
    }
}

#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(
        &self,
        _: PrivateKeyDer<'static>,
    ) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("no client certificates".into()))
    }
}

/// The last cause says what happened ("connection refused"), the outer ones only where.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written_back() {
        for (url, shown) in [
            ("https://a.example", "https://a.example"),
            ("http://127.0.0.1:4510/", "http://127.0.0.1:4510"),
            (
                "http://h:1/_aws/execute-api/abc/production/",
                "http://h:1/_aws/execute-api/abc/production",
            ),
            ("http://[::1]:80/x", "http://[::1]:80/x"),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for url in [
            "",
            "a.example",
            "ftp://a",
            "http://",
            "https:///x",
            "http://u:p@h/",
            "http://h/a b",
            "http://h/?q",
        ] {
            assert!(Endpoint::parse(url).is_err(), "{url}");
        }
    }
}
