//! What the function is built for.

use crate::config::{Arch, Settings, Target, host_arch};
use crate::error::{Error, Result};
use std::process::Command;

/// How much work the compiler puts into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Small and quick to start: what AWS gets.
    Release,
    /// Quick to build: what the local cloud gets.
    Quick,
}

/// Processor, Rust target and profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildTarget {
    /// The processor, as Lambda names it.
    pub arch: Arch,
    /// The Rust target, such as `aarch64-unknown-linux-musl`.
    pub triple: String,
    /// The profile.
    pub profile: Profile,
}

impl BuildTarget {
    /// A static Linux binary, or for the local cloud this machine's own kind.
    ///
    /// # Errors
    /// No Rust toolchain; or the local cloud is asked for a processor that this machine has not.
    pub fn of(settings: &Settings) -> Result<Self> {
        let arch = settings.arch();
        if let Target::Local(_) = settings.target {
            if arch != host_arch() {
                return Err(Error::usage(format!(
                    "this machine cannot run {} functions",
                    lambda_name(arch)
                ))
                .hint("leave --arch and function.architecture out for the local cloud"));
            }
            return Ok(Self {
                arch,
                triple: host_triple()?,
                profile: Profile::Quick,
            });
        }
        Ok(Self {
            arch,
            triple: musl(arch).to_owned(),
            profile: Profile::Release,
        })
    }

    /// Whatever runs on Linux, for a program that something else built.
    pub(super) fn of_any_linux(arch: Arch) -> Self {
        Self {
            arch,
            triple: musl(arch).replace("musl", "gnu"),
            profile: Profile::Release,
        }
    }

    /// The target runs without the C library of the system it runs on.
    pub fn is_static(&self) -> bool {
        self.triple.ends_with("-musl")
    }
}

fn lambda_name(arch: Arch) -> &'static str {
    match arch {
        Arch::Arm64 => "arm64",
        Arch::X86_64 => "x86_64",
    }
}

fn musl(arch: Arch) -> &'static str {
    match arch {
        Arch::Arm64 => "aarch64-unknown-linux-musl",
        Arch::X86_64 => "x86_64-unknown-linux-musl",
    }
}

fn host_triple() -> Result<String> {
    let output = Command::new("rustc")
        .arg("-vV")
        .output()
        .map_err(|error| no_toolchain().because(error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(no_toolchain)
}

/// The one sentence for a machine without Rust.
pub(super) fn no_toolchain() -> Error {
    Error::failed("no Rust toolchain was found; chatctl builds the Lambda with it")
        .hint("https://rustup.rs installs it; `cargo` and `rustc` must be on the PATH")
}
