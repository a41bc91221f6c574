//! The `chatctl` binary: listen for signals, parse, run, map the outcome to an exit code.

use chatctl::cli::Cli;
use chatctl::report::{ReportOptions, Reporter};
use chatctl::{commands, signals};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let started = tokio::runtime::Runtime::new().and_then(|runtime| {
        let _entered = runtime.enter();
        let reporter = Reporter::new(ReportOptions::default());
        signals::listen(move |error| reporter.error(error))?;
        Ok(runtime)
    });
    match started {
        Ok(runtime) => runtime.block_on(run()),
        Err(_) => ExitCode::FAILURE,
    }
}

async fn run() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(cli).await,
        Err(error) => commands::usage(&error),
    }
}
