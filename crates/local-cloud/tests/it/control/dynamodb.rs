//! Tables as the chat function and the deployer use them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put,
    ScalarAttributeType, TableStatus, TimeToLiveSpecification, TransactWriteItem,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chatctl_local_cloud::{ControlPlane, LocalCloud};

use super::{PROPAGATION, cloud, cloud_with, config, refusal, session};

pub(super) fn attribute(name: &str) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap()
}

pub(super) fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
        .unwrap()
}

pub(super) async fn create(client: &Client) {
    client
        .create_table()
        .table_name("chat")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk"))
        .attribute_definitions(attribute("sk"))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .send()
        .await
        .unwrap();
}

/// The chat's table, active.
pub(super) async fn table(cloud: &LocalCloud) -> Client {
    let client = Client::new(&config(cloud));
    create(&client).await;
    cloud.clock().turn(PROPAGATION);
    client
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

async fn status(client: &Client) -> TableStatus {
    let table = client
        .describe_table()
        .table_name("chat")
        .send()
        .await
        .unwrap();
    table.table().unwrap().table_status().unwrap().clone()
}

#[tokio::test]
async fn a_table_is_creating_before_it_is_active_and_deleting_before_it_is_gone() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    create(&client).await;
    assert_eq!(status(&client).await, TableStatus::Creating);
    let get = || {
        client
            .get_item()
            .table_name("chat")
            .key("pk", text("a"))
            .key("sk", text("b"))
            .send()
    };
    assert_eq!(refusal(get().await).0, "ResourceNotFoundException");
    assert_eq!(
        refusal(client.delete_table().table_name("chat").send().await).0,
        "ResourceInUseException"
    );
    cloud.clock().turn(PROPAGATION);
    assert_eq!(status(&client).await, TableStatus::Active);
    get().await.unwrap();
    client
        .delete_table()
        .table_name("chat")
        .send()
        .await
        .unwrap();
    assert_eq!(status(&client).await, TableStatus::Deleting);
    client
        .delete_table()
        .table_name("chat")
        .send()
        .await
        .unwrap();
    cloud.clock().turn(PROPAGATION);
    let gone = client.describe_table().table_name("chat").send().await;
    assert_eq!(refusal(gone).0, "ResourceNotFoundException");
    cloud.stop().await;
}

#[tokio::test]
async fn a_table_has_its_region_in_its_arn_and_takes_tags() {
    let cloud = cloud().await;
    let client = table(&cloud).await;
    let read = client
        .describe_table()
        .table_name("chat")
        .send()
        .await
        .unwrap();
    let arn = read.table().unwrap().table_arn().unwrap().to_owned();
    assert_eq!(arn, "arn:aws:dynamodb:us-east-1:000000000000:table/chat");
    let tag = aws_sdk_dynamodb::types::Tag::builder()
        .key("a")
        .value("1")
        .build()
        .unwrap();
    client
        .tag_resource()
        .resource_arn(&arn)
        .tags(tag)
        .send()
        .await
        .unwrap();
    let tags = client
        .list_tags_of_resource()
        .resource_arn(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tags()[0].value(), "1");
    cloud.stop().await;
}

#[tokio::test]
async fn expiry_can_be_changed_once_an_hour_and_deletes_late() {
    let cloud = cloud_with(ControlPlane {
        ttl_lag_millis: 60_000,
        ..ControlPlane::default()
    })
    .await;
    let client = table(&cloud).await;
    let set = |enabled: bool| {
        let spec = TimeToLiveSpecification::builder()
            .enabled(enabled)
            .attribute_name("ttl")
            .build()
            .unwrap();
        client
            .update_time_to_live()
            .table_name("chat")
            .time_to_live_specification(spec)
            .send()
    };
    set(true).await.unwrap();
    let (code, words) = refusal(set(true).await);
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("ValidationException", "TimeToLive is already enabled")
    );
    let (_, words) = refusal(set(false).await);
    assert_eq!(
        words,
        "Time to live has been modified multiple times within a fixed interval"
    );
    let expires = cloud.clock().now_ms() / 1000 + 10;
    client
        .put_item()
        .table_name("chat")
        .item("pk", text("a"))
        .item("sk", text("b"))
        .item("ttl", AttributeValue::N(expires.to_string()))
        .send()
        .await
        .unwrap();
    let count = || async {
        client
            .scan()
            .table_name("chat")
            .send()
            .await
            .unwrap()
            .count()
    };
    cloud.clock().turn(std::time::Duration::from_secs(30));
    assert_eq!(count().await, 1, "expired, and still there");
    cloud.clock().turn(std::time::Duration::from_secs(120));
    assert_eq!(count().await, 0);
    cloud.stop().await;
}

#[tokio::test]
async fn a_cancelled_transaction_gives_its_reasons_in_order() {
    let cloud = cloud().await;
    let client = table(&cloud).await;
    let put = |pk: &str| {
        let put = Put::builder()
            .table_name("chat")
            .item("pk", text(pk))
            .item("sk", text("N"))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    client
        .transact_write_items()
        .transact_items(put("taken"))
        .send()
        .await
        .unwrap();
    let both = client
        .transact_write_items()
        .transact_items(put("free"))
        .transact_items(put("taken"));
    let error = both.send().await.unwrap_err();
    let error = error.as_service_error().unwrap();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{:?}", error.code());
    };
    let codes: Vec<_> = cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().unwrap())
        .collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    cloud.stop().await;
}

#[tokio::test]
async fn a_session_needs_the_right_of_each_item_in_a_transaction() {
    let cloud = cloud().await;
    let _root = table(&cloud).await;
    let policy = r#"{"Statement":{"Effect":"Allow","Action":["dynamodb:PutItem","dynamodb:Query"],"Resource":"arn:aws:dynamodb:us-east-1:000000000000:table/chat"}}"#;
    let mine = Client::new(&session(&cloud, "function", policy).await);
    mine.put_item()
        .table_name("chat")
        .item("pk", text("a"))
        .item("sk", text("b"))
        .send()
        .await
        .unwrap();
    let delete = aws_sdk_dynamodb::types::Delete::builder()
        .table_name("chat")
        .key("pk", text("a"))
        .key("sk", text("b"))
        .build()
        .unwrap();
    let item = TransactWriteItem::builder().delete(delete).build();
    let (code, words) = refusal(
        mine.transact_write_items()
            .transact_items(item)
            .send()
            .await,
    );
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(
        words,
        "User: arn:aws:sts::000000000000:assumed-role/function/me is not authorized to perform: dynamodb:DeleteItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/chat because no identity-based policy allows the dynamodb:DeleteItem action"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_query_of_more_than_a_megabyte_comes_in_pages() {
    let cloud = cloud().await;
    let client = table(&cloud).await;
    for index in 0..6 {
        client
            .put_item()
            .table_name("chat")
            .item("pk", text("a"))
            .item("sk", text(&format!("{index}")))
            .item("body", text(&"x".repeat(300_000)))
            .send()
            .await
            .unwrap();
    }
    let query = client
        .query()
        .table_name("chat")
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text("a"));
    let first = query.clone().send().await.unwrap();
    assert!(first.last_evaluated_key().is_some());
    assert_eq!(
        query
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>()
            .await
            .unwrap()
            .len(),
        6
    );
    cloud.stop().await;
}

#[tokio::test]
async fn an_update_that_makes_an_item_has_no_old_attributes() {
    let cloud = cloud().await;
    let client = table(&cloud).await;
    let update = || {
        client
            .update_item()
            .table_name("chat")
            .key("pk", text("a"))
            .key("sk", text("b"))
            .update_expression("SET v = :v")
            .expression_attribute_values(":v", text("1"))
            .return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld)
            .send()
    };
    assert_eq!(update().await.unwrap().attributes(), None);
    assert_eq!(
        update().await.unwrap().attributes().unwrap()["v"],
        text("1")
    );
    cloud.stop().await;
}
