//! Finds the processes of functions by the variables that they were started with.
//!
//! A function can start a process in a session of its own, which then belongs to no group of ours and, once its
//! parent has ended, to no tree either. It still has the variables that Lambda reserves, which no function can set:
//! `LAMBDA_TASK_ROOT` lies in this cloud's state folder, `AWS_LAMBDA_RUNTIME_API` is the port of one environment.
//! A process that was started without its parent's variables is not found.
//!
//! Only Linux shows the variables of other processes.

use std::path::Path;

#[cfg(target_os = "linux")]
use rustix::process::kill_process;
use rustix::process::{Pid, Signal};

/// A process that is killed may have started another one since the search began.
#[cfg(target_os = "linux")]
const ROUNDS: u8 = 3;

/// Kills every process with this Runtime API.
#[cfg(target_os = "linux")]
pub(super) fn end_processes_of(runtime_api: &str) {
    end_processes(|process| {
        variable(process, "AWS_LAMBDA_RUNTIME_API").is_some_and(|api| api == runtime_api)
    });
}

/// Kills every process whose code lies in this folder.
#[cfg(target_os = "linux")]
pub(super) fn end_processes_below(folder: &Path) {
    let Ok(folder) = fs_err::canonicalize(folder) else {
        return;
    };
    end_processes(|process| runs_below(process, &folder));
}

/// The same, and every process that works in the folder: nobody else has any business there.
#[cfg(target_os = "linux")]
pub(super) fn end_processes_in(folder: &Path) {
    let Ok(folder) = fs_err::canonicalize(folder) else {
        return;
    };
    end_processes(|process| {
        let works_in = std::fs::read_link(process.join("cwd"));
        works_in.is_ok_and(|place| place.starts_with(&folder)) || runs_below(process, &folder)
    });
}

#[cfg(target_os = "linux")]
fn runs_below(process: &Path, folder: &Path) -> bool {
    let root = variable(process, "LAMBDA_TASK_ROOT");
    let root = root.and_then(|root| fs_err::canonicalize(root).ok());
    root.is_some_and(|root| root.starts_with(folder))
}

/// A variable that the process was started with; `None` too if the process is somebody else's.
#[cfg(target_os = "linux")]
fn variable(process: &Path, name: &str) -> Option<String> {
    let variables = std::fs::read(process.join("environ")).ok()?;
    let value = variables.split(|byte| *byte == 0).find_map(|variable| {
        let rest = variable.strip_prefix(name.as_bytes())?;
        rest.strip_prefix(b"=")
    })?;
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Kills the processes whose folders in `/proc` are chosen.
#[cfg(target_os = "linux")]
fn end_processes(is_chosen: impl Fn(&Path) -> bool) {
    for _ in 0..ROUNDS {
        let found: Vec<Pid> = processes()
            .filter(|id| is_chosen(&folder_of(*id)))
            .collect();
        for id in &found {
            let _ = kill_process(*id, Signal::KILL);
        }
        if found.is_empty() {
            return;
        }
    }
}

#[cfg(target_os = "linux")]
fn folder_of(process: Pid) -> std::path::PathBuf {
    Path::new("/proc").join(process.to_string())
}

/// Every process but this one.
#[cfg(target_os = "linux")]
fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs_err::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(Pid::from_raw)
        .filter(|id| *id != rustix::process::getpid())
}

/// Elsewhere a process in a session of its own is not found.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_processes_of(_runtime_api: &str) {}

/// Elsewhere a process in a session of its own is not found.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_processes_below(_folder: &Path) {}

/// Elsewhere the bootstrap is known by its path, which is its command line.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_processes_in(folder: &Path) {
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
        let id = id.parse().ok().and_then(Pid::from_raw);
        if let Some(id) = id.filter(|_| command.contains(&folder)) {
            let _ = rustix::process::kill_process_group(id, Signal::KILL);
        }
    }
}
