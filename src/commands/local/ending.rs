//! Ctrl-C, and SIGTERM, which service managers and CI send.
//!
//! Listened for from the first moment, so that what comes before anybody waits for it counts too. The
//! second one ends the process at once: the kernel takes the functions along.

use crate::error::Result;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// The wish to end.
#[derive(Debug)]
pub(super) struct Ending {
    told: CancellationToken,
}

impl Ending {
    /// Begins to listen.
    pub(super) fn listen() -> Result<Self> {
        let told = CancellationToken::new();
        let (mut signals, tell) = (Signals::listen()?, told.clone());
        tokio::spawn(async move {
            signals.next().await;
            tell.cancel();
            signals.next().await;
            std::process::exit(130);
        });
        Ok(Self { told })
    }

    /// Waits for the wish.
    pub(super) async fn told(&self) {
        self.told.cancelled().await;
    }

    /// The wish as a message.
    pub(super) fn once(&self) -> oneshot::Receiver<()> {
        let (tell, once) = oneshot::channel();
        let told = self.told.clone();
        tokio::spawn(async move {
            told.cancelled().await;
            let _ = tell.send(());
        });
        once
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without signals only the end of the process ends it.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
