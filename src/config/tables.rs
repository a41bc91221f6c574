//! The tables of `chatctl.toml` as they are written.

use super::settings::{Arch, Authorization, KeyType, LogLevel};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// `[function]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FunctionTable {
    /// Name, if not the usual one.
    pub name: Option<String>,
    /// `nodejs22.x` and the like.
    pub runtime: Option<String>,
    /// Where the runtime finds the handler.
    pub handler: Option<String>,
    /// Folder with the source, relative to the file.
    pub source: Option<PathBuf>,
    /// What is run in the source folder before it is zipped.
    pub build: Option<String>,
    /// A zip that something else makes, relative to the file.
    pub zip: Option<PathBuf>,
    /// `arm64` or `x86_64`.
    pub architecture: Option<Arch>,
    /// MB.
    pub memory: Option<u32>,
    /// Seconds.
    pub timeout: Option<u32>,
    /// Level of the function's own log.
    pub log_level: Option<String>,
    /// Page origins that may connect.
    pub allowed_origins: Option<Vec<String>>,
    /// How many published versions stay.
    pub keep_versions: Option<usize>,
    /// More environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// `[[function.allow]]`
    #[serde(default)]
    pub allow: Vec<AllowTable>,
}

/// `[[function.allow]]`: one statement of an IAM policy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AllowTable {
    /// Such as `s3:GetObject`.
    pub actions: Vec<String>,
    /// ARNs.
    pub resources: Vec<String>,
    /// Operator, key and value, as IAM takes them.
    #[serde(default)]
    pub conditions: BTreeMap<String, BTreeMap<String, toml::Value>>,
}

/// `[gateway]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GatewayTable {
    /// `off`, `error` or `info`.
    pub log_level: Option<LogLevel>,
    /// Whole payloads in the execution log.
    pub data_trace: Option<bool>,
    /// Requests a second.
    pub throttle_rate: Option<f64>,
    /// Requests at once.
    pub throttle_burst: Option<u32>,
}

/// `[logs]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LogsTable {
    /// Days.
    pub retention_days: Option<u32>,
}

/// `[table]`, or `table = false`.
#[derive(Debug, Clone)]
pub enum TableSetting {
    /// There is a table.
    Used(TableTable),
    /// There is none.
    Unused,
}

impl Default for TableSetting {
    fn default() -> Self {
        Self::Used(TableTable::default())
    }
}

impl<'de> Deserialize<'de> for TableSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TableVisitor)
    }
}

/// By hand: an untagged enum would not say which key of the table is wrong.
struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = TableSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table, or false")
    }

    fn visit_bool<E>(self, used: bool) -> Result<TableSetting, E> {
        Ok(match used {
            true => TableSetting::default(),
            false => TableSetting::Unused,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TableSetting, A::Error> {
        TableTable::deserialize(MapAccessDeserializer::new(map)).map(TableSetting::Used)
    }
}

/// `[table]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableTable {
    /// Name, if not the usual one.
    pub name: Option<String>,
    /// Name of the partition key.
    pub partition_key: Option<String>,
    /// `S`, `N` or `B`.
    pub partition_key_type: Option<KeyType>,
    /// Name of the sort key.
    pub sort_key: Option<String>,
    /// `S`, `N` or `B`.
    pub sort_key_type: Option<KeyType>,
    /// The attribute that ends an item's life.
    pub ttl: Option<String>,
}

/// A table of `[routes]`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RouteTable {
    /// What the function returns goes back to the client.
    #[serde(default)]
    pub response: bool,
}

/// `[connect]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectTable {
    /// `none`, `iam` or `function`.
    pub authorization: Option<Authorization>,
    /// What a client has to send, before the function is asked.
    pub identity: Option<Vec<String>>,
}

/// `[prove]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProveTable {
    /// A message.
    pub send: Option<String>,
    /// What has to stand in a message that comes back.
    pub expect: Option<String>,
    /// What stands behind the `?` of the URL.
    pub query: Option<String>,
}
