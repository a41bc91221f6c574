//! `chatctl plan` and `chatctl status`.

use super::world::{World, text};
use chatctl::engine::plan::Action;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn makes_no_mutating_call() {
    let world = World::empty().await;
    let before = world.cloud.calls().len();
    let empty = world.run(&["plan"]).await;
    assert!(empty.status.success(), "{}", text(&empty));
    world.run(&["status"]).await;
    assert_eq!(world.writes_since(before), []);
    world.deploy().await.unwrap();
    let before = world.cloud.calls().len();
    world.run(&["plan", "--memory", "512"]).await;
    world.run(&["status"]).await;
    assert_eq!(world.writes_since(before), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_code_tells_whether_there_are_changes() {
    let world = World::deployed().await;
    let code = async |args: &[&str]| world.run(args).await.status.code();
    assert_eq!(code(&["plan", "--exit-code"]).await, Some(0));
    assert_eq!(
        code(&["plan", "--exit-code", "--memory", "512"]).await,
        Some(2)
    );
    assert_eq!(code(&["plan", "--memory", "512"]).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn shows_every_configurable_thing_field_by_field() {
    let world = World::deployed().await;
    let toml = r#"
        [function]
        memory = 512
        timeout = 20
        log-level = "debug"
        allowed-origins = ["https://chat.example.com"]
        [function.environment]
        EXTRA = "not-shown"
        [gateway]
        log-level = "error"
        data-trace = true
        throttle-rate = 10
        throttle-burst = 20
        [logs]
        retention-days = 30
        [tags]
        team = "blue"
    "#;
    std::fs::write(world.folder.path().join("chatctl.toml"), toml).unwrap();
    let output = world.run(&["plan"]).await;
    insta::assert_snapshot!(changed_lines(&output.stdout), @"
  ~ role/function        chat-production-function
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
  ~ log-group/function   /aws/lambda/chat-production
      retentionInDays: 14 → 30
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
  ~ log-group/access     /chatctl/chat/production/access
      retentionInDays: 14 → 30
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
  ~ table                chat-production
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
  ~ function             chat-production
      memorySize: 256 → 512
      timeout: 15 → 20
      environment.CHAT_ALLOWED_ORIGINS: nothing → https://chat.example.com
      environment.CHAT_LOG_LEVEL: info → debug
      environment.EXTRA: (values hidden)
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
  ~ api                  chat-production (API)
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
  ~ log-group/execution  /aws/apigateway/API/production
      retentionInDays: 14 → 30
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
  ~ stage                production
      loggingLevel: INFO → ERROR
      dataTraceEnabled: false → true
      throttlingRateLimit: 500.0 → 10.0
      throttlingBurstLimit: 1000 → 20
      tags.chatctl:keys: nothing → team
      tags.team: nothing → blue
chat/production: 8 to update
");
}

fn changed_lines(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(stdout);
    let changed = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("= "));
    let lines: Vec<_> = changed.map(str::trim_end).collect();
    let api = regex_free_api_id(&text);
    lines.join("\n").replace(&api, "API")
}

/// The id in `api  chat-production (id)`.
fn regex_free_api_id(text: &str) -> String {
    let line = text.lines().find(|line| line.contains(" api ")).unwrap();
    let id = line.split(['(', ')']).nth(1).unwrap();
    id.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_a_stable_order_and_the_differences() {
    let world = World::deployed().await;
    let args = ["plan", "--output", "json", "--memory", "512"];
    let (one, two) = (world.run(&args).await, world.run(&args).await);
    assert_eq!(one.stdout, two.stdout);
    let json: Value = serde_json::from_slice(&one.stdout).unwrap();
    assert_eq!(json["summary"]["update"], 2);
    let all = json["resources"].as_array().unwrap();
    let function = all.iter().find(|r| r["id"] == "function").unwrap();
    assert_eq!(function["action"], "update");
    assert_eq!(function["differences"][0]["path"], "memorySize");
    assert_eq!(function["differences"][0]["found"], 256);
    assert_eq!(function["differences"][0]["wanted"], 512);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_tells_what_is_deployed_what_drifted_and_what_is_not_there() {
    let world = World::empty().await;
    let output = world.run(&["status"]).await;
    assert!(
        text(&output).contains("chat/production is not deployed in us-east-1"),
        "{}",
        text(&output)
    );
    world.deploy().await.unwrap();
    let output = world.run(&["status", "--output", "json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["deployed"], &json["upToDate"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    assert!(json["url"].as_str().unwrap().starts_with("ws://127.0.0.1:"));
    let call = world
        .clients
        .logs
        .put_retention_policy()
        .log_group_name("/aws/lambda/chat-production");
    call.retention_in_days(1).send().await.unwrap();
    let output = world.run(&["status"]).await;
    let said = text(&output);
    assert!(
        said.contains("~ log-group/function") && said.contains("retentionInDays: 1 → 14"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn former_deployments_are_deleted_by_the_plan_and_never_the_live_one() {
    let world = World::deployed().await;
    let client = &world.clients.apigatewayv2;
    let apis = client.get_apis().send().await.unwrap();
    let api = apis.items()[0].api_id().unwrap().to_owned();
    let deployments = async || -> Vec<String> {
        let all = client.get_deployments().api_id(&api).send().await.unwrap();
        let ids = all.items.unwrap_or_default().into_iter();
        ids.filter_map(|one| one.deployment_id).collect()
    };
    let live = deployments().await.remove(0);
    let by_hand = client.create_deployment().api_id(&api);
    let by_hand = by_hand.send().await.unwrap().deployment_id.unwrap();
    assert!(
        !world.deploy().await.unwrap().changed,
        "it is in no one's way"
    );

    let file = world.folder.path().join("other.toml");
    std::fs::write(&file, "[function]\nname = \"other\"\n").unwrap();
    let settings = world.settings(&["--config", file.to_str().unwrap()]);
    let deployed = world.deploy_as(&settings).await.unwrap();
    let steps = deployed.plan.resources.iter();
    let deleted = steps.filter(|step| step.action == Action::Delete);
    let deleted: Vec<_> = deleted.map(|step| step.id.as_str()).collect();
    assert_eq!(deleted, [format!("deployment/{by_hand}")]);
    let left = deployments().await;
    assert!(
        left.contains(&live) && !left.contains(&by_hand) && left.len() == 2,
        "{left:?}"
    );
    assert!(!world.deploy_as(&settings).await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_account_gets_everything() {
    let world = World::empty().await;
    let output = world.run(&["plan"]).await;
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout), @"
  + role/function        chat-production-function
  + log-group/function   /aws/lambda/chat-production
  + log-group/access     /chatctl/chat/production/access
  + table                chat-production
  + function             chat-production
  + api                  chat-production
  + log-group/execution  /aws/apigateway/{api}/production
  + permission           chatctl-{api}
  + grant                manage-connections of chat-production-function
  + integration          AWS_PROXY
  + route/$connect       $connect
  + route/$disconnect    $disconnect
  + route/$default       $default
  + route/setName        setName
  + route/sendPublic     sendPublic
  + route/sendPrivate    sendPrivate
  + deployment           of routes and integration
  + role/logging         chatctl-apigateway-logging-us-east-1
  + account-logging      chatctl-apigateway-logging-us-east-1
  + stage                production
chat/production: 20 to create
");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_was_deleted_takes_the_function_and_its_permission_along() {
    let world = World::deployed().await;
    let (iam, role) = (&world.clients.iam, "chat-production-function");
    for policy in ["chat", "manage-connections"] {
        let call = iam.delete_role_policy().role_name(role);
        call.policy_name(policy).send().await.unwrap();
    }
    iam.delete_role().role_name(role).send().await.unwrap();
    let output = world.run(&["plan"]).await;
    insta::with_settings!({filters => vec![(r"AROA\w+", "AROA"), (r"chatctl-[a-z0-9]{10}\b", "chatctl-API")]}, {
        insta::assert_snapshot!(changed_lines(&output.stdout), @"
  + role/function        chat-production-function
  ± function             chat-production
      roleId: AROA → of a new role (forces a replacement)
  + permission           chatctl-API
  + grant                manage-connections of chat-production-function
chat/production: 3 to create, 1 to replace
");
    });
}
