//! What should be there, from the one place where names are made.

use super::facts::Expected;
use crate::config::{LogLevel, Settings};
use crate::naming::Names;
use crate::naming::chat::{ROUTE_KEYS, TTL_ATTRIBUTE};
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
        table: names.table.clone(),
        table_arn: names.table_arn(),
        execute_arn: format!(
            "arn:{}:execute-api:{}:{}:",
            place.partition, place.region, place.account_id
        ),
        routes: ROUTE_KEYS.map(str::to_owned).to_vec(),
        socket_url: names.socket_url(API_UNKNOWN),
        digest: None,
        ttl: TTL_ATTRIBUTE.to_owned(),
        logging_off: settings.gateway.log_level == LogLevel::Off,
        flags: settings.chat_flags(),
    }
}
