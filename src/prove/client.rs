//! A client of our own, as the API wants its clients.

use crate::aws::{Clients, HandshakeSigner};
use crate::config::{Authorization, Exchange, Settings};
use crate::websocket::{DialError, NoAnswer, WebSocket, dial, talk};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use std::time::Duration;

/// How our own clients come in, and what they say. The default is anybody, with a heartbeat.
#[derive(Debug, Clone, Default)]
pub struct Client {
    pub(super) exchange: Exchange,
    pub(super) origin: Option<String>,
    query: Option<String>,
    signer: Option<HandshakeSigner>,
}

impl Client {
    /// As these settings want it; signed with the credentials of `clients` if the API asks IAM.
    pub fn of(settings: &Settings, clients: &Clients) -> Self {
        let asks_iam = settings.connect.authorization == Authorization::Iam;
        let prove = &settings.prove;
        Self {
            exchange: prove.exchange.clone(),
            origin: prove.origin.clone(),
            query: prove.query.clone(),
            signer: asks_iam.then(|| HandshakeSigner::of(clients)),
        }
    }

    /// Connects to `url`.
    ///
    /// # Errors
    /// It is refused, there is no connection, or it takes longer than `limit`.
    pub async fn connect(&self, url: &str, limit: Duration) -> Result<WebSocket, DialError> {
        let url = match &self.query {
            Some(query) => format!("{url}?{query}"),
            None => url.to_owned(),
        };
        let mut headers = HeaderMap::new();
        if let Some(signer) = &self.signer {
            let signed = signer.headers(&url).await;
            headers = signed.map_err(DialError::Unreachable)?;
        }
        let origin = self.origin.as_deref();
        if let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(origin).ok()) {
            headers.insert("origin", origin);
        }
        dial(&url, headers, limit).await
    }

    /// Says what there is to say, and waits for the answer.
    ///
    /// # Errors
    /// It does not come within `limit`.
    pub async fn talk(&self, socket: &mut WebSocket, limit: Duration) -> Result<Value, NoAnswer> {
        talk(socket, &self.exchange, limit).await
    }
}
