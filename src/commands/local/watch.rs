//! Says when the Lambda's source has changed, once for each real change.
//!
//! Editors write a file several times and through temporary files, so a change counts only when
//! the folder has been quiet for a moment and the source's digest is another one.

use crate::config::Settings;
use crate::error::{Error, Result};
use crate::package::{self, SourceDigest};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the folder must be quiet.
const QUIET: Duration = Duration::from_millis(150);

/// A watched source folder.
pub(super) struct Watch {
    _watcher: RecommendedWatcher,
    touched: mpsc::Receiver<()>,
    known: SourceDigest,
}

impl Watch {
    /// Begins to watch the folder that the settings name.
    ///
    /// # Errors
    /// The settings name none, or the system cannot watch it.
    pub(super) fn begin(settings: &Settings) -> Result<Self> {
        let Some(folder) = &settings.function.source else {
            return Err(Error::usage("--watch needs a source folder to watch")
                .hint("`chatctl init --lambda` writes the bundled source to ./lambda; then add --lambda lambda"));
        };
        let (sender, touched) = mpsc::channel(1);
        let watcher = watcher(folder, sender).map_err(|error| {
            Error::failed(format!("{} cannot be watched", folder.display())).because(error)
        })?;
        Ok(Self {
            _watcher: watcher,
            touched,
            known: package::digest(settings)?,
        })
    }

    /// Waits for the next change. Safe to cancel.
    ///
    /// # Errors
    /// The source cannot be read any more.
    pub(super) async fn changed(&mut self, settings: &Settings) -> Result<()> {
        loop {
            if self.touched.recv().await.is_none() {
                return Err(Error::failed("the source folder is watched no longer"));
            }
            while tokio::time::timeout(QUIET, self.touched.recv())
                .await
                .is_ok_and(|m| m.is_some())
            {}
            let now = package::digest(settings)?;
            if now != self.known {
                self.known = now;
                return Ok(());
            }
        }
    }
}

fn watcher(folder: &Path, sender: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let only_read = event.is_ok_and(|event| event.kind.is_access());
        if !only_read {
            // A full channel already says that something was touched.
            let _ = sender.try_send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}
