//! [`Settings`]: the one meaning of flags, environment and file together.

use super::chat_flags::ChatFlags;
use super::file::{self, Loaded};
use super::function::FunctionSettings;
use super::input::Input;
use super::parts::{ConnectSettings, ProveSettings, RouteSettings, TableSettings};
use super::tables::{GatewayTable, ProveTable};
use super::template::Template;
use super::{check, environment};
use crate::error::{Error, Result};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// The DynamoDB table; nothing if the function uses none.
    pub table: Option<TableSettings>,
    /// Every route, those that each WebSocket API has first.
    pub routes: Vec<RouteSettings>,
    /// Who may connect.
    pub connect: ConnectSettings,
    /// How a deploy sees that it works.
    pub prove: ProveSettings,
    /// The user's own tags, for every taggable resource.
    pub tags: BTreeMap<String, String>,
    /// The flags by which the user chose this chat, but for those of the target.
    given: ChatFlags,
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

/// Who may connect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Authorization {
    /// Everybody.
    #[default]
    None,
    /// Who signs the handshake and has the right `execute-api:Invoke`.
    Iam,
    /// Who the function lets in when API Gateway asks it as the API's authorizer.
    Function,
}

/// Type of a key of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum KeyType {
    /// Text.
    #[default]
    S,
    /// A number.
    N,
    /// Bytes.
    B,
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
        let function = FunctionSettings::of(input, file.function, &loaded)?;
        let settings = Self {
            name: either(&input.name, file.name, "chat"),
            stage: either(&input.stage, file.stage, "production"),
            target: target(input)?,
            region: region.or(file.region),
            profile: profile.or(file.profile),
            account: file.account,
            protect: file.protect.unwrap_or(false),
            gateway: the_gateway(input, &file.gateway),
            retention_days: input.retention.or(file.logs.retention_days).unwrap_or(14),
            table: TableSettings::of(file.table),
            routes: RouteSettings::all(file.routes),
            connect: ConnectSettings::of(file.connect),
            prove: ProveSettings::of(prove_table(file.prove, &loaded)?, &function),
            function,
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

/// A query may hold a secret, so it may come from the environment.
fn prove_table(table: ProveTable, loaded: &Loaded) -> Result<ProveTable> {
    let query = table.query.map(|text| match Template::parse(&text) {
        Ok(query) => Ok(query.to_string()),
        Err(why) => Err(loaded.error_at(&["prove", "query"], &why)),
    });
    Ok(ProveTable {
        query: query.transpose()?,
        ..table
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
