//! The table: DescribeTable, DescribeTimeToLive.

use super::seen;
use crate::aws::Clients;
use crate::doctor::facts::{ExpectedTable, Look, Table};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableOutput;
use aws_sdk_dynamodb::types::TimeToLiveStatus;

pub(super) async fn table(clients: &Clients, expected: Option<&ExpectedTable>) -> Look<Table> {
    let Some(ExpectedTable { name, .. }) = expected else {
        return Look::Unasked;
    };
    let (table, ttl) = tokio::join!(
        clients.dynamodb.describe_table().table_name(name).send(),
        clients
            .dynamodb
            .describe_time_to_live()
            .table_name(name)
            .send(),
    );
    let mut look = seen("read the table", table, self::described);
    if let (Look::There(table), Ok(ttl)) = (&mut look, ttl) {
        table.ttl = ttl
            .time_to_live_description()
            .filter(|ttl| {
                matches!(
                    ttl.time_to_live_status(),
                    Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
                )
            })
            .and_then(|ttl| ttl.attribute_name())
            .map(str::to_owned);
    }
    look
}

fn described(found: DescribeTableOutput) -> Table {
    let table = found.table();
    Table {
        status: table
            .and_then(|table| table.table_status())
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        keys: table
            .map(|table| table.key_schema())
            .unwrap_or_default()
            .iter()
            .map(|key| key.attribute_name().to_owned())
            .collect(),
        ttl: None,
    }
}
