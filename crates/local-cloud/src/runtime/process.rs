//! One bootstrap process and its process group: start, freeze, thaw, end.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::process_search;
use super::spawner::Spawner;

/// What is started: a function's own `bootstrap`, or an interpreter with the program of a managed runtime.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) args: Vec<String>,
}

/// A running bootstrap.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    /// The address of its Runtime API, which its children have in their variables too.
    runtime_api: String,
}

/// Why a bootstrap could not be started; AWS calls all of them `Runtime.InvalidEntrypoint`.
#[derive(Debug)]
pub(super) enum StartFailure {
    Missing,
    NotExecutable,
    WrongFormat,
    NoInterpreter,
    /// What a managed runtime needs is not there.
    NoRuntime(String),
    Other(String),
}

impl StartFailure {
    /// AWS's words.
    pub(super) fn message(&self) -> String {
        let exec = "fork/exec /var/task/bootstrap";
        match self {
            Self::Missing => {
                "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned()
            }
            Self::NotExecutable => format!("{exec}: permission denied"),
            Self::WrongFormat => format!("{exec}: exec format error"),
            Self::NoInterpreter => format!("{exec}: no such file or directory"),
            Self::NoRuntime(words) => words.clone(),
            Self::Other(error) => format!("{exec}: {error}"),
        }
    }
}

impl Program {
    /// The `bootstrap` of an OS-only runtime.
    pub(super) fn bootstrap(task_root: &Path) -> Result<Self, StartFailure> {
        let path = task_root.join("bootstrap");
        if !path.is_file() {
            return Err(StartFailure::Missing);
        }
        check_format(&path)?;
        let args = Vec::new();
        Ok(Self { path, args })
    }
}

impl Process {
    /// Starts the program in the folder, with exactly these variables, both outputs into `output`.
    pub(super) async fn start(
        spawner: &Spawner,
        (program, task_root): (&Program, &Path),
        (runtime_api, variables): (String, Vec<(String, String)>),
        output: OwnedFd,
    ) -> Result<Self, StartFailure> {
        let other = |error: io::Error| StartFailure::Other(error.to_string());
        let mut command = Command::new(&program.path);
        command
            .args(&program.args)
            .current_dir(task_root)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null());
        command
            .stderr(Stdio::from(output.try_clone().map_err(other)?))
            .stdout(Stdio::from(output));
        // A group of its own: frozen and ended as a whole, and not reached by the terminal's Ctrl-C.
        command.process_group(0).kill_on_drop(true);
        let child = spawner
            .spawn(command)
            .await
            .map_err(|error| failure(&error))?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        Ok(Self {
            child,
            group,
            runtime_api,
        })
    }

    /// The process id, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Stops the whole group where it stands.
    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues it.
    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end. A frozen process gets the signal only after a thaw.
    pub(super) fn terminate(&self) {
        self.signal(Signal::TERM);
        self.thaw();
    }

    /// Waits until it ends by itself, and ends what it has left. Can be called again if it was dropped.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.end_rest().await;
        status
    }

    /// Ends the whole group now; `wait` sees it.
    pub(super) fn end_now(&self) {
        self.signal(Signal::KILL);
    }

    /// Ends it now, and waits for it.
    pub(super) async fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait().await;
        self.end_rest().await;
    }

    /// Ends its group, and its children in sessions of their own.
    async fn end_rest(&mut self) {
        if self.group.is_none() {
            return;
        }
        self.signal(Signal::KILL);
        let runtime_api = self.runtime_api.clone();
        let search = move || process_search::end_processes_of(&runtime_api);
        let _ = tokio::task::spawn_blocking(search).await;
        self.group = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // A group that is gone already is what we wanted.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Refuses a file that is neither a script nor a program for this machine. The C library would run such a file
/// with the shell, and a script without `#!` or a program for another processor would seem to work, or fail in a
/// way that AWS does not.
fn check_format(bootstrap: &Path) -> Result<(), StartFailure> {
    let mut head = [0; 20];
    let read =
        std::fs::File::open(bootstrap).and_then(|mut file| io::Read::read(&mut file, &mut head));
    match read {
        Ok(_) if head.starts_with(b"#!") || is_program(&head) => Ok(()),
        Ok(_) => Err(StartFailure::WrongFormat),
        Err(error) => Err(failure(&error)),
    }
}

/// An ELF file for this processor.
#[cfg(target_os = "linux")]
fn is_program(head: &[u8; 20]) -> bool {
    let machine = u16::from_le_bytes([head[18], head[19]]);
    let wanted = match std::env::consts::ARCH {
        "x86_64" => 62,
        "aarch64" => 183,
        _ => machine,
    };
    head.starts_with(b"\x7fELF") && machine == wanted
}

/// Elsewhere: a Mach-O file, of one processor or several.
#[cfg(not(target_os = "linux"))]
fn is_program(head: &[u8; 20]) -> bool {
    let magic = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    [0xfeed_facf, 0xcffa_edfe, 0xcafe_babe].contains(&magic)
}

fn failure(error: &io::Error) -> StartFailure {
    match error
        .raw_os_error()
        .map(rustix::io::Errno::from_raw_os_error)
    {
        Some(rustix::io::Errno::ACCESS) => StartFailure::NotExecutable,
        Some(rustix::io::Errno::NOEXEC) => StartFailure::WrongFormat,
        Some(rustix::io::Errno::NOENT) => StartFailure::NoInterpreter,
        _ => StartFailure::Other(error.to_string()),
    }
}

/// AWS's message for the end of a process.
pub(super) fn exit_reason(status: Option<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt;
    let Some(status) = status else {
        return "Runtime exited without providing a reason".to_owned();
    };
    match (status.code(), status.signal()) {
        (Some(0), _) | (None, None) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(signal)) => {
            format!("Runtime exited with error: signal: {}", signal_name(signal))
        }
    }
}

/// Go's names for signals, which are the ones that AWS shows.
fn signal_name(signal: i32) -> String {
    match signal {
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        15 => "terminated".to_owned(),
        other => other.to_string(),
    }
}
