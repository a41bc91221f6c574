//! Every chat of chatctl in some regions, found by the tags of their APIs.

use super::status;
use crate::aws::Clients;
use crate::chat_api;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::naming::names::{LIVE, socket_url};
use crate::naming::tags::{STACK, STAGE};
use aws_sdk_apigatewayv2::types::Api;
use aws_smithy_types::date_time::Format;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

/// So many regions are asked at one time.
const SIDE_BY_SIDE: usize = 8;
/// So many chats of a region are read at one time. API Gateway answers few reads a second.
const CHATS_SIDE_BY_SIDE: usize = 4;

/// The chats of some regions.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The account.
    pub account: String,
    /// The chats, by region, name and stage.
    pub chats: Vec<Listed>,
    /// The regions that are not enabled in the account.
    pub not_enabled: Vec<String>,
    /// The regions that could not be read, and why.
    pub unread: Vec<Unread>,
}

/// One chat.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its stage.
    pub stage: String,
    /// Its region.
    pub region: String,
    /// Where clients connect.
    pub url: String,
    /// AWS's id of its API.
    pub api_id: String,
    /// The version of the function that is live, if it may be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When the API was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Seconds since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
    /// Whether it differs from its settings, if that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
}

/// Whether a chat differs from its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Drift {
    /// It is as the settings say.
    None,
    /// A deploy would change something.
    Differs,
    /// Its settings are not in the configuration file here.
    Unknown,
}

/// A region that could not be read.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unread {
    /// The region.
    pub region: String,
    /// Why.
    pub why: String,
}

/// The chats of these regions. With `known` settings, each chat is compared with its own, if they are
/// among them.
///
/// # Errors
/// No region could be read.
pub async fn list(
    clients: &Clients,
    regions: &[String],
    known: Option<&[Settings]>,
) -> Result<Listing> {
    let each = stream::iter(regions).map(|region| async move {
        let clients = clients.in_region(region);
        let chats = Box::pin(of_region(&clients, known)).await;
        (region, chats)
    });
    let answers: Vec<_> = each.buffered(SIDE_BY_SIDE).collect().await;
    let mut listing = Listing {
        account: clients.place.account_id.clone(),
        chats: Vec::new(),
        not_enabled: Vec::new(),
        unread: Vec::new(),
    };
    let mut first_error = None;
    for (region, chats) in answers {
        match chats {
            Ok(chats) => listing.chats.extend(chats),
            Err(error) if is_not_enabled(&error) && regions.len() > 1 => {
                listing.not_enabled.push(region.clone());
            }
            Err(error) => {
                let (region, why) = (region.clone(), error.to_string());
                listing.unread.push(Unread { region, why });
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if listing.unread.len() == regions.len() => Err(error),
        _ => Ok(listing),
    }
}

/// A region that the account has not enabled knows none of its keys.
fn is_not_enabled(error: &Error) -> bool {
    let codes = ["UnrecognizedClientException", "InvalidClientTokenId"];
    let mut causes = error.causes().iter();
    causes.any(|cause| codes.iter().any(|code| cause.starts_with(code)))
}

async fn of_region(clients: &Clients, known: Option<&[Settings]>) -> Result<Vec<Listed>> {
    let apis = chat_api::all(&clients.apigatewayv2).await?;
    let each = stream::iter(&apis).map(|api| listed(clients, api));
    let each = each.buffer_unordered(CHATS_SIDE_BY_SIDE);
    let mut all: Vec<_> = each.filter_map(std::future::ready).collect().await;
    all.sort_by(|a, b| (&a.name, &a.stage, &a.created).cmp(&(&b.name, &b.stage, &b.created)));
    // A second API of a chat is one too many: the oldest is the chat's.
    all.dedup_by(|b, a| (&a.name, &a.stage) == (&b.name, &b.stage));
    let Some(known) = known else {
        return Ok(all);
    };
    let each = stream::iter(all).map(|mut chat| async move {
        chat.drift = Some(Box::pin(drift(clients, &chat, known)).await?);
        Ok(chat)
    });
    each.buffered(CHATS_SIDE_BY_SIDE).try_collect().await
}

/// The chat of an API, if it has our tags.
async fn listed(clients: &Clients, api: &Api) -> Option<Listed> {
    let tag = |key: &str| api.tags()?.get(key).cloned();
    let (name, stage, id) = (tag(STACK)?, tag(STAGE)?, api.api_id()?);
    let created = api.created_date();
    Some(Listed {
        url: socket_url(&clients.place, id, &stage),
        version: live_version(clients, id).await,
        created: created.and_then(|date| date.fmt(Format::DateTime).ok()),
        age_seconds: created.map(|date| jiff::Timestamp::now().as_second() - date.secs()),
        region: clients.place.region.clone(),
        api_id: id.to_owned(),
        drift: None,
        name,
        stage,
    })
}

/// The live version of the function that the API calls; nothing if it may not be read.
async fn live_version(clients: &Clients, api: &str) -> Option<String> {
    let all = clients.apigatewayv2.get_integrations().api_id(api).send();
    let all = all.await.ok()?;
    let function = all
        .items()
        .iter()
        .find_map(|one| function_of(one.integration_uri()?))?;
    let alias = clients
        .lambda
        .get_alias()
        .function_name(function)
        .name(LIVE);
    alias.send().await.ok()?.function_version
}

/// The function's name in an integration's URI.
pub(super) fn function_of(uri: &str) -> Option<&str> {
    let (_, arn) = uri.split_once("/functions/")?;
    arn.trim_end_matches("/invocations").split(':').nth(6)
}

async fn drift(clients: &Clients, chat: &Listed, known: &[Settings]) -> Result<Drift> {
    let is_its = |settings: &&Settings| {
        let region = settings.region.as_ref();
        let account = settings.account.as_ref();
        (&settings.name, &settings.stage) == (&chat.name, &chat.stage)
            && region.is_none_or(|region| *region == chat.region)
            && account.is_none_or(|account| *account == clients.place.account_id)
    };
    let Some(settings) = known.iter().find(is_its) else {
        return Ok(Drift::Unknown);
    };
    let status = status(clients.clone(), settings).await?;
    Ok(match status.up_to_date {
        true => Drift::None,
        false => Drift::Differs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_is_not_enabled_is_told_from_one_that_fails() {
        let refused = |cause: &str| Error::failed("cannot list the APIs").because_of(cause);
        let unknown =
            "UnrecognizedClientException: The security token included in the request is invalid.";
        assert!(is_not_enabled(&refused(unknown)));
        assert!(!is_not_enabled(&refused("AccessDeniedException: no")));
    }

    #[test]
    fn the_function_is_named_in_the_integration() {
        let uri = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/\
                   arn:aws:lambda:eu-west-1:123456789012:function:mine:live/invocations";
        assert_eq!(function_of(uri), Some("mine"));
        assert_eq!(function_of("https://example.com"), None);
    }
}
