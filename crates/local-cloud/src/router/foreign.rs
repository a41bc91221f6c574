//! Calls of services that the local cloud does not have. Tools make them along the way: SAM and osls ask
//! CloudFormation and S3 first. The refusal is in the protocol of the service that was asked, so that its client shows
//! the sentence and not its own trouble with reading it.

use http::{HeaderMap, StatusCode};

use crate::wire::{Request, Response, ServiceError, Signature, escape};

/// The names in credential scopes that belong to services of the local cloud.
const OURS: [&str; 7] = [
    "apigateway",
    "dynamodb",
    "execute-api",
    "iam",
    "lambda",
    "logs",
    "sts",
];

/// Services whose errors are XML, besides those that are asked by a form.
const XML: [&str; 2] = ["cloudfront", "route53"];

/// Whether a request is signed for a service that is not here.
pub(super) fn is_foreign(headers: &HeaderMap, query: &str) -> bool {
    let signature = Signature::of(headers, query);
    signature.is_some_and(|signature| !OURS.contains(&signature.service.as_str()))
}

/// The answer to a call of a service that is not here.
pub(super) fn refusal(request: &Request) -> Response {
    let signature = request.signature();
    let service = signature.as_ref().map(|one| one.service.as_str());
    let service = service.unwrap_or("unknown");
    let error = ServiceError::not_here(service, &request.operation);
    let id = &request.request_id;
    let kind = request.header("content-type").unwrap_or_default();
    let is_cbor = request.header("smithy-protocol") == Some("rpc-v2-cbor");
    let response = match service {
        _ if is_cbor => cbor(&error),
        _ if request.header("x-amz-target").is_some() => {
            error.versioned(kind.rsplit('-').next().unwrap_or("1.0"), "")
        }
        "s3" | "s3express" => s3(&error, id),
        "ec2" => ec2(&error, id),
        _ if XML.contains(&service) || kind.starts_with("application/x-www-form-urlencoded") => {
            error.xml(&format!("https://{service}.amazonaws.com/"), id)
        }
        _ => error.rest(),
    };
    response.identified(id)
}

fn s3(error: &ServiceError, id: &str) -> Response {
    let (code, message) = (escape(&error.code), escape(&error.message));
    xml(format!(
        "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>"
    ))
}

fn ec2(error: &ServiceError, id: &str) -> Response {
    let (code, message) = (escape(&error.code), escape(&error.message));
    xml(format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
    ))
}

fn xml(body: String) -> Response {
    let head = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
    Response::text(
        StatusCode::NOT_IMPLEMENTED,
        "application/xml",
        format!("{head}\n{body}"),
    )
}

/// A map of two texts, in the protocol that newer SDKs speak with CloudWatch.
fn cbor(error: &ServiceError) -> Response {
    let mut body = vec![0xa2];
    for text in ["__type", &error.code, "message", &error.message] {
        // A text whose length is given in two bytes.
        let length = u16::try_from(text.len()).unwrap_or_default();
        body.push(0x79);
        body.extend(length.to_be_bytes());
        body.extend(&text.as_bytes()[..usize::from(length)]);
    }
    let mut response = Response::empty(StatusCode::NOT_IMPLEMENTED)
        .with("content-type", "application/cbor")
        .with("smithy-protocol", "rpc-v2-cbor");
    response.body = body.into();
    response
}
