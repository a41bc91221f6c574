//! `--persist`: keeps every room's state in a folder over restarts.
//!
//! Each room gives a snapshot of itself. A short while after a change what differs is written to files
//! that are named by their contents, and then a new table of contents takes the place of the former one
//! in one step. So a kill at any moment, or a full disk, leaves the whole old state or the whole new
//! one, never a mixture. Open sockets and running processes are not state and end with the local cloud.
//!
//! A folder is believed only as far as it can be read: one of another version, of another account or
//! region, or with other files in it is refused before anything in it is touched. `folder_state` knows the
//! files, this file knows the rooms.

mod state_folder;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::{Cloud, StartError};
use state_folder::StateFolder;

/// Changes that come together are written together.
const PAUSE: Duration = Duration::from_millis(300);

/// What is kept; the name is the file's first part, and for most the service's.
const ROOMS: [&str; 7] = [
    "iam",
    "logs",
    "apigateway",
    "apigatewayv2",
    "lambda",
    "dynamodb",
    "clock",
];

/// The tables' items, which are a file of the engine's own.
const ITEMS: &str = "items";

/// Where the state is kept, if anywhere.
#[derive(Debug)]
pub(crate) struct Keeper {
    folder: Option<PathBuf>,
    woken: Notify,
    /// One bit for each room that has changed since it was last written.
    changed: AtomicU32,
    /// Held while writing; nothing after the last time, when the next local cloud may use the folder
    /// already.
    folder_state: Mutex<Option<StateFolder>>,
    /// Why the last writing failed.
    trouble: watch::Sender<Option<String>>,
}

impl Keeper {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            woken: Notify::new(),
            changed: AtomicU32::new(0),
            folder_state: Mutex::new(None),
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

    /// Something has changed in the room of this service.
    pub(crate) fn changed(&self, service: &str) {
        if self.folder.is_none() {
            return;
        }
        // Whoever assumes a role changes the list of sessions.
        let room = if service == "sts" { "iam" } else { service };
        if let Some(index) = ROOMS.iter().position(|known| *known == room) {
            self.changed.fetch_or(1 << index, Ordering::AcqRel);
            self.woken.notify_one();
        }
    }

    /// Reads what a former local cloud left.
    pub(crate) fn load(&self, cloud: &Cloud) -> Result<(), StartError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let folder_state = StateFolder::open(folder, &identity(cloud))?;
        for room in ROOMS {
            if let Some((file, state)) = folder_state.read(room)? {
                let unusable = |source| StartError::Unreadable { file, source };
                restore(cloud, room, state).map_err(unusable)?;
            }
        }
        if let Some((file, _)) = folder_state.file(ITEMS)? {
            let loaded = cloud.tables.load_items(&file);
            loaded.map_err(|source| StartError::Unreadable { file, source })?;
        }
        *self
            .folder_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(folder_state);
        Ok(())
    }

    /// Writes after every change until the cloud stops.
    pub(crate) async fn run(cloud: Arc<Cloud>) {
        if cloud.keeper.folder.is_none() {
            return;
        }
        let mut pause = PAUSE;
        loop {
            tokio::select! {
                () = cloud.keeper.woken.notified() => {}
                () = cloud.stopping.cancelled() => return,
            }
            tokio::time::sleep(pause).await;
            let (saving, began) = (Arc::clone(&cloud), Instant::now());
            let _ = tokio::task::spawn_blocking(move || saving.keeper.save(&saving)).await;
            // A large state must not keep the machine busy with nothing but writing it.
            pause = PAUSE.max(began.elapsed() * 4);
        }
    }

    /// Writes what has changed, and says so when it cannot.
    fn save(&self, cloud: &Cloud) {
        let mut folder_state = self
            .folder_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(folder_state) = folder_state.as_mut() else {
            return;
        };
        let changed = self.changed.swap(0, Ordering::AcqRel);
        let saved = put_all(cloud, folder_state, changed);
        if saved.is_err() {
            self.changed.fetch_or(changed, Ordering::AcqRel);
        }
        self.trouble.send_if_modified(|trouble| {
            let now = saved.err().map(|error| error.to_string());
            let differs = *trouble != now;
            *trouble = now;
            differs
        });
    }

    /// Writes everything for the last time, and lets the folder go.
    pub(crate) fn close(&self, cloud: &Cloud) {
        self.changed.store(u32::MAX, Ordering::Release);
        self.save(cloud);
        self.folder_state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

/// Whose state it is: ARNs hold both.
fn identity(cloud: &Cloud) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("accountId", cloud.account_id.clone()),
        ("region", cloud.region.clone()),
    ])
}

fn put_all(cloud: &Cloud, folder_state: &mut StateFolder, changed: u32) -> std::io::Result<()> {
    for (index, room) in ROOMS.into_iter().enumerate() {
        if changed & (1 << index) == 0 {
            continue;
        }
        folder_state.put(room, "json", snapshot(cloud, room).to_string().as_bytes())?;
        if room == "dynamodb" {
            let beside = folder_state.beside(ITEMS);
            cloud.tables.save_items(&beside)?;
            folder_state.adopt(ITEMS, "sqlite", &beside)?;
        }
    }
    folder_state.publish()
}

fn snapshot(cloud: &Cloud, room: &str) -> Value {
    match room {
        "iam" => cloud.iam.snapshot(),
        "logs" => cloud.logs.snapshot(),
        "apigateway" => cloud.account.snapshot(),
        "apigatewayv2" => cloud.apis.snapshot(),
        "lambda" => cloud.functions.snapshot(),
        "dynamodb" => cloud.tables.snapshot(),
        _ => json!({ "aheadMillis": cloud.clock.ahead_ms() }),
    }
}

fn restore(cloud: &Cloud, room: &str, state: Value) -> std::io::Result<()> {
    match room {
        "iam" => cloud.iam.restore(state)?,
        "logs" => cloud.logs.restore(state)?,
        "apigateway" => cloud.account.restore(state)?,
        "apigatewayv2" => cloud.apis.restore(cloud, state)?,
        "lambda" => cloud.functions.restore(state)?,
        "dynamodb" => cloud.tables.restore(state)?,
        // What was written must not lie in the future now.
        _ => {
            let ahead = state["aheadMillis"].as_u64().unwrap_or_default();
            cloud.clock.turn(Duration::from_millis(ahead));
        }
    }
    Ok(())
}
