//! `--watch`: deploys after each change of the Lambda's source, while open sockets stay open.

use super::watch::Watch;
use crate::commands::Context;
use crate::config::Settings;
use crate::deployer::DeployOptions;
use crate::error::{ErrorKind, Result};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};

/// The redeploys, and whether one is under way.
pub(super) struct Redeploy<'a> {
    context: &'a Context,
    settings: &'a Settings,
    busy: AtomicBool,
}

impl<'a> Redeploy<'a> {
    pub(super) fn new(context: &'a Context, settings: &'a Settings) -> Self {
        Self {
            context,
            settings,
            busy: AtomicBool::new(false),
        }
    }

    /// Whether an end at this moment cuts one short.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Redeploys after each change, for ever. A failure is shown, and the next change is waited for.
    pub(super) async fn after_each(&self, watch: Option<Watch>) -> Result<()> {
        let Some(mut watch) = watch else {
            return std::future::pending().await;
        };
        let reporter = &self.context.reporter;
        loop {
            if let Err(error) = watch.changed(self.settings).await {
                reporter.error(&error);
                reporter.hint("the function stays as it is until the source can be read again");
                watch.readable_again(self.settings).await?;
            }
            self.busy.store(true, Ordering::Release);
            let ended = self.once().await;
            self.busy.store(false, Ordering::Release);
            ended?;
        }
    }

    async fn once(&self) -> Result<()> {
        let reporter = &self.context.reporter;
        reporter.note("the Lambda's source has changed");
        let options = DeployOptions {
            yes: true,
            no_plan: true,
            force: None,
            ..DeployOptions::default()
        };
        match super::deploy(self.settings, options, reporter).await {
            Ok(now) if now.changed => {
                reporter.note(&format!(
                    "the new function is live; open sockets stayed open ({:.1} s)",
                    now.seconds
                ));
                if reporter.is_json() {
                    reporter.line(&json!({ "redeployed": now.url, "seconds": now.seconds }))?;
                }
            }
            Ok(_) => reporter.note("it is again what is live: nothing was changed"),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                reporter.error(&error);
                reporter.hint("the former function stays live; the next save is tried again");
            }
        }
        Ok(())
    }
}
