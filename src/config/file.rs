//! `chatctl.toml`: its shape, and where in it a problem sits.

use super::environments;
use super::malformed::malformed;
use super::settings::{Arch, LogLevel};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DEFAULT_FILE: &str = "chatctl.toml";

/// The file as written; every key is optional, unknown keys are refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileConfig {
    /// `name = "chat"`
    pub name: Option<String>,
    /// `stage = "production"`
    pub stage: Option<String>,
    /// `region = "eu-central-1"`
    pub region: Option<String>,
    /// `profile = "work"`
    pub profile: Option<String>,
    /// `account = "123456789012"`
    pub account: Option<String>,
    /// `protect = true`
    pub protect: Option<bool>,
    /// `[function]`
    #[serde(default)]
    pub function: FunctionTable,
    /// `[gateway]`
    #[serde(default)]
    pub gateway: GatewayTable,
    /// `[logs]`
    #[serde(default)]
    pub logs: LogsTable,
    /// `[table]`
    #[serde(default)]
    pub table: TableTable,
    /// `[tags]`
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// `[env.NAME]`
    #[serde(default)]
    pub env: BTreeMap<String, FileConfig>,
}

/// `[function]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FunctionTable {
    /// Name, if not the usual one.
    pub name: Option<String>,
    /// Folder with the source, relative to the file.
    pub source: Option<PathBuf>,
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

/// `[table]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TableTable {
    /// Name, if not the usual one.
    pub name: Option<String>,
}

/// The file with what is needed to point into it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Its values; all defaults when there is no file.
    pub config: FileConfig,
    /// Its text, to find the line of a key.
    pub text: String,
    /// Its path as the user knows it; empty when there is no file.
    pub path: PathBuf,
    /// The names of its environments.
    pub environments: Vec<String>,
    /// The environment that the values are of.
    pub env: Option<String>,
    /// The folder that relative paths in it start from.
    pub folder: PathBuf,
}

/// What the file in this folder calls things, for completion.
#[derive(Debug, Clone, Default)]
pub struct NamesHere {
    /// The chat's name.
    pub name: Option<String>,
    /// The stage's name.
    pub stage: Option<String>,
    /// The names of its environments.
    pub environments: Vec<String>,
}

/// Looks into the `chatctl.toml` of this folder; empty if there is none, or none that can be read.
pub fn names_here() -> NamesHere {
    let loaded = load(None, None).unwrap_or_default();
    NamesHere {
        name: loaded.config.name,
        stage: loaded.config.stage,
        environments: loaded.environments,
    }
}

/// Reads `path`, or `chatctl.toml` here if there is one.
pub(super) fn load(path: Option<&Path>, env: Option<&str>) -> Result<Loaded> {
    let (path, required) = path.map_or((Path::new(DEFAULT_FILE), false), |path| (path, true));
    if !required && !path.exists() {
        return parse("", Path::new(""), env);
    }
    let text = fs_err::read_to_string(path).map_err(|error| {
        Error::usage(format!("cannot read the configuration {}", path.display())).because(error)
    })?;
    parse(&text, path, env)
}

/// Parses the text of the file at `path`, as it is meant for the environment `env`.
pub(super) fn parse(text: &str, path: &Path, env: Option<&str>) -> Result<Loaded> {
    let config: FileConfig = toml::from_str(text).map_err(|error| malformed(text, path, &error))?;
    Ok(Loaded {
        environments: config.env.keys().cloned().collect(),
        config: environments::values(text, path, config, env)?,
        env: env.map(str::to_owned),
        text: text.to_owned(),
        path: path.to_owned(),
        folder: path.parent().map(Path::to_owned).unwrap_or_default(),
    })
}

/// The line (from 1) of a byte.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

/// The line (from 1) that sets the key at this path, if the file sets it.
pub(super) fn line_of_key(text: &str, key: &[String]) -> Option<usize> {
    let document = toml_edit::Document::parse(text).ok()?;
    let mut item = document.as_item();
    let mut span = None;
    for part in key {
        let table = item.as_table_like()?;
        let (found, next) = table.get_key_value(part)?;
        span = found.span().or(span);
        item = next;
    }
    span.map(|span| line_of(text, span.start))
}
