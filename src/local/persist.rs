//! `--persist`: keeps every room's state in a folder over restarts.
//!
//! Each room gives a snapshot of itself. A short while after a change everything that differs is
//! written: beside the file first, then renamed, so that a kill at any moment leaves the old file or
//! the new one. Open sockets and running processes are not state and end with the local cloud.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use super::{Cloud, StartError};

/// Changes that come together are written together.
const PAUSE: Duration = Duration::from_millis(300);

/// Where the state is kept, if anywhere.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    folder: Option<PathBuf>,
    changed: Notify,
    /// Held while writing; true after the last time. Two writers must not meet, and none may come
    /// after the end, when the next local cloud may use the folder already.
    ended: Mutex<bool>,
}

impl Keeper {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            changed: Notify::new(),
            ended: Mutex::new(false),
        }
    }

    /// Something has changed.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }

    /// Reads what a former local cloud left.
    pub(crate) fn load(&self, cloud: &Cloud) -> Result<(), StartError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let failed = |source| StartError::State {
            folder: folder.clone(),
            source,
        };
        fs_err::create_dir_all(folder).map_err(failed)?;
        let read = |room: &str| read(&folder.join(format!("{room}.json")));
        let rooms = || -> std::io::Result<()> {
            read("iam")?
                .map(|state| cloud.iam.restore(state))
                .transpose()?;
            read("logs")?
                .map(|state| cloud.logs.restore(state))
                .transpose()?;
            read("apigateway")?
                .map(|state| cloud.account.restore(state))
                .transpose()?;
            read("apigatewayv2")?
                .map(|state| cloud.apis.restore(cloud, state))
                .transpose()?;
            read("lambda")?
                .map(|state| cloud.functions.restore(state))
                .transpose()?;
            cloud.tables.load(folder)
        };
        rooms().map_err(failed)
    }

    /// Writes after every change until the cloud stops.
    pub(crate) async fn run(cloud: Arc<Cloud>) {
        if cloud.keeper.folder.is_none() {
            return;
        }
        loop {
            tokio::select! {
                () = cloud.keeper.changed.notified() => {}
                () = cloud.stopping.cancelled() => return,
            }
            tokio::time::sleep(PAUSE).await;
            let saving = Arc::clone(&cloud);
            let _ = tokio::task::spawn_blocking(move || saving.keeper.save(&saving, false)).await;
        }
    }

    /// Writes everything that differs from what is there; `last` ends it for good.
    pub(crate) fn save(&self, cloud: &Cloud, last: bool) -> std::io::Result<()> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(folder) = self.folder.as_ref().filter(|_| !*ended) else {
            return Ok(());
        };
        *ended = last;
        let rooms: [(&str, Value); 5] = [
            ("iam", cloud.iam.snapshot()),
            ("logs", cloud.logs.snapshot()),
            ("apigateway", cloud.account.snapshot()),
            ("apigatewayv2", cloud.apis.snapshot()),
            ("lambda", cloud.functions.snapshot()),
        ];
        for (room, state) in rooms {
            write(&folder.join(format!("{room}.json")), &state.to_string())?;
        }
        cloud.tables.save(folder)
    }
}

fn read(file: &Path) -> std::io::Result<Option<Value>> {
    match fs_err::read_to_string(file) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if fs_err::read_to_string(file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let beside = file.with_extension("json.new");
    fs_err::write(&beside, text)?;
    fs_err::rename(beside, file)
}
