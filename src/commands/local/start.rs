//! From the flags to a running local cloud, or to the reason why there is none.

use super::conditions;
use crate::cli;
use crate::commands::Context;
use crate::config::{Input, Settings, Target};
use crate::error::{Error, Result};
use chatctl_local_cloud::{LocalCloud, Options, PortOwner, StartError, port_owner};

/// The settings, always with the local cloud as the target.
pub(super) fn settings(context: &Context, flags: &cli::Local) -> Result<Settings> {
    if context.global.endpoint_url.is_some() {
        return Err(Error::usage(
            "--endpoint-url means another cloud than the one that `chatctl local` starts",
        )
        .hint(format!(
            "leave it out, or use `{}`",
            context
                .global
                .input(&flags.wanted)
                .chat_flags()
                .command("deploy")
        )));
    }
    let input = Input {
        target: Some(Target::Local(context.global.port)),
        ..context.global.input(&flags.wanted)
    };
    Settings::load(&input)
}

/// What the local cloud is started with.
pub(super) fn options(settings: &Settings, flags: &cli::Local) -> Result<Options> {
    let Target::Local(port) = settings.target else {
        return Err(Error::failed("the local cloud has no port"));
    };
    let scenario = conditions::scenario(settings, flags)?;
    let mut options = Options {
        port,
        persist: flags.persist.clone(),
        conditions: scenario.conditions,
        faults: scenario.faults,
        clock_ahead: conditions::clock_ahead(flags)?,
        clock_speed: conditions::clock_speed(flags)?,
        ..Options::default()
    };
    if let Some(region) = &settings.region {
        options.region.clone_from(region);
    }
    Ok(options)
}

/// Starts it.
pub(super) async fn start(settings: &Settings, options: Options) -> Result<LocalCloud> {
    match LocalCloud::start(options).await {
        Ok(cloud) => Ok(cloud),
        Err(StartError::PortTaken { port }) => Err(taken(settings, port, port_owner(port).await)),
        Err(error) => Err(not_started(error)),
    }
}

fn taken(settings: &Settings, port: u16, port_owner: Option<PortOwner>) -> Error {
    let error = Error::failed("the local cloud did not start");
    let beside = "--port 0 starts a second one beside it, on a free port; --port N on port N";
    let Some(there) = port_owner else {
        return error
            .because_of(format!("port {port} is taken by another program"))
            .hint("--port 0 takes a free port, --port N another one");
    };
    let process = there
        .process_id
        .map(|id| format!(", process {id}"))
        .unwrap_or_default();
    let kept = there
        .persist
        .map(|folder| format!(", which keeps its state in {}", folder.display()))
        .unwrap_or_default();
    error
        .because_of(format!(
            "port {port} is taken by another `chatctl local`{process}{kept}"
        ))
        .hint(format!(
            "it can be used as it is: `{}`, `{}`",
            settings.command("status"),
            settings.command("deploy")
        ))
        .hint(beside)
}

fn not_started(error: StartError) -> Error {
    let untouched = "nothing in the folder was changed; move it away, or choose another one";
    let hint = match &error {
        StartError::PortTaken { .. } | StartError::Listen { .. } => "--port chooses another port",
        StartError::State { .. } => "choose a folder that can be written to",
        StartError::InUse { .. } => {
            "use that one with --local, or choose another folder for this one"
        }
        StartError::Foreign { .. } => {
            "nothing in it was changed; choose an empty folder, or one that does not exist yet"
        }
        StartError::Version { .. } | StartError::Unreadable { .. } => untouched,
    };
    Error::failed("the local cloud did not start")
        .because(error)
        .hint(hint)
}
