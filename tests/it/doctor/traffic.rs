//! What only a real client notices.

use super::{FUNCTION, Patient};
use crate::running::Client;
use aws_sdk_lambda::types::Environment;
use futures_util::StreamExt;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_fails_is_found_by_the_probe_alone_and_the_told_logs_say_why() {
    let patient = Patient::healthy().await;
    let lambda = &patient.world.clients.lambda;
    let now = lambda.get_function_configuration().function_name(FUNCTION);
    let now = now.send().await.unwrap();
    let variables = now.environment().unwrap().variables().unwrap().clone();
    let broken = Environment::builder()
        .set_variables(Some(variables))
        // Nobody answers there, so every look at the table fails.
        .variables("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9");
    let update = lambda.update_function_configuration();
    let update = update.function_name(FUNCTION).environment(broken.build());
    update.send().await.unwrap();
    patient.goes_live("source 1 by user/bob").await;
    let found = patient.examine();
    found.is(&["probe:failure"]);
    let logs = found.mends.first().unwrap();
    assert!(logs.starts_with("chatctl logs --errors "), "{logs}");
    let said = patient.follow(logs);
    assert!(said.out.contains("function"), "{}{}", said.out, said.err);
    let deploy = patient.chatctl(&["deploy", "--yes"]);
    assert_eq!(deploy.code, 0, "{}", deploy.err);
    patient.examine().is(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_in_the_chat_sees_the_probe() {
    let patient = Patient::healthy().await;
    let status = patient.chatctl(&["status", "--output", "json"]);
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let mut alice = Client::connect(status["url"].as_str().unwrap()).await;
    alice
        .send(json!({"action": "setName", "name": "Alice"}))
        .await;
    alice.expect("systemMessage").await;
    patient.examine().is(&[]);
    alice
        .send(json!({"action": "sendPublic", "message": "hi"}))
        .await;
    loop {
        let frame = alice.0.next().await.unwrap().unwrap().into_text().unwrap();
        let frame: Value = serde_json::from_str(&frame).unwrap();
        if frame["publicMessage"] == "Alice: hi" {
            break;
        }
        assert_eq!(frame["members"], json!(["Alice"]), "{frame}");
        assert!(frame["systemMessage"].is_null(), "{frame}");
    }
}
