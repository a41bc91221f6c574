//! Reports changes of the function's source, once for each real change.
//!
//! Editors write a file several times and through temporary files, so a change counts only when
//! the folder has been quiet for a moment and the source's digest is another one. What a build writes
//! below `target` is no change, and not even looked at.

use crate::config::{FunctionCode, Settings};
use crate::error::{Error, Result};
use crate::package::source::is_code;
use crate::package::{self, SourceDigest};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the folder must be quiet.
const QUIET: Duration = Duration::from_millis(150);
/// How often a source that cannot be read is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A watched source folder.
pub(super) struct Watch {
    folder: PathBuf,
    is_cargo: bool,
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
        let Some(folder) = settings.function.code.watched() else {
            return Err(
                Error::usage("--watch needs a source folder to watch").hint(format!(
                    "`{}` writes the bundled source to ./lambda; then add --lambda lambda",
                    settings.command("init --lambda")
                )),
            );
        };
        let is_cargo = matches!(settings.function.code, FunctionCode::Cargo(_));
        let (watcher, touched) = watcher(folder, is_cargo)?;
        Ok(Self {
            is_cargo,
            folder: folder.to_owned(),
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
            self.touch().await?;
            while tokio::time::timeout(QUIET, self.touch()).await.is_ok() {}
            let now = match package::digest(settings) {
                Ok(now) => now,
                // An editor may just be replacing a file.
                Err(_) => {
                    tokio::time::sleep(QUIET).await;
                    package::digest(settings)?
                }
            };
            if now != self.known {
                self.known = now;
                return Ok(());
            }
        }
    }

    /// Waits until a source that was unreadable can be read, and watches it from then on: the folder
    /// may be another one of the same name.
    ///
    /// # Errors
    /// The system cannot watch it.
    pub(super) async fn readable_again(&mut self, settings: &Settings) -> Result<()> {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if !self.folder.is_dir() {
                continue;
            }
            let (watcher, touched) = watcher(&self.folder, self.is_cargo)?;
            if let Ok(now) = package::digest(settings) {
                self.known = now;
                (self._watcher, self.touched) = (watcher, touched);
                return Ok(());
            }
        }
    }

    async fn touch(&mut self) -> Result<()> {
        match self.touched.recv().await {
            Some(()) => Ok(()),
            None => Err(Error::failed("the source folder is watched no longer")),
        }
    }
}

fn watcher(folder: &Path, is_cargo: bool) -> Result<(RecommendedWatcher, mpsc::Receiver<()>)> {
    let (sender, touched) = mpsc::channel(1);
    let base = folder.to_owned();
    let heard = move |event: notify::Result<notify::Event>| {
        if event.map_or(true, |event| is_change(&event, &base, is_cargo)) {
            // A full channel already says that something was touched.
            let _ = sender.try_send(());
        }
    };
    let watch = || {
        let mut watcher = notify::recommended_watcher(heard)?;
        watcher.watch(folder, RecursiveMode::Recursive)?;
        Ok::<_, notify::Error>(watcher)
    };
    let watcher = watch().map_err(|error| {
        Error::failed(format!("{} cannot be watched", folder.display())).because(error)
    })?;
    Ok((watcher, touched))
}

/// Whether a part of the function may have changed. An event without a path below the folder may be
/// anything, so it counts; and so does every file of a folder that is no Rust package.
fn is_change(event: &notify::Event, base: &Path, is_cargo: bool) -> bool {
    let is_code = |path: &Path| !is_cargo || is_code_or_base(path);
    let concerns = |path: &PathBuf| path.strip_prefix(base).map_or(true, is_code);
    !event.kind.is_access() && (event.paths.is_empty() || event.paths.iter().any(concerns))
}

fn is_code_or_base(path: &Path) -> bool {
    path.as_os_str().is_empty() || is_code(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, EventKind, ModifyKind};

    fn counts(kind: EventKind, path: &str) -> bool {
        let event = notify::Event::new(kind).add_path(PathBuf::from(path));
        is_change(&event, Path::new("/source"), true)
    }

    #[test]
    fn every_file_of_another_folder_than_a_rust_package_may_be_a_change() {
        for path in ["/source/tests/fixture.mjs", "/source/help.md"] {
            let written = EventKind::Modify(ModifyKind::Any);
            let event = notify::Event::new(written).add_path(PathBuf::from(path));
            assert!(is_change(&event, Path::new("/source"), false), "{path}");
        }
    }

    #[test]
    fn builds_reads_and_editors_leftovers_are_no_change() {
        let written = EventKind::Modify(ModifyKind::Any);
        assert!(counts(written, "/source/src/main.rs"));
        assert!(counts(written, "/source/Cargo.toml"));
        assert!(counts(written, "/elsewhere/x"));
        assert!(counts(written, "/source"));
        assert!(!counts(
            EventKind::Access(AccessKind::Any),
            "/source/src/main.rs"
        ));
        for path in [
            "/source/target/debug/x",
            "/source/tests/it.rs",
            "/source/src/.main.rs.swp",
            "/source/src/main.rs~",
            "/source/src/#main.rs#",
            "/source/src/main.rs___jb_tmp___",
            "/source/README.md",
        ] {
            assert!(!counts(written, path), "{path}");
        }
    }
}
