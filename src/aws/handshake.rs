//! Signs the handshake of a WebSocket, for an API that lets in whom IAM allows.

use super::Clients;
use crate::error::{Error, Result};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::SystemTime;

/// The service that WebSocket APIs are part of when they are called.
const SERVICE: &str = "execute-api";

/// Signs handshakes with the credentials of the AWS calls.
#[derive(Debug, Clone)]
pub struct HandshakeSigner {
    credentials: SharedCredentialsProvider,
    region: String,
}

impl HandshakeSigner {
    /// Signs as these clients do.
    pub fn of(clients: &Clients) -> Self {
        Self {
            credentials: clients.credentials.clone(),
            region: clients.place.region.clone(),
        }
    }

    /// The headers that a handshake with `url` needs now; they are good for five minutes.
    ///
    /// # Errors
    /// The credentials cannot be loaded, or the URL cannot be signed.
    pub async fn headers(&self, url: &str) -> Result<HeaderMap> {
        let failed = || Error::failed("the handshake cannot be signed");
        let credentials = self.credentials.provide_credentials().await;
        let identity = credentials.map_err(|e| failed().because(e))?.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| failed().because(e))?;
        let uri: http::Uri = url.parse().map_err(|e| failed().because(e))?;
        let host = uri.authority().map_or("", |authority| authority.as_str());
        let headers = std::iter::once(("host", host));
        let request = SignableRequest::new("GET", url, headers, SignableBody::Bytes(&[]));
        let request = request.map_err(|e| failed().because(e))?;
        let signed = sign(request, &params.into()).map_err(|e| failed().because(e))?;
        let (instructions, _) = signed.into_parts();
        let pairs = instructions.headers();
        pairs.map(|(name, value)| header(name, value)).collect()
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let failed = || Error::failed("the handshake cannot be signed");
    let name = HeaderName::try_from(name).map_err(|e| failed().because(e))?;
    let value = HeaderValue::try_from(value).map_err(|e| failed().because(e))?;
    Ok((name, value))
}
