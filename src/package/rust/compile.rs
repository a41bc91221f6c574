//! Runs Cargo.
//!
//! A static Linux binary is linked by the `rust-lld` that comes with Rust, against the C library
//! that comes with the musl target: no C compiler, no Docker, no other toolchain, from any host.
//! Paths of this machine are mapped away, so that the same source gives the same bytes elsewhere.

use super::source::Source;
use super::stale;
use crate::error::{Error, Result};
use crate::package::processes::ProcessGroup;
use crate::package::target::{BuildTarget, Profile, no_toolchain};
use crate::package::{Progress, Step};
use serde::Deserialize;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// How often a build that waits for another one looks whether it is done.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Variables of a surrounding Cargo or shell that would change what is built.
const FOREIGN: [&str; 9] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_MANIFEST_DIR",
    "CARGO_MAKEFLAGS",
    "MAKEFLAGS",
];

/// Builds the source and returns the bytes of its `bootstrap`.
pub(super) async fn compile(
    source: &Source,
    target: &BuildTarget,
    cache: &Path,
    progress: Progress<'_>,
) -> Result<Vec<u8>> {
    require_target(target).await?;
    let folder = source.folder(cache)?;
    let output = cache.join("target");
    let _turn = turn(&output).await?;
    let mut metadata = cargo("metadata", &folder, &output);
    metadata.args(["--format-version", "1"]);
    stale::forget(metadata, &output, target).await;
    let mut child = build(&folder, &output, target)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| no_toolchain().because(error))?;
    let _group = ProcessGroup::of(&child);
    let built = follow(&mut child, progress).await?;
    built.into_bootstrap(source, &folder)
}

/// Waits until no other build is at work in this folder, until what is returned is dropped. Cargo takes
/// turns too, but lets go before we have read what it built: and that bears the same name for every
/// source, so another build could put its own in the place.
async fn turn(output: &Path) -> Result<File> {
    fs_err::create_dir_all(output)?;
    let lock = File::create(output.join(".chatctl-lock"))?;
    while let Err(TryLockError::WouldBlock) = lock.try_lock() {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(lock)
}

fn cargo(verb: &str, folder: &Path, output: &Path) -> Command {
    let mut command = Command::new("cargo");
    for name in FOREIGN {
        command.env_remove(name);
    }
    command
        .arg(verb)
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", output)
        .env("CARGO_TERM_COLOR", "never");
    command
}

fn build(folder: &Path, output: &Path, target: &BuildTarget) -> Command {
    let mut command = cargo("build", folder, output);
    command
        .args(["--bin", "bootstrap", "--target", &target.triple])
        .arg("--message-format=json-render-diagnostics");
    match target.profile {
        Profile::Release => release(&mut command, folder, target),
        Profile::Quick => {
            command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        }
    }
    command
}

fn release(command: &mut Command, folder: &Path, target: &BuildTarget) {
    let prefix = format!(
        "CARGO_TARGET_{}",
        target.triple.to_uppercase().replace('-', "_")
    );
    let flags = format!(
        "-Clink-self-contained=yes --remap-path-prefix={}=lambda --remap-path-prefix={}=cargo",
        folder.display(),
        cargo_home().display(),
    );
    command
        .arg("--release")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "z")
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env(format!("{prefix}_LINKER"), "rust-lld")
        .env(format!("{prefix}_RUSTFLAGS"), flags);
}

/// Where Cargo keeps what it downloads; only used to map that path away.
fn cargo_home() -> PathBuf {
    let home = crate::config::cargo_home();
    home.unwrap_or_else(|| PathBuf::from("/cargo-home-is-unknown"))
}

/// One line of Cargo's JSON output; only what is read here.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    target: Option<MessageTarget>,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct MessageTarget {
    name: String,
}

struct Built {
    success: bool,
    executable: Option<PathBuf>,
    words: String,
}

async fn follow(child: &mut Child, progress: Progress<'_>) -> Result<Built> {
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Error::failed("cargo's output cannot be read"));
    };
    let messages = async {
        let mut lines = BufReader::new(stdout).lines();
        let (mut executable, mut count) = (None, 0_usize);
        while let Some(line) = lines.next_line().await? {
            let Ok(message) = serde_json::from_str::<Message>(&line) else {
                continue;
            };
            if message.reason == "compiler-artifact" {
                count += 1;
                let name = message.target.map(|target| target.name).unwrap_or_default();
                progress(&Step::Compiled {
                    crates: count,
                    last: &name,
                });
                executable = message.executable.or(executable);
            }
        }
        Ok::<_, std::io::Error>(executable)
    };
    let words = async {
        let mut text = Vec::new();
        BufReader::new(stderr).read_to_end(&mut text).await?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&text).into_owned())
    };
    let (executable, words) = tokio::try_join!(messages, words)?;
    let success = child.wait().await?.success();
    Ok(Built {
        success,
        executable,
        words,
    })
}

impl Built {
    fn into_bootstrap(self, source: &Source, folder: &Path) -> Result<Vec<u8>> {
        if !self.success {
            return Err(self.failure(source, folder));
        }
        let Some(executable) = self.executable else {
            return Err(Error::failed(format!(
                "{} builds no binary called bootstrap",
                folder.display()
            ))
            .hint("Lambda starts a file of that name: add `[[bin]] name = \"bootstrap\"`"));
        };
        Ok(fs_err::read(executable)?)
    }

    fn failure(self, source: &Source, folder: &Path) -> Error {
        let words = self.words.trim_end();
        let error = match source {
            Source::Folder(_) => {
                Error::failed(format!("the Lambda in {} does not build", folder.display()))
            }
            Source::Bundled => Error::failed("the bundled Lambda does not build on this machine"),
        };
        let error = error.because_of(format!("cargo says:\n{words}"));
        if words.contains("no bin target named `bootstrap`") {
            return error
                .hint("Lambda starts a file of that name: add `[[bin]] name = \"bootstrap\"`");
        }
        if words.contains("failed to download") || words.contains("Could not resolve host") {
            return error
                .hint("the first build fetches crates; check the network, then run it again");
        }
        error.hint("nothing was deployed; mend the source, then try again")
    }
}

/// Said before Cargo starts: its own words for this ("can't find crate for `core`") help nobody.
async fn require_target(target: &BuildTarget) -> Result<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", &target.triple])
        .output()
        .await
        .map_err(|error| no_toolchain().because(error))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && folder.is_dir() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the Rust target {} is not installed",
        target.triple
    ))
    .hint(format!("`rustup target add {}` installs it", target.triple)))
}
