//! Each resource of a stack, from the settings.

use crate::config::{
    Arch, Authorization, Key, LogLevel, Settings, StackValue, TableSettings, Target, Template,
};
use crate::engine::{Id, Output};
use crate::naming::chat::ROUTE_SELECTION;
use crate::naming::names::API_UNKNOWN;
use crate::naming::policy::{
    BASE_POLICY, OWN_POLICY, PUSH_TO_LOGS, TableUse, function_base, function_grant, function_own,
    trust,
};
use crate::naming::tags::{FORMER, Tags, role_tag};
use crate::naming::{Names, ids};
use crate::package::SourceDigest;
use crate::resources::account_logging::{AccountLogging, NONE};
use crate::resources::api::Api;
use crate::resources::authorizer::Authorizer;
use crate::resources::function::{Configuration, Function, GrantedRole};
use crate::resources::grant::Grant;
use crate::resources::log_group::LogGroup;
use crate::resources::permission::Permission;
use crate::resources::role::Role;
use crate::resources::stage::Stage;
use crate::resources::table::{Table, TableKey};
use crate::resources::{ApiId, Kind, Observed, Outputs, RunContext};
use serde_json::Value;
use std::collections::BTreeMap;

const ACCESS_LOG_FORMAT: &str = include_str!("../../templates/access-log.json");

/// What the resources of one stack are made from.
pub(super) struct Parts<'a> {
    pub(super) settings: &'a Settings,
    pub(super) run: &'a RunContext,
    pub(super) outputs: &'a Outputs,
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

    pub(super) fn function_role(&self) -> Role {
        let names = self.names();
        Role {
            id: ids::FUNCTION_ROLE,
            name: names.role(),
            trust: trust("lambda.amazonaws.com"),
            attached: [].into(),
            inline: self.function_policies(),
            tags: self.run.tags(ids::FUNCTION_ROLE),
            role_id: self.outputs.role_id.clone(),
        }
    }

    pub(super) fn function_group(&self) -> LogGroup {
        self.group(ids::FUNCTION_GROUP, self.names().function_group())
    }

    pub(super) fn access_group(&self) -> LogGroup {
        self.group(ids::ACCESS_GROUP, self.names().access_group())
    }

    pub(super) fn execution_group(&self) -> LogGroup {
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

    /// What the function may do, beside what needs the API's id.
    fn function_policies(&self) -> BTreeMap<String, Value> {
        let function = &self.settings.function;
        let table = self
            .settings
            .table
            .as_ref()
            .map(|_| match function.code.is_chat() {
                true => TableUse::OfTheChat,
                false => TableUse::Any,
            });
        let mut all =
            BTreeMap::from([(BASE_POLICY.to_owned(), function_base(self.names(), table))]);
        if !function.allow.is_empty() {
            let statements = function.allow.iter();
            let statements =
                statements.map(|one| (&*one.actions, &*one.resources, &one.conditions));
            all.insert(OWN_POLICY.to_owned(), function_own(statements));
        }
        all
    }

    pub(super) fn table(&self) -> Option<Table> {
        Some(self.table_as(self.settings.table.as_ref()?))
    }

    /// The table that there would be if the function used one, where it uses none.
    pub(super) fn unwanted_table(&self) -> Option<Table> {
        match self.settings.table {
            Some(_) => None,
            None => Some(self.table_as(&TableSettings::of_the_chat())),
        }
    }

    fn table_as(&self, settings: &TableSettings) -> Table {
        let key = |key: &Key, role: &str| TableKey {
            name: key.name.clone(),
            role: role.into(),
            kind: format!("{:?}", key.kind),
        };
        let partition = key(&settings.partition_key, "HASH");
        let sort = settings.sort_key.as_ref().map(|sort| key(sort, "RANGE"));
        Table {
            name: self.names().table.clone(),
            keys: std::iter::once(partition).chain(sort).collect(),
            billing: "PAY_PER_REQUEST".into(),
            ttl: settings.ttl.clone(),
            status: "ACTIVE".into(),
            tags: self.run.tags(ids::TABLE),
            items: None,
        }
    }

    pub(super) fn function(&self, digest: Option<&SourceDigest>) -> Function {
        let (names, settings) = (self.names(), self.settings);
        Function {
            name: names.function.clone(),
            code: digest.map(ToString::to_string).unwrap_or_default(),
            configuration: Configuration {
                role: names.role_arn(&names.role()),
                runtime: settings.function.runtime.clone(),
                handler: settings.function.handler.clone(),
                architecture: match settings.arch() {
                    Arch::Arm64 => "arm64".into(),
                    Arch::X86_64 => "x86_64".into(),
                },
                memory: i32::try_from(settings.function.memory).unwrap_or(i32::MAX),
                timeout: i32::try_from(settings.function.timeout).unwrap_or(i32::MAX),
                environment: self.environment(),
            },
            state: "Active".into(),
            tags: self.run.tags(ids::FUNCTION),
            granted_role: Some(GrantedRole::wanted(&self.outputs.role_id)),
            reserved_concurrency: None,
            role_id: self.outputs.role_id.clone(),
            artifact: self.outputs.code.clone(),
            api: self.api_in_environment(),
        }
    }

    /// The API, if the environment names it.
    fn api_in_environment(&self) -> Option<Output<ApiId>> {
        let mut variables = self.settings.function.environment.values();
        let names_it = variables.any(Template::uses_api);
        names_it.then(|| self.outputs.api.clone())
    }

    /// The user's variables, with ours over them. An endpoint that is not AWS also has to be told to
    /// the function; the local cloud does that itself.
    fn environment(&self) -> BTreeMap<String, String> {
        let (settings, names) = (self.settings, self.names());
        let function = &settings.function;
        let value_of = |value| match value {
            StackValue::Table => names.table.clone(),
            StackValue::Url => names.socket_url(&self.api_id()),
            StackValue::Connections => names.connections_url(&self.api_id()),
        };
        let users = function.environment.iter();
        let users = users.map(|(key, template)| (key.clone(), template.filled(value_of)));
        let mut all: BTreeMap<_, _> = users.collect();
        let mut set = |key: &str, value: String| all.insert(key.to_owned(), value);
        if settings.table.is_some() {
            set("CHAT_TABLE", names.table.clone());
        }
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

    pub(super) fn api(&self) -> Api {
        Api {
            id: Id::new(ids::API),
            api_id: self.outputs.api.clone(),
            name: self.names().api.clone(),
            protocol: "WEBSOCKET".into(),
            selection: ROUTE_SELECTION.into(),
            tags: self.run.tags(ids::API),
        }
    }

    pub(super) fn permission(&self) -> Permission {
        let asks = self.settings.connect.authorization == Authorization::Function;
        Permission::new(self.names(), &self.outputs.api, asks)
    }

    pub(super) fn authorizer(&self) -> Option<Authorizer> {
        authorizer(self.settings, self.names(), self.outputs)
    }

    pub(super) fn grant(&self) -> Grant {
        Grant {
            role: self.names().role(),
            document: function_grant(self.names(), &self.api_id()),
            api: self.outputs.api.clone(),
        }
    }

    pub(super) fn stage(&self, digest: String) -> Stage {
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

/// The authorizer, if the API is to ask the function who may connect.
pub(super) fn authorizer(
    settings: &Settings,
    names: &Names,
    outputs: &Outputs,
) -> Option<Authorizer> {
    let connect = &settings.connect;
    let asks = connect.authorization == Authorization::Function;
    asks.then(|| Authorizer::new(names.integration_uri(), connect.identity.clone(), outputs))
}

/// A live role is used as it is. A missing one, or one that is gone, is set to ours, and what was
/// there is recorded on ours.
pub(super) fn account_logging(with_role: bool, observed: &Observed) -> Vec<Kind> {
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
}
