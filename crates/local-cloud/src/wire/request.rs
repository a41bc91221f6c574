//! A request as the services get it: read whole, its path and query still encoded.

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::{Map, Value};

use super::ServiceError;
use super::form::{Form, decode, parse_form};

/// One request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The HTTP method.
    pub(crate) method: Method,
    /// The raw path: still percent-encoded, because ARNs in paths hold encoded slashes.
    pub(crate) path: String,
    /// The raw query string, without `?`.
    pub(crate) query: String,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
    /// The service and operation that the router found, such as `lambda` and `CreateFunction`.
    pub(crate) service: &'static str,
    /// The operation's name in AWS's models.
    pub(crate) operation: String,
    /// The access key of the SigV4 credential scope, if the request is signed.
    pub(crate) access_key_id: Option<String>,
    /// The AWS request id that the answer carries.
    pub(crate) request_id: String,
}

/// The readable part of a SigV4 signature. It is not verified: any key is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Whose signature.
    pub(crate) access_key_id: String,
    /// The region of the credential scope.
    pub(crate) region: String,
    /// The service of the credential scope.
    pub(crate) service: String,
    /// The session token that came along, for keys that need one.
    pub(crate) session_token: Option<String>,
}

impl Request {
    /// A request as it came in, with the names that the router found for it.
    pub(crate) fn new(parts: Parts, body: Bytes, service: &'static str, operation: String) -> Self {
        let mut request = Self {
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            method: parts.method,
            headers: parts.headers,
            body,
            service,
            operation,
            access_key_id: None,
            request_id: uuid::Uuid::new_v4().to_string(),
        };
        request.access_key_id = request.signature().map(|signature| signature.access_key_id);
        request
    }

    /// One header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The query, decoded, in the order sent.
    pub(crate) fn params(&self) -> Vec<(String, String)> {
        parse_form(&self.query)
    }

    /// The first query parameter of that name.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.params()
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// The path's segments, decoded after the split.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect()
    }

    /// What the signature says; `None` for an unsigned request.
    pub(crate) fn signature(&self) -> Option<Signature> {
        Signature::of(&self.headers, &self.query)
    }

    /// The body as a JSON object; an empty body is an empty object.
    pub(crate) fn json(&self) -> Result<Map<String, Value>, ServiceError> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Map::new());
        }
        serde_json::from_slice(&self.body).map_err(|_| {
            ServiceError::new(
                400,
                "SerializationException",
                "could not parse the body as a JSON object",
            )
        })
    }

    /// The body as a form, for the query protocol. Parameters in the address count too.
    pub(crate) fn form(&self) -> Form {
        let mut pairs = self.params();
        pairs.extend(parse_form(&String::from_utf8_lossy(&self.body)));
        Form::of(pairs)
    }
}

impl Signature {
    /// From the `Authorization` header, or from a presigned address.
    pub(crate) fn of(headers: &HeaderMap, query: &str) -> Option<Self> {
        let query = parse_form(query);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let param = |name: &str| {
            query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, v)| v.as_str())
        };
        let authorization = header("authorization")
            .filter(|value| value.starts_with("AWS4-"))
            .and_then(|value| value.split_once("Credential="))
            .map(|(_, rest)| rest.split([',', ' ']).next().unwrap_or_default());
        let credential = authorization.or_else(|| param("X-Amz-Credential"))?;
        let mut parts = credential.rsplitn(5, '/');
        let (_terminator, service, region, _date) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self {
            access_key_id: parts.next()?.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            session_token: header("x-amz-security-token")
                .or_else(|| param("X-Amz-Security-Token"))
                .map(str::to_owned),
        })
    }
}

/// Whether a request to make something gives it tags: a list of pairs, or an object.
pub(crate) fn has_tags(tags: Option<&Value>) -> bool {
    match tags {
        Some(Value::Object(tags)) => !tags.is_empty(),
        Some(Value::Array(tags)) => !tags.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn request(uri: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let uri: http::Uri = uri.parse().unwrap();
        Request {
            method: Method::POST,
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers: map,
            body: Bytes::from(body.to_owned()),
            service: "test",
            operation: String::new(),
            access_key_id: None,
            request_id: String::new(),
        }
    }

    #[test]
    fn key_region_and_service_are_read_from_the_authorization_header() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/iam/aws4_request, SignedHeaders=host, Signature=00";
        let read = request(
            "/",
            &[("authorization", header), ("x-amz-security-token", "t")],
            "",
        );
        let signature = read.signature().unwrap();
        assert_eq!(signature.access_key_id, "AKID");
        assert_eq!(
            (signature.region.as_str(), signature.service.as_str()),
            ("eu-west-1", "iam")
        );
        assert_eq!(signature.session_token.as_deref(), Some("t"));
    }

    #[test]
    fn a_presigned_address_is_a_signature_too() {
        let read = request(
            "/?X-Amz-Credential=AKID%2F20260101%2Fus-east-1%2Fsts%2Faws4_request",
            &[],
            "",
        );
        assert_eq!(read.signature().unwrap().service, "sts");
    }

    #[test]
    fn a_header_of_another_scheme_is_no_signature() {
        assert_eq!(
            request("/", &[("authorization", "Bearer Credential=a/b/c/d/e")], "").signature(),
            None
        );
    }

    #[test]
    fn path_segments_are_decoded_after_the_split() {
        let read = request(
            "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2Fa1",
            &[],
            "",
        );
        assert_eq!(
            read.segments(),
            ["v2", "tags", "arn:aws:apigateway:us-east-1::/apis/a1"]
        );
    }
}
