//! `chatctl.toml`: its shape, and where in it a problem sits.

use super::environments;
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

/// The key that a line sets. Its value may be a secret and is never shown.
fn key_of(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"');
    // The line may also be one of a text of several lines, and end like Base64.
    let is_key = !key.is_empty() && key.chars().all(plain);
    (is_key && !value.is_empty() && !value.starts_with('=')).then_some(key)
}

/// "invalid type: string "…", expected …" without what stands between the quotes.
fn without_value(message: &str) -> String {
    let about_value = message.starts_with("invalid type") || message.starts_with("invalid value");
    match message.split_once(", expected ") {
        Some((found, expected)) if about_value => {
            let kind = found
                .split(['"', '`'])
                .next()
                .unwrap_or_default()
                .trim_end();
            format!("{kind}, expected {expected}")
        }
        _ => message.to_owned(),
    }
}

fn malformed(text: &str, path: &Path, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start);
    let line = line_of(text, start);
    let message = without_value(&error.message().replace('\n', ", "));
    let error = Error::usage(format!("{}:{line}: {message}", path.display())).at(path, line);
    match key_of(text.lines().nth(line - 1).unwrap_or_default()) {
        Some(key) => error.because_of(format!("it is the line of `{key}`")),
        None => error,
    }
    .hint("`chatctl init` writes a file with every key explained")
}

fn line_of(text: &str, offset: usize) -> usize {
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
