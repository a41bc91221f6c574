//! What should be there, from the one place where names are made.

use super::facts::Wanted;
use crate::cli::{Global, LogLevel};
use crate::config::{Settings, Target};
use crate::naming::Names;
use crate::naming::chat::{ROUTE_KEYS, TTL_ATTRIBUTE};
use crate::naming::names::API_UNKNOWN;

/// What the settings want in this place. The digest needs a look at AWS and is added later.
pub fn wanted(settings: &Settings, names: &Names, global: &Global) -> Wanted {
    let place = names.place();
    Wanted {
        stack: names.stack.clone(),
        stage: names.stage.clone(),
        region: place.region.clone(),
        account: place.account_id.clone(),
        caller: place.caller_arn.clone(),
        function: names.function.clone(),
        function_arn: names.function_arn(),
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
        flags: flags(global, settings),
    }
}

/// The flags that lead a command to the same chat again; what stands in chatctl.toml needs none.
pub fn flags(global: &Global, settings: &Settings) -> String {
    let mut flags = Vec::new();
    if let Some(config) = &global.config {
        flags.push(format!("--config {}", config.display()));
    }
    if global.name.is_some() {
        flags.push(format!("--name {}", settings.name));
    }
    if global.stage.is_some() {
        flags.push(format!("--stage {}", settings.stage));
    }
    if let Some(region) = &global.region {
        flags.push(format!("--region {region}"));
    }
    if let Some(profile) = &global.profile {
        flags.push(format!("--profile {profile}"));
    }
    match &settings.target {
        Target::Aws => {}
        Target::Local(4510) => flags.push("--local".into()),
        Target::Local(port) => flags.push(format!("--local --port {port}")),
        Target::Endpoint(url) => flags.push(format!("--endpoint-url {url}")),
    }
    flags.join(" ")
}
