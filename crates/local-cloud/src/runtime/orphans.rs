//! Ends the processes of a local cloud that was killed with `kill -9`, and removes its folder.

use std::path::{Path, PathBuf};

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

/// Every process whose working folder lies in this folder is a function's.
#[cfg(target_os = "linux")]
fn end_processes_in(folder: &Path) {
    let Ok(folder) = fs_err::canonicalize(folder) else {
        return;
    };
    let Ok(entries) = fs_err::read_dir("/proc") else {
        return;
    };
    for entry in entries.flatten() {
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<i32>().ok());
        let Some(id) = id.and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        let works_in = std::fs::read_link(entry.path().join("cwd"));
        if works_in.is_ok_and(|place| place.starts_with(&folder)) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
    }
}

/// Elsewhere the bootstrap is known by its path, which is its command line.
#[cfg(not(target_os = "linux"))]
fn end_processes_in(folder: &Path) {
    let Ok(listed) = std::process::Command::new("ps")
        .args(["-axo", "pid=,command="])
        .output()
    else {
        return;
    };
    let folder = folder.display().to_string();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let Some((id, command)) = line.trim().split_once(' ') else {
            continue;
        };
        let id = id.parse().ok().and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id.filter(|_| command.contains(&folder)) {
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}
