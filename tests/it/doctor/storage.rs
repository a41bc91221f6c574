//! The table.

use super::{FUNCTION, Patient};
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_forgets_nothing_is_found() {
    let patient = Patient::healthy().await;
    // The setting may be changed once an hour.
    let hour = Duration::from_secs(3601);
    patient.world.cloud.clock().turn(hour);
    let off = TimeToLiveSpecification::builder()
        .enabled(false)
        .attribute_name("expires");
    let update = patient.world.clients.dynamodb.update_time_to_live();
    let update = update.table_name(FUNCTION);
    let update = update.time_to_live_specification(off.build().unwrap());
    update.send().await.unwrap();
    patient.examine().is(&["table:warning"]);
    patient.world.cloud.clock().turn(hour);
    patient.is_found_and_mended(&["table:warning"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_gone_is_found() {
    let patient = Patient::healthy().await;
    let delete = patient.world.clients.dynamodb.delete_table();
    delete.table_name(FUNCTION).send().await.unwrap();
    patient.is_found_and_mended(&["table:failure", "probe:failure"]);
}
