//! The upgrade from HTTP to WebSocket: the headers of the request and of the answer.

use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::wire::Response;

use super::reply::Reply;

/// Whether a request is a WebSocket handshake.
pub(crate) fn is_upgrade(method: &Method, headers: &HeaderMap) -> bool {
    let has = |name: HeaderName, wanted: &str| {
        headers.get_all(name).iter().any(|value| {
            let value = value.to_str().unwrap_or_default();
            value
                .split(',')
                .any(|part| part.trim().eq_ignore_ascii_case(wanted))
        })
    };
    method == Method::GET && has(UPGRADE, "websocket") && has(CONNECTION, "upgrade")
}

/// The key of a handshake, or the refusal of one that breaks the protocol.
pub(super) fn socket_key(headers: &HeaderMap) -> Result<HeaderValue, Box<Response>> {
    let bad = |status, words| Response::rest_error(status, "BadRequestException", words);
    if headers
        .get("sec-websocket-version")
        .is_none_or(|version| version != "13")
    {
        let refused = bad(StatusCode::UPGRADE_REQUIRED, "Upgrade Required");
        return Err(Box::new(refused.with("sec-websocket-version", "13")));
    }
    let key = headers.get("sec-websocket-key").cloned();
    key.ok_or_else(|| Box::new(bad(StatusCode::BAD_REQUEST, "Bad Request")))
}

/// The answer that opens the connection.
pub(super) fn accept(key: &HeaderValue, reply: &Reply) -> Response {
    let mut response = Response::empty(StatusCode::SWITCHING_PROTOCOLS)
        .with("connection", "upgrade")
        .with("upgrade", "websocket")
        .with("sec-websocket-accept", &derive_accept_key(key.as_bytes()));
    let protocol = |name: &str| name.eq_ignore_ascii_case("sec-websocket-protocol");
    if let Some((_, chosen)) = reply.headers.iter().find(|(name, _)| protocol(name)) {
        response = response.with("sec-websocket-protocol", chosen);
    }
    response
}
