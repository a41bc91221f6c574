//! AWS Signature Version 4 for the two kinds of request the function makes: a POST without query
//! string to DynamoDB, and a request without query string to a connection.
//!
//! The general signer of the SDK was tried: it brings thirty crates into the build and costs more
//! for each post than everything else together. What is left here for our two shapes is short, and a
//! test compares it with that signer. The daily key is kept, because deriving it costs as much as
//! signing twice.

use std::fmt::Write;
use std::sync::Mutex;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use http_body_util::Full;
use sha2::{Digest, Sha256};

use crate::clock::Millis;

/// Keys of the function's role.
#[derive(Clone)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`
    pub key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret: String,
    /// `AWS_SESSION_TOKEN`
    pub token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// What is signed.
#[derive(Debug)]
pub struct Call<'a> {
    /// `GET`, `POST`, `DELETE`
    pub method: &'a str,
    /// Host, and port if it is not the usual one.
    pub host: &'a str,
    /// The path as it is sent, percent-encoded once.
    pub path: &'a str,
    /// More headers to send and sign. Names in lower case.
    pub headers: &'a [(&'static str, &'a str)],
    /// SHA-256 of the body in hex.
    pub body_hash: &'a str,
}

/// Signs for one service in one region.
#[derive(Debug)]
pub struct Signer {
    credentials: Credentials,
    /// The session token, checked once: it is as long as everything else together.
    token: Option<HeaderValue>,
    region: String,
    service: &'static str,
    key: Mutex<(String, Digest32)>,
}

type Digest32 = [u8; 32];

const TOKEN: &str = "x-amz-security-token";

impl Signer {
    /// A signer for `service`, such as `dynamodb`. Only a token that is no header text is an error.
    pub fn new(
        credentials: Credentials,
        region: &str,
        service: &'static str,
    ) -> Result<Self, String> {
        let token = credentials
            .token
            .as_deref()
            .map(HeaderValue::from_str)
            .transpose();
        let mut token =
            token.map_err(|_| "AWS_SESSION_TOKEN has characters that no header may have")?;
        if let Some(token) = &mut token {
            // So that it does not print itself.
            token.set_sensitive(true);
        }
        let key = Mutex::new((String::new(), [0; 32]));
        let region = region.to_owned();
        Ok(Self {
            credentials,
            token,
            region,
            service,
            key,
        })
    }

    /// Builds the request, signed.
    pub fn request(
        &self,
        call: &Call<'_>,
        url: &str,
        body: Bytes,
        now: Millis,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(url)
            .body(Full::new(body))?;
        *request.headers_mut() = self.headers(call, now)?;
        Ok(request)
    }

    /// All headers to send with the call.
    pub fn headers(&self, call: &Call<'_>, now: Millis) -> Result<HeaderMap, InvalidHeaderValue> {
        let date = now.amz_date();
        let mut signed = vec![("host", call.host), ("x-amz-date", date.as_str())];
        signed.extend(call.headers);
        let mut headers = HeaderMap::with_capacity(8);
        for (name, value) in &signed {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
        }
        if let (Some(text), Some(value)) = (&self.credentials.token, &self.token) {
            signed.push((TOKEN, text));
            headers.insert(HeaderName::from_static(TOKEN), value.clone());
        }
        signed.sort_unstable_by_key(|(name, _)| *name);
        let authorization = self.authorization(call, &signed, &date);
        headers.insert(AUTHORIZATION, HeaderValue::try_from(authorization)?);
        Ok(headers)
    }

    fn authorization(&self, call: &Call<'_>, headers: &[(&str, &str)], date: &str) -> String {
        let day = &date[..8];
        let names = headers
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(";");
        let canonical = canonical(call, headers, &names);
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hash = sha256_hex(canonical.as_bytes());
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hash}");
        let signature = hex(&hmac(&self.day_key(day), to_sign.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.credentials.key_id
        )
    }

    fn day_key(&self, day: &str) -> Digest32 {
        let mut kept = self
            .key
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.0 != day {
            let secret = format!("AWS4{}", self.credentials.secret);
            let steps = [day, &self.region, self.service, "aws4_request"];
            let key = hmac(secret.as_bytes(), steps[0].as_bytes());
            let derive = |key: Digest32, step: &&str| hmac(&key, step.as_bytes());
            *kept = (day.to_owned(), steps[1..].iter().fold(key, derive));
        }
        kept.1
    }
}

fn canonical(call: &Call<'_>, headers: &[(&str, &str)], names: &str) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str(call.method);
    out.push('\n');
    encode(&mut out, call.path, b"/");
    out.push_str("\n\n");
    for (name, value) in headers {
        out.push_str(name);
        out.push(':');
        out.push_str(value.trim());
        out.push('\n');
    }
    out.push('\n');
    out.push_str(names);
    out.push('\n');
    out.push_str(call.body_hash);
    out
}

/// Percent-encodes everything that is not unreserved or in `keep`. In a canonical path this happens
/// to a text that is encoded already: signatures want it twice, for every service but S3.
pub fn encode(out: &mut String, text: &str, keep: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// SHA-256 in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes).into())
}

fn hex(bytes: &Digest32) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(64);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

fn hmac(key: &[u8], text: &[u8]) -> Digest32 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_the_published_vectors() {
        let short = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(
            hex(&short),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = hmac(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        );
        assert_eq!(
            hex(&long),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_path_that_is_encoded_is_encoded_again() {
        let mut out = String::new();
        encode(&mut out, "/prod/@connections/a%3D", b"/");
        assert_eq!(out, "/prod/%40connections/a%253D");
    }

    #[test]
    fn credentials_do_not_print_themselves() {
        let credentials = Credentials {
            key_id: "AKID".into(),
            secret: "hush".into(),
            token: Some("t".into()),
        };
        let shown = format!("{:?}", Signer::new(credentials, "eu-west-1", "dynamodb"));
        assert!(
            !shown.contains("hush") && !shown.contains("AKID"),
            "{shown}"
        );
    }
}
