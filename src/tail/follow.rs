//! Reads new events for ever: a task for each group, one merge for all.
//!
//! The pause between reads adapts. While events arrive, an event of any group makes all groups read
//! often, because a request writes to all of them; without events the pause grows.

use super::event::{LogEvent, TailItem, TailNotice};
use super::merge::Merge;
use super::reader::{Page, Reader};
use super::{Timing, now};
use crate::error::{Error, Result};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long after the last event reads stay frequent.
const BUSY: Duration = Duration::from_secs(20);
/// How often a group without permission is retried: permissions change, and tokens are renewed.
const DENIED_PAUSE: Duration = Duration::from_secs(15);

/// How long writing events may take before the output counts as slow.
const SLOW: Duration = Duration::from_millis(100);

enum Found {
    Events(Vec<LogEvent>, Instant, i64),
    Swept(usize, Instant),
    Absent(usize),
}

/// Runs until the receiver is dropped or AWS rejects the request as invalid.
pub(crate) async fn run(
    readers: Vec<Reader>,
    mut merge: Merge,
    timing: Timing,
    out: &mpsc::Sender<Result<TailItem>>,
) -> Result<()> {
    let sources: Vec<_> = readers.iter().map(Reader::source).collect();
    let (mut finds, mut sweepers) = start(readers, timing, out);
    merge.mark_past();
    let mut is_past = true;
    loop {
        let due = merge.next_due();
        tokio::select! {
            next = finds.recv() => match next {
                Some(Found::Events(events, arrived, wall)) => merge.push(events, arrived, wall),
                Some(Found::Swept(group, began)) => merge.swept(group, began),
                Some(Found::Absent(group)) => merge.absent(group),
                None => return Ok(()),
            },
            () = until(due) => {}
            Some(ended) = sweepers.join_next() => {
                ended.map_err(|error| Error::failed("reading the logs broke off").because(error))??;
            }
        }
        if give(&mut merge, out).await.is_err() {
            return Ok(());
        }
        for group in merge.take_left_behind() {
            let notice = TailNotice::LeftBehind {
                source: sources[group],
                after: timing.patience,
            };
            let _ = out.send(Ok(TailItem::Notice(notice))).await;
        }
        if is_past && merge.past_is_out() {
            is_past = false;
            let _ = out.send(Ok(TailItem::CaughtUp)).await;
        }
    }
}

/// A task for each group.
fn start(
    readers: Vec<Reader>,
    timing: Timing,
    out: &mpsc::Sender<Result<TailItem>>,
) -> (mpsc::Receiver<Found>, JoinSet<Result<()>>) {
    let (found, finds) = mpsc::channel(16);
    let (active, activity) = watch::channel(Instant::now());
    let mut sweepers = JoinSet::new();
    for (index, reader) in readers.into_iter().enumerate() {
        let sweeper = Sweeper {
            index,
            reader,
            timing,
            found: found.clone(),
            active: active.clone(),
            activity: activity.clone(),
            out: out.clone(),
        };
        sweepers.spawn(sweeper.run());
    }
    (finds, sweepers)
}

/// Sends what is settled. While the output is slow, the sweepers have to wait too, and that time must
/// not count as their delay.
async fn give(
    merge: &mut Merge,
    out: &mpsc::Sender<Result<TailItem>>,
) -> std::result::Result<(), mpsc::error::SendError<Result<TailItem>>> {
    let began = Instant::now();
    for event in merge.settled(began) {
        out.send(Ok(TailItem::Event(event))).await?;
    }
    let took = began.elapsed();
    if took > SLOW {
        merge.pardon(took);
    }
    Ok(())
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

struct Sweeper {
    index: usize,
    reader: Reader,
    timing: Timing,
    found: mpsc::Sender<Found>,
    active: watch::Sender<Instant>,
    activity: watch::Receiver<Instant>,
    out: mpsc::Sender<Result<TailItem>>,
}

impl Sweeper {
    async fn run(mut self) -> Result<()> {
        while !self.found.is_closed() {
            let began = Instant::now();
            // A sweep that began before an interruption does not cover what arrived since.
            let whole = !self.reader.is_midway();
            let can_read = self.sweep().await?;
            let said = match (can_read, whole) {
                (true, true) => Some(Found::Swept(self.index, began)),
                (true, false) => None,
                (false, _) => Some(Found::Absent(self.index)),
            };
            if let Some(said) = said {
                let _ = self.found.send(said).await;
            }
            if can_read {
                self.pause(began).await;
            } else {
                tokio::time::sleep(DENIED_PAUSE).await;
            }
        }
        Ok(())
    }

    /// False without permission to read the group.
    async fn sweep(&mut self) -> Result<bool> {
        loop {
            let (events, more) = match self.reader.page(&self.out).await? {
                Page::Events { events, more } => (events, more),
                Page::Missing => return Ok(true),
                Page::Denied => return Ok(false),
                Page::Later => continue,
            };
            if !events.is_empty() {
                self.active.send_replace(Instant::now());
                let page = Found::Events(events, Instant::now(), now());
                let _ = self.found.send(page).await;
            }
            if !more {
                return Ok(true);
            }
        }
    }

    /// Waits until the next read is due; an event of another group makes it earlier.
    async fn pause(&mut self, began: Instant) {
        loop {
            let quiet = self.activity.borrow_and_update().elapsed();
            let pause = pause_after(quiet, &self.timing);
            tokio::select! {
                () = tokio::time::sleep_until(began + pause) => return,
                changed = self.activity.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// How long to wait between two looks when the last event of any group came `quiet` ago: short while
/// events come, then longer bit by bit.
fn pause_after(quiet: Duration, timing: &Timing) -> Duration {
    let slower = quiet.saturating_sub(BUSY) / 10;
    (timing.busy_pause + slower).min(timing.idle_pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_frequent_while_events_come_and_become_rare_in_silence() {
        let pause = |seconds| pause_after(Duration::from_secs(seconds), &Timing::AWS);
        assert_eq!(pause(0), Timing::AWS.busy_pause);
        assert_eq!(pause(20), Timing::AWS.busy_pause);
        assert_eq!(pause(40), Duration::from_secs(3));
        assert_eq!(pause(3600), Timing::AWS.idle_pause);
    }
}
