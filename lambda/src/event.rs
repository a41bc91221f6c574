//! The event API Gateway sends, read down to the few fields the chat needs.
//!
//! What surprises: a message event has no headers and no query string, only `$connect` has them, in
//! the client's own letter case; `$connect` has no body; connection ids are opaque (their length has
//! changed over the years). The text comes from strangers: nothing here may panic, whatever the bytes.

use serde_json::Value;

/// The six routes of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A client wants in; the answer decides the handshake.
    Connect,
    /// A client has gone. Best effort: it may come late or never.
    Disconnect,
    /// `{"action":"setName","name":…}`
    SetName,
    /// `{"action":"sendPublic","message":…}`
    SendPublic,
    /// `{"action":"sendPrivate","to":…,"message":…}`
    SendPrivate,
    /// Anything else, including routes somebody added to the API without telling the function.
    Default,
}

impl Route {
    fn of(key: &str) -> Self {
        match key {
            "$connect" => Self::Connect,
            "$disconnect" => Self::Disconnect,
            "setName" => Self::SetName,
            "sendPublic" => Self::SendPublic,
            "sendPrivate" => Self::SendPrivate,
            _ => Self::Default,
        }
    }

    /// The route key, as it stands in logs.
    pub fn key(self) -> &'static str {
        match self {
            Self::Connect => "$connect",
            Self::Disconnect => "$disconnect",
            Self::SetName => "setName",
            Self::SendPublic => "sendPublic",
            Self::SendPrivate => "sendPrivate",
            Self::Default => "$default",
        }
    }
}

/// Where the API lives: what is needed to post back to its connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The API's id.
    pub api_id: String,
    /// The stage's name.
    pub stage: String,
    /// The host the client connected to; a custom domain if it came through one.
    pub domain: String,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which of the six.
    pub route: Route,
    /// Whose connection.
    pub connection_id: String,
    /// API Gateway's id of this request.
    pub request_id: String,
    /// API Gateway's id of the message, if it is one.
    pub message_id: Option<String>,
    /// When the connection was made, in milliseconds; 0 if the event does not say.
    pub connected_at: u64,
    /// Where to answer.
    pub place: Place,
    /// The client's message. `None` also when it came as base64, which is how binary frames arrive.
    pub body: Option<String>,
    /// `Origin` of the handshake: which page opened the socket. Browsers always send it.
    pub origin: Option<String>,
    /// The sub-protocols the client offers in the handshake.
    pub protocols: Vec<String>,
}

/// Reads an event. The error is for the operator's log and holds nothing of the client's text.
pub fn parse(bytes: &[u8]) -> Result<Event, &'static str> {
    let event: Value = serde_json::from_slice(bytes).map_err(|_| "the event is not JSON")?;
    let context = &event["requestContext"];
    if !context.is_object() {
        return Err("no requestContext: this function answers WebSocket APIs of API Gateway only");
    }
    let connection_id = text(context, "connectionId").ok_or("no requestContext.connectionId")?;
    if connection_id.is_empty() || connection_id.len() > 128 {
        return Err("requestContext.connectionId is empty or longer than 128 bytes");
    }
    let route = Route::of(&text(context, "routeKey").ok_or("no requestContext.routeKey")?);
    let plain = event["isBase64Encoded"] != Value::Bool(true);
    Ok(Event {
        route,
        connection_id,
        request_id: text(context, "requestId").unwrap_or_default(),
        message_id: text(context, "messageId"),
        connected_at: context["connectedAt"].as_u64().unwrap_or_default(),
        place: Place {
            api_id: text(context, "apiId").unwrap_or_default(),
            stage: text(context, "stage").unwrap_or_default(),
            domain: text(context, "domainName").unwrap_or_default(),
        },
        body: text(&event, "body").filter(|_| plain),
        origin: header(&event, "origin"),
        protocols: header(&event, "sec-websocket-protocol")
            .map(list)
            .unwrap_or_default(),
    })
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

/// A header in whatever letter case the client wrote it.
fn header(event: &Value, lower: &str) -> Option<String> {
    let headers = event["headers"].as_object()?;
    let (_, value) = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(lower))?;
    value.as_str().map(str::to_owned)
}

fn list(value: String) -> Vec<String> {
    value
        .split(',')
        .map(|item| item.trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECT: &str = r#"{"headers":{"Host":"h","oRiGin":"https://a.example",
        "Sec-WebSocket-Protocol":"other, chatctl.v1"},"multiValueHeaders":{},
        "requestContext":{"routeKey":"$connect","eventType":"CONNECT","stage":"production",
        "connectedAt":1708326702000,"requestId":"EOn8HGNeoAMEPSQ=","apiId":"abcdefghij",
        "domainName":"abcdefghij.execute-api.eu-west-1.amazonaws.com",
        "connectionId":"gbgBH8-ydQAYKEjZQA=="},"isBase64Encoded":false}"#;

    #[test]
    fn a_connect_event_is_read_whatever_the_case_of_its_headers() {
        let event = parse(CONNECT.as_bytes()).unwrap();
        assert_eq!(event.route, Route::Connect);
        assert_eq!(event.origin.as_deref(), Some("https://a.example"));
        assert_eq!(event.protocols, ["other", "chatctl.v1"]);
        assert_eq!(event.place.stage, "production");
        assert_eq!(event.connected_at, 1_708_326_702_000);
        assert_eq!(event.body, None);
    }

    #[test]
    fn a_message_event_has_a_body_and_no_headers() {
        let event = parse(
            br#"{"requestContext":{"routeKey":"setName","messageId":"m","connectionId":"c="},
                "body":"{}","isBase64Encoded":false}"#,
        )
        .unwrap();
        assert_eq!(
            (event.route, event.body.as_deref()),
            (Route::SetName, Some("{}"))
        );
        assert_eq!(event.message_id.as_deref(), Some("m"));
    }

    #[test]
    fn a_binary_frame_is_not_taken_for_text() {
        let event = parse(
            br#"{"requestContext":{"routeKey":"$default","connectionId":"c"},"body":"e30=",
                "isBase64Encoded":true}"#,
        )
        .unwrap();
        assert_eq!(event.body, None);
    }

    #[test]
    fn a_route_that_was_added_later_is_the_default_one() {
        let bytes = br#"{"requestContext":{"routeKey":"dance","connectionId":"c"}}"#;
        assert_eq!(parse(bytes).unwrap().route, Route::Default);
    }

    #[test]
    fn what_is_no_websocket_event_says_so() {
        for bytes in [
            &b""[..],
            b"{",
            b"[]",
            b"7",
            b"{}",
            br#"{"requestContext":{}}"#,
            b"\xff\xfe",
            br#"{"requestContext":{"connectionId":"","routeKey":"x"}}"#,
            br#"{"requestContext":{"connectionId":7,"routeKey":"x"}}"#,
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
