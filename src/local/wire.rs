//! The wire shared by every room: how a request is read, how an answer or a refusal is framed.
//!
//! AWS speaks several protocols side by side. JSON 1.0 and 1.1 name the operation in `X-Amz-Target`
//! and the error in the body's `__type`; the query protocol (IAM, STS) takes a form and answers XML;
//! REST-JSON (API Gateway, Lambda) uses paths, and names the error in a header. SDKs take the error's
//! kind from those places only, never from the HTTP status, so each must be exact.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

/// What RFC 3986 leaves unescaped; IAM writes policy documents so.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

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

/// One answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
    /// Chunks that follow the body for as long as the sender lives, for event streams.
    pub(crate) stream: Option<tokio::sync::mpsc::Receiver<Bytes>>,
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
        Signature::read(&self.headers, &self.params())
    }

    /// The body as a JSON object; an empty body is an empty object.
    pub(crate) fn json(&self) -> Result<Map<String, Value>, Fault> {
        if self.body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Map::new());
        }
        serde_json::from_slice(&self.body).map_err(|_| {
            Fault::new(
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
        Form { pairs }
    }
}

impl Response {
    /// A body-less answer.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            stream: None,
        }
    }

    /// A JSON answer.
    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// An answer of any content type.
    pub(crate) fn text(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let mut response = Self::empty(status);
        response.headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static(content_type),
        );
        response.body = Bytes::from(body);
        response
    }

    /// An error of a REST-JSON service: `x-amzn-ErrorType` and a body with the message.
    pub(crate) fn rest_error(status: StatusCode, kind: &'static str, message: &str) -> Self {
        Self::json(status, &json!({ "message": message })).with("x-amzn-ErrorType", kind)
    }

    /// Adds a header; one that cannot be written is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds the request id in the header that SDKs read.
    #[must_use]
    pub(crate) fn identified(self, request_id: &str) -> Self {
        self.with("x-amzn-requestid", request_id)
    }

    /// A REST-JSON answer; 204 has no body.
    pub(crate) fn rest(status: u16, body: &Value) -> Self {
        if status == 204 {
            return Self::empty(StatusCode::NO_CONTENT);
        }
        Self::json(status_of(status), body)
    }

    /// A JSON 1.0 or 1.1 answer whose body is text already.
    pub(crate) fn versioned(version: &str, status: u16, body: String) -> Self {
        let kind = if version == "1.0" {
            "application/x-amz-json-1.0"
        } else {
            "application/x-amz-json-1.1"
        };
        Self::text(status_of(status), kind, body)
    }

    /// An answer of the query protocol: `inner` is the XML within `<…Result>`, empty for none.
    pub(crate) fn query(namespace: &str, operation: &str, inner: &str, id: &str) -> Self {
        let result = if inner.is_empty() {
            String::new()
        } else {
            format!("<{operation}Result>{inner}</{operation}Result>")
        };
        let body = format!(
            "<{operation}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
        );
        Self::text(StatusCode::OK, "text/xml", body)
    }
}

impl Signature {
    /// From the `Authorization` header, or from a presigned address.
    fn read(headers: &HeaderMap, query: &[(String, String)]) -> Option<Self> {
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

/// A decoded form with the query protocol's lists (`Tags.member.1.Key`).
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    /// One parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that must be there and not empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let field = lower_first(name);
            Fault::new(
                400,
                "ValidationError",
                format!(
                    "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
                ),
            )
        })
    }

    /// `name.member.1`, `name.member.2`, …
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        (1..)
            .map_while(|index| self.get(&format!("{name}.member.{index}")))
            .map(str::to_owned)
            .collect()
    }

    /// `name.member.N.Key` and `name.member.N.Value`, as tags are sent.
    pub(crate) fn tags(&self, name: &str) -> Vec<(String, String)> {
        (1..)
            .map_while(|index| {
                let key = self.get(&format!("{name}.member.{index}.Key"))?;
                let value = self
                    .get(&format!("{name}.member.{index}.Value"))
                    .unwrap_or_default();
                Some((key.to_owned(), value.to_owned()))
            })
            .collect()
    }
}

/// Splits and decodes `a=b&c=d`; a plus is a space.
pub(crate) fn parse_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decode(&key.replace('+', " ")),
                decode(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// Percent-decoding; what is not UTF-8 becomes the replacement character.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Percent-encoding of everything that RFC 3986 does not leave free.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// A refusal: it is framed for its protocol at the edge of each room.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// Further members of the error's body, such as `resourceType`.
    pub(crate) details: Vec<(&'static str, Value)>,
}

impl Fault {
    /// A refusal with AWS's code and words.
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// Adds a member to the error's body.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// The answer to an operation that the local cloud does not have.
    pub(crate) fn not_here(service: &str, operation: &str) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("{service} {operation} is not part of the local cloud"),
        )
    }

    /// The answer to an unsigned request.
    pub(crate) fn unsigned() -> Self {
        Self::new(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        )
    }

    /// Framed as REST-JSON: the kind in a header, `message` in the body.
    pub(crate) fn rest(&self) -> Response {
        let mut body = Map::from_iter([("message".to_owned(), Value::from(self.message.clone()))]);
        body.extend(
            self.details
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        Response::json(status_of(self.status), &Value::Object(body))
            .with("x-amzn-errortype", &self.code)
    }

    /// Framed as JSON 1.0 or 1.1, with a namespace before the kind where the service has one.
    pub(crate) fn versioned(&self, version: &str, namespace: &str) -> Response {
        let kind = if self.code.contains('#') {
            self.code.to_string()
        } else {
            format!("{namespace}{}", self.code)
        };
        let mut body = json!({"__type": kind, "message": self.message});
        for (name, value) in &self.details {
            body[*name] = value.clone();
        }
        Response::versioned(version, self.status, body.to_string())
    }

    /// Framed as the query protocol's XML.
    pub(crate) fn xml(&self, namespace: &str, id: &str) -> Response {
        let kind = if self.status < 500 {
            "Sender"
        } else {
            "Receiver"
        };
        let body = format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
            escape(&self.code),
            escape(&self.message),
        );
        Response::text(status_of(self.status), "text/xml", body)
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// `count` random characters of `alphabet`: API Gateway's and IAM's ids are made so.
pub(crate) fn random_id(alphabet: &[u8], count: usize) -> String {
    (0..count)
        .map(|_| char::from(alphabet[fastrand::usize(..alphabet.len())]))
        .collect()
}

/// One XML element with escaped text.
pub(crate) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// XML escaping, with the characters that XML cannot carry left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#13;"),
            other if (other as u32) < 0x20 && !matches!(other, '\t' | '\n') => {}
            other => out.push(other),
        }
    }
    out
}

/// Milliseconds of the epoch as ISO 8601 with whole seconds, as AWS writes dates in XML and REST.
pub(crate) fn iso8601(milliseconds: i64) -> String {
    jiff::Timestamp::from_second(milliseconds.div_euclid(1000))
        .map(|time| time.to_string())
        .unwrap_or_default()
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + characters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn forms_have_lists_and_tags() {
        let form = request(
            "/",
            &[],
            "Names.member.1=a+b&Names.member.2=c&Tags.member.1.Key=k&Tags.member.1.Value=%26",
        )
        .form();
        assert_eq!(form.list("Names"), ["a b", "c"]);
        assert_eq!(form.tags("Tags"), [("k".to_owned(), "&".to_owned())]);
        assert!(
            form.required("RoleName")
                .unwrap_err()
                .message
                .contains("'roleName'")
        );
    }

    #[test]
    fn xml_text_is_escaped() {
        assert_eq!(element("a", "<&\u{1}\">"), "<a>&lt;&amp;&quot;&gt;</a>");
    }
}
