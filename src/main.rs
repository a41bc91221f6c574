//! The `chatctl` binary: listen for signals, parse, run, map the outcome to an exit code.

use chatctl::cli::{self, Cli};
use chatctl::report::{ReportOptions, Reporter};
use chatctl::{commands, signals};
use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A shell that completes a line asks in this way, and gets nothing but the answer.
    CompleteEnv::with_factory(Cli::command)
        .bin("chatctl")
        .complete();
    // What is said before or without a parsed command line has its form too.
    let reporter = Reporter::new(ReportOptions {
        output: cli::output_format(std::env::args_os()),
        ..ReportOptions::default()
    });
    let started = tokio::runtime::Runtime::new().and_then(|runtime| {
        let _entered = runtime.enter();
        signals::listen(move |error, exit_code| {
            reporter.failure_without_waiting(error, exit_code);
        })?;
        Ok(runtime)
    });
    match started {
        Ok(runtime) => runtime.block_on(run(&reporter)),
        Err(_) => ExitCode::FAILURE,
    }
}

async fn run(reporter: &Reporter) -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(cli).await,
        Err(error) => commands::usage(reporter, &error),
    }
}
