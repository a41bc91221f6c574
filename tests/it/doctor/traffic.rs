//! What only a real client notices.

use super::{FUNCTION, Patient};
use aws_sdk_lambda::types::Environment;

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
