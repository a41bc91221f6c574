//! Execution and access logs of a stage. AWS.md 3.2; fidelity checklist 15.

use aws_sdk_apigatewayv2::types::{AccessLogSettings, LoggingLevel, RouteSettings};

use super::World;

const FORMAT: &str = r#"{"requestId":"$context.requestId","event":"$context.eventType","route":"$context.routeKey","status":$context.status,"error":"$context.error.message","nothing":"$context.integration.latency"}"#;

async fn with_logs(level: LoggingLevel, data_trace: bool) -> World {
    let world = World::chat().await;
    world.allow_logging().await;
    world
        .logs
        .create_log_group()
        .log_group_name("/chat/access")
        .send()
        .await
        .unwrap();
    let access = AccessLogSettings::builder()
        .destination_arn("arn:aws:logs:us-east-1:000000000000:log-group:/chat/access")
        .format(FORMAT)
        .build();
    let settings = RouteSettings::builder()
        .logging_level(level)
        .data_trace_enabled(data_trace)
        .throttling_burst_limit(100)
        .throttling_rate_limit(100.0)
        .build();
    let update = world
        .gateway
        .update_stage()
        .api_id(&world.api_id)
        .stage_name("production");
    let update = update
        .default_route_settings(settings)
        .access_log_settings(access);
    update.send().await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_leaves_aws_s_lines_in_the_execution_log() {
    let world = with_logs(LoggingLevel::Info, false).await;
    let mut client = world.connect().await;
    client.send(r#"{"action":"join","text":"secret"}"#).await;
    world.event("MESSAGE").await;
    client.socket.close(None).await.unwrap();
    let group = format!("/aws/apigateway/{}/production", world.api_id);
    let ended = |lines: &[String]| {
        lines
            .iter()
            .any(|line| line.contains(" disconnected from API ["))
    };
    let lines = world.lines(&group, ended).await;
    let has = |part: &str| {
        assert!(
            lines.iter().any(|line| line.contains(part)),
            "{part}: {lines:#?}"
        );
    };
    has(") Extended Request Id: ");
    has(") Starting execution for request: ");
    has(") WebSocket Request Route: [$connect]");
    has(&format!(
        "SourceIp: 127.0.0.1] is connecting to WebSocket API [{}].",
        world.api_id
    ));
    has(&format!(
        "connected to API [{}] successfully.",
        world.api_id
    ));
    has(&format!(
        "WebSocket API [{}] received message from client [Connection Id: ",
        world.api_id
    ));
    has("with response status code [200].");
    has("Close reason: [1005: Client-side close frame status not set]");
    assert!(
        !lines.iter().any(|line| line.contains("secret")),
        "no payload without data trace"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_has_a_line_for_every_request_and_dashes_for_what_is_unknown() {
    let world = with_logs(LoggingLevel::Error, false).await;
    let mut client = world.connect().await;
    client.send(r#"{"do":"throw"}"#).await;
    client.text().await;
    client.socket.close(None).await.unwrap();
    let lines = world.lines("/chat/access", |lines| lines.len() == 3).await;
    let read = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let lines: Vec<_> = lines.iter().map(read).collect();
    let events: Vec<_> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["CONNECT", "MESSAGE", "DISCONNECT"]);
    assert_eq!(
        (&lines[0]["status"], &lines[0]["error"]),
        (&200.into(), &"-".into())
    );
    assert_eq!(lines[1]["error"], "Internal server error");
    assert_eq!(lines[1]["route"], "$default");
    assert!(lines.iter().all(|line| line["nothing"] == "-"));
    // ERROR keeps the failures alone in the execution log.
    let group = format!("/aws/apigateway/{}/production", world.api_id);
    let lines = world.lines(&group, |lines| !lines.is_empty()).await;
    assert!(
        lines
            .iter()
            .all(|line| !line.contains("Starting execution")),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("Execution failed: Internal server error"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_knows_posts_to_connections_and_who_made_them() {
    let world = with_logs(LoggingLevel::Info, false).await;
    let format = r#"{"event":"$context.eventType","route":"$context.routeKey","status":$context.status,"id":"${context.connectionId}","at":"$context.connectedAt","arn":"$context.identity.userArn","account":"$context.identity.accountId","api":"$context.apiId","stage":"$context.stage","domain":"$context.domainName","message":"$context.messageId","kind":"$context.error.responseType","words":$context.error.messageString,"request":"$context.extendedRequestId","time":"$context.requestTime","epoch":$context.requestTimeEpoch,"took":"$context.integrationLatency","length":"$context.responseLength","who":"$context.authorizer.principalId"}"#;
    let access = AccessLogSettings::builder()
        .destination_arn("arn:aws:logs:us-east-1:000000000000:log-group:/chat/access")
        .format(format)
        .build();
    let update = world.gateway.update_stage().api_id(&world.api_id);
    let update = update.stage_name("production").access_log_settings(access);
    update.send().await.unwrap();
    let mut client = world.connect().await;
    let id = client.id(&world).await;
    // Each line is there before the next request, so that their order is known.
    world.lines("/chat/access", |lines| lines.len() == 2).await;
    super::connections::manage(&world, "POST", &id, b"hi");
    world.lines("/chat/access", |lines| lines.len() == 3).await;
    client.send(r#"{"do":"throw"}"#).await;
    let lines = world.lines("/chat/access", |lines| lines.len() == 4).await;
    let read = |line: &String| {
        let line = line.replace(r#""words":-"#, r#""words":null"#);
        serde_json::from_str::<serde_json::Value>(&line).unwrap()
    };
    let lines: Vec<_> = lines.iter().map(read).collect();
    let (connect, post, thrown) = (&lines[0], &lines[2], &lines[3]);
    assert_eq!(connect["event"], "CONNECT");
    assert_eq!(
        (&connect["message"], &connect["arn"]),
        (&"-".into(), &"-".into())
    );
    assert_eq!(
        (&connect["api"], &connect["stage"]),
        (&world.api_id.as_str().into(), &"production".into())
    );
    let domain = format!("{}.execute-api.us-east-1.amazonaws.com", world.api_id);
    assert_eq!(connect["domain"], domain);
    assert!(connect["epoch"].is_u64() && connect["time"].as_str().unwrap().ends_with(" +0000"));
    assert_eq!(post["event"], "CONNECTION_API");
    assert_eq!(post["route"], "POST /@connections/{connectionId}");
    assert_eq!(
        (&post["status"], &post["id"]),
        (&200.into(), &id.as_str().into())
    );
    assert_eq!((&post["at"], &post["took"]), (&"-".into(), &"0".into()));
    assert_eq!(post["arn"], "arn:aws:iam::000000000000:root");
    assert_eq!(post["account"], "000000000000");
    assert_eq!(thrown["kind"], "INTEGRATION_FAILURE");
    assert_eq!(thrown["words"], "Internal server error");
    assert_eq!(
        (&thrown["length"], &thrown["who"]),
        (&"-".into(), &"-".into())
    );
    // The execution log says what the function's own error was.
    let group = format!("/aws/apigateway/{}/production", world.api_id);
    let error = "customer function error: thrown. Lambda request id: ";
    let told = |lines: &[String]| lines.iter().any(|line| line.contains(error));
    let lines = world.lines(&group, told).await;
    let posted = "Connection API request completed with status: 200";
    assert!(lines.iter().any(|line| line.contains(posted)));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_trace_shows_payloads() {
    let world = with_logs(LoggingLevel::Info, true).await;
    let mut client = world.connect().await;
    client
        .send(r#"{"action":"join","text":"for the log"}"#)
        .await;
    let group = format!("/aws/apigateway/{}/production", world.api_id);
    world
        .lines(&group, |lines| {
            lines.iter().any(|line| line.contains("for the log"))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_without_the_right_to_write_logs_writes_none() {
    let world = World::bare(super::calm()).await;
    world.make_role().await;
    world.make_function("f", &[]).await;
    world.make_function("g", &[]).await;
    for group in ["/aws/lambda/f", "/aws/lambda/g"] {
        world
            .logs
            .create_log_group()
            .log_group_name(group)
            .send()
            .await
            .unwrap();
    }
    let only_g = r#"{"Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/g:*"}]}"#;
    world.set_rights(only_g).await;
    world.invoke("f", "{}").await;
    world.invoke("g", "{}").await;
    world
        .lines("/aws/lambda/g", |lines| {
            lines.iter().any(|line| line.starts_with("REPORT"))
        })
        .await;
    assert!(world.lines("/aws/lambda/f", |_| true).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn log_groups_outlive_the_api() {
    let world = with_logs(LoggingLevel::Info, false).await;
    drop(world.connect().await);
    let group = format!("/aws/apigateway/{}/production", world.api_id);
    world.lines(&group, |lines| !lines.is_empty()).await;
    world
        .gateway
        .delete_api()
        .api_id(&world.api_id)
        .send()
        .await
        .unwrap();
    world.lines(&group, |lines| !lines.is_empty()).await;
    world.lines("/chat/access", |lines| !lines.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lambda_makes_its_log_group_only_with_the_right_to_do_so() {
    let world = World::bare(super::calm()).await;
    world.make_role().await;
    world.make_function("f", &[]).await;
    world.invoke("f", "{}").await;
    let groups = || world.logs.describe_log_groups().send();
    assert!(groups().await.unwrap().log_groups().is_empty());
    world
        .set_rights(r#"{"Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}"#)
        .await;
    world.invoke("f", "{}").await;
    world
        .lines("/aws/lambda/f", |lines| {
            lines.iter().any(|line| line.starts_with("REPORT"))
        })
        .await;
    let found = groups().await.unwrap();
    assert_eq!(found.log_groups()[0].retention_in_days(), None);
}
