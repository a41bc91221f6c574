//! What should be there, from the one place where names are made.

use super::facts::{Expected, ExpectedTable};
use crate::config::{Authorization, LogLevel, Settings, TableSettings};
use crate::naming::Names;
use crate::naming::names::API_UNKNOWN;

/// What the settings want in this place. The digest needs a look at AWS and is added later.
pub fn expected(settings: &Settings, names: &Names) -> Expected {
    let place = names.place();
    Expected {
        stack: names.stack.clone(),
        stage: names.stage.clone(),
        region: place.region.clone(),
        account: place.account_id.clone(),
        caller: place.caller_arn.clone(),
        function: names.function.clone(),
        function_arn: names.function_arn(),
        live_arn: names.live_arn(),
        role: names.role(),
        function_group: names.function_group(),
        execution_group: names.execution_group(API_UNKNOWN),
        access_group: names.access_group(),
        function_group_arn: names.group_arn(&names.function_group()),
        table: settings
            .table
            .as_ref()
            .map(|table| expected_table(table, names)),
        execute_arn: format!(
            "arn:{}:execute-api:{}:{}:",
            place.partition, place.region, place.account_id
        ),
        authorization: match settings.connect.authorization {
            Authorization::None => None,
            Authorization::Iam => Some("AWS_IAM"),
            Authorization::Function => Some("CUSTOM"),
        },
        routes: settings.routes.iter().map(|r| r.key.clone()).collect(),
        socket_url: names.socket_url(API_UNKNOWN),
        digest: None,
        logging_off: settings.gateway.log_level == LogLevel::Off,
        flags: settings.chat_flags(),
    }
}

fn expected_table(table: &TableSettings, names: &Names) -> ExpectedTable {
    let keys = std::iter::once(&table.partition_key).chain(&table.sort_key);
    ExpectedTable {
        name: names.table.clone(),
        arn: names.table_arn(),
        keys: keys.map(|key| key.name.clone()).collect(),
        ttl: table.ttl.clone(),
    }
}
