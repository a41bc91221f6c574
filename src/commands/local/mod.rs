//! `chatctl local`: the local cloud, the chat deployed to it, its page and its logs, until Ctrl-C.
//!
//! The deploy is the very one that AWS gets: same engine, same SDKs, another endpoint. Ctrl-C is the
//! usual end and a success; only when it cuts a first deploy or a rebuild short, that is said.
//!
//! | file | what it does |
//! |---|---|
//! | `start` | from the flags to a running local cloud, or to the reason why there is none |
//! | `weather` | the flags about faults, delays and the clock |
//! | `ending` | Ctrl-C and SIGTERM |
//! | `watch`, `redeploy` | `--watch` |
//! | `banner` | what it says when it is ready |

mod banner;
mod ending;
mod redeploy;
mod start;
mod watch;
mod weather;

use super::deploy::{self, Deployed, How};
use super::{Context, logs};
use crate::aws::Clients;
use crate::cli;
use crate::config::{Settings, Target};
use crate::error::{Error, Result};
use crate::page::{self, PageServer};
use crate::stack::tags::{STACK, STAGE};
use banner::Banner;
use chatctl_local_cloud::LocalCloud;
use ending::Ending;
use redeploy::Redeploy;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use watch::Watch;

/// The proof's socket has closed, but its `$disconnect` may take a moment.
const PROOF_ENDS: Duration = Duration::from_secs(2);

/// Runs until Ctrl-C, then ends every process of the local cloud.
///
/// # Errors
/// The port is taken, or the first deploy fails.
pub(super) async fn run(context: &Context, flags: cli::Local) -> Result<ExitCode> {
    let settings = start::settings(context, &flags)?;
    let options = start::options(&settings, &flags)?;
    let watch = flags.watch.then(|| Watch::begin(&settings)).transpose()?;
    let ending = Ending::listen()?;
    let cloud = start::start(options).await?;
    let settings = Settings {
        target: Target::Local(cloud.addr().port()),
        ..settings
    };
    let run = Run {
        context,
        flags: &flags,
        settings: &settings,
        cloud: &cloud,
        ending: &ending,
    };
    let outcome = run.serve(watch).await;
    let trouble = cloud.trouble();
    cloud.stop().await;
    if let Some(why) = &*trouble.borrow() {
        return Err(not_kept(why));
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Everything between start and stop.
struct Run<'a> {
    context: &'a Context,
    flags: &'a cli::Local,
    settings: &'a Settings,
    cloud: &'a LocalCloud,
    ending: &'a Ending,
}

impl Run<'_> {
    async fn serve(&self, watch: Option<Watch>) -> Result<()> {
        let banner = Banner::new(self.context, self.flags, self.cloud);
        if self.flags.no_deploy {
            banner.empty()?;
            tokio::select! {
                () = self.ending.told() => {}
                () = self.complain() => {}
            }
            return Ok(());
        }
        let deployed = self.deploy().await?;
        let page = self.page(&deployed).await?;
        // The deploy has proved the chat; the lines of its proof would push the banner off the screen.
        let _ = tokio::time::timeout(PROOF_ENDS, self.cloud.silent()).await;
        let since = jiff::Timestamp::now();
        banner.ready(&deployed, &page.url())?;
        let ended = self.stream(since, watch).await;
        page.stop().await;
        ended
    }

    async fn deploy(&self) -> Result<Deployed> {
        let how = How {
            yes: true,
            no_plan: true,
            ..How::default()
        };
        let endpoint = self.cloud.endpoint();
        self.context.reporter.note(&format!(
            "deploying the chat to the local cloud at {endpoint}"
        ));
        tokio::select! {
            deployed = deploy::deploy(self.settings, how, &self.context.reporter) => deployed,
            () = self.ending.told() => {
                Err(Error::interrupted("stopped before the chat was deployed"))
            }
        }
    }

    /// A teardown and a deploy from a second shell make another API: the page is told where the chat
    /// is at every question, not once.
    async fn page(&self, deployed: &Deployed) -> Result<PageServer> {
        let tags = [
            (STACK, self.settings.name.as_str()),
            (STAGE, self.settings.stage.as_str()),
        ];
        let finder = self.cloud.finder(&self.settings.stage, &tags);
        let port = self.flags.page_port.unwrap_or(0);
        page::serve_moving(port, &deployed.url, move || finder.url()).await
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
        tokio::select! {
            ended = logs::follow_with(context, settings, clients, &follow, self.ending.once()) => {
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

    /// Says when the state cannot be kept, and when it can again.
    async fn complain(&self) {
        let mut trouble: Receiver<_> = self.cloud.trouble();
        while trouble.changed().await.is_ok() {
            let now = trouble.borrow_and_update().clone();
            match now {
                Some(why) => self.context.reporter.error(&not_kept(&why)),
                None => self.context.reporter.note("the state is kept again"),
            }
        }
        std::future::pending::<()>().await;
    }
}

fn not_kept(why: &str) -> Error {
    Error::failed("the state cannot be kept in the --persist folder")
        .because_of(why)
        .hint("what was kept before is still whole; make room, or start with another folder")
}
