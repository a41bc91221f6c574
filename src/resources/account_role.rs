//! The account's CloudWatch Logs role, looked at with care: one setting for all APIs of a region,
//! shared with everybody and not ours.

use super::gateway::all_stages;
use crate::aws::{Clients, explain, is_denied, is_missing};
use crate::chat_api;
use crate::error::Result;
use crate::naming::Names;
use aws_sdk_apigateway::types::Stage as RestStage;
use aws_sdk_apigatewayv2::types::{LoggingLevel, ProtocolType, RouteSettings, Stage};

/// What the account says, and what that is worth.
#[derive(Debug, Clone, Default)]
pub struct AccountRole {
    /// The ARN that the account has.
    pub arn: Option<String>,
    /// IAM has that role.
    pub live: bool,
    /// It is the one that chatctl makes.
    pub ours: bool,
    /// Who else logs through it; read before a teardown only.
    others: Vec<String>,
}

impl AccountRole {
    /// Reads the account's setting, and the role that it points at.
    ///
    /// # Errors
    /// A reading that fails.
    pub async fn read(clients: &Clients, names: &Names) -> Result<Self> {
        let account = clients.apigateway.get_account().send().await;
        let account = account.map_err(|e| explain("read API Gateway's account settings", e))?;
        let arn = account.cloudwatch_role_arn.filter(|arn| !arn.is_empty());
        let Some(arn) = arn else {
            return Ok(Self::default());
        };
        let name = arn.rsplit('/').next().unwrap_or_default();
        Ok(Self {
            live: is_live(clients, name).await?,
            ours: arn == names.role_arn(&names.logging_role()),
            arn: Some(arn),
            others: Vec::new(),
        })
    }

    /// Reads which stages log through the role, other than those of the APIs `going`.
    ///
    /// # Errors
    /// A read that fails.
    pub(super) async fn read_other_users(
        &mut self,
        clients: &Clients,
        going: &[String],
    ) -> Result<()> {
        if self.ours {
            let (rest, socket) =
                tokio::try_join!(rest_users(clients), socket_users(clients, going))?;
            self.others = [rest, socket].concat();
        }
        Ok(())
    }

    /// Why a teardown leaves the account's setting as it is.
    pub(super) fn stays(&self) -> Option<String> {
        if !self.ours {
            return Some("it was set by somebody else".into());
        }
        self.used_by_others()
    }

    /// Why a teardown leaves our role in place.
    pub(super) fn keeps_role(&self) -> Option<String> {
        if self.ours {
            self.used_by_others()
        } else {
            None
        }
    }

    fn used_by_others(&self) -> Option<String> {
        match self.others.as_slice() {
            [] => None,
            [one] => Some(format!("{one} logs through it")),
            [one, more @ ..] => Some(format!("{one} and {} more log through it", more.len())),
        }
    }
}

/// Whether IAM has the role. Whoever may not look at somebody else's role must not replace it.
async fn is_live(clients: &Clients, name: &str) -> Result<bool> {
    match clients.iam.get_role().role_name(name).send().await {
        Ok(_) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) if is_denied(&error) => Ok(true),
        Err(error) => Err(explain(&format!("read the role {name}"), error)),
    }
}

async fn rest_users(clients: &Clients) -> Result<Vec<String>> {
    let client = &clients.apigateway;
    let pages = client.get_rest_apis().limit(500).into_paginator();
    let apis = pages.items().send().collect::<Result<Vec<_>, _>>().await;
    let mut users = Vec::new();
    for api in apis.map_err(|e| explain("list the REST APIs", e))? {
        let id = api.id().unwrap_or_default();
        let stages = match client.get_stages().rest_api_id(id).send().await {
            Ok(stages) => stages.item.unwrap_or_default(),
            Err(error) if is_missing(&error) => Vec::new(),
            Err(error) => return Err(explain("list the stages of a REST API", error)),
        };
        let name = api.name().unwrap_or(id);
        let logging = stages.iter().filter(|stage| rest_logs(stage));
        users.extend(logging.map(|stage| {
            let stage = stage.stage_name().unwrap_or_default();
            format!("the REST API {name}, stage {stage}")
        }));
    }
    Ok(users)
}

fn rest_logs(stage: &RestStage) -> bool {
    let methods = stage
        .method_settings()
        .into_iter()
        .flat_map(|all| all.values());
    let level = |level: Option<&str>| level.is_some_and(|level| level != "OFF");
    stage
        .access_log_settings()
        .is_some_and(|a| a.destination_arn().is_some())
        || methods
            .into_iter()
            .any(|method| level(method.logging_level()))
}

/// HTTP APIs write their access logs without the role.
async fn socket_users(clients: &Clients, going: &[String]) -> Result<Vec<String>> {
    let client = &clients.apigatewayv2;
    let mut users = Vec::new();
    for api in chat_api::all(client).await? {
        let id = api.api_id().unwrap_or_default();
        let socket = api.protocol_type() == Some(&ProtocolType::Websocket);
        if !socket || going.iter().any(|going| going == id) {
            continue;
        }
        let name = api.name().unwrap_or(id);
        let logging = all_stages(client, id).await?;
        let logging = logging.iter().filter(|stage| socket_logs(stage));
        users.extend(logging.map(|stage| {
            format!(
                "the WebSocket API {name}, stage {}",
                stage.stage_name().unwrap_or_default()
            )
        }));
    }
    Ok(users)
}

fn socket_logs(stage: &Stage) -> bool {
    let on = |settings: &RouteSettings| {
        settings
            .logging_level()
            .is_some_and(|level| *level != LoggingLevel::Off)
    };
    let routes = stage
        .route_settings()
        .into_iter()
        .flat_map(|all| all.values());
    stage
        .access_log_settings()
        .is_some_and(|a| a.destination_arn().is_some())
        || stage
            .default_route_settings()
            .into_iter()
            .chain(routes)
            .any(on)
}
