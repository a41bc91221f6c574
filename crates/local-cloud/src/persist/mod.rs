//! `--persist`: keeps the state of every service in a folder over restarts.
//!
//! Each service gives a snapshot of itself, its section. A short while after a change what differs is written
//! to files that are named by their contents, and then a new index takes the place of the former one in one
//! step. So a kill at any moment, or a full disk, leaves the whole old state or the whole new one, never a
//! mixture. Open sockets and running processes are not state and end with the local cloud.
//!
//! A folder of another version, of another account or region, or with other files in it is refused before
//! anything in it is touched.
//!
//! | file | what it does |
//! |---|---|
//! | `changes` | which sections have changed |
//! | `state_folder` | the files: names by content, and the index |
//! | `lock` | one local cloud for each folder |

mod changes;
mod lock;
mod state_folder;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::start_error::StartError;
pub(crate) use changes::Changes;
use changes::Marks;
use state_folder::StateFolder;

/// Changes that come together are written together.
const PAUSE: Duration = Duration::from_millis(300);

/// The sections; the name is the first part of the file's name, and for most the service's.
const SECTIONS: [&str; 7] = [
    "iam",
    "logs",
    "apigateway",
    "apigatewayv2",
    "lambda",
    "dynamodb",
    "clock",
];

/// DynamoDB's items, which are a database file of the engine's own.
const ITEMS: &str = "items";

/// A part of the state that is kept over restarts.
pub(crate) trait Persistent: Debug + Send + Sync {
    /// The whole state as JSON.
    fn snapshot(&self) -> Value;

    /// Takes a snapshot back.
    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error>;

    /// The items that are kept in a file of their own, beside the snapshot.
    fn items(&self) -> Option<&dyn Items> {
        None
    }
}

/// Items that a service writes to a file and reads back by itself.
pub(crate) trait Items {
    /// Writes every item into a new file.
    fn save(&self, file: &Path) -> io::Result<()>;

    /// Reads every item back.
    fn load(&self, file: &Path) -> io::Result<()>;
}

/// Everything that is kept, by the name of its section.
pub(crate) type Sections = Vec<(&'static str, Arc<dyn Persistent>)>;

/// Writes the state into its folder, if there is one, and reads it back.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: Option<PathBuf>,
    sections: Sections,
    changes: Arc<Changes>,
    /// Held while writing; `None` after the last time, when the next local cloud may use the folder
    /// already.
    state_folder: Mutex<Option<StateFolder>>,
    /// Why the last writing failed.
    trouble: watch::Sender<Option<String>>,
}

impl Keeper {
    pub(crate) fn new(folder: Option<PathBuf>, changes: Arc<Changes>, sections: Sections) -> Self {
        Self {
            folder,
            sections,
            changes,
            state_folder: Mutex::new(None),
            trouble: watch::Sender::new(None),
        }
    }

    /// Where the state is kept, if anywhere.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Why the state cannot be written at the moment.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// Reads what a former local cloud left. `identity` says whose state it must be.
    pub(crate) fn load(&self, identity: &BTreeMap<&'static str, String>) -> Result<(), StartError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let state_folder = StateFolder::open(folder, identity)?;
        for (name, section) in &self.sections {
            if let Some((file, state)) = state_folder.read(name)? {
                let restored = section.restore(state).map_err(io::Error::from);
                restored.map_err(|source| StartError::Unreadable { file, source })?;
            }
        }
        if let Some((file, _)) = state_folder.file(ITEMS)? {
            for items in self.sections.iter().filter_map(|(_, one)| one.items()) {
                let file = file.clone();
                let loaded = items.load(&file);
                loaded.map_err(|source| StartError::Unreadable { file, source })?;
            }
        }
        *self.lock() = Some(state_folder);
        Ok(())
    }

    /// Writes after every change until the cloud stops.
    pub(crate) async fn run(self: Arc<Self>, stopping: CancellationToken) {
        if self.folder.is_none() {
            return;
        }
        let mut pause = PAUSE;
        loop {
            tokio::select! {
                () = self.changes.changed() => {}
                () = stopping.cancelled() => return,
            }
            tokio::time::sleep(pause).await;
            let (keeper, began) = (Arc::clone(&self), Instant::now());
            let _ = tokio::task::spawn_blocking(move || keeper.save()).await;
            // A large state must not keep the machine busy with nothing but writing it.
            pause = PAUSE.max(began.elapsed() * 4);
        }
    }

    /// Writes everything for the last time, and unlocks the folder.
    pub(crate) fn close(&self) {
        self.changes.mark_all();
        self.save();
        self.lock().take();
    }

    /// Writes what has changed, and says so when it cannot.
    fn save(&self) {
        let mut state_folder = self.lock();
        let Some(state_folder) = state_folder.as_mut() else {
            return;
        };
        let marks = self.changes.take();
        let saved = self.write(state_folder, marks);
        if saved.is_err() {
            self.changes.put_back(marks);
        }
        self.trouble.send_if_modified(|trouble| {
            let now = saved.err().map(|error| error.to_string());
            let differs = *trouble != now;
            *trouble = now;
            differs
        });
    }

    fn write(&self, state_folder: &mut StateFolder, marks: Marks) -> io::Result<()> {
        let changed = self
            .sections
            .iter()
            .filter(|(name, _)| marks.contains(name));
        for (name, section) in changed {
            let snapshot = section.snapshot().to_string();
            state_folder.put(name, "json", snapshot.as_bytes())?;
            if let Some(items) = section.items() {
                let beside = state_folder.beside(ITEMS)?;
                items.save(&beside)?;
                state_folder.adopt(ITEMS, "sqlite", &beside)?;
            }
        }
        state_folder.publish()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<StateFolder>> {
        self.state_folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
