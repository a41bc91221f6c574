//! A command on a terminal of its own, as a person starts it.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Stdio};

/// What a command showed, and its exit code.
pub struct Shown {
    pub text: String,
    pub code: i32,
}

/// Runs it to its end, with `typed` as what the person types.
pub fn on_terminal(command: &mut Command, typed: &str) -> Shown {
    let (mut near, far) = pair();
    near.write_all(typed.as_bytes()).unwrap();
    let stdio = || Stdio::from(far.try_clone().unwrap());
    command.stdin(stdio()).stdout(stdio()).stderr(stdio());
    let mut child = command.spawn().unwrap();
    // The last writer must be the child, or reading never ends.
    *command = Command::new("true");
    drop(far);
    let mut bytes = Vec::new();
    // A terminal without writers answers with an error, not with an end.
    let _ = near.read_to_end(&mut bytes);
    Shown {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        code: child.wait().unwrap().code().unwrap_or(-1),
    }
}

fn pair() -> (File, File) {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let size = Winsize {
        ws_row: 40,
        ws_col: 200,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&near, size).unwrap();
    let name = ptsname(&near, Vec::new()).unwrap().into_bytes();
    let name = std::ffi::OsString::from_vec(name);
    let far = OpenOptions::new().read(true).write(true).open(name);
    (near.into(), far.unwrap())
}
