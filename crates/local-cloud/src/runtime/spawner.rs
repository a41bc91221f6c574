//! The one thread that starts processes, so that they end with this process.
//!
//! On Linux a child can ask for a signal when its parent dies (`PR_SET_PDEATHSIG`), but "parent"
//! means the *thread* that started it. Threads of an async runtime come and go, and healthy
//! functions would end with them. This thread lives as long as the local cloud: after `kill -9` of the whole
//! process, or after the cloud is dropped, the kernel ends the children. On other systems, and for the children's
//! own children, `orphans` cleans up at the next start. To adopt them (`PR_SET_CHILD_SUBREAPER`) would be a setting of
//! the whole process, which is a user's test.

use std::io;
use std::sync::mpsc;
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Open files of one function, as on AWS.
#[cfg(target_os = "linux")]
const DESCRIPTORS: u64 = 1024;

/// Hands commands to the thread. Dropping it ends the thread.
#[derive(Debug)]
pub(crate) struct Spawner {
    orders: mpsc::Sender<SpawnRequest>,
}

#[derive(Debug)]
struct SpawnRequest {
    command: Command,
    handle: Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    pub(crate) fn start() -> Self {
        let (orders, incoming) = mpsc::channel::<SpawnRequest>();
        let started = thread::Builder::new()
            .name("chatctl-spawner".to_owned())
            .spawn(move || {
                for order in incoming {
                    let _in_runtime = order.handle.enter();
                    let mut command = order.command;
                    let _ = order.reply.send(command.spawn());
                }
            });
        // Without the thread the channel is closed, and every spawn below says so.
        drop(started);
        Self { orders }
    }

    /// Starts a process that ends when this spawner does.
    pub(super) async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        die_with_parent(&mut command);
        let (reply, answer) = oneshot::channel();
        let order = SpawnRequest {
            command,
            handle: Handle::current(),
            reply,
        };
        let gone = || io::Error::other("the thread that starts processes is gone");
        self.orders.send(order).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "a child's limits and death signal are set between fork and exec"
)]
fn die_with_parent(command: &mut Command) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let parent = rustix::process::getpid();
    let most = getrlimit(Resource::Nofile).maximum.unwrap_or(DESCRIPTORS);
    let descriptors = Some(most.min(DESCRIPTORS));
    let ask = move || {
        let (current, maximum) = (descriptors, descriptors);
        setrlimit(Resource::Nofile, Rlimit { current, maximum })?;
        let signal = Some(rustix::process::Signal::KILL);
        rustix::process::set_parent_process_death_signal(signal)?;
        // The parent may have died before we asked.
        if rustix::process::getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::other("the parent is gone"))
        }
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; `ask` makes three plain
    // system calls, allocates nothing on success and takes no lock.
    unsafe {
        command.pre_exec(ask);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}
