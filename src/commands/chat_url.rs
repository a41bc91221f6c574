//! Where a chat is: what was typed with `--url`, or what is deployed.

use super::Context;
use crate::aws::Clients;
use crate::cli::Wanted;
use crate::config::{Settings, Target};
use crate::engine::Ownership;
use crate::error::{Error, Result};
use crate::naming::Names;
use crate::resources::Gateway;

/// A chat to talk to.
#[derive(Debug, Clone)]
pub(super) struct ChatUrl {
    /// `wss://…` or `ws://…`
    pub(super) url: String,
    /// The pages it admits, as far as the configuration says; empty: any.
    pub(super) allowed_origins: Vec<String>,
}

/// The chat at `url`, or the deployed one that the global flags mean.
///
/// # Errors
/// `url` is no WebSocket URL, or nothing is deployed.
pub(super) async fn find(context: &Context, url: Option<String>) -> Result<ChatUrl> {
    match url {
        Some(url) => typed(url),
        None => deployed(&Settings::load(&context.global, &Wanted::default())?).await,
    }
}

fn typed(url: String) -> Result<ChatUrl> {
    if url.starts_with("ws://") || url.starts_with("wss://") {
        return Ok(ChatUrl {
            url,
            allowed_origins: Vec::new(),
        });
    }
    Err(
        Error::usage(format!("--url: {url:?} is not the URL of a WebSocket"))
            .hint("it begins with wss:// (or ws:// on this machine); `chatctl status` shows it"),
    )
}

async fn deployed(settings: &Settings) -> Result<ChatUrl> {
    let clients = Clients::connect(settings).await?;
    let names = Names::new(settings, &clients.place);
    let gateway = Gateway::load(&clients, &names, false).await?;
    let ours = gateway.ownership(&names) == Ownership::Ours;
    let Some(api) = gateway.api_id().filter(|_| ours && gateway.stage.is_some()) else {
        return Err(nothing_there(settings, &names));
    };
    Ok(ChatUrl {
        url: names.socket_url(&api),
        allowed_origins: settings.function.allowed_origins.clone(),
    })
}

fn nothing_there(settings: &Settings, names: &Names) -> Error {
    let (name, stage) = (&settings.name, &settings.stage);
    let place = match &settings.target {
        Target::Aws => names.place().region.clone(),
        Target::Local(port) => format!("the local cloud on port {port}"),
        Target::Endpoint(url) => url.clone(),
    };
    Error::failed(format!("{name}/{stage} is not deployed in {place}")).hint(
        "`chatctl deploy` deploys it; --name, --stage and --region say which chat is meant, \
         --url any other WebSocket",
    )
}
