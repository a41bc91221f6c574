//! Where a chat is: what was typed with `--url`, or what is deployed.

use super::Context;
use crate::aws::{self, Clients, explain, is_missing};
use crate::chat_api;
use crate::cli::Wanted;
use crate::config::{ChatFlags, Settings, Target};
use crate::error::{Error, Result};
use crate::naming::Names;
use crate::prove::Client;

/// A chat to talk to.
#[derive(Debug, Clone)]
pub(super) struct ChatUrl {
    /// `wss://…` or `ws://…`
    pub(super) url: String,
    /// The pages it admits, as far as the configuration says; empty: any.
    pub(super) allowed_origins: Vec<String>,
    /// How it wants its clients to come in.
    pub(super) client: Client,
    /// The flags that lead another command to it.
    pub(super) flags: ChatFlags,
}

/// The chat at `url`, or the deployed one that the global flags mean.
///
/// # Errors
/// `url` is no WebSocket URL, or nothing is deployed.
pub(super) async fn find(context: &Context, url: Option<String>) -> Result<ChatUrl> {
    match url {
        Some(url) => {
            let input = context.global.input(&Wanted::default());
            aws::trust_bundle_of_profile(input.profile.as_deref()).await?;
            typed(url, input.chat_flags())
        }
        None => deployed(&context.settings(&Wanted::default())?).await,
    }
}

fn typed(url: String, flags: ChatFlags) -> Result<ChatUrl> {
    if url.starts_with("ws://") || url.starts_with("wss://") {
        return Ok(ChatUrl {
            url,
            allowed_origins: Vec::new(),
            client: Client::default(),
            flags,
        });
    }
    Err(
        Error::usage(format!("--url: {url:?} is not the URL of a WebSocket")).hint(format!(
            "it begins with wss:// (or ws:// on this machine); `{}` shows it",
            flags.command("status")
        )),
    )
}

async fn deployed(settings: &Settings) -> Result<ChatUrl> {
    let clients = Clients::connect(settings).await?;
    let names = Names::new(settings, &clients.place);
    let Some(api) = chat_api::id(&clients.apigatewayv2, &names).await? else {
        return Err(nothing_there(settings, &names));
    };
    if !has_stage(&clients, &api, &names.stage).await? {
        return Err(nothing_there(settings, &names));
    }
    Ok(ChatUrl {
        url: names.socket_url(&api),
        allowed_origins: settings.function.allowed_origins.clone(),
        client: Client::of(settings, &clients),
        flags: settings.chat_flags(),
    })
}

async fn has_stage(clients: &Clients, api: &str, stage: &str) -> Result<bool> {
    let read = clients.apigatewayv2.get_stage();
    match read.api_id(api).stage_name(stage).send().await {
        Ok(_) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(explain(&format!("read the stage {stage}"), error)),
    }
}

fn nothing_there(settings: &Settings, names: &Names) -> Error {
    let (name, stage) = (&settings.name, &settings.stage);
    let place = match &settings.target {
        Target::Aws => names.place().region.clone(),
        Target::Local(port) => format!("the local cloud on port {port}"),
        Target::Endpoint(url) => url.clone(),
    };
    Error::failed(format!("{name}/{stage} is not deployed in {place}")).hint(format!(
        "`{}` deploys it; --name, --stage and --region say which chat is meant, --url any other \
         WebSocket",
        settings.command("deploy")
    ))
}
