//! The `chatctl` binary as a user starts it, in an environment that holds nothing of the machine's.

use super::schemas;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A `chatctl` that knows no AWS account, no home and no configuration. What it builds is kept
/// between tests.
pub fn chatctl(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("CHATCTL_CACHE_DIR", cache())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    // The compiler of the machine lives where these say, or below the real home.
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        command.env(
            name,
            std::env::var_os(name).unwrap_or_else(|| home.join(below).into()),
        );
    }
    if let Some(toolchain) = std::env::var_os("RUSTUP_TOOLCHAIN") {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    command
}

/// Where the tests keep built functions.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// What a finished command said, both streams as text.
pub struct Said {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs it to its end.
pub fn run(command: &mut Command) -> Said {
    let output = command.output().expect("chatctl starts");
    schemas::check(command, &output);
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    Said {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    }
}
