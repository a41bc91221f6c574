//! Profiles of `aws login`.

use super::middle;
use crate::binary::{chatctl, run};
use sha2::{Digest, Sha256};
use std::path::Path;

const SESSION: &str = "arn:aws:iam::000000000000:user/ada";
/// The example of the SDK's documentation.
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\n\
    MHcCAQEEIFDZHUzOG1Pzq+6F0mjMlOSp1syN9LRPBuHMoCFXTcXhoAoGCCqGSM49\n\
    AwEHoUQDQgAE9qhj+KtcdHj1kVgwxWWWw++tqoh7H7UHs7oXh8jBbgF47rrYGC+t\n\
    djiIaHK3dBvvdE7MGj5HsepzLm3Kj91bqA==\n\
    -----END EC PRIVATE KEY-----\n";

/// A home in which somebody logged in long ago.
fn log_in(home: &Path) {
    let cache = home.join(".aws/login/cache");
    std::fs::create_dir_all(&cache).unwrap();
    let profile = format!("[default]\nlogin_session = {SESSION}\nregion = us-east-1\n");
    std::fs::write(home.join(".aws/config"), profile).unwrap();
    let hash: String = Sha256::digest(SESSION)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let token = serde_json::json!({
        "accessToken": {
            "accessKeyId": "test", "secretAccessKey": "test", "sessionToken": "test",
            "accountId": "000000000000", "expiresAt": "2025-01-01T00:00:00Z",
        },
        "tokenType": "aws_sigv4",
        "refreshToken": "refresh-me",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": KEY,
    });
    std::fs::write(cache.join(format!("{hash}.json")), token.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_is_named_with_the_command_that_renews_it() {
    let nowhere = ([127, 0, 0, 1], 9).into();
    let signin = middle::start(nowhere, |_, path, body| {
        assert!(path == "/v1/token" && body.contains("refresh-me"), "{path}");
        Some((
            400,
            &[("x-amzn-errortype", "AccessDeniedException")],
            r#"{"error": "TOKEN_EXPIRED", "message": "expired"}"#,
        ))
    });
    let signin = signin.await;
    let home = tempfile::tempdir().unwrap();
    log_in(home.path());
    let mut command = chatctl(home.path());
    command.env("AWS_ENDPOINT_URL_SIGNIN", format!("http://{signin}"));
    command.arg("status");
    let said = tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .unwrap();
    assert_eq!(said.code, 1, "{}", said.err);
    for words in ["Your session has expired", "hint: `aws login`"] {
        assert!(said.err.contains(words), "{words}: {}", said.err);
    }
    assert!(!said.err.contains("refresh-me"), "{}", said.err);
}
