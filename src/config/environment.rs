//! The environment variables that chatctl itself reads; everything else is the AWS SDK's own chain.

use crate::error::{Error, Result};
use etcetera::BaseStrategy;
use std::path::PathBuf;

/// `AWS_ENDPOINT_URL` is what every other AWS tool honours; for us it also says where the data
/// plane is, so it becomes the target rather than a hidden override.
pub(super) fn endpoint() -> Option<(&'static str, String)> {
    let ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if ignored.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    variable("AWS_ENDPOINT_URL").map(|url| ("AWS_ENDPOINT_URL", url))
}

/// The port of the local cloud, if `CHATCTL_PORT` names one; clap reads it for everything but completion.
pub(crate) fn local_port() -> Option<u16> {
    variable("CHATCTL_PORT")?.parse().ok()
}

pub(super) fn region() -> Option<String> {
    variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"))
}

pub(super) fn profile() -> Option<String> {
    variable("AWS_PROFILE")
}

/// The terminal can only write lines: `TERM=dumb`.
pub(crate) fn is_dumb_terminal() -> bool {
    variable("TERM").as_deref() == Some("dumb")
}

/// Keys were put into the environment on purpose.
pub fn has_keys_in_environment() -> bool {
    variable("AWS_ACCESS_KEY_ID").is_some()
}

/// The file with the certificates to trust in place of the system's: `AWS_CA_BUNDLE`, as the AWS CLI
/// takes it.
pub(crate) fn ca_bundle() -> Option<PathBuf> {
    variable("AWS_CA_BUNDLE").map(PathBuf::from)
}

/// Where built functions are kept between runs: `CHATCTL_CACHE_DIR`, or the platform's cache
/// folder.
///
/// # Errors
/// The user has no home folder.
pub fn cache_dir() -> Result<PathBuf> {
    if let Some(folder) = variable("CHATCTL_CACHE_DIR") {
        return Ok(std::path::absolute(folder)?);
    }
    let strategy = etcetera::choose_base_strategy().map_err(|error| {
        Error::failed("no folder for caches was found")
            .because(error)
            .hint("set CHATCTL_CACHE_DIR to a folder that can be written to")
    })?;
    Ok(strategy.cache_dir().join("chatctl"))
}

/// Where Cargo keeps what it downloads.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let said = variable("CARGO_HOME").map(PathBuf::from);
    said.or_else(|| Some(etcetera::home_dir().ok()?.join(".cargo")))
}

/// What a GitHub Actions runner offers to a step.
#[derive(Debug, Clone, Default)]
pub struct GitHubActions {
    /// The file that becomes the summary of the step.
    pub summary: Option<PathBuf>,
    /// The file that takes the outputs of the step.
    pub output: Option<PathBuf>,
    /// The folder of the repository.
    pub workspace: Option<PathBuf>,
}

impl GitHubActions {
    /// The runner that this program is started by, if it is one.
    pub fn of_environment() -> Option<Self> {
        variable("GITHUB_ACTIONS").filter(|value| value == "true")?;
        let path = |name| variable(name).map(PathBuf::from);
        Some(Self {
            summary: path("GITHUB_STEP_SUMMARY"),
            output: path("GITHUB_OUTPUT"),
            workspace: path("GITHUB_WORKSPACE"),
        })
    }
}

/// A variable that the configuration file names, empty or not.
pub(super) fn value_of(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
