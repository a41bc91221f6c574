//! What the file says of the table, the routes, the connections and the proof.

use super::function::FunctionSettings;
use super::settings::{Authorization, KeyType};
use super::tables::{ConnectTable, ProveTable, RouteTable, TableSetting};
use serde::Serialize;
use std::collections::BTreeMap;

/// The routes that every WebSocket API has.
pub(super) const ALWAYS: [&str; 3] = ["$connect", "$disconnect", "$default"];
/// The routes of the chat beside them.
const OF_THE_CHAT: [&str; 3] = ["setName", "sendPublic", "sendPrivate"];

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableSettings {
    /// Name, if not the usual one.
    pub name: Option<String>,
    /// The key that says where an item lies.
    pub partition_key: Key,
    /// The key that orders the items of one partition.
    pub sort_key: Option<Key>,
    /// The attribute that ends an item's life, in seconds since 1970.
    pub ttl: Option<String>,
}

/// A key of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Name of the attribute.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: KeyType,
}

impl Key {
    fn new(name: String, kind: Option<KeyType>) -> Self {
        Self {
            name,
            kind: kind.unwrap_or_default(),
        }
    }
}

impl TableSettings {
    /// The table of the chat function that chatctl carries.
    pub fn of_the_chat() -> Self {
        let key = |name: &str| Key::new(name.into(), None);
        Self {
            name: None,
            partition_key: key("pk"),
            sort_key: Some(key("sk")),
            ttl: Some("expires".into()),
        }
    }

    /// Who names a partition key names all that the table has; without one it is the chat's.
    pub(super) fn of(setting: TableSetting) -> Option<Self> {
        let TableSetting::Used(table) = setting else {
            return None;
        };
        let Some(partition_key) = table.partition_key else {
            return Some(Self {
                name: table.name,
                ..Self::of_the_chat()
            });
        };
        let sort_key = table.sort_key;
        Some(Self {
            name: table.name,
            partition_key: Key::new(partition_key, table.partition_key_type),
            sort_key: sort_key.map(|name| Key::new(name, table.sort_key_type)),
            ttl: table.ttl,
        })
    }

    /// Its keys and its time to live are those of the chat.
    pub(super) fn is_of_the_chat(&self) -> bool {
        let named = Self {
            name: None,
            ..self.clone()
        };
        named == Self::of_the_chat()
    }
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteSettings {
    /// The route key.
    pub key: String,
    /// What the function returns goes back to the client.
    pub response: bool,
}

impl RouteSettings {
    /// The three that are always there, and those of the file, or else the chat's.
    pub(super) fn all(file: Option<BTreeMap<String, RouteTable>>) -> Vec<Self> {
        let plain = |key: &str| Self {
            key: key.to_owned(),
            response: false,
        };
        let mut all: Vec<Self> = ALWAYS.map(plain).into();
        let Some(file) = file else {
            all.extend(OF_THE_CHAT.map(plain));
            return all;
        };
        for (key, RouteTable { response }) in file {
            match all.iter_mut().find(|route| route.key == key) {
                Some(route) => route.response = response,
                None => all.push(Self { key, response }),
            }
        }
        all
    }
}

/// Who may connect.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectSettings {
    /// What decides.
    pub authorization: Authorization,
    /// What a client has to send, as API Gateway names it: `route.request.querystring.token`. Without
    /// one of them it is refused before the function is asked.
    pub identity: Vec<String>,
}

impl ConnectSettings {
    pub(super) fn of(table: ConnectTable) -> Self {
        Self {
            authorization: table.authorization.unwrap_or_default(),
            identity: table.identity.unwrap_or_default(),
        }
    }
}

/// How a deploy and the doctor see that what is there works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProveSettings {
    /// What a client says, and what it waits for.
    pub exchange: Exchange,
    /// The page that the client comes from, if only some may.
    pub origin: Option<String>,
    /// What stands behind the `?` of the URL. It may be a secret.
    pub query: Option<String>,
}

/// What a client says, and what it waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Exchange {
    /// The chat's heartbeat; any answer of the function's will do.
    #[default]
    Heartbeat,
    /// Nothing: that it is connected and stays so will do.
    Stays,
    /// A message, an answer, or both.
    Message {
        /// What is sent.
        send: Option<String>,
        /// What has to stand in a message that comes back.
        expect: Option<String>,
    },
}

impl ProveSettings {
    pub(super) fn of(table: ProveTable, function: &FunctionSettings) -> Self {
        let exchange = match (table.send, table.expect) {
            (None, None) if function.code.is_chat() => Exchange::Heartbeat,
            (None, None) => Exchange::Stays,
            (send, expect) => Exchange::Message { send, expect },
        };
        Self {
            exchange,
            origin: function.allowed_origins.first().cloned(),
            query: table.query,
        }
    }
}
