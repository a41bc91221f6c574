//! The `chatctl` binary: parse, run, map the outcome to an exit code.

use chatctl::{cli::Cli, commands};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return commands::usage(&error),
    };
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(_) => ExitCode::FAILURE,
    }
}
