//! `chatctl doctor --api ID`: each thing broken alone is found, by the name of what is broken.

use super::Theirs;
use aws_sdk_apigatewayv2::types::{AuthorizationType, AuthorizerType, RouteSettings};
use serde_json::Value;

/// The checks that are not good, each with its verdict.
fn bad(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().unwrap();
    let bad = findings.iter().filter(|one| one["verdict"] != "good");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    bad.map(|one| format!("{}:{}", word(&one["check"]), word(&one["verdict"])))
        .collect()
}

/// The finding of a check that is not good.
fn finding<'a>(document: &'a Value, check: &str) -> &'a Value {
    let findings = document["findings"].as_array().unwrap();
    let is_it = |one: &&Value| one["check"] == check && one["verdict"] != "good";
    findings
        .iter()
        .find(is_it)
        .unwrap_or_else(|| panic!("no {check} in {document:#}"))
}

impl Theirs {
    async fn healthy() -> Self {
        let theirs = Self::new().await;
        theirs.logged("live").await;
        theirs
    }

    /// Just this failure is found, and these words are in what is said about it.
    fn is_found(&self, check: &str, verdict: &str, words: &[&str]) {
        let document = self.document(&["doctor"]);
        assert_eq!(
            bad(&document),
            [format!("{check}:{verdict}")],
            "{document:#}"
        );
        assert_eq!(document["healthy"], verdict != "failure");
        let told = finding(&document, check).to_string();
        for word in words {
            assert!(told.contains(word), "{word}: {told}");
        }
        assert!(!told.contains("chatctl deploy"), "{told}");
        assert!(told.contains("\"mend\":\"aws "), "{told}");
    }

    async fn route_id(&self, key: &str) -> String {
        let routes = self
            .world
            .clients
            .apigatewayv2
            .get_routes()
            .api_id(&self.api);
        let routes = routes.send().await.unwrap().items.unwrap();
        let route = routes
            .into_iter()
            .find(|route| route.route_key() == Some(key));
        route.unwrap().route_id.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_good_api_nothing_is_wrong() {
    let theirs = Theirs::healthy().await;
    let said = theirs.chatctl(&["doctor", "--api", &theirs.api]);
    assert!(
        said.code == 0 && said.out.contains("nothing is wrong"),
        "{}",
        said.out
    );
    let document = theirs.document(&["doctor"]);
    assert_eq!(bad(&document), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_found_for_the_function_and_the_route() {
    let theirs = Theirs::healthy().await;
    let remove = theirs.world.clients.lambda.remove_permission();
    let remove = remove.function_name("watch").statement_id("api");
    remove.send().await.unwrap();
    let source = format!(
        "--source-arn 'arn:aws:execute-api:us-east-1:000000000000:{}/*'",
        theirs.api
    );
    let add = "aws lambda add-permission --function-name watch --statement-id";
    theirs.is_found(
        "permission",
        "failure",
        &["the route $default of the stage live", add, &source],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_an_integration_is_found_but_not_a_connect() {
    let theirs = Theirs::healthy().await;
    theirs.route("$disconnect", None).await;
    assert_eq!(bad(&theirs.document(&["doctor"])), Vec::<String>::new());
    theirs.route("lost", None).await;
    let id = theirs.route_id("lost").await;
    let lead = format!(
        "aws apigatewayv2 update-route --api-id {} --route-id {id} --target",
        theirs.api
    );
    let deploy = "aws apigatewayv2 create-deployment";
    theirs.is_found(
        "routes",
        "failure",
        &["the route lost has no integration", &lead, deploy],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_gone_or_stopped_is_found() {
    let theirs = Theirs::healthy().await;
    let lambda = &theirs.world.clients.lambda;
    let stop = lambda.put_function_concurrency().function_name("talk");
    stop.reserved_concurrent_executions(0).send().await.unwrap();
    let mend = "aws lambda delete-function-concurrency --function-name talk --region us-east-1";
    theirs.is_found(
        "function",
        "failure",
        &["a reserved concurrency of 0", mend],
    );
    let delete = lambda.delete_function().function_name("talk");
    delete.send().await.unwrap();
    let document = theirs.document(&["doctor"]);
    let told = finding(&document, "function");
    assert_eq!(told["what"], "the function talk does not exist");
    assert!(
        told["why"]
            .as_str()
            .unwrap()
            .starts_with("the route $connect, the route say")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_without_a_deployment_is_found() {
    let theirs = Theirs::healthy().await;
    let gateway = &theirs.world.clients.apigatewayv2;
    let create = gateway
        .create_stage()
        .api_id(&theirs.api)
        .stage_name("empty");
    create.send().await.unwrap();
    let document = theirs.document(&["doctor", "--stage", "empty"]);
    let told = finding(&document, "stage");
    assert_eq!(told["what"], "the stage empty shows no deployment");
    let mend = format!(
        "aws apigatewayv2 create-deployment --api-id {} --stage-name empty",
        theirs.api
    );
    assert!(told["mend"].as_str().unwrap().starts_with(&mend), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_deployment_than_the_stages_is_found() {
    let theirs = Theirs::healthy().await;
    // Deployments are dated to the second.
    theirs
        .world
        .cloud
        .clock()
        .turn(std::time::Duration::from_secs(2));
    let gateway = &theirs.world.clients.apigatewayv2;
    let deploy = gateway.create_deployment().api_id(&theirs.api);
    let newer = deploy.send().await.unwrap().deployment_id.unwrap();
    let mend = format!("--stage-name live --deployment-id {newer}");
    theirs.is_found("deployment", "warning", &["is newer", &mend]);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_nothing_are_found_and_the_command_keeps_the_log_level() {
    let theirs = Theirs::healthy().await;
    let none = RouteSettings::builder()
        .logging_level(aws_sdk_apigatewayv2::types::LoggingLevel::Error)
        .throttling_rate_limit(0.0)
        .throttling_burst_limit(0);
    let update = theirs.world.clients.apigatewayv2.update_stage();
    let update = update.api_id(&theirs.api).stage_name("live");
    update
        .default_route_settings(none.build())
        .send()
        .await
        .unwrap();
    let mend = "LoggingLevel=ERROR,DataTraceEnabled=false,ThrottlingRateLimit=10000,ThrottlingBurstLimit=5000";
    theirs.is_found("throttles", "failure", &["lets 0 requests through", mend]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_are_off_are_warnings_and_a_missing_role_is_named() {
    let theirs = Theirs::new().await;
    let document = theirs.document(&["doctor"]);
    assert_eq!(document["healthy"], true);
    assert_eq!(
        bad(&document),
        [
            "account-logging:warning",
            "execution-log:warning",
            "access-log:warning",
            "log-groups:warning",
            "log-groups:warning"
        ],
        "{document:#}"
    );
    let mend = finding(&document, "account-logging")["mend"].to_string();
    for words in [
        "aws iam create-role",
        "AmazonAPIGatewayPushToCloudWatchLogs",
        "aws apigateway update-account",
    ] {
        assert!(mend.contains(words), "{mend}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_write_the_log_is_found() {
    let theirs = Theirs::healthy().await;
    let detach = theirs
        .world
        .clients
        .iam
        .detach_role_policy()
        .role_name("talk");
    detach.policy_arn(super::BASIC).send().await.unwrap();
    let mend = "aws iam attach-role-policy --role-name talk";
    theirs.is_found(
        "function-rights",
        "failure",
        &["logs:CreateLogStream", mend],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_the_consoles_own_is_read() {
    let theirs = Theirs::healthy().await;
    let iam = &theirs.world.clients.iam;
    let detach = iam.detach_role_policy().role_name("talk");
    detach.policy_arn(super::BASIC).send().await.unwrap();
    // The console makes one for each function, limited to its log group.
    let group = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/talk:*";
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":["{group}"]}}]}}"#
    );
    let create = iam
        .create_policy()
        .policy_name("AWSLambdaBasicExecutionRole-1")
        .path("/service-role/");
    let made = create.policy_document(document).send().await.unwrap();
    let arn = made.policy.unwrap().arn.unwrap();
    let attach = iam.attach_role_policy().role_name("talk").policy_arn(arn);
    attach.send().await.unwrap();
    assert_eq!(bad(&theirs.document(&["doctor"])), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_variable_that_is_not_set_is_found() {
    let theirs = Theirs::healthy().await;
    let integration = theirs.integration("${stageVariables.handler}").await;
    theirs.route("vary", Some(&integration)).await;
    let mend = "--stage-name live --stage-variables handler=VALUE";
    theirs.is_found(
        "integration",
        "failure",
        &["the stage variable handler", mend],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorizer_that_may_not_be_called_is_found() {
    let theirs = Theirs::healthy().await;
    theirs.function("guard").await;
    theirs.group("/aws/lambda/guard").await;
    let gateway = &theirs.world.clients.apigatewayv2;
    let uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
               arn:aws:lambda:us-east-1:000000000000:function:guard/invocations";
    let create = gateway.create_authorizer().api_id(&theirs.api).name("door");
    let create = create.authorizer_type(AuthorizerType::Request);
    let create = create.identity_source("route.request.header.Auth");
    let made = create.authorizer_uri(uri).send().await.unwrap();
    let ask = gateway.update_route().api_id(&theirs.api);
    let ask = ask.route_id(theirs.route_id("$connect").await);
    let ask = ask.authorization_type(AuthorizationType::Custom);
    ask.authorizer_id(made.authorizer_id().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(bad(&theirs.document(&["doctor"])), Vec::<String>::new());
    let remove = theirs.world.clients.lambda.remove_permission();
    let remove = remove.function_name("guard").statement_id("api");
    remove.send().await.unwrap();
    theirs.is_found(
        "permission",
        "failure",
        &["may not call guard for the authorizer door"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stage_is_looked_at_unless_one_is_named() {
    let theirs = Theirs::healthy().await;
    theirs.stage("test").await;
    let document = theirs.document(&["doctor"]);
    assert_eq!(
        bad(&document),
        ["execution-log:warning", "access-log:warning"],
        "{document:#}"
    );
    let live = theirs.document(&["doctor", "--stage", "live"]);
    assert_eq!(bad(&live), Vec::<String>::new());
    let said = theirs.chatctl(&["doctor", "--api", &theirs.api, "--stage", "nope"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(
        said.err.contains("hint: its stages: live, test"),
        "{}",
        said.err
    );
}
