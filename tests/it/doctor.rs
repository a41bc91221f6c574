//! `chatctl doctor`: each thing broken alone, found, and mended by the command that it names.
//!
//! A chat is deployed to a local cloud, one thing is broken behind the deployer's back, and the
//! doctor must point at that thing, and at nothing else but its consequences for a real client. Then
//! `chatctl deploy`, which is what the doctor tells, must make the chat healthy again.

use crate::binary::{Said, chatctl, run};
use aws_sdk_apigatewayv2::types::{LoggingLevel, RouteSettings};
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use chatctl::aws::Clients;
use chatctl::cli::{Global, Wanted};
use chatctl::config::Settings;
use chatctl::local::{ControlPlane, LocalCloud, Options, Weather};
use serde_json::Value;
use std::time::Duration;

const FUNCTION: &str = "chat-production";
const ROLE: &str = "chat-production-function";
const STAGE: &str = "production";

struct Patient {
    cloud: LocalCloud,
    aws: Clients,
    folder: tempfile::TempDir,
    api: String,
}

/// What the doctor said: the exit code, and every check that is not good with its verdict.
#[derive(Debug, PartialEq)]
struct Diagnosis {
    code: i32,
    checks: Vec<String>,
}

fn ill(checks: &[&str]) -> Diagnosis {
    let any_failure = checks.iter().any(|check| check.ends_with(":failure"));
    Diagnosis {
        code: i32::from(any_failure),
        checks: checks.iter().map(|check| (*check).to_owned()).collect(),
    }
}

fn diagnosis(said: &Said) -> Diagnosis {
    let document: Value = serde_json::from_str(&said.out)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", said.out, said.err));
    let findings = document["findings"].as_array().unwrap();
    for finding in findings {
        let bad = finding["verdict"] == "failure" || finding["verdict"] == "warning";
        assert!(
            !bad || (finding["why"].is_string() && finding["mend"].is_string()),
            "{finding}"
        );
    }
    assert_eq!(document["healthy"], said.code == 0, "{}", said.out);
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Diagnosis {
        code: said.code,
        checks: findings
            .iter()
            .filter(|finding| finding["verdict"] != "good")
            .map(|finding| format!("{}:{}", word(&finding["check"]), word(&finding["verdict"])))
            .collect(),
    }
}

impl Patient {
    async fn empty() -> Self {
        let weather = Weather {
            propagation_millis: 0,
            control_plane: ControlPlane {
                mutation_millis: 0,
                ..ControlPlane::default()
            },
            ..Weather::default()
        };
        let options = Options {
            weather,
            ..Options::default()
        };
        let cloud = LocalCloud::start(options).await.unwrap();
        let global = Global {
            endpoint_url: Some(cloud.endpoint().to_owned()),
            ..Global::default()
        };
        let settings = Settings::load(&global, &Wanted::default()).unwrap();
        Self {
            aws: Clients::connect(&settings).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            api: String::new(),
            cloud,
        }
    }

    async fn healthy() -> Self {
        let mut patient = Self::empty().await;
        patient.deploy();
        let apis = patient.aws.apigatewayv2.get_apis().send().await.unwrap();
        patient.api = apis.items()[0].api_id().unwrap().to_owned();
        patient
    }

    fn chatctl(&self, args: &[&str]) -> Said {
        let endpoint = ["--endpoint-url", self.cloud.endpoint()];
        tokio::task::block_in_place(|| run(chatctl(self.folder.path()).args(args).args(endpoint)))
    }

    fn deploy(&self) {
        let said = self.chatctl(&["deploy", "--yes", "--no-prove"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }

    fn examine(&self) -> Diagnosis {
        diagnosis(&self.chatctl(&["doctor", "--output", "json"]))
    }

    /// After the deploy that the doctor tells, nothing is wrong any more.
    fn is_mended_by_deploy(&self) {
        self.deploy();
        assert_eq!(self.examine(), ill(&[]));
    }

    async fn set_stage(&self, change: impl FnOnce(RouteSettings) -> RouteSettings) {
        let gateway = &self.aws.apigatewayv2;
        let stage = gateway
            .get_stage()
            .api_id(&self.api)
            .stage_name(STAGE)
            .send();
        let now = stage.await.unwrap().default_route_settings.unwrap();
        gateway
            .update_stage()
            .api_id(&self.api)
            .stage_name(STAGE)
            .default_route_settings(change(now))
            .send()
            .await
            .unwrap();
    }

    async fn group(&self, start: &str) -> String {
        let groups = self
            .aws
            .logs
            .describe_log_groups()
            .log_group_name_prefix(start);
        let groups = groups.send().await.unwrap();
        groups.log_groups()[0].log_group_name().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_deploy_is_healthy_and_an_empty_account_is_not() {
    let patient = Patient::empty().await;
    assert_eq!(patient.examine(), ill(&["deployed:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_findings_are_readable_and_name_the_command() {
    let patient = Patient::empty().await;
    let said = patient.chatctl(&["doctor"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("FAIL deployed"), "{}", said.out);
    let mend = format!(
        "mend: chatctl deploy --endpoint-url {}",
        patient.cloud.endpoint()
    );
    assert!(said.out.contains(&mend), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_gone_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.aws.apigatewayv2;
    let routes = gateway
        .get_routes()
        .api_id(&patient.api)
        .send()
        .await
        .unwrap();
    let public = routes
        .items()
        .iter()
        .find(|r| r.route_key() == Some("sendPublic"));
    let id = public.and_then(|route| route.route_id()).unwrap();
    gateway
        .delete_route()
        .api_id(&patient.api)
        .route_id(id)
        .send()
        .await
        .unwrap();
    assert_eq!(patient.examine(), ill(&["routes:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integration_that_calls_something_else_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.aws.apigatewayv2;
    let found = gateway
        .get_integrations()
        .api_id(&patient.api)
        .send()
        .await
        .unwrap();
    let integration = &found.items()[0];
    let elsewhere = integration
        .integration_uri()
        .unwrap()
        .replace(FUNCTION, "another");
    gateway
        .update_integration()
        .api_id(&patient.api)
        .integration_id(integration.integration_id().unwrap())
        .integration_uri(elsewhere)
        .send()
        .await
        .unwrap();
    // What is deployed still calls the function, so a client notices nothing yet.
    assert_eq!(patient.examine(), ill(&["integration:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_deployment_on_the_stage_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.aws.apigatewayv2;
    let old = gateway
        .create_deployment()
        .api_id(&patient.api)
        .description("chatctl:000000000000");
    let old = old.send().await.unwrap();
    gateway
        .update_stage()
        .api_id(&patient.api)
        .stage_name(STAGE)
        .deployment_id(old.deployment_id().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(patient.examine(), ill(&["deployment:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_zero_are_found() {
    let patient = Patient::healthy().await;
    let none = |now: RouteSettings| {
        RouteSettings::builder()
            .set_logging_level(now.logging_level)
            .throttling_burst_limit(0)
            .throttling_rate_limit(0.0)
            .build()
    };
    patient.set_stage(none).await;
    assert_eq!(
        patient.examine(),
        ill(&["throttles:failure", "probe:failure"])
    );
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn execution_logging_that_is_off_is_found() {
    let patient = Patient::healthy().await;
    let off = |mut now: RouteSettings| {
        now.logging_level = Some(LoggingLevel::Off);
        now
    };
    patient.set_stage(off).await;
    assert_eq!(patient.examine(), ill(&["execution-log:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_access_log_is_found() {
    let patient = Patient::healthy().await;
    let gateway = &patient.aws.apigatewayv2;
    let delete = gateway
        .delete_access_log_settings()
        .api_id(&patient.api)
        .stage_name(STAGE);
    delete.send().await.unwrap();
    assert_eq!(patient.examine(), ill(&["access-log:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dangling_logging_role_is_found() {
    let patient = Patient::healthy().await;
    let iam = &patient.aws.iam;
    let account = patient.aws.apigateway.get_account().send().await.unwrap();
    let role = account
        .cloudwatch_role_arn()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let attached = iam
        .list_attached_role_policies()
        .role_name(&role)
        .send()
        .await
        .unwrap();
    for policy in attached.attached_policies() {
        let detach = iam.detach_role_policy().role_name(&role);
        detach
            .policy_arn(policy.policy_arn().unwrap())
            .send()
            .await
            .unwrap();
    }
    assert_eq!(
        patient.examine(),
        ill(&["account-logging:failure"]),
        "a role without rights"
    );
    iam.delete_role().role_name(&role).send().await.unwrap();
    assert_eq!(
        patient.examine(),
        ill(&["account-logging:failure"]),
        "a role that is gone"
    );
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_invoke_permission_is_found() {
    let patient = Patient::healthy().await;
    let lambda = &patient.aws.lambda;
    let policy = lambda
        .get_policy()
        .function_name(FUNCTION)
        .send()
        .await
        .unwrap();
    let policy: Value = serde_json::from_str(policy.policy().unwrap()).unwrap();
    let statement = policy["Statement"][0]["Sid"].as_str().unwrap();
    let remove = lambda
        .remove_permission()
        .function_name(FUNCTION)
        .statement_id(statement);
    remove.send().await.unwrap();
    assert_eq!(
        patient.examine(),
        ill(&["permission:failure", "probe:failure"])
    );
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_to_push_is_found() {
    let patient = Patient::healthy().await;
    let iam = &patient.aws.iam;
    let delete = iam
        .delete_role_policy()
        .role_name(ROLE)
        .policy_name("manage-connections");
    delete.send().await.unwrap();
    assert_eq!(
        patient.examine(),
        ill(&["function-rights:failure", "probe:failure"])
    );
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_trust_lambda_is_found() {
    let patient = Patient::healthy().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}"#;
    let update = patient.aws.iam.update_assume_role_policy().role_name(ROLE);
    update.policy_document(trust).send().await.unwrap();
    let found = patient.examine();
    assert_eq!(found.code, 1);
    assert_eq!(found.checks[0], "function-role:failure", "{found:?}");
    // Environments that could be started before go on running, on AWS too.
    assert!(
        found.checks[1..]
            .iter()
            .all(|check| check == "probe:failure"),
        "{found:?}"
    );
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_concurrency_or_with_another_table_is_found() {
    let patient = Patient::healthy().await;
    let lambda = &patient.aws.lambda;
    let stop = lambda.put_function_concurrency().function_name(FUNCTION);
    stop.reserved_concurrent_executions(0).send().await.unwrap();
    assert_eq!(
        patient.examine(),
        ill(&["function:failure", "probe:failure"])
    );
    let go = lambda.delete_function_concurrency().function_name(FUNCTION);
    go.send().await.unwrap();
    assert_eq!(patient.examine(), ill(&[]));
    let wrong = aws_sdk_lambda::types::Environment::builder().variables("CHAT_TABLE", "other");
    let update = lambda
        .update_function_configuration()
        .function_name(FUNCTION);
    update.environment(wrong.build()).send().await.unwrap();
    let found = patient.examine();
    assert_eq!(found.checks[0], "function:failure", "{found:?}");
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_forgets_nothing_is_found() {
    let patient = Patient::healthy().await;
    // The setting may be changed once an hour.
    patient.cloud.clock().turn(Duration::from_secs(3601));
    let off = TimeToLiveSpecification::builder()
        .enabled(false)
        .attribute_name("expires");
    let update = patient.aws.dynamodb.update_time_to_live();
    let update = update
        .table_name(FUNCTION)
        .time_to_live_specification(off.build().unwrap());
    update.send().await.unwrap();
    assert_eq!(patient.examine(), ill(&["table:warning"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_gone_is_found() {
    let patient = Patient::healthy().await;
    let delete = patient.aws.dynamodb.delete_table().table_name(FUNCTION);
    delete.send().await.unwrap();
    assert_eq!(patient.examine(), ill(&["table:failure", "probe:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_group_without_retention_or_gone_is_found() {
    let patient = Patient::healthy().await;
    let logs = &patient.aws.logs;
    let group = patient.group("/chatctl/").await;
    logs.delete_retention_policy()
        .log_group_name(&group)
        .send()
        .await
        .unwrap();
    assert_eq!(patient.examine(), ill(&["log-groups:warning"]));
    logs.delete_log_group()
        .log_group_name(&group)
        .send()
        .await
        .unwrap();
    assert_eq!(patient.examine(), ill(&["log-groups:failure"]));
    patient.is_mended_by_deploy();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_api_is_one_failure_and_the_rest_is_not_guessed() {
    let patient = Patient::healthy().await;
    let gateway = &patient.aws.apigatewayv2;
    gateway
        .delete_api()
        .api_id(&patient.api)
        .send()
        .await
        .unwrap();
    let found = patient.examine();
    let failures: Vec<_> = found
        .checks
        .iter()
        .filter(|c| c.ends_with(":failure"))
        .collect();
    assert_eq!(failures, ["api:failure"], "{found:?}");
    patient.is_mended_by_deploy();
}

#[test]
fn without_region_credentials_or_cloud_the_doctor_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let examine = |env: &[(&str, &str)], args: &[&str]| {
        let mut command = chatctl(folder.path());
        command.args(["doctor", "--output", "json"]).args(args);
        diagnosis(&run(command.envs(env.iter().copied())))
    };
    assert_eq!(examine(&[], &[]), ill(&["region:failure"]));
    assert_eq!(
        examine(&[("AWS_REGION", "eu-central-1")], &[]),
        ill(&["credentials:failure"])
    );
    let port = free_port().to_string();
    assert_eq!(
        examine(&[], &["--local", "--port", &port]),
        ill(&["credentials:failure"])
    );
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
