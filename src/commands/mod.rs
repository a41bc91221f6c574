//! One file per command. Each is short: it calls the modules below in order.

mod any_api;
mod chat;
mod chat_url;
mod completions;
mod deploy;
mod doctor;
mod init;
mod list;
#[cfg(feature = "local")]
mod local;
mod logs;
mod man;
mod open;
mod plan;
mod policy;
mod rollback;
mod status;
mod teardown;
mod usage;
mod write;

pub use usage::usage;

use crate::aws;
use crate::cli::{Cli, Command, Global, Wanted};
use crate::config::Settings;
use crate::error::{ErrorKind, Result};
use crate::report::{Reporter, Style};
use crate::signals;
use std::process::ExitCode;

/// What every command gets: the global flags and the reporter.
#[derive(Debug)]
pub struct Context {
    /// The global flags, not yet laid over the file.
    pub global: Global,
    /// Writes to the terminal.
    pub reporter: Reporter,
}

impl Context {
    /// What the flags, the environment and the file say together.
    ///
    /// # Errors
    /// A value that cannot be used.
    pub fn settings(&self, wanted: &Wanted) -> Result<Settings> {
        Settings::load(&self.global.input(wanted))
    }
}

/// Runs the command and returns its exit code.
pub async fn run(cli: Cli) -> ExitCode {
    let reporter = Reporter::new(cli.global.report());
    trace(cli.global.verbose);
    let context = Context {
        global: cli.global,
        reporter,
    };
    let slow_calls = aws::SlowCalls::new(move |operation| {
        reporter.note(&format!("waiting for AWS: {operation}"));
    });
    let ended = slow_calls.during(dispatch(&context, cli.command)).await;
    match ended {
        Ok(code) => code,
        Err(error) => {
            let exit_code = exit_code(error.kind());
            reporter.failure(&error, exit_code);
            ExitCode::from(exit_code)
        }
    }
}

/// What was stopped by a signal ends with that signal's code.
fn exit_code(kind: ErrorKind) -> u8 {
    match (kind, signals::first()) {
        (ErrorKind::Interrupted, Some(signal)) => signal.exit_code(),
        (kind, _) => kind.exit_code(),
    }
}

async fn dispatch(context: &Context, command: Command) -> Result<ExitCode> {
    match command {
        Command::Chat(flags) => chat::run(context, flags).await,
        Command::Open(flags) => open::run(context, flags).await,
        Command::Init(flags) => init::run(context, &flags),
        Command::Completions { shell } => completions::run(context, shell),
        Command::Man { dir } => man::run(context, dir.as_deref()),
        Command::Logs(args) => logs::run(context, args).await,
        #[cfg(feature = "local")]
        Command::Local(flags) => local::run(context, flags).await,
        Command::Deploy(args) => deploy::run(context, &args).await,
        Command::Plan(args) => plan::run(context, &args).await,
        Command::Status(args) => status::run(context, &args).await,
        Command::Teardown(args) => teardown::run(context, &args).await,
        Command::List(args) => list::run(context, &args).await,
        Command::Policy(args) => policy::run(context, &args).await,
        Command::Rollback(args) => rollback::run(context, &args).await,
        Command::Doctor(args) => doctor::run(context, &args).await,
    }
}

/// `-vv` shows chatctl's own trace events; the SDK's stay out, they may hold signed requests.
fn trace(verbosity: u8) {
    if verbosity < 2 {
        return;
    }
    let level = if verbosity == 2 {
        "chatctl=debug"
    } else {
        "chatctl=trace"
    };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(level))
        .with_writer(std::io::stderr)
        .with_ansi(Style::is_wanted_on_stderr())
        .try_init();
}
