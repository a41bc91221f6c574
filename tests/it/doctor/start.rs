//! Who we are, where, and whether there is a chat at all.

use super::{Diagnosis, Patient};
use crate::binary::{chatctl, run};

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_account_has_no_chat() {
    Patient::empty()
        .await
        .is_found_and_mended(&["deployed:failure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_findings_are_readable_and_name_the_command() {
    let patient = Patient::empty().await;
    let said = patient.chatctl(&["doctor"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("FAIL deployed"), "{}", said.out);
    let endpoint = patient.world.cloud.endpoint();
    let mend = format!("mend: chatctl deploy --endpoint-url {endpoint}");
    assert!(said.out.contains(&mend), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_api_is_one_failure_and_the_rest_is_not_guessed() {
    let patient = Patient::healthy().await;
    let gateway = &patient.world.clients.apigatewayv2;
    let delete = gateway.delete_api().api_id(&patient.api).send();
    delete.await.unwrap();
    let found = patient.examine();
    let failures: Vec<_> = found
        .checks
        .iter()
        .filter(|check| check.ends_with(":failure"))
        .collect();
    assert_eq!(failures, ["api:failure"], "{found:?}");
    patient.follow(found.mends.first().unwrap());
    patient.examine().is(&[]);
}

#[test]
fn without_region_credentials_or_cloud_the_doctor_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let examine = |env: &[(&str, &str)], args: &[&str]| {
        let mut command = chatctl(folder.path());
        command.args(["doctor", "--output", "json"]).args(args);
        Diagnosis::read(&run(command.envs(env.iter().copied())))
    };
    examine(&[], &[]).is(&["region:failure"]);
    let region = [("AWS_REGION", "eu-central-1")];
    examine(&region, &[]).is(&["credentials:failure"]);
    let port = free_port().to_string();
    examine(&[], &["--local", "--port", &port]).is(&["credentials:failure"]);
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
