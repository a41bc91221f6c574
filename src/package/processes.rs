//! The processes of a build.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// A command, and all that it starts: a build that is given up ends with all of them. (Ending the command
/// alone would leave the others at work.) The command must have been started in a group of its own.
pub(super) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    pub(super) fn of(command: &Child) -> Self {
        let id = command.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // After a build that came to its end there is nobody left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
