//! The signals that ask chatctl to stop: SIGINT (Ctrl-C), SIGTERM and SIGHUP, which all do the same.
//!
//! `main` begins to listen before anything else. A command that has something to finish first handles
//! the signals with [`handle`]; whenever none does, a signal ends the process at once, with one
//! message. So does a signal beyond the number that a handler takes. The exit code is the shell's: 128
//! and the signal's number.

use crate::error::Error;
use std::process::exit;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// A signal that asks the process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// The terminal went away.
    Hangup,
    /// Ctrl-C.
    Interrupt,
    /// What service managers and CI send.
    Terminate,
}

impl StopSignal {
    /// What the process ends with.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        }
    }
}

/// The signals so far.
#[derive(Debug, Clone, Copy, Default)]
struct Received {
    first: Option<StopSignal>,
    times: u32,
}

/// Signals belong to the process, so their state does.
static RECEIVED: LazyLock<watch::Sender<Received>> =
    LazyLock::new(|| watch::Sender::new(Received::default()));
/// How many signals each of the present handlers takes.
static HANDLERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Begins to listen. Once, on a runtime that goes on while `main` waits for input: `last_words` is
/// called with the reason and the exit code when the process ends because nobody handles a signal.
///
/// # Errors
/// The system does not allow it.
pub fn listen(last_words: impl Fn(&Error, u8) + Send + 'static) -> std::io::Result<()> {
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        loop {
            let signal = signals.next().await;
            if !is_handled(signal) {
                let (name, code) = (signal.name(), signal.exit_code());
                last_words(&Error::interrupted(format!("stopped by {name}")), code);
                exit(code.into());
            }
        }
    });
    Ok(())
}

/// Whether a handler takes it.
fn is_handled(signal: StopSignal) -> bool {
    let handlers = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted = handlers.iter().max().copied().unwrap_or(0);
    let times = RECEIVED.borrow().times + 1;
    if times > wanted {
        return false;
    }
    let first = RECEIVED.borrow().first.or(Some(signal));
    RECEIVED.send_replace(Received { first, times });
    true
}

/// The first signal that a handler took.
pub fn first() -> Option<StopSignal> {
    RECEIVED.borrow().first
}

/// Handles the next signals, up to `times`, until it is dropped.
#[derive(Debug)]
pub struct Handler {
    received: watch::Receiver<Received>,
    times: u32,
}

/// Takes up to `times` signals. Where nobody listens, as in a test, none ever comes.
pub fn handle(times: u32) -> Handler {
    let mut handlers = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
    handlers.push(times);
    Handler {
        received: RECEIVED.subscribe(),
        times,
    }
}

impl Handler {
    /// Waits until a signal has come.
    pub async fn stopped(&self) -> StopSignal {
        self.received(1).await
    }

    /// Waits until so many signals have come, and returns the first. May be cancelled and called
    /// again.
    pub async fn received(&self, times: u32) -> StopSignal {
        let mut received = self.received.clone();
        let enough = received.wait_for(|received| received.times >= times).await;
        match enough.ok().and_then(|received| received.first) {
            Some(first) => first,
            None => std::future::pending().await,
        }
    }

    /// Ends the process so long after a signal, whatever it is doing then.
    pub fn end_after(&self, limit: Duration) {
        let mut received = self.received.clone();
        tokio::spawn(async move {
            let heard = received.wait_for(|received| received.times > 0).await;
            let Some(first) = heard.ok().and_then(|received| received.first) else {
                return;
            };
            tokio::time::sleep(limit).await;
            exit(first.exit_code().into());
        });
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let mut handlers = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = handlers.iter().position(|times| *times == self.times) {
            handlers.swap_remove(at);
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: match is_hangup_ignored() {
                true => None,
                false => Some(signal(SignalKind::hangup())?),
            },
        })
    }

    async fn next(&mut self) -> StopSignal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
            _ = hangup => StopSignal::Hangup,
        }
    }
}

/// `nohup` makes its command ignore SIGHUP; to listen would undo that. Only Linux shows it in a file.
fn is_hangup_ignored() -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
