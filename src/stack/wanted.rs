//! The wanted stack, as a list of resources in the order in which people read it.

use crate::config::{Arch, LogLevel, Settings, Target};
use crate::engine::{Fields, Id, Output, Resource};
use crate::naming::chat::{
    HANDLER, ROUTE_KEYS, ROUTE_SELECTION, RUNTIME, TABLE_KEYS, TTL_ATTRIBUTE,
};
use crate::naming::names::API_UNKNOWN;
use crate::naming::policy::{BASE_POLICY, PUSH_TO_LOGS, function_base, function_grant, trust};
use crate::naming::tags::{FORMER, Tags, role_tag};
use crate::naming::{Names, ids};
use crate::package::SourceDigest;
use crate::resources::account_logging::{AccountLogging, NONE};
use crate::resources::alias::Alias;
use crate::resources::api::Api;
use crate::resources::deployment::{self, Deployment};
use crate::resources::function::{Configuration, Function, GrantedRole};
use crate::resources::grant::Grant;
use crate::resources::integration::{self, Integration};
use crate::resources::log_group::LogGroup;
use crate::resources::permission::Permission;
use crate::resources::role::Role;
use crate::resources::route::Route;
use crate::resources::stage::Stage;
use crate::resources::table::Table;
use crate::resources::{
    ApiId, DeploymentId, IntegrationId, Kind, Observed, Outputs, RoleId, RunContext,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const ACCESS_LOG_FORMAT: &str = include_str!("../../templates/access-log.json");

/// What the wanted stack depends on.
#[derive(Debug, Clone, Copy)]
pub struct Desired<'a> {
    /// The user's settings.
    pub settings: &'a Settings,
    /// The digest of the function's source; none if it does not matter, as for a teardown.
    pub digest: Option<&'a SourceDigest>,
    /// List the account's logging role even if the account has another one: a teardown looks for
    /// it.
    pub with_logging_role: bool,
}

/// The wanted stack.
#[derive(Debug)]
pub struct Stack {
    /// Every resource, in the order in which people read them.
    pub resources: Vec<Kind>,
    /// The values that some of them make and others use.
    pub outputs: Outputs,
    /// The digest of the routes and the integration, which the deployment carries.
    pub digest: String,
    /// A version of the function has to be published.
    pub publishes: bool,
}

impl Stack {
    /// The stack that is desired where this was observed.
    pub fn wanted(desired: &Desired<'_>, observed: &Observed) -> Self {
        let digest = routes_digest(&observed.run.names);
        let outputs = known_outputs(observed, &digest);
        let parts = Parts {
            settings: desired.settings,
            run: &observed.run,
            outputs: &outputs,
        };
        let function = parts.function(desired.digest);
        let alias = Alias::wanted(&function, &outputs, observed);
        let publishes = alias.is_new();
        let mut resources: Vec<Kind> = vec![
            parts.function_role().into(),
            parts.function_group().into(),
            parts.access_group().into(),
            parts.table().into(),
            function.into(),
            alias.into(),
            parts.api().into(),
            parts.execution_group().into(),
            Permission::new(&observed.run.names, &outputs.api).into(),
            parts.grant().into(),
            Integration::new(observed.run.names.integration_uri(), &outputs).into(),
        ];
        resources.extend(routes(&outputs).map(Kind::from));
        resources.push(Deployment::new(digest.clone(), &outputs).into());
        resources.extend(account_logging(desired.with_logging_role, observed));
        resources.push(parts.stage(digest.clone()).into());
        Self {
            resources,
            outputs,
            digest,
            publishes,
        }
    }
}

/// The values of one run, as far as they are known before anything is done; `digest` is that of the
/// wanted deployment.
fn known_outputs(observed: &Observed, digest: &str) -> Outputs {
    let gateway = &observed.gateway;
    let role = observed.function_role.as_ref();
    let integration = integration::ours_in(gateway).map(IntegrationId);
    let deployment = deployment::with_digest(gateway, digest).map(DeploymentId);
    Outputs {
        api: Output::new(ids::API, gateway.api_id().map(ApiId)),
        integration: Output::new(ids::INTEGRATION, integration),
        deployment: Output::new(ids::DEPLOYMENT, deployment),
        role_id: Output::new(ids::FUNCTION_ROLE, role.map(|role| RoleId(role.id.clone()))),
        ..Outputs::unknown()
    }
}

fn routes(outputs: &Outputs) -> impl Iterator<Item = Route> {
    ROUTE_KEYS.iter().map(|key| Route::new(key, outputs))
}

/// What the resources of one stack are made from.
struct Parts<'a> {
    settings: &'a Settings,
    run: &'a RunContext,
    outputs: &'a Outputs,
}

impl Parts<'_> {
    fn names(&self) -> &Names {
        &self.run.names
    }

    /// The API's id, or what stands for it.
    fn api_id(&self) -> String {
        let known = self.outputs.api.known();
        known.map_or_else(|| API_UNKNOWN.to_owned(), |api| api.0)
    }

    fn function_role(&self) -> Role {
        let names = self.names();
        Role {
            id: ids::FUNCTION_ROLE,
            name: names.role(),
            trust: trust("lambda.amazonaws.com"),
            attached: [].into(),
            inline: [(BASE_POLICY.into(), function_base(names))].into(),
            tags: self.run.tags(ids::FUNCTION_ROLE),
            role_id: self.outputs.role_id.clone(),
        }
    }

    fn function_group(&self) -> LogGroup {
        self.group(ids::FUNCTION_GROUP, self.names().function_group())
    }

    fn access_group(&self) -> LogGroup {
        self.group(ids::ACCESS_GROUP, self.names().access_group())
    }

    fn execution_group(&self) -> LogGroup {
        let name = self.names().execution_group(&self.api_id());
        LogGroup {
            api: Some(self.outputs.api.clone()),
            ..self.group(ids::EXECUTION_GROUP, name)
        }
    }

    fn group(&self, id: &'static str, name: String) -> LogGroup {
        LogGroup {
            retention: i32::try_from(self.settings.retention_days).ok(),
            tags: self.run.tags(id),
            id: Id::new(id),
            bytes: None,
            api: None,
            name,
        }
    }

    fn table(&self) -> Table {
        Table {
            name: self.names().table.clone(),
            keys: TABLE_KEYS.into(),
            billing: "PAY_PER_REQUEST".into(),
            ttl: Some(TTL_ATTRIBUTE.into()),
            status: "ACTIVE".into(),
            tags: self.run.tags(ids::TABLE),
            items: None,
        }
    }

    fn function(&self, digest: Option<&SourceDigest>) -> Function {
        let (names, settings) = (self.names(), self.settings);
        Function {
            name: names.function.clone(),
            code: digest.map(ToString::to_string).unwrap_or_default(),
            configuration: Configuration {
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
            },
            state: "Active".into(),
            tags: self.run.tags(ids::FUNCTION),
            granted_role: Some(GrantedRole::wanted(&self.outputs.role_id)),
            reserved_concurrency: None,
            role_id: self.outputs.role_id.clone(),
            artifact: self.outputs.code.clone(),
        }
    }

    fn api(&self) -> Api {
        Api {
            id: Id::new(ids::API),
            api_id: self.outputs.api.clone(),
            name: self.names().api.clone(),
            protocol: "WEBSOCKET".into(),
            selection: ROUTE_SELECTION.into(),
            tags: self.run.tags(ids::API),
        }
    }

    fn grant(&self) -> Grant {
        Grant {
            role: self.names().role(),
            document: function_grant(self.names(), &self.api_id()),
            api: self.outputs.api.clone(),
        }
    }

    fn stage(&self, digest: String) -> Stage {
        let (names, gateway) = (self.names(), &self.settings.gateway);
        Stage {
            name: names.stage.clone(),
            deployment: digest,
            auto_deploy: false,
            variables: BTreeMap::new(),
            logging: match gateway.log_level {
                LogLevel::Off => "OFF".into(),
                LogLevel::Error => "ERROR".into(),
                LogLevel::Info => "INFO".into(),
            },
            data_trace: gateway.data_trace,
            rate: gateway.throttle_rate,
            burst: i32::try_from(gateway.throttle_burst).unwrap_or(i32::MAX),
            access_group: Some(names.group_arn(&names.access_group())),
            access_format: Some(access_log_format()),
            overrides: BTreeMap::new(),
            tags: self.run.tags(ids::STAGE),
            api: self.outputs.api.clone(),
            deployment_id: self.outputs.deployment.clone(),
        }
    }
}

/// The user's variables, with ours over them. An endpoint that is not AWS also has to be told to
/// the function; the local cloud does that itself.
fn environment(settings: &Settings, names: &Names) -> BTreeMap<String, String> {
    let function = &settings.function;
    let mut all = function.environment.clone();
    let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
    set("CHAT_TABLE", names.table.clone());
    set("CHAT_LOG_LEVEL", function.log_level.clone());
    if !function.allowed_origins.is_empty() {
        set("CHAT_ALLOWED_ORIGINS", function.allowed_origins.join(","));
    }
    if let Some(suffix) = names.place().unusual_dns_suffix() {
        set("CHAT_DNS_SUFFIX", suffix.to_owned());
    }
    if let Some(template) = names.connections_template() {
        set("CHAT_CONNECTIONS_URL", template);
    }
    if let Target::Endpoint(url) = &settings.target {
        set("AWS_ENDPOINT_URL", url.clone());
    }
    all
}

/// A live role is used as it is. A missing one, or one that is gone, is set to ours, and what was
/// there is recorded on ours.
fn account_logging(with_role: bool, observed: &Observed) -> Vec<Kind> {
    let (names, now) = (&observed.run.names, &observed.account_role);
    let ours = names.role_arn(&names.logging_role());
    let used = now.arn.clone().filter(|_| now.live && !now.ours);
    let mut all = Vec::new();
    if used.is_none() || with_role {
        let mut tags = Tags::shared(&Id::new(ids::LOGGING_ROLE));
        if !now.ours {
            tags = tags.with(FORMER, role_tag(now.arn.as_deref().unwrap_or(NONE)));
        }
        all.push(Kind::from(Role {
            id: ids::LOGGING_ROLE,
            name: names.logging_role(),
            trust: trust("apigateway.amazonaws.com"),
            attached: [names.managed_policy_arn(PUSH_TO_LOGS)].into(),
            inline: BTreeMap::new(),
            role_id: Output::new(ids::LOGGING_ROLE, None),
            tags,
        }));
    }
    all.push(Kind::from(AccountLogging {
        role: used.unwrap_or(ours),
        live: true,
    }));
    all
}

/// API Gateway wants it in one line.
fn access_log_format() -> String {
    let lines = ACCESS_LOG_FORMAT.lines().map(str::trim);
    lines.collect::<Vec<_>>().join(" ")
}

/// The digest of the routes and the integration as they are wanted: the live deployment carries it
/// when it has them all.
pub fn routes_digest(names: &Names) -> String {
    let outputs = Outputs::unknown();
    let integration = Integration::new(names.integration_uri(), &outputs);
    digest_of(&integration, routes(&outputs))
}

fn digest_of(integration: &Integration, routes: impl Iterator<Item = Route>) -> String {
    let mut hash = Sha256::new();
    let mut add = |fields: Fields| {
        for field in fields.iter() {
            hash.update(format!("{}={}\n", field.path, field.value));
        }
    };
    add(integration.fields());
    for route in routes {
        add(route.fields().with("routeKey", route.key.as_str()));
    }
    hash.update(ROUTE_SELECTION);
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
    fn another_route_setting_is_another_digest() {
        let outputs = Outputs::unknown();
        let integration = Integration::new("arn:x".into(), &outputs);
        let mut route = Route::new("$connect", &outputs);
        let before = digest_of(&integration, [route.clone()].into_iter());
        route.needs_key = true;
        assert_ne!(before, digest_of(&integration, [route].into_iter()));
    }
}
