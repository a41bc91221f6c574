//! `chatctl local`: the local cloud, the chat deployed to it, its page and its logs, until a signal.
//!
//! The deploy is the same as for AWS: same engine, same SDKs, another endpoint. A signal is the usual
//! end and a success, unless it interrupts the first deploy or a rebuild.
//!
//! | file | what it does |
//! |---|---|
//! | `start` | from the flags to a running local cloud, or to the reason why there is none |
//! | `conditions` | the flags about faults, delays and the clock |
//! | `watch`, `redeploy` | `--watch` |

mod conditions;
mod redeploy;
mod start;
mod watch;

use super::{Context, logs};
use crate::aws::Clients;
use crate::cli;
use crate::config::{Settings, Target};
use crate::deployer::{self, DeployOptions, Deployed};
use crate::error::{Error, Result};
use crate::naming::tags::{STACK, STAGE};
use crate::package::HostBuild;
use crate::page::{self, PageServer};
use crate::report::Reporter;
use crate::report::local::LocalBanner;
use crate::signals::{self, Handler};
use chatctl_local_cloud::LocalCloud;
use redeploy::Redeploy;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use watch::Watch;

/// The check's socket has closed, but its `$disconnect` may still be running.
const PROOF_ENDS: Duration = Duration::from_secs(2);

/// Runs until a signal, then ends every process of the local cloud.
///
/// # Errors
/// The port is taken, or the first deploy fails.
pub(super) async fn run(context: &Context, flags: cli::Local) -> Result<ExitCode> {
    let settings = start::settings(context, &flags)?;
    let options = start::options(&settings, &flags)?;
    let watch = flags.watch.then(|| Watch::begin(&settings)).transpose()?;
    let signals = signals::handle(1);
    let cloud = start::start(&settings, options).await?;
    let settings = settings.with_target(Target::Local(cloud.addr().port()));
    let run = Run {
        context,
        flags: &flags,
        settings: &settings,
        cloud: &cloud,
        signals: &signals,
    };
    let outcome = run.serve(watch).await;
    let trouble = cloud.trouble();
    cloud.stop().await;
    if let Some(why) = &*trouble.borrow() {
        return Err(not_kept(why));
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The deploy that AWS gets, to the local cloud.
async fn deploy(
    settings: &Settings,
    options: DeployOptions<'_>,
    reporter: &Reporter,
) -> Result<Deployed> {
    let clients = Clients::connect(settings).await?;
    deployer::deploy(clients, settings, &HostBuild, options, reporter).await
}

/// Everything between start and stop.
struct Run<'a> {
    context: &'a Context,
    flags: &'a cli::Local,
    settings: &'a Settings,
    cloud: &'a LocalCloud,
    signals: &'a Handler,
}

impl Run<'_> {
    async fn serve(&self, watch: Option<Watch>) -> Result<()> {
        let (banner, reporter) = (self.banner(), &self.context.reporter);
        if self.flags.no_deploy {
            banner.empty(reporter)?;
            tokio::select! {
                _ = self.signals.stopped() => {}
                () = self.complain() => {}
            }
            return Ok(());
        }
        let deployed = self.deploy().await?;
        let page = self.page(&deployed).await?;
        // The log lines of the deploy's own check would push the banner off the screen.
        let _ = tokio::time::timeout(PROOF_ENDS, self.cloud.silent()).await;
        let since = jiff::Timestamp::now();
        banner.ready(reporter, &deployed.url, &page.url())?;
        let ended = self.stream(since, watch).await;
        page.stop().await;
        ended
    }

    fn banner(&self) -> LocalBanner {
        let faults = self.cloud.faults();
        LocalBanner {
            endpoint: self.cloud.endpoint().to_owned(),
            region: self.cloud.region().to_owned(),
            seed: self.cloud.seed(),
            random_faults: faults.iter().any(|fault| fault.probability.is_some()),
            faults: faults.iter().map(ToString::to_string).collect(),
            persist: self.flags.persist.clone(),
            flags: self.settings.chat_flags(),
        }
    }

    async fn deploy(&self) -> Result<Deployed> {
        let options = DeployOptions {
            yes: true,
            no_plan: true,
            force: None,
            ..DeployOptions::default()
        };
        let endpoint = self.cloud.endpoint();
        self.context.reporter.note(&format!(
            "deploying the chat to the local cloud at {endpoint}"
        ));
        tokio::select! {
            deployed = deploy(self.settings, options, &self.context.reporter) => deployed,
            _ = self.signals.stopped() => {
                Err(Error::interrupted("stopped before the chat was deployed"))
            }
        }
    }

    /// A teardown and a deploy from a second shell make another API: the page asks for the chat's URL
    /// every time, not once.
    async fn page(&self, deployed: &Deployed) -> Result<PageServer> {
        let tags = [
            (STACK, self.settings.name.as_str()),
            (STAGE, self.settings.stage.as_str()),
        ];
        let serve = |port| {
            let finder = self.cloud.finder(&self.settings.stage, &tags);
            page::serve_moving(port, &deployed.url, move || finder.url())
        };
        if let Some(port) = self.flags.page_port {
            return serve(port).await;
        }
        match serve(self.usual_page_port()).await {
            Ok(page) => Ok(page),
            Err(_) => serve(0).await,
        }
    }

    /// The same after a restart, so that an open page finds its way back: the one after the cloud's, unless
    /// that is a free one itself.
    fn usual_page_port(&self) -> u16 {
        match self.context.global.port {
            0 => 0,
            port => port.checked_add(1).unwrap_or(0),
        }
    }

    /// The logs, and the redeploys of `--watch` beside them.
    async fn stream(&self, since: jiff::Timestamp, watch: Option<Watch>) -> Result<()> {
        let follow = cli::Logs {
            follow: true,
            since: Some(since.to_string()),
            ..cli::Logs::default()
        };
        let clients = Clients::connect_as(self.settings, self.cloud.observer_key()).await?;
        let redeploy = Redeploy::new(self.context, self.settings);
        let (context, settings) = (self.context, self.settings);
        let quiet = context.reporter.is_quiet();
        tokio::select! {
            // Quietly, only the page and the chat are wanted.
            _ = self.signals.stopped(), if quiet => {}
            ended = logs::follow(context, settings, clients, &follow, self.signals), if !quiet => {
                ended?;
            }
            ended = redeploy.after_each(watch) => return ended,
            () = self.complain() => {}
        }
        if redeploy.is_busy() {
            let words = "stopped while the function was being replaced";
            return Err(Error::interrupted(words));
        }
        Ok(())
    }

    /// Reports when the local cloud cannot do its work, and when it can again.
    async fn complain(&self) {
        let state = (not_kept as fn(&str) -> Error, "the state is kept again");
        let port = (
            not_accepting as fn(&str) -> Error,
            "connections are accepted again",
        );
        tokio::join!(
            self.complain_of(self.cloud.trouble(), state),
            self.complain_of(self.cloud.accept_trouble(), port),
        );
        std::future::pending::<()>().await;
    }

    async fn complain_of(
        &self,
        mut trouble: Receiver<Option<String>>,
        (error, over): (fn(&str) -> Error, &str),
    ) {
        while trouble.changed().await.is_ok() {
            let now = trouble.borrow_and_update().clone();
            match now {
                Some(why) => self.context.reporter.error(&error(&why)),
                None => self.context.reporter.note(over),
            }
        }
    }
}

fn not_accepting(why: &str) -> Error {
    Error::failed("the local cloud cannot accept connections")
        .because_of(why)
        .hint("it goes on by itself when others are closed; `ulimit -n` says how many files it may open")
}

fn not_kept(why: &str) -> Error {
    Error::failed("the state cannot be kept in the --persist folder")
        .because_of(why)
        .hint("what was kept before is still whole; make room, or start with another folder")
}
