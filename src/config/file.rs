//! `chatctl.toml`: its shape, and where in it a problem sits.

use super::environments;
use super::malformed::malformed;
use super::tables::{
    ConnectTable, FunctionTable, GatewayTable, LogsTable, ProveTable, RouteTable, TableSetting,
};
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
    /// `[table]`, or `table = false`
    #[serde(default)]
    pub table: TableSetting,
    /// `[routes]`: those beside the three that every WebSocket API has.
    pub routes: Option<BTreeMap<String, RouteTable>>,
    /// `[connect]`
    #[serde(default)]
    pub connect: ConnectTable,
    /// `[prove]`
    #[serde(default)]
    pub prove: ProveTable,
    /// `[tags]`
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// `[env.NAME]`
    #[serde(default)]
    pub env: BTreeMap<String, FileConfig>,
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

impl Loaded {
    /// The error for the value of this key: where it stands, and what is wrong with it.
    pub(super) fn error_at(&self, key: &[&str], why: &str) -> Error {
        let key: Vec<_> = key.iter().map(|&part| part.to_owned()).collect();
        let shown = key.join(".");
        match self.line_of(&key) {
            Some(line) => Error::usage(format!("{}:{line}: {shown}: {why}", self.path.display()))
                .at(&self.path, line),
            None => Error::usage(format!("{shown}: {why}")),
        }
    }

    /// The line (from 1) that sets the key: that of the environment, or of the common part.
    pub(super) fn line_of(&self, key: &[String]) -> Option<usize> {
        let of_env = self.env.as_ref().and_then(|env| {
            let env = ["env".to_owned(), env.clone()];
            line_of_key(&self.text, &[&env[..], key].concat())
        });
        of_env.or_else(|| line_of_key(&self.text, key))
    }
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
