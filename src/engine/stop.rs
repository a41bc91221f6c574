//! "Please stop", once or twice: a value that commands set and the executor watches.

use tokio::sync::watch;

/// How urgently to stop. Clones watch the same wish.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: watch::Sender<u8>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            asked: watch::Sender::new(0),
        }
    }
}

impl Stop {
    /// Asks once more: the first time nothing new starts, the second time what runs is dropped.
    pub fn ask(&self) {
        self.asked
            .send_modify(|times| *times = times.saturating_add(1));
    }

    /// Nothing new may start.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow() > 0
    }

    /// What runs is to be dropped.
    pub fn is_now(&self) -> bool {
        *self.asked.borrow() > 1
    }

    /// Returns how often it was asked, as soon as that is more than `known` times.
    pub async fn beyond(&self, known: u8) -> u8 {
        let mut watching = self.asked.subscribe();
        match watching.wait_for(|times| *times > known).await {
            Ok(times) => *times,
            Err(_) => std::future::pending().await,
        }
    }
}
