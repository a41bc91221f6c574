//! `chatctl local`: the local cloud, the chat deployed to it, its page and its logs, until Ctrl-C.
//!
//! The deploy is the very one that AWS gets: same engine, same SDKs, another endpoint.

mod banner;
mod watch;

use super::deploy::{self, Deployed, How};
use super::{Context, logs};
use crate::cli;
use crate::config::{Settings, Target};
use crate::error::{Error, Result};
use crate::local::{LocalCloud, Options, StartError, Weather};
use crate::page::{self, PageServer};
use banner::Banner;
use std::process::ExitCode;
use tokio::sync::oneshot;
use watch::Watch;

/// Runs until Ctrl-C, then ends every process of the local cloud.
///
/// # Errors
/// The port is taken, or the first deploy fails.
pub(super) async fn run(context: &Context, flags: cli::Local) -> Result<ExitCode> {
    let settings = settings(context, &flags)?;
    let watch = flags.watch.then(|| Watch::begin(&settings)).transpose()?;
    let cloud = start(&settings, &flags).await?;
    let outcome = serve(context, &flags, &settings, &cloud, watch).await;
    cloud.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// `local` is `--local`, whatever else was said.
fn settings(context: &Context, flags: &cli::Local) -> Result<Settings> {
    if context.global.endpoint_url.is_some() {
        return Err(Error::usage(
            "--endpoint-url means another cloud than the one that `chatctl local` starts",
        )
        .hint("leave it out, or use `chatctl deploy --endpoint-url …`"));
    }
    let global = cli::Global {
        local: true,
        ..context.global.clone()
    };
    Settings::load(&global, &flags.wanted)
}

async fn start(settings: &Settings, flags: &cli::Local) -> Result<LocalCloud> {
    let Target::Local(port) = settings.target else {
        return Err(Error::failed("the local cloud has no port"));
    };
    let mut options = Options {
        port,
        persist: flags.persist.clone(),
        ..Options::default()
    };
    if let Some(region) = &settings.region {
        options.region.clone_from(region);
    }
    options.weather = weather(flags);
    LocalCloud::start(options).await.map_err(not_started)
}

fn weather(flags: &cli::Local) -> Weather {
    let mut weather = Weather::default();
    if let Some(latency) = flags.latency {
        weather.latency_millis = latency;
    }
    if let Some(propagation) = flags.propagation {
        weather.propagation_millis = propagation;
    }
    weather.control_plane.control_rates |= flags.strict_rates;
    weather
}

fn not_started(error: StartError) -> Error {
    let hint = match &error {
        StartError::PortTaken { port } => format!(
            "if it is a local cloud, `chatctl deploy --local --port {port}` uses it; --port {} starts a second one",
            port.wrapping_add(1).max(1024)
        ),
        StartError::Listen { .. } => "--port chooses another port".to_owned(),
        StartError::State { .. } => "choose a folder that can be written to".to_owned(),
    };
    Error::failed("the local cloud did not start")
        .because(error)
        .hint(hint)
}

/// Everything between start and stop; Ctrl-C ends it well, at any point.
async fn serve(
    context: &Context,
    flags: &cli::Local,
    settings: &Settings,
    cloud: &LocalCloud,
    watch: Option<Watch>,
) -> Result<()> {
    let banner = Banner {
        context,
        endpoint: cloud.endpoint(),
        port: cloud.addr().port(),
    };
    if flags.no_deploy {
        let told = told_to_end()?;
        banner.empty()?;
        // The sender lives until it has told us.
        let _ = told.await;
        return Ok(());
    }
    let settings = &Settings {
        target: Target::Local(cloud.addr().port()),
        ..settings.clone()
    };
    let how = How {
        yes: true,
        ..How::default()
    };
    let deployed = deploy::deploy(settings, how, &context.reporter).await?;
    let told = told_to_end()?;
    let page = page::serve(flags.page_port.unwrap_or(0), deployed.url.clone()).await?;
    banner.ready(&deployed, &page.url())?;
    let ended = stream(context, settings, watch, (&deployed, &page), told).await;
    page.stop().await;
    ended
}

/// The logs, and the redeploys of `--watch` beside them.
async fn stream(
    context: &Context,
    settings: &Settings,
    watch: Option<Watch>,
    (deployed, page): (&Deployed, &PageServer),
    told: oneshot::Receiver<()>,
) -> Result<()> {
    let follow = cli::Logs {
        follow: true,
        since: Some("1s".into()),
        ..cli::Logs::default()
    };
    tokio::select! {
        ended = logs::follow(context, settings, &follow, told) => ended.map(|_| ()),
        ended = redeploy(context, settings, watch, deployed, page) => ended,
    }
}

/// Redeploys after each change. A source that does not compile is told and waited for.
async fn redeploy(
    context: &Context,
    settings: &Settings,
    watch: Option<Watch>,
    deployed: &Deployed,
    page: &PageServer,
) -> Result<()> {
    let Some(mut watch) = watch else {
        return std::future::pending().await;
    };
    let how = How {
        yes: true,
        ..How::default()
    };
    let mut url = deployed.url.clone();
    loop {
        watch.changed(settings).await?;
        context.reporter.note("the Lambda's source has changed");
        match deploy::deploy(settings, how, &context.reporter).await {
            Ok(now) if now.url != url => {
                page.set_endpoint(&now.url)?;
                url = now.url;
            }
            Ok(_) => context
                .reporter
                .note("the new function is live; open sockets stayed open"),
            Err(error) => context.reporter.error(&error),
        }
    }
}

/// Listens for Ctrl-C, and for SIGTERM, which service managers and CI send, from this very moment: what
/// comes before anybody waits for it counts too.
fn told_to_end() -> Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    let end = listen()?;
    tokio::spawn(async move {
        end.await;
        let _ = tell.send(());
    });
    Ok(told)
}

#[cfg(unix)]
fn listen() -> Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn listen() -> Result<impl Future<Output = ()> + Send> {
    Ok(async {
        // Without signals only the end of the process ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
