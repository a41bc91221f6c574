//! `--api ID`: an API that chatctl did not make, made here by hand with the SDK, is read and never touched.

mod doctor;
mod logs;
mod status;

use crate::binary::{Said, chatctl, run};
use crate::world::{World, tiny};
use aws_sdk_apigatewayv2::types::{
    AccessLogSettings, IntegrationType, LoggingLevel, ProtocolType, RouteSettings,
};
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_lambda::types::{FunctionCode, Runtime};
use chatctl_local_cloud::Call;
use serde_json::Value;
use std::process::Command;

const PLACE: &str = "us-east-1:000000000000";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const BASIC: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
const PUSH: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:ManageConnections","Resource":"*"}]}"#;

/// An API that somebody made in the console.
pub struct Theirs {
    pub world: World,
    pub api: String,
}

impl Theirs {
    /// Two functions behind three routes, and a stage `live` without logs.
    async fn new() -> Self {
        Self::in_world(World::empty().await).await
    }

    /// The same in this world.
    pub async fn in_world(world: World) -> Self {
        let theirs = Self::bare_in(world).await;
        for name in ["talk", "watch"] {
            theirs.function(name).await;
        }
        let talk = theirs.integration("talk").await;
        let watch = theirs.integration("watch").await;
        for (key, target) in [("$connect", &talk), ("say", &talk), ("$default", &watch)] {
            theirs.route(key, Some(target)).await;
        }
        theirs.stage("live").await;
        theirs
    }

    /// The API, and nothing in it.
    async fn bare() -> Self {
        Self::bare_in(World::empty().await).await
    }

    async fn bare_in(world: World) -> Self {
        let create = world.clients.apigatewayv2.create_api().name("arcade");
        let create = create.protocol_type(ProtocolType::Websocket);
        let create = create.route_selection_expression("$request.body.do");
        let api = create.send().await.unwrap().api_id.unwrap();
        Self { world, api }
    }

    /// A function with a role of its own, which the API may call.
    async fn function(&self, name: &str) {
        let (iam, lambda) = (&self.world.clients.iam, &self.world.clients.lambda);
        let role = iam.create_role().role_name(name);
        let role = role
            .assume_role_policy_document(TRUST)
            .send()
            .await
            .unwrap();
        let attach = iam.attach_role_policy().role_name(name).policy_arn(BASIC);
        attach.send().await.unwrap();
        let push = iam.put_role_policy().role_name(name).policy_name("push");
        push.policy_document(PUSH).send().await.unwrap();
        let code = FunctionCode::builder().zip_file(tiny(&self.world.settings).zip.into());
        let create = lambda.create_function().function_name(name);
        let create = create.runtime(Runtime::Providedal2023).handler("bootstrap");
        let create = create.role(role.role().unwrap().arn()).code(code.build());
        create.send().await.unwrap();
        let permit = lambda
            .add_permission()
            .function_name(name)
            .statement_id("api");
        let permit = permit.action("lambda:InvokeFunction");
        let permit = permit.principal("apigateway.amazonaws.com");
        let source = format!("arn:aws:execute-api:{PLACE}:{}/*", self.api);
        permit.source_arn(source).send().await.unwrap();
    }

    /// An integration that calls this function.
    async fn integration(&self, function: &str) -> String {
        let create = self.world.clients.apigatewayv2.create_integration();
        let create = create.api_id(&self.api).integration_method("POST");
        let create = create.integration_type(IntegrationType::AwsProxy);
        let uri = format!(
            "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\
             arn:aws:lambda:{PLACE}:function:{function}/invocations"
        );
        let made = create.integration_uri(uri).send().await.unwrap();
        made.integration_id.unwrap()
    }

    async fn route(&self, key: &str, integration: Option<&str>) {
        let create = self.world.clients.apigatewayv2.create_route();
        let target = integration.map(|id| format!("integrations/{id}"));
        let create = create.api_id(&self.api).route_key(key).set_target(target);
        create.send().await.unwrap();
    }

    /// A stage with a deployment of its own.
    async fn stage(&self, name: &str) {
        let gateway = &self.world.clients.apigatewayv2;
        let create = gateway.create_stage().api_id(&self.api).stage_name(name);
        create.send().await.unwrap();
        let deploy = gateway.create_deployment().api_id(&self.api);
        deploy.stage_name(name).send().await.unwrap();
    }

    /// Everything is logged, into groups that are kept for a week.
    pub async fn logged(&self, stage: &str) {
        let name = "apigateway-logs";
        let iam = &self.world.clients.iam;
        let trust = TRUST.replace("lambda", "apigateway");
        let role = iam.create_role().role_name(name);
        let role = role
            .assume_role_policy_document(trust)
            .send()
            .await
            .unwrap();
        let push = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs";
        let attach = iam.attach_role_policy().role_name(name).policy_arn(push);
        attach.send().await.unwrap();
        let patch = aws_sdk_apigateway::types::PatchOperation::builder()
            .op(aws_sdk_apigateway::types::Op::Replace)
            .path("/cloudwatchRoleArn")
            .value(role.role().unwrap().arn());
        let account = self.world.clients.apigateway.update_account();
        account
            .patch_operations(patch.build())
            .send()
            .await
            .unwrap();
        let access = "/arcade/access";
        for group in [
            "/aws/lambda/talk",
            "/aws/lambda/watch",
            &format!("/aws/apigateway/{}/{stage}", self.api),
            access,
        ] {
            self.group(group).await;
        }
        let settings = RouteSettings::builder()
            .logging_level(LoggingLevel::Info)
            .throttling_rate_limit(100.0)
            .throttling_burst_limit(200);
        let arn = format!("arn:aws:logs:{PLACE}:log-group:{access}");
        let access = AccessLogSettings::builder().destination_arn(arn);
        let access = access.format("$context.requestId $context.status");
        let update = self.world.clients.apigatewayv2.update_stage();
        let update = update.api_id(&self.api).stage_name(stage);
        let update = update.default_route_settings(settings.build());
        update
            .access_log_settings(access.build())
            .send()
            .await
            .unwrap();
    }

    async fn group(&self, name: &str) {
        let logs = &self.world.clients.logs;
        let create = logs.create_log_group().log_group_name(name);
        create.send().await.unwrap();
        let keep = logs.put_retention_policy().log_group_name(name);
        keep.retention_in_days(7).send().await.unwrap();
        let stream = logs.create_log_stream().log_group_name(name);
        stream.log_stream_name("s").send().await.unwrap();
    }

    pub async fn write(&self, group: &str, message: &str) {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let event = InputLogEvent::builder().message(message);
        let event = event.timestamp(i64::try_from(now.as_millis()).unwrap());
        let put = self
            .world
            .clients
            .logs
            .put_log_events()
            .log_group_name(group);
        let put = put.log_stream_name("s").log_events(event.build().unwrap());
        put.send().await.unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = chatctl(self.world.folder.path());
        command
            .args(args)
            .args(["--endpoint-url", self.world.cloud.endpoint()]);
        command
    }

    fn chatctl(&self, args: &[&str]) -> Said {
        tokio::task::block_in_place(|| run(&mut self.command(args)))
    }

    /// The document that a command writes about the API.
    fn document(&self, args: &[&str]) -> Value {
        let said = self.chatctl(&[args, &["--api", &self.api, "--output", "json"]].concat());
        serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", said.out, said.err))
    }

    /// The calls that changed something, or could have, since the start.
    fn writes(&self) -> Vec<Call> {
        self.world.writes_since(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written() {
    let theirs = Theirs::new().await;
    theirs.logged("live").await;
    theirs.stage("test").await;
    let (api, before) = (theirs.api.clone(), theirs.writes().len());
    let snapshot = theirs.world.snapshot().await;
    for args in [
        &["status"][..],
        &["status", "--output", "json"],
        &["doctor"],
        &["logs", "--stage", "live"],
        &["logs", "--stage", "test", "--output", "json"],
    ] {
        let said = theirs.chatctl(&[args, &["--api", &api]].concat());
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
    }
    let after: Vec<_> = theirs.writes().into_iter().skip(before).collect();
    assert!(after.is_empty(), "{after:?}");
    assert_eq!(theirs.world.snapshot().await, snapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_not_there_is_answered_with_those_that_are() {
    let theirs = Theirs::bare().await;
    for command in ["status", "doctor", "logs"] {
        let said = theirs.chatctl(&[command, "--api", "nope"]);
        assert_eq!(said.code, 1, "{command}: {}", said.out);
        let words = "error: there is no WebSocket API nope in us-east-1";
        assert!(said.err.contains(words), "{command}: {}", said.err);
        let listed = format!(
            "hint: the WebSocket APIs of us-east-1: {} (arcade)",
            theirs.api
        );
        assert!(said.err.contains(&listed), "{command}: {}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_chat_is_deployed_the_other_apis_are_named() {
    let theirs = Theirs::new().await;
    let named = format!("{} (arcade)", theirs.api);
    for command in ["status", "doctor", "logs"] {
        let said = theirs.chatctl(&[command]);
        let text = format!("{}{}", said.out, said.err);
        assert!(text.contains(&named), "{command}: {text}");
        let way = format!("chatctl {command} --api {}", theirs.api);
        assert!(text.contains(&way), "{command}: {text}");
    }
    // A chat that is there needs no other one.
    theirs.world.deploy().await.unwrap();
    for command in ["status", "doctor", "logs"] {
        let said = theirs.chatctl(&[command]);
        assert!(
            !said.err.contains(&named) && !said.out.contains(&named),
            "{}",
            said.err
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_says_where_and_not_which() {
    let theirs = Theirs::new().await;
    let file = theirs.world.folder.path().join("chatctl.toml");
    std::fs::write(
        &file,
        "name = 'mine'\nstage = 'nowhere'\nregion = 'us-east-1'\n",
    )
    .unwrap();
    let status = theirs.document(&["status"]);
    assert_eq!(
        (&status["name"], &status["region"]),
        (&"arcade".into(), &"us-east-1".into())
    );
    assert_eq!(status["stages"][0]["name"], "live");
    std::fs::write(&file, "account = '123456789012'\n").unwrap();
    let said = theirs.chatctl(&["status", "--api", &theirs.api]);
    assert!(
        said.code == 1 && said.err.contains("belongs to account"),
        "{}",
        said.err
    );
}
