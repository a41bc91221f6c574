//! Our signature against the one of the SDK.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningParams, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use chat_lambda::clock::Millis;
use chat_lambda::sign::{Call, Credentials, Signer, encode, sha256_hex};
use proptest::prelude::*;

fn theirs(call: &Call<'_>, token: Option<&str>, service: &str, now: Millis, body: &[u8]) -> String {
    let identity =
        SdkCredentials::new("AKID", "secret", token.map(str::to_owned), None, "test").into();
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name(service)
        .time(UNIX_EPOCH + Duration::from_millis(now.0))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("https://{}{}", call.host, call.path);
    let headers = call.headers.iter().copied();
    let request =
        SignableRequest::new(call.method, uri, headers, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let headers: Vec<_> = instructions.headers().collect();
    headers
        .iter()
        .find(|(name, _)| *name == "authorization")
        .unwrap()
        .1
        .to_owned()
}

fn ours(call: &Call<'_>, token: Option<&str>, service: &'static str, now: Millis) -> String {
    let credentials = Credentials {
        key_id: "AKID".into(),
        secret: "secret".into(),
        token: token.map(str::to_owned),
    };
    let signer = Signer::new(credentials, "eu-west-1", service).unwrap();
    signer.headers(call, now).unwrap()["authorization"]
        .to_str()
        .unwrap()
        .to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_post_to_a_connection_is_signed_as_the_sdk_signs_it(
        id in "[A-Za-z0-9_=+/-]{1,24}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        token in proptest::option::of("[A-Za-z0-9/+=]{1,80}"),
        now in 0u64..4_000_000_000_000,
        method in prop_oneof![Just("GET"), Just("POST"), Just("DELETE")],
    ) {
        let mut path = String::from("/production/@connections/");
        encode(&mut path, &id, b"");
        let hash = sha256_hex(&body);
        let call = Call { method, host: "abc.execute-api.eu-west-1.amazonaws.com", path: &path,
            headers: &[], body_hash: &hash };
        let now = Millis(now);
        prop_assert_eq!(ours(&call, token.as_deref(), "execute-api", now),
            theirs(&call, token.as_deref(), "execute-api", now, &body));
    }

    #[test]
    fn a_call_to_dynamodb_is_signed_as_the_sdk_signs_it(
        operation in "[A-Za-z]{1,20}", body in "\\PC{0,200}", now in 0u64..4_000_000_000_000,
    ) {
        let target = format!("DynamoDB_20120810.{operation}");
        let hash = sha256_hex(body.as_bytes());
        let call = Call { method: "POST", host: "127.0.0.1:4510", path: "/",
            headers: &[("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)],
            body_hash: &hash };
        let now = Millis(now);
        prop_assert_eq!(ours(&call, Some("token"), "dynamodb", now),
            theirs(&call, Some("token"), "dynamodb", now, body.as_bytes()));
    }
}
