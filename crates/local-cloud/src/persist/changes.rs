//! Which parts of the state have changed since they were last written.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

use super::SECTIONS;

/// One bit for each section.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    marked: AtomicU32,
    woken: Notify,
}

impl Changes {
    /// Something of this service has changed. A service without a section is ignored.
    pub(crate) fn mark(&self, service: &str) {
        // AssumeRole changes IAM's list of sessions.
        let section = if service == "sts" { "iam" } else { service };
        if let Some(index) = SECTIONS.iter().position(|known| *known == section) {
            self.marked.fetch_or(1 << index, Ordering::AcqRel);
            self.woken.notify_one();
        }
    }

    /// Everything has to be written.
    pub(super) fn mark_all(&self) {
        self.marked.store(u32::MAX, Ordering::Release);
    }

    /// Waits for the next change.
    pub(super) async fn changed(&self) {
        self.woken.notified().await;
    }

    /// The sections that have changed; none from now on.
    pub(super) fn take(&self) -> Marks {
        Marks(self.marked.swap(0, Ordering::AcqRel))
    }

    /// The sections could not be written and still have to be.
    pub(super) fn put_back(&self, marks: Marks) {
        self.marked.fetch_or(marks.0, Ordering::AcqRel);
    }
}

/// The sections that had changed at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks(u32);

impl Marks {
    pub(super) fn contains(self, section: &str) -> bool {
        let index = SECTIONS.iter().position(|known| *known == section);
        index.is_some_and(|index| self.0 & (1 << index) != 0)
    }
}
