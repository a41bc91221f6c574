//! What a shell completes beside commands and flags: the names that `chatctl.toml` here has, and those of
//! the chats and the APIs on the local cloud that runs.
//!
//! The script of a shell asks the program itself (`COMPLETE=SHELL chatctl -- WORDS`) at every tab, so
//! nothing here may take long or write anything: what cannot be found out completes nothing.

use crate::aws::Clients;
use crate::chat_api;
use crate::config::{self, Input, LOCAL_PORT, Settings, Target};
use crate::naming::tags::{STACK, STAGE};
use aws_sdk_apigatewayv2::types::Api;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use std::collections::BTreeSet;
use std::time::Duration;

/// Longer than this nobody waits for a tab.
const SOON: Duration = Duration::from_millis(500);

/// Names of chats.
pub(super) fn names() -> ArgValueCandidates {
    candidates(|| {
        let here = config::names_here().name;
        here.into_iter().chain(local_tags(STACK)).collect()
    })
}

/// Names of stages.
pub(super) fn stages() -> ArgValueCandidates {
    candidates(|| {
        let here = config::names_here().stage;
        here.into_iter().chain(local_tags(STAGE)).collect()
    })
}

/// Names of the file's environments.
pub(super) fn environments() -> ArgValueCandidates {
    candidates(|| config::names_here().environments.into_iter().collect())
}

/// Ids of the WebSocket APIs on the local cloud, each with its name.
pub(super) fn apis() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let named = |api: &Api| {
            let candidate = CompletionCandidate::new(api.api_id()?);
            Some(candidate.help(api.name().map(|name| name.to_owned().into())))
        };
        local_apis().iter().filter_map(named).collect::<Vec<_>>()
    })
}

fn candidates(find: fn() -> BTreeSet<String>) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        find()
            .into_iter()
            .map(CompletionCandidate::new)
            .collect::<Vec<_>>()
    })
}

/// The values of this tag on the APIs of the local cloud that runs on the usual port.
fn local_tags(key: &str) -> Vec<String> {
    let tag = |api: &Api| api.tags()?.get(key).cloned();
    local_apis().iter().filter_map(tag).collect()
}

/// The APIs of the local cloud that runs on the usual port.
fn local_apis() -> Vec<Api> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let Ok(runtime) = { runtime }.enable_all().build() else {
        return Vec::new();
    };
    let found = runtime.block_on(async { tokio::time::timeout(SOON, ask()).await });
    found.ok().flatten().unwrap_or_default()
}

async fn ask() -> Option<Vec<Api>> {
    let port = config::local_port().unwrap_or(LOCAL_PORT);
    let input = Input {
        target: Some(Target::Local(port)),
        ..Input::default()
    };
    let settings = Settings::load(&input).ok()?;
    let clients = Clients::connect(&settings).await.ok()?;
    chat_api::all(&clients.apigatewayv2).await.ok()
}
