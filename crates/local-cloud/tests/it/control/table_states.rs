//! What can be read of a table that is being created or deleted, and locked tags.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{TableDescription, TableStatus, Tag};
use chatctl_local_cloud::LocalCloud;

use super::dynamodb::{create, table};
use super::{PROPAGATION, cloud, config, refusal};

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/chat";

fn tag(key: &str) -> Tag {
    Tag::builder().key(key).value("1").build().unwrap()
}

async fn ttl_is_refused_because_it_is(client: &Client, state: &str) {
    let ttl = client.describe_time_to_live().table_name("chat");
    let (code, words) = refusal(ttl.send().await);
    assert_eq!(code, "ValidationException");
    let wanted = format!(
        "Cannot describe time to live while table is in {state} state: Current table state is {state}"
    );
    assert_eq!(words, wanted);
}

#[tokio::test]
async fn neither_expiry_nor_tags_can_be_read_before_a_table_is_active_and_after() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    create(&client).await;
    ttl_is_refused_because_it_is(&client, "CREATING").await;
    let list = || client.list_tags_of_resource().resource_arn(ARN).send();
    let (code, words) = refusal(list().await);
    assert_eq!(code, "ResourceNotFoundException");
    let wanted = format!("Requested resource not found: ResourceArn: {ARN} not found");
    assert_eq!(words, wanted);
    let set = client.tag_resource().resource_arn(ARN).tags(tag("a"));
    assert_eq!(refusal(set.clone().send().await).0, code);
    cloud.clock().turn(PROPAGATION);
    list().await.unwrap();
    set.send().await.unwrap();
    cloud.clock().turn(Duration::from_secs(2));
    let delete = client.delete_table().table_name("chat");
    delete.send().await.unwrap();
    ttl_is_refused_because_it_is(&client, "DELETING").await;
    assert_eq!(refusal(list().await).0, "ResourceNotFoundException");
    cloud.stop().await;
}

#[tokio::test]
async fn a_description_has_what_aws_says_of_the_table_in_its_state() {
    let cloud = cloud().await;
    let client = Client::new(&config(&cloud));
    create(&client).await;
    let described = || async {
        let answer = client.describe_table().table_name("chat").send().await;
        answer.unwrap().table.unwrap()
    };
    let creating = described().await;
    assert_eq!(creating.deletion_protection_enabled, Some(false));
    let since = |table: &TableDescription| {
        let billing = table.billing_mode_summary.clone().unwrap();
        billing.last_update_to_pay_per_request_date_time
    };
    assert!(since(&creating).is_none() && creating.warm_throughput.is_none());
    cloud.clock().turn(PROPAGATION);
    let active = described().await;
    assert_eq!(since(&active), active.creation_date_time);
    let warm = active.warm_throughput.clone().unwrap();
    assert_eq!(warm.read_units_per_second, Some(12_000));
    assert_eq!(warm.write_units_per_second, Some(4_000));
    let delete = client.delete_table().table_name("chat");
    let answer = delete.send().await.unwrap().table_description.unwrap();
    assert_eq!(answer.table_status, Some(TableStatus::Deleting));
    assert_eq!(answer.table_id, active.table_id);
    assert!(answer.key_schema.is_none() && answer.creation_date_time.is_none());
    assert_eq!(described().await, answer);
    cloud.stop().await;
}

async fn world() -> (LocalCloud, Client) {
    let cloud = cloud().await;
    let client = table(&cloud).await;
    (cloud, client)
}

#[tokio::test]
async fn a_change_of_tags_locks_them_for_two_seconds() {
    let (cloud, client) = world().await;
    let set = |keys: &[&str]| {
        let set = client.tag_resource().resource_arn(ARN);
        let tags = keys.iter().map(|key| tag(key)).collect();
        set.set_tags(Some(tags)).send()
    };
    let take_off = |key: &str| {
        let off = client.untag_resource().resource_arn(ARN).tag_keys(key);
        off.send()
    };
    // What changes nothing locks nothing.
    take_off("a").await.unwrap();
    set(&["a"]).await.unwrap();
    let locked = (
        "LimitExceededException".to_owned(),
        "Subscriber limit exceeded: Table tags are being updated: chat".to_owned(),
    );
    assert_eq!(refusal(set(&["b"]).await), locked);
    assert_eq!(refusal(take_off("a").await), locked);
    let delete = client.delete_table().table_name("chat");
    let (code, words) = refusal(delete.clone().send().await);
    assert_eq!(code, "ResourceInUseException");
    assert!(
        words.ends_with("Table tags are being updated: chat"),
        "{words}"
    );
    // The same, and more with it, is taken.
    set(&["a"]).await.unwrap();
    set(&["a", "b"]).await.unwrap();
    cloud.clock().turn(Duration::from_secs(2));
    take_off("a").await.unwrap();
    assert_eq!(refusal(set(&["c"]).await), locked);
    cloud.clock().turn(Duration::from_secs(2));
    delete.send().await.unwrap();
    cloud.stop().await;
}
