//! What DynamoDB refuses before it looks at a table, and what it says when it is asked too much.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, GlobalSecondaryIndex, KeySchemaElement, KeyType, KeysAndAttributes, Projection,
    ProjectionType, Put, TransactWriteItem,
};
use chatctl_local_cloud::{Fault, FaultKind, LocalCloud};

use super::dynamodb::{attribute, key, table, text};
use super::{PROPAGATION, cloud, config, refusal};

const BUSY: &str = "Throughput exceeds the current capacity of your table or index.";

async fn world() -> (LocalCloud, Client) {
    let cloud = cloud().await;
    let client = table(&cloud).await;
    (cloud, client)
}

fn busy(cloud: &LocalCloud) {
    cloud.inject(Fault {
        service: Some("dynamodb".to_owned()),
        ..Fault::new(FaultKind::Throttle)
    });
}

fn put(sort: &str) -> Put {
    let put = Put::builder().table_name("chat");
    let put = put.item("pk", text("p")).item("sk", text(sort));
    put.build().unwrap()
}

#[tokio::test]
async fn a_table_that_is_asked_too_much_says_so_and_a_transaction_names_the_item() {
    let (cloud, client) = world().await;
    busy(&cloud);
    let get = client.get_item().table_name("chat");
    let get = get.key("pk", text("p")).key("sk", text("s"));
    let (code, words) = refusal(get.clone().send().await);
    assert_eq!(code, "ThrottlingException");
    assert!(words.starts_with(BUSY), "{words}");
    busy(&cloud);
    let items = ["a", "b"].map(|sort| TransactWriteItem::builder().put(put(sort)).build());
    let write = client.transact_write_items();
    let write = write.set_transact_items(Some(items.into()));
    let error = write.clone().send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(error) = error else {
        panic!("the transaction should be cancelled: {error:?}");
    };
    let codes: Vec<_> = error
        .cancellation_reasons()
        .iter()
        .map(|one| one.code())
        .collect();
    assert_eq!(codes, [Some("ThrottlingError"), Some("None")]);
    busy(&cloud);
    let (code, words) = refusal(client.list_tables().send().await);
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("ThrottlingException", "Rate exceeded")
    );
    // Nothing had an effect, and the next calls have.
    write.send().await.unwrap();
    get.send().await.unwrap();
    cloud.stop().await;
}

#[tokio::test]
async fn keys_and_operands_are_looked_at_before_the_table_is() {
    let (cloud, client) = world().await;
    let query = |condition: &str, name: &str, value: AttributeValue| {
        let query = client.query().table_name("chat");
        let query = query.key_condition_expression(condition);
        query.expression_attribute_values(name, value).send()
    };
    let (_, words) = refusal(query("pk = :p", ":p", text("")).await);
    assert!(
        words.ends_with("cannot contain an empty string value. Key: pk"),
        "{words}"
    );
    let (_, words) = refusal(query("pk = :p AND Begins_With(sk, :p)", ":p", text("p")).await);
    assert!(
        words.ends_with("Invalid function name; function: Begins_With"),
        "{words}"
    );
    let scan = client.scan().table_name("chat");
    let scan = scan.filter_expression("price BETWEEN :low AND :high");
    let scan = scan.expression_attribute_values(":low", AttributeValue::Null(true));
    let scan = scan.expression_attribute_values(":high", AttributeValue::N("9".to_owned()));
    let (_, words) = refusal(scan.send().await);
    assert!(
        words.ends_with("operator or function: BETWEEN, operand type: NULL"),
        "{words}"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn the_key_of_an_index_has_a_limit_of_its_own() {
    let (cloud, client) = world().await;
    let index = GlobalSecondaryIndex::builder().index_name("by-name");
    let index = index.key_schema(key("pk", KeyType::Hash));
    let index = index.key_schema(key("name", KeyType::Range));
    let all = Projection::builder().projection_type(ProjectionType::All);
    let index = index.projection(all.build()).build().unwrap();
    let create = client.create_table().table_name("indexed");
    let create = create.billing_mode("PAY_PER_REQUEST".into());
    let create = create.attribute_definitions(attribute("pk"));
    let create = create.attribute_definitions(attribute("name"));
    let create = create.key_schema(key("pk", KeyType::Hash));
    create.global_secondary_indexes(index).send().await.unwrap();
    cloud.clock().turn(PROPAGATION);
    let put = |bytes: usize| {
        let put = client
            .put_item()
            .table_name("indexed")
            .item("pk", text("p"));
        put.item("name", text(&"x".repeat(bytes))).send()
    };
    put(1024).await.unwrap();
    let (_, words) = refusal(put(1025).await);
    assert!(
        words.ends_with("has exceeded the size limit of 1024 bytes"),
        "{words}"
    );
    let wrong = KeySchemaElement::builder()
        .attribute_name("pk")
        .key_type("SORT".into());
    let create = client.create_table().table_name("wrong");
    let create = create.attribute_definitions(attribute("pk"));
    let (_, words) = refusal(create.key_schema(wrong.build().unwrap()).send().await);
    assert!(
        words.contains("Value 'SORT' at 'keySchema.1.member.keyType'"),
        "{words}"
    );
    cloud.stop().await;
}

#[tokio::test]
async fn a_batch_by_arn_is_answered_by_arn() {
    let (cloud, client) = world().await;
    let item = TransactWriteItem::builder().put(put("s")).build();
    let write = client.transact_write_items().transact_items(item);
    write.send().await.unwrap();
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/chat";
    let wanted = [("pk".to_owned(), text("p")), ("sk".to_owned(), text("s"))];
    let keys = KeysAndAttributes::builder().keys(wanted.into());
    let get = client.batch_get_item();
    let got = get.request_items(arn, keys.build().unwrap()).send().await;
    let got = got.unwrap();
    assert_eq!(got.responses().unwrap()[arn].len(), 1);
    let other = Client::new(&config(&cloud)).list_tables().send().await;
    assert_eq!(other.unwrap().table_names(), ["chat"]);
    cloud.stop().await;
}
