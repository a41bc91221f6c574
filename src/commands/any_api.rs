//! `--api ID`: the API that is read in place of the chat's.

use super::Context;
use crate::any_api::find::{find, listed, others};
use crate::any_api::{ApiFacts, AwsCli, Which, look};
use crate::aws::Clients;
use crate::cli;
use crate::config::Settings;
use crate::doctor::Finding;
use crate::error::Result;
use crate::report::Reporter;
use crate::resources::RunContext;

/// The API that was named, and how to read it.
#[derive(Debug, Clone)]
pub(super) struct AnyApi {
    id: String,
    stage: Option<String>,
    settings: Settings,
    clients: Clients,
}

impl AnyApi {
    /// The API with this id.
    pub(super) fn new(context: &Context, settings: &Settings, clients: &Clients, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            // The file's stage is that of its chat.
            stage: context.global.stage.clone(),
            settings: settings.clone(),
            clients: clients.clone(),
        }
    }

    /// Reads it, with the stage that was named or all of them.
    ///
    /// # Errors
    /// There is no such API, or no such stage.
    pub(super) async fn read(&self) -> Result<ApiFacts> {
        self.read_stages(Which::All).await
    }

    /// Reads it, with the stage that was named or its only one.
    ///
    /// # Errors
    /// There is no such API, or no such stage, or several and none was named.
    pub(super) async fn read_one_stage(&self) -> Result<ApiFacts> {
        self.read_stages(Which::Only).await
    }

    async fn read_stages(&self, unless_named: Which<'_>) -> Result<ApiFacts> {
        let which = self.stage.as_deref().map_or(unless_named, Which::Named);
        let api = find(&self.clients, &self.id).await?;
        look(&self.clients, &self.settings, api, which).await
    }
}

impl cli::AnyApi {
    /// The API that was named, if one was.
    pub(super) fn named(
        &self,
        context: &Context,
        settings: &Settings,
        clients: &Clients,
    ) -> Option<AnyApi> {
        let id = self.api.as_deref()?;
        Some(AnyApi::new(context, settings, clients, id))
    }
}

/// Where no chat is deployed: which APIs of the region could be read instead. An API that cannot be looked for is not
/// worth a word here.
pub(super) async fn instead(clients: &Clients, settings: &Settings, verb: &str) -> Option<Finding> {
    let others = others(clients).await.unwrap_or_default();
    let first = others.first()?;
    let region = &clients.place.region;
    Some(Finding::warning(
        "other-apis",
        format!(
            "{region} has WebSocket APIs that chatctl did not make: {}",
            listed(&others)
        ),
        "--api ID reads one of them, and changes nothing",
        settings.command(&format!("{verb} --api {}", first.id)),
    ))
}

/// An API is adopted by its name. Where none has it, which there are and how one gets it.
pub(super) async fn name_to_adopt(reporter: &Reporter, run: &RunContext, settings: &Settings) {
    let others = others(&run.clients).await.unwrap_or_default();
    let Some(first) = others.first() else {
        return;
    };
    let (name, region) = (&run.names.api, &run.clients.place.region);
    let rename = format!(
        "apigatewayv2 update-api --api-id {} --name {name}",
        first.id
    );
    let rename = AwsCli::new(settings, region).command(&rename);
    reporter.hint(&format!(
        "an API is taken over by its name, {name}, and {region} has {}: `{rename}` gives it that name",
        listed(&others)
    ));
}
