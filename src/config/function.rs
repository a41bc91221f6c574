//! What the settings say of the Lambda function.

use super::file::Loaded;
use super::input::Input;
use super::settings::Arch;
use super::tables::{AllowTable, FunctionTable};
use super::template::Template;
use crate::error::{Error, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The runtime that runs a static binary called `bootstrap`.
pub const PROVIDED: &str = "provided.al2023";

const BUILD_WITHOUT_SOURCE: &str = "it needs `source`, the folder that it runs in, and whose files say whether it has to run again";
const BUILD_OF_RUST: &str = "chatctl builds a Rust package with Cargo itself: leave it out, or name with `zip` what it makes";
const ZIP_AND_SOURCE: &str = "there is also a `source`: keep one of the two, or say with `build` how the zip is made from it";

/// The Lambda function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FunctionSettings {
    /// Name, if not the usual one.
    pub name: Option<String>,
    /// Where its code comes from.
    #[serde(skip)]
    pub code: FunctionCode,
    /// What runs it: `provided.al2023`, `nodejs22.x`, …
    pub runtime: String,
    /// Where the runtime finds the handler.
    pub handler: String,
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
    #[serde(skip)]
    pub environment: BTreeMap<String, Template>,
    /// More that its role allows.
    pub allow: Vec<Statement>,
}

/// Where the function's code comes from. Every path is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionCode {
    /// The chat function that chatctl carries.
    Bundled,
    /// A folder with a Rust package, which Cargo builds.
    Cargo(PathBuf),
    /// A folder that is zipped as it is.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is run in it before.
        build: Option<String>,
    },
    /// A zip that something else makes.
    Zip {
        /// The zip.
        file: PathBuf,
        /// The folder with its source, and what is run in there to make it.
        built: Option<(PathBuf, String)>,
    },
}

impl FunctionCode {
    /// The folder in which a change may change the code.
    pub fn watched(&self) -> Option<&Path> {
        match self {
            Self::Bundled => None,
            Self::Cargo(folder) | Self::Folder { folder, .. } => Some(folder),
            Self::Zip {
                built: Some((folder, _)),
                ..
            } => Some(folder),
            Self::Zip { file, built: None } => file.parent(),
        }
    }

    /// It is the chat that chatctl carries.
    pub fn is_bundled(&self) -> bool {
        *self == Self::Bundled
    }

    /// It speaks the chat's protocol as far as anybody knows: Rust source usually began as the bundled
    /// one.
    pub fn is_chat(&self) -> bool {
        matches!(self, Self::Bundled | Self::Cargo(_))
    }
}

/// One statement of an IAM policy that allows something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// Such as `s3:GetObject`.
    pub actions: Vec<String>,
    /// ARNs.
    pub resources: Vec<String>,
    /// Operator, key and value, as IAM takes them.
    pub conditions: serde_json::Value,
}

impl From<AllowTable> for Statement {
    fn from(table: AllowTable) -> Self {
        Self {
            actions: table.actions,
            resources: table.resources,
            conditions: serde_json::json!(table.conditions),
        }
    }
}

impl FunctionSettings {
    pub(super) fn of(input: &Input, file: FunctionTable, loaded: &Loaded) -> Result<Self> {
        let code = code(input, &file, loaded)?;
        let runtime = runtime(&code, file.runtime, loaded)?;
        Ok(Self {
            name: file.name,
            handler: file.handler.unwrap_or_else(|| usual_handler(&runtime)),
            arch: input.arch.or(file.architecture),
            memory: input.memory.or(file.memory).unwrap_or(256),
            timeout: input.timeout.or(file.timeout).unwrap_or(15),
            log_level: file.log_level.unwrap_or_else(|| "info".into()),
            allowed_origins: pick(&input.allowed_origins, file.allowed_origins),
            keep_versions: file.keep_versions.unwrap_or(5),
            environment: environment(file.environment, loaded)?,
            allow: file.allow.into_iter().map(Statement::from).collect(),
            code,
            runtime,
        })
    }
}

fn environment(
    file: BTreeMap<String, String>,
    loaded: &Loaded,
) -> Result<BTreeMap<String, Template>> {
    let parse = |(key, text): (String, String)| match Template::parse(&text) {
        Ok(template) => Ok((key, template)),
        Err(why) => Err(loaded.error_at(&["function", "environment", &key], &why)),
    };
    file.into_iter().map(parse).collect()
}

/// A relative path in the file starts at the file's directory, one on the command line at the current
/// directory.
fn code(input: &Input, file: &FunctionTable, loaded: &Loaded) -> Result<FunctionCode> {
    let in_file = |path: &Option<PathBuf>| path.as_ref().map(|path| loaded.folder.join(path));
    let refuse = |key: &str, why: &str| Err(loaded.error_at(&["function", key], why));
    let source = input.lambda.clone().or_else(|| in_file(&file.source));
    let source = source.map(|folder| existing_folder(&folder)).transpose()?;
    let build = file.build.clone();
    if let Some(zip) = in_file(&file.zip).filter(|_| input.lambda.is_none()) {
        let file = std::path::absolute(zip)?;
        return match (source, build) {
            (Some(_), None) => refuse("zip", ZIP_AND_SOURCE),
            (None, Some(_)) => refuse("build", BUILD_WITHOUT_SOURCE),
            (source, build) => Ok(FunctionCode::Zip {
                built: source.zip(build),
                file,
            }),
        };
    }
    let is_program = file.runtime.as_deref().is_none_or(|name| name == PROVIDED);
    match (source, build) {
        (None, None) => Ok(FunctionCode::Bundled),
        (None, Some(_)) => refuse("build", BUILD_WITHOUT_SOURCE),
        (Some(folder), build) if is_program && folder.join("Cargo.toml").is_file() => match build {
            Some(_) => refuse("build", BUILD_OF_RUST),
            None => Ok(FunctionCode::Cargo(folder)),
        },
        (Some(folder), build) => Ok(FunctionCode::Folder { folder, build }),
    }
}

fn existing_folder(folder: &Path) -> Result<PathBuf> {
    let found = fs_err::canonicalize(folder);
    match found {
        Ok(path) if path.is_dir() => Ok(path),
        Ok(_) => Err(Error::usage(format!(
            "the function's source {} is no folder",
            folder.display()
        ))),
        Err(_) => Err(Error::usage(format!(
            "there is no folder {} with the function's source",
            folder.display()
        ))),
    }
}

/// Rust source and the bundled chat run as they are; anything else has to say what runs it.
fn runtime(code: &FunctionCode, said: Option<String>, loaded: &Loaded) -> Result<String> {
    match (code, said) {
        (FunctionCode::Bundled, Some(runtime)) if runtime != PROVIDED => Err(loaded.error_at(
            &["function", "runtime"],
            "the bundled chat is a Rust program; name the folder of a function of your own with `source`",
        )),
        (_, Some(runtime)) => Ok(runtime),
        (FunctionCode::Bundled | FunctionCode::Cargo(_), None) => Ok(PROVIDED.to_owned()),
        (FunctionCode::Folder { folder, .. }, None) => Err(no_runtime(&format!(
            "{} has no Cargo.toml, so it is no Rust package",
            folder.display()
        ))),
        (FunctionCode::Zip { .. }, None) => Err(no_runtime("a zip does not say what runs it")),
    }
}

fn no_runtime(why: &str) -> Error {
    Error::usage("function.runtime is not set")
        .because_of(why)
        .hint("such as runtime = \"nodejs22.x\" or \"python3.13\" under [function]; `bootstrap` files run with \"provided.al2023\"")
        .hint("`chatctl init --lambda` writes the bundled source to ./lambda")
}

/// What the Lambda console proposes for the runtime.
fn usual_handler(runtime: &str) -> String {
    let handler = match runtime {
        runtime if runtime.starts_with("nodejs") => "index.handler",
        runtime if runtime.starts_with("python") => "lambda_function.lambda_handler",
        // Ignored, and Lambda requires one.
        _ => "bootstrap",
    };
    handler.to_owned()
}

fn pick(flags: &[String], file: Option<Vec<String>>) -> Vec<String> {
    if flags.is_empty() {
        file.unwrap_or_default()
    } else {
        flags.to_vec()
    }
}
