//! Reads what already happened, in order, with at most about a page of each group in memory.
//!
//! Each group's pages are sorted by time, so the group that is furthest behind is read next, and
//! everything before its position can go out: nobody can come before it any more.

use super::event::Said;
use super::merge::Merge;
use super::reader::{Page, Reader};
use super::{Options, millis, now};
use crate::error::Result;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// Reads every group to its end. When the tail goes on, the youngest events stay in the returned
/// [`Merge`], to be sorted with those that come next.
pub(crate) async fn read(
    readers: &mut [Reader],
    options: &Options,
    out: &Sender<Result<Said>>,
) -> Result<Merge> {
    let mut merge = Merge::new(readers.len(), &options.timing);
    let mut unfinished: Vec<usize> = (0..readers.len()).collect();
    while let Some(next) = furthest_behind(readers, &unfinished) {
        let began = Instant::now();
        let more = match readers[next].page(out).await? {
            Page::Events { events, more } => {
                merge.push(events, Instant::now(), now());
                more
            }
            Page::Nothing => false,
        };
        if !more {
            unfinished.retain(|group| *group != next);
            merge.swept(next, began);
        }
        let safe = furthest_behind(readers, &unfinished).map_or(i64::MAX, |group| {
            readers[group].newest().unwrap_or(i64::MIN)
        });
        let young = now() - millis(options.timing.settle);
        let edge = if options.follow {
            safe.min(young)
        } else {
            safe
        };
        for event in merge.before(edge) {
            if out.send(Ok(Said::Event(event))).await.is_err() {
                return Ok(merge);
            }
        }
    }
    if !options.follow {
        for event in merge.drain() {
            let _ = out.send(Ok(Said::Event(event))).await;
        }
    }
    Ok(merge)
}

fn furthest_behind(readers: &[Reader], unfinished: &[usize]) -> Option<usize> {
    unfinished
        .iter()
        .copied()
        .min_by_key(|group| readers[*group].newest())
}
