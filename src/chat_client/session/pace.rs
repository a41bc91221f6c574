//! How fast messages may leave: just below what the chat refuses.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The chat refuses more than 10 messages in 10 seconds.
const MESSAGES: usize = 9;
pub(super) const WINDOW: Duration = Duration::from_millis(10_500);

/// When the last messages left.
#[derive(Debug, Default)]
pub(super) struct Pace {
    sent: VecDeque<Instant>,
    told: bool,
}

impl Pace {
    /// A message leaves.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent.push_back(now);
        if self.sent.len() > MESSAGES {
            self.sent.pop_front();
        }
    }

    /// When the next one may leave, if not at once.
    pub(super) fn allows_at(&self) -> Option<Instant> {
        let is_full = self.sent.len() >= MESSAGES;
        is_full.then(|| self.sent.front().map(|first| *first + WINDOW))?
    }

    /// Whether the next one has to wait.
    pub(super) fn holds(&self, now: Instant) -> bool {
        self.allows_at().is_some_and(|at| at > now)
    }

    /// True once, until [`Pace::forget_told`].
    pub(super) fn is_news(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// Nothing waits any more: the next wait is news again.
    pub(super) fn forget_told(&mut self) {
        self.told = false;
    }
}
