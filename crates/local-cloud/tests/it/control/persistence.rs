//! What `--persist` keeps of the control planes.

use aws_sdk_apigatewayv2::types::ProtocolType;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};
use chatctl_local_cloud::{Conditions, LocalCloud, Options};

use super::{LAMBDA_TRUST, config};

async fn start(folder: &std::path::Path) -> LocalCloud {
    let conditions = Conditions {
        propagation_millis: 0,
        ..Conditions::default()
    };
    let options = Options {
        persist: Some(folder.to_owned()),
        conditions,
        ..Options::default()
    };
    LocalCloud::start(options).await.unwrap()
}

#[tokio::test]
async fn a_second_start_finds_what_the_first_left() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = start(folder.path()).await;
    let api_id = fill(&cloud).await;
    let now = cloud.clock().now_ms();
    cloud.stop().await;

    let cloud = start(folder.path()).await;
    let role = aws_sdk_iam::Client::new(&config(&cloud))
        .get_role()
        .role_name("r")
        .send()
        .await;
    assert_eq!(role.unwrap().role().unwrap().role_name(), "r");
    let gateway = aws_sdk_apigatewayv2::Client::new(&config(&cloud));
    let api = gateway.get_api().api_id(&api_id).send().await.unwrap();
    let port = cloud.addr().port().to_string();
    assert!(
        api.api_endpoint().unwrap().contains(&port),
        "the endpoint is that of today"
    );
    assert_eq!(
        gateway
            .get_stages()
            .api_id(&api_id)
            .send()
            .await
            .unwrap()
            .items()
            .len(),
        1
    );
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(&cloud));
    let events = logs
        .filter_log_events()
        .log_group_name("/g")
        .send()
        .await
        .unwrap();
    assert_eq!(events.events()[0].message(), Some("kept"));
    assert!(events.events()[0].timestamp().unwrap() <= now);
    let tables = aws_sdk_dynamodb::Client::new(&config(&cloud));
    assert_eq!(
        tables
            .scan()
            .table_name("table")
            .send()
            .await
            .unwrap()
            .count(),
        1
    );
    cloud.stop().await;
}

/// One of everything; the API's id.
async fn fill(cloud: &LocalCloud) -> String {
    let iam = aws_sdk_iam::Client::new(&config(cloud));
    iam.create_role()
        .role_name("r")
        .assume_role_policy_document(LAMBDA_TRUST)
        .send()
        .await
        .unwrap();
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config(cloud));
    logs.create_log_group()
        .log_group_name("/g")
        .send()
        .await
        .unwrap();
    logs.create_log_stream()
        .log_group_name("/g")
        .log_stream_name("s")
        .send()
        .await
        .unwrap();
    let event = InputLogEvent::builder()
        .timestamp(cloud.clock().now_ms())
        .message("kept")
        .build();
    logs.put_log_events()
        .log_group_name("/g")
        .log_stream_name("s")
        .log_events(event.unwrap())
        .send()
        .await
        .unwrap();
    fill_table(cloud).await;
    let gateway = aws_sdk_apigatewayv2::Client::new(&config(cloud));
    let api = gateway
        .create_api()
        .name("chat")
        .protocol_type(ProtocolType::Websocket)
        .route_selection_expression("$request.body.action")
        .send()
        .await
        .unwrap();
    let api_id = api.api_id().unwrap().to_owned();
    gateway
        .create_stage()
        .api_id(&api_id)
        .stage_name("s")
        .send()
        .await
        .unwrap();
    api_id
}

async fn fill_table(cloud: &LocalCloud) {
    let tables = aws_sdk_dynamodb::Client::new(&config(cloud));
    let attribute = AttributeDefinition::builder()
        .attribute_name("pk")
        .attribute_type(ScalarAttributeType::S)
        .build();
    let key = KeySchemaElement::builder()
        .attribute_name("pk")
        .key_type(KeyType::Hash)
        .build();
    tables
        .create_table()
        .table_name("table")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute.unwrap())
        .key_schema(key.unwrap())
        .send()
        .await
        .unwrap();
    let value = AttributeValue::S("a".to_owned());
    tables
        .put_item()
        .table_name("table")
        .item("pk", value)
        .send()
        .await
        .unwrap();
}
