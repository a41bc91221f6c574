//! The wanted stack, as a list of resources in the order in which people read it.

use super::names::{API_UNKNOWN, Names};
use super::policy::{BASE_POLICY, PUSH_TO_LOGS, function_base, function_grant, trust};
use super::tags::{FORMER, Tags};
use crate::config::{Arch, LogLevel, Settings, Target};
use crate::engine::{Id, Resource};
use crate::package::SourceDigest;
use crate::resources::account_logging::{AccountLogging, NONE};
use crate::resources::api::{Api, SELECTION};
use crate::resources::deployment::Deployment;
use crate::resources::function::{Function, HANDLER, RUNTIME};
use crate::resources::grant::Grant;
use crate::resources::integration::Integration;
use crate::resources::log_group::{ACCESS_GROUP, EXECUTION_GROUP, FUNCTION_GROUP, LogGroup};
use crate::resources::permission::Permission;
use crate::resources::role::{FUNCTION_ROLE, LOGGING_ROLE, Role};
use crate::resources::route::{KEYS as ROUTE_KEYS, Route};
use crate::resources::stage::Stage;
use crate::resources::table::{KEYS as TABLE_KEYS, TTL_ATTRIBUTE, Table};
use crate::resources::{Kind, World};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const ACCESS_LOG_FORMAT: &str = include_str!("../../templates/access-log.json");

/// What the wanted stack depends on.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What the user wants.
    pub settings: &'a Settings,
    /// The digest of the function's source; none if it does not matter, as for a teardown.
    pub digest: Option<&'a SourceDigest>,
    /// List the account's logging role even if the account has another one: a teardown looks for
    /// it.
    pub with_logging_role: bool,
}

/// Every resource of the stack.
pub fn wanted(of: &Wanted<'_>, world: &World) -> Vec<Kind> {
    let names = &world.names;
    let api = world.api();
    let api_id = api.as_deref().unwrap_or(API_UNKNOWN);
    let integration = Integration::new(names.integration_uri());
    let routes: Vec<_> = ROUTE_KEYS.iter().map(|key| Route::new(key)).collect();
    let digest = snapshot(names);
    let mut all: Vec<Kind> = vec![
        function_role(world).into(),
        group(world, FUNCTION_GROUP, names.function_group(), of.settings).into(),
        group(world, ACCESS_GROUP, names.access_group(), of.settings).into(),
        table(world).into(),
        function(of, world).into(),
        api_resource(world).into(),
        group(
            world,
            EXECUTION_GROUP,
            names.execution_group(api_id),
            of.settings,
        )
        .into(),
        Permission::new(
            &names.function,
            names.statement(api_id),
            &names.invoker_arn(api_id),
        )
        .into(),
        Grant {
            role: names.role(),
            document: function_grant(names, api_id),
        }
        .into(),
        integration.into(),
    ];
    all.extend(routes.into_iter().map(Kind::from));
    all.push(Kind::from(Deployment {
        id: Id::new("deployment"),
        digest: digest.clone(),
        deployment_id: None,
    }));
    all.extend(account_logging(of.with_logging_role, world));
    all.push(stage(digest, of.settings, world).into());
    all
}

fn function_role(world: &World) -> Role {
    let names = &world.names;
    Role {
        id: FUNCTION_ROLE,
        name: names.role(),
        trust: trust("lambda.amazonaws.com"),
        attached: [].into(),
        inline: [(BASE_POLICY.into(), function_base(names))].into(),
        tags: world.tags(&Id::new(FUNCTION_ROLE)),
    }
}

fn group(world: &World, id: &'static str, name: String, settings: &Settings) -> LogGroup {
    LogGroup {
        retention: i32::try_from(settings.retention_days).ok(),
        tags: world.tags(&Id::new(id)),
        id: Id::new(id),
        name,
    }
}

fn table(world: &World) -> Table {
    Table {
        name: world.names.table.clone(),
        keys: TABLE_KEYS.into(),
        billing: "PAY_PER_REQUEST".into(),
        ttl: Some(TTL_ATTRIBUTE.into()),
        status: "ACTIVE".into(),
        tags: world.tags(&Id::new("table")),
    }
}

fn function(of: &Wanted<'_>, world: &World) -> Function {
    let (names, settings) = (&world.names, of.settings);
    Function {
        name: names.function.clone(),
        code: of.digest.map(ToString::to_string).unwrap_or_default(),
        role: names.role_arn(&names.role()),
        runtime: RUNTIME.into(),
        handler: HANDLER.into(),
        architecture: match settings.arch() {
            Arch::Arm64 => "arm64".into(),
            Arch::X86_64 => "x86_64".into(),
        },
        memory: i32::try_from(settings.function.memory).unwrap_or(i32::MAX),
        timeout: i32::try_from(settings.function.timeout).unwrap_or(i32::MAX),
        environment: environment(settings, names),
        state: "Active".into(),
        tags: world.tags(&Id::new("function")),
    }
}

/// The user's variables, with ours over them. An endpoint that is not AWS also has to be told to
/// the function; the local cloud does that itself.
fn environment(settings: &Settings, names: &Names) -> BTreeMap<String, String> {
    let function = &settings.function;
    let mut all = function.environment.clone();
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set("CHAT_TABLE", names.table.clone());
    set("AWS_LAMBDA_LOG_LEVEL", function.log_level.clone());
    if !function.allowed_origins.is_empty() {
        set("CHAT_ALLOWED_ORIGINS", function.allowed_origins.join(","));
    }
    if let Some(template) = names.connections_template() {
        set("CHAT_CONNECTIONS_URL", template);
    }
    if let Target::Endpoint(url) = &settings.target {
        set("AWS_ENDPOINT_URL", url.clone());
    }
    all
}

fn api_resource(world: &World) -> Api {
    Api {
        id: Id::new("api"),
        api_id: world.api(),
        name: world.names.api.clone(),
        protocol: "WEBSOCKET".into(),
        selection: SELECTION.into(),
        tags: world.tags(&Id::new("api")),
    }
}

/// A live role is used as it is. A missing one, or one that is gone, is set to ours, and what was
/// there is recorded on ours.
fn account_logging(with_role: bool, world: &World) -> Vec<Kind> {
    let (names, now) = (&world.names, &world.account_role);
    let ours = names.role_arn(&names.logging_role());
    let used = now.arn.clone().filter(|_| now.live && !now.ours);
    let mut all = Vec::new();
    if used.is_none() || with_role {
        let mut tags = Tags::shared(&Id::new(LOGGING_ROLE));
        if !now.ours {
            tags = tags.with(FORMER, now.arn.as_deref().unwrap_or(NONE));
        }
        all.push(Kind::from(Role {
            id: LOGGING_ROLE,
            name: names.logging_role(),
            trust: trust("apigateway.amazonaws.com"),
            attached: [names.managed_policy_arn(PUSH_TO_LOGS)].into(),
            inline: BTreeMap::new(),
            tags,
        }));
    }
    all.push(Kind::from(AccountLogging {
        role: used.unwrap_or(ours),
        live: true,
    }));
    all
}

fn stage(deployment: String, settings: &Settings, world: &World) -> Stage {
    let names = &world.names;
    Stage {
        name: names.stage.clone(),
        deployment,
        logging: match settings.gateway.log_level {
            LogLevel::Off => "OFF".into(),
            LogLevel::Error => "ERROR".into(),
            LogLevel::Info => "INFO".into(),
        },
        data_trace: settings.gateway.data_trace,
        rate: settings.gateway.throttle_rate,
        burst: i32::try_from(settings.gateway.throttle_burst).unwrap_or(i32::MAX),
        access_group: Some(names.group_arn(&names.access_group())),
        access_format: Some(access_log_format()),
        overrides: BTreeMap::new(),
        tags: world.tags(&Id::new("stage")),
    }
}

/// API Gateway wants it in one line.
fn access_log_format() -> String {
    let lines = ACCESS_LOG_FORMAT.lines().map(str::trim);
    lines.collect::<Vec<_>>().join(" ")
}

/// The digest that the live deployment carries when it has all routes as they are wanted.
pub fn snapshot(names: &Names) -> String {
    let integration = Integration::new(names.integration_uri());
    let routes: Vec<_> = ROUTE_KEYS.iter().map(|key| Route::new(key)).collect();
    snapshot_digest(&integration, &routes)
}

/// What a deployment is a snapshot of, in few characters.
fn snapshot_digest(integration: &Integration, routes: &[Route]) -> String {
    let mut hash = Sha256::new();
    let mut add = |fields: crate::engine::Fields| {
        for field in fields.iter() {
            hash.update(format!("{}={}\n", field.path, field.value));
        }
    };
    add(integration.fields());
    for route in routes {
        add(route.fields().with("routeKey", route.key.as_str()));
    }
    hash.update(SELECTION);
    let hash = hash.finalize();
    hash.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_log_format_is_one_json_line_below_the_limit() {
        let format = access_log_format();
        assert!(!format.contains('\n') && format.len() < 1024, "{format}");
        assert!(format.contains("$context.requestId"));
        assert!(serde_json::from_str::<serde_json::Value>(&format).is_ok());
    }

    #[test]
    fn another_route_setting_is_another_snapshot() {
        let integration = Integration::new("arn:x".into());
        let mut routes = vec![Route::new("$connect")];
        let before = snapshot_digest(&integration, &routes);
        routes[0].needs_key = true;
        assert_ne!(before, snapshot_digest(&integration, &routes));
    }
}
