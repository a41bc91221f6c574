//! Which API is meant, and which there are.

use super::Api;
use crate::aws::Clients;
use crate::chat_api;
use crate::error::{Error, Result};
use crate::naming::tags::{STACK, STAGE};
use aws_sdk_apigatewayv2::types::{Api as Found, ProtocolType};

/// So many APIs are named in a sentence.
const NAMED: usize = 8;

/// The WebSocket API with this id.
///
/// # Errors
/// There is none in the region, or it is an API of another kind; AWS does not answer.
pub async fn find(clients: &Clients, id: &str) -> Result<Api> {
    let all = chat_api::all(&clients.apigatewayv2).await?;
    choose(all, id, &clients.place.region)
}

fn choose(all: Vec<Found>, id: &str, region: &str) -> Result<Api> {
    if let Some(found) = all.iter().find(|api| api.api_id() == Some(id)) {
        if is_socket(found) {
            return Ok(api(found));
        }
        let kind = found.protocol_type().map_or("other", ProtocolType::as_str);
        let name = found.name().unwrap_or_default();
        return Err(
            Error::failed(format!("the API {id} ({name}) is an {kind} API"))
                .because_of("--api reads WebSocket APIs")
                .hint(there_are(&sockets(&all), region)),
        );
    }
    Err(
        Error::failed(format!("there is no WebSocket API {id} in {region}"))
            .hint(there_are(&sockets(&all), region))
            .hint("--region and --profile say where to look"),
    )
}

/// The WebSocket APIs of the region that chatctl did not make.
///
/// # Errors
/// AWS does not answer, or does not let us look.
pub async fn others(clients: &Clients) -> Result<Vec<Api>> {
    let mut all = sockets(&chat_api::all(&clients.apigatewayv2).await?);
    all.retain(|api| api.chat.is_none());
    Ok(all)
}

fn sockets(all: &[Found]) -> Vec<Api> {
    all.iter()
        .filter(|found| is_socket(found))
        .map(api)
        .collect()
}

fn is_socket(api: &Found) -> bool {
    api.protocol_type() == Some(&ProtocolType::Websocket)
}

fn api(found: &Found) -> Api {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tag = |key: &str| found.tags()?.get(key).cloned();
    Api {
        id: text(found.api_id()),
        name: text(found.name()),
        selection: text(found.route_selection_expression()),
        url_is_off: found.disable_execute_api_endpoint().unwrap_or_default(),
        chat: tag(STACK).zip(tag(STAGE)),
    }
}

fn there_are(apis: &[Api], region: &str) -> String {
    match apis {
        [] => format!("there is no WebSocket API in {region}"),
        apis => format!("the WebSocket APIs of {region}: {}", listed(apis)),
    }
}

/// `a1b2c3 (chat), d4e5f6 (game)`.
pub fn listed(apis: &[Api]) -> String {
    let named = apis.iter().take(NAMED);
    let mut all: Vec<_> = named
        .map(|api| format!("{} ({})", api.id, api.name))
        .collect();
    if apis.len() > NAMED {
        all.push(format!("{} more", apis.len() - NAMED));
    }
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(id: &str, kind: ProtocolType) -> Found {
        let api = Found::builder().api_id(id).name(format!("the-{id}"));
        api.protocol_type(kind).build()
    }

    fn region() -> Vec<Found> {
        vec![
            found("web", ProtocolType::Http),
            found("game", ProtocolType::Websocket),
        ]
    }

    #[test]
    fn an_http_api_is_named_as_one() {
        let error = choose(region(), "web", "eu-west-1").unwrap_err();
        assert_eq!(error.message(), "the API web (the-web) is an HTTP API");
        assert_eq!(
            error.hints(),
            ["the WebSocket APIs of eu-west-1: game (the-game)"]
        );
    }

    #[test]
    fn an_id_that_is_not_there_brings_the_ones_that_are() {
        let error = choose(region(), "nope", "eu-west-1").unwrap_err();
        assert!(error.hints()[0].contains("game (the-game)"), "{error:?}");
        let error = choose(Vec::new(), "nope", "eu-west-1").unwrap_err();
        assert_eq!(error.hints()[0], "there is no WebSocket API in eu-west-1");
        assert_eq!(
            choose(region(), "game", "eu-west-1").unwrap().name,
            "the-game"
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let apis = vec![Api::default(); 11];
        assert!(listed(&apis).ends_with(", 3 more"));
    }
}
