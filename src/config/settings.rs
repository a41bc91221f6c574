//! [`Settings`]: the one meaning of flags, environment and file together.

use super::chat_flags::ChatFlags;
use super::file::{self, FunctionTable, GatewayTable, Loaded};
use super::input::Input;
use super::{check, environment};
use crate::error::{Error, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which cloud is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// AWS itself, with the usual credential chain.
    Aws,
    /// The local cloud on this loopback port; never sees real credentials.
    Local(u16),
    /// Another implementation of the AWS APIs, such as an emulator: `http://host:port`, no slash
    /// at the end.
    Endpoint(String),
}

impl Target {
    /// The URL that replaces every AWS endpoint, if this is not AWS.
    pub fn endpoint_url(&self) -> Option<String> {
        match self {
            Self::Aws => None,
            Self::Local(port) => Some(format!("http://127.0.0.1:{port}")),
            Self::Endpoint(url) => Some(url.clone()),
        }
    }
}

/// Everything that a command needs to know about what the user wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Name of the chat, `[a-z][a-z0-9-]*`, at most 32 characters.
    pub name: String,
    /// Name of the stage, `[A-Za-z0-9_-]+`, at most 32 characters.
    pub stage: String,
    /// Which cloud.
    pub target: Target,
    /// Region if it was given by flag, environment or file; otherwise the SDK's own chain decides.
    pub region: Option<String>,
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The only account that this chat may be in.
    pub account: Option<String>,
    /// Neither a teardown nor a replacement may lose its data, unless it is forced by name.
    pub protect: bool,
    /// The function.
    pub function: FunctionSettings,
    /// The API and its stage.
    pub gateway: GatewaySettings,
    /// Days that log groups keep events; one of CloudWatch's steps.
    pub retention_days: u32,
    /// Name of the DynamoDB table, if not the usual one.
    pub table_name: Option<String>,
    /// The user's own tags, for every taggable resource.
    pub tags: BTreeMap<String, String>,
    /// The flags by which the user chose this chat, but for those of the target.
    given: ChatFlags,
}

/// The Lambda function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FunctionSettings {
    /// Name, if not the usual one.
    pub name: Option<String>,
    /// Folder with the source, absolute; the bundled source without one.
    #[serde(skip)]
    pub source: Option<PathBuf>,
    /// Processor; without it arm64 on AWS and this machine's own on any other target.
    #[serde(skip)]
    pub arch: Option<Arch>,
    /// MB, 128 to 10240.
    pub memory: u32,
    /// Seconds, 1 to 29 (API Gateway waits no longer).
    pub timeout: u32,
    /// `CHAT_LOG_LEVEL` of the function: trace, debug, info, warn, error.
    pub log_level: String,
    /// Page origins that may connect; empty: any.
    pub allowed_origins: Vec<String>,
    /// So many published versions are kept, the live one among them; at least 2.
    pub keep_versions: usize,
    /// More environment variables; ours win.
    pub environment: BTreeMap<String, String>,
}

/// The WebSocket API and its stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GatewaySettings {
    /// Execution logging.
    pub log_level: LogLevel,
    /// Whole payloads in the execution log.
    pub data_trace: bool,
    /// Requests a second.
    pub throttle_rate: f64,
    /// Requests at once.
    pub throttle_burst: u32,
}

/// Processor architecture of the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
pub enum Arch {
    /// AWS Graviton, cheaper.
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel and AMD.
    #[value(name = "x86_64")]
    #[serde(rename = "x86_64")]
    X86_64,
}

/// Execution logging of the API's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// No execution log.
    Off,
    /// Errors only.
    Error,
    /// Every request.
    Info,
}

impl Settings {
    /// Reads the file (if any), lays the flags over it and checks every value.
    ///
    /// # Errors
    /// A usage error that names the flag, or the file, line and key.
    pub fn load(input: &Input) -> Result<Self> {
        let loaded = file::load(input.config.as_deref(), input.env.as_deref())?;
        Self::merge(input, loaded)
    }

    /// The settings of the common part and of every environment of the file.
    ///
    /// # Errors
    /// A usage error of any of them.
    pub fn load_all(input: &Input) -> Result<Vec<Self>> {
        let file = file::load(input.config.as_deref(), None)?;
        let names = file.environments.iter().map(|name| Some(name.clone()));
        let each = std::iter::once(None).chain(names);
        each.map(|env| {
            Self::load(&Input {
                env,
                ..input.clone()
            })
        })
        .collect()
    }

    fn merge(input: &Input, loaded: Loaded) -> Result<Self> {
        let file = loaded.config.clone();
        let either = |flag: &Option<String>, file: Option<String>, default: &str| {
            let given = flag.clone().or(file);
            given.unwrap_or_else(|| default.to_owned())
        };
        let region = input.region.clone().or_else(environment::region);
        let profile = input.profile.clone().or_else(environment::profile);
        let settings = Self {
            name: either(&input.name, file.name, "chat"),
            stage: either(&input.stage, file.stage, "production"),
            target: target(input)?,
            region: region.or(file.region),
            profile: profile.or(file.profile),
            account: file.account,
            protect: file.protect.unwrap_or(false),
            function: the_function(input, file.function, &loaded.folder)?,
            gateway: the_gateway(input, &file.gateway),
            retention_days: input.retention.or(file.logs.retention_days).unwrap_or(14),
            table_name: file.table.name,
            tags: merge_tags(file.tags, &input.tags)?,
            given: input.chosen(),
        };
        check::settings(&settings).map_err(|problem| problem.located(&loaded))?;
        Ok(settings)
    }

    /// The same chat on another cloud.
    #[must_use]
    pub fn with_target(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// The command that does `verb` to this chat, with the flags that the user chose it by:
    /// `chatctl deploy --name x --local --port 4600`. Every command in a hint comes from here.
    pub fn command(&self, verb: &str) -> String {
        self.chat_flags().command(verb)
    }

    /// The flags that lead another command to this chat, for what has no settings at hand.
    pub fn chat_flags(&self) -> ChatFlags {
        self.given.clone().at(&self.target)
    }

    /// The processor to build for: the one that was given, or the target's default.
    pub fn arch(&self) -> Arch {
        self.function.arch.unwrap_or(match self.target {
            Target::Aws => Arch::Arm64,
            Target::Local(_) | Target::Endpoint(_) => host_arch(),
        })
    }
}

fn the_function(input: &Input, file: FunctionTable, folder: &Path) -> Result<FunctionSettings> {
    Ok(FunctionSettings {
        name: file.name,
        source: source(input, file.source, folder)?,
        arch: input.arch.or(file.architecture),
        memory: input.memory.or(file.memory).unwrap_or(256),
        timeout: input.timeout.or(file.timeout).unwrap_or(15),
        log_level: file.log_level.unwrap_or_else(|| "info".into()),
        allowed_origins: pick(&input.allowed_origins, file.allowed_origins),
        keep_versions: file.keep_versions.unwrap_or(5),
        environment: file.environment,
    })
}

fn the_gateway(input: &Input, file: &GatewayTable) -> GatewaySettings {
    let log_level = input.log_level.or(file.log_level);
    let rate = input.throttle_rate.or(file.throttle_rate);
    let burst = input.throttle_burst.or(file.throttle_burst);
    GatewaySettings {
        log_level: log_level.unwrap_or(LogLevel::Info),
        data_trace: input.data_trace || file.data_trace.unwrap_or(false),
        throttle_rate: rate.unwrap_or(500.0),
        throttle_burst: burst.unwrap_or(1000),
    }
}

/// This machine's processor, as Lambda names it.
pub(crate) fn host_arch() -> Arch {
    if cfg!(target_arch = "aarch64") {
        Arch::Arm64
    } else {
        Arch::X86_64
    }
}

fn target(input: &Input) -> Result<Target> {
    let (origin, url) = match &input.target {
        Some(Target::Endpoint(url)) => ("--endpoint-url", url.clone()),
        Some(target) => return Ok(target.clone()),
        None => match environment::endpoint() {
            Some(found) => found,
            None => return Ok(Target::Aws),
        },
    };
    check::endpoint(origin, &url)?;
    Ok(Target::Endpoint(url.trim_end_matches('/').to_owned()))
}

/// A relative path in the file starts at the file's directory, one on the command line at the current
/// directory.
fn source(input: &Input, from_file: Option<PathBuf>, folder: &Path) -> Result<Option<PathBuf>> {
    let Some(path) = input
        .lambda
        .clone()
        .or_else(|| from_file.map(|path| folder.join(path)))
    else {
        return Ok(None);
    };
    if !path.join("Cargo.toml").is_file() {
        return Err(Error::usage(format!(
            "no Lambda source in {}: it has no Cargo.toml",
            path.display()
        ))
        .hint(format!(
            "`{}` writes the bundled source to ./lambda",
            input.chat_flags().command("init --lambda")
        )));
    }
    Ok(Some(fs_err::canonicalize(path)?))
}

fn pick(flags: &[String], file: Option<Vec<String>>) -> Vec<String> {
    if flags.is_empty() {
        file.unwrap_or_default()
    } else {
        flags.to_vec()
    }
}

fn merge_tags(
    mut tags: BTreeMap<String, String>,
    flags: &[String],
) -> Result<BTreeMap<String, String>> {
    for flag in flags {
        let Some((key, value)) = flag.split_once('=') else {
            return Err(Error::usage(format!("--tag {flag} is not KEY=VALUE")));
        };
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}
