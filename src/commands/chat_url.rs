//! Where a chat is: what was typed with `--url`, or what is deployed.

use super::Context;
use crate::cli::Wanted;
use crate::config::Settings;
use crate::error::{Error, Result};

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

async fn deployed(_settings: &Settings) -> Result<ChatUrl> {
    Err(Error::usage("say which chat with --url"))
}
