//! Ends the processes of a local cloud that was killed with `kill -9`, and removes its folder.

use std::path::{Path, PathBuf};

use super::process_search::end_processes_in;
use crate::start_error::StartError;

/// Begins the name of a temporary state folder; the owner's process id follows.
const PREFIX: &str = "chatctl-local-";

/// The folder that this cloud may write into, without what a former one left there; a fresh temporary one
/// if `wanted` names none.
pub(crate) fn state_dir(wanted: Option<PathBuf>) -> Result<PathBuf, StartError> {
    let folder = wanted.unwrap_or_else(|| {
        let name = format!("{PREFIX}{}-{:08x}", std::process::id(), fastrand::u32(..));
        std::env::temp_dir().join(name)
    });
    match fs_err::create_dir_all(&folder) {
        Ok(()) => {
            end_orphans(&folder);
            Ok(folder)
        }
        Err(source) => Err(StartError::State { folder, source }),
    }
}

/// Checks the folders of former local clouds beside `state_dir`, and `state_dir` itself.
fn end_orphans(state_dir: &Path) {
    end_processes_in(state_dir);
    let Some(entries) = state_dir
        .parent()
        .and_then(|parent| fs_err::read_dir(parent).ok())
    else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        let owner = owner
            .and_then(|id| id.parse().ok())
            .and_then(rustix::process::Pid::from_raw);
        let Some(owner) = owner else { continue };
        // Only "no such process" proves it; for a process of another user the error is another one.
        if rustix::process::test_kill_process(owner) == Err(rustix::io::Errno::SRCH) {
            end_processes_in(&entry.path());
            let _ = fs_err::remove_dir_all(entry.path());
        }
    }
}
