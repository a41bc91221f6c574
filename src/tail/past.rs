//! Reads what already happened, in order, with at most about a page of each group in memory.
//!
//! Each group's pages are sorted by time, so the group that is furthest behind is read next, and
//! everything before its position can be released: no earlier event can follow. With --follow that
//! holds only for events that were old when the reading began: younger ones wait in the `Merge`
//! until every group was read again. A group that fails can then hold the others back only up to the
//! same limit as later on; the rest of its past is read while following.

use super::event::{TailItem, TailNotice};
use super::merge::Merge;
use super::reader::{Page, Reader};
use super::{TailOptions, now};
use crate::error::Result;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// Events older than this when the reading begins are visible by then: enough for AWS's delays and
/// for a clock that is somewhat wrong.
const YOUNG: i64 = 10_000;

/// Reads every group to its end. When the tail goes on, the youngest events stay in the returned
/// `Merge`, to be sorted with those that come next.
pub(crate) async fn read(
    readers: &mut [Reader],
    options: &TailOptions,
    out: &Sender<Result<TailItem>>,
) -> Result<Merge> {
    let mut merge = Merge::new(readers.len(), &options.timing);
    let young = now() - YOUNG;
    let mut unfinished: Vec<usize> = (0..readers.len()).collect();
    while let Some(next) = furthest_behind(readers, &unfinished) {
        let more = match read_page(&mut readers[next], options, out).await? {
            Page::Events { events, more } => {
                merge.push(events, Instant::now(), now());
                more
            }
            Page::Missing => false,
            Page::Denied | Page::Later => {
                merge.absent(next);
                false
            }
        };
        if !more {
            unfinished.retain(|group| *group != next);
        }
        let safe = furthest_behind(readers, &unfinished).map_or(i64::MAX, |group| {
            readers[group].newest().unwrap_or(i64::MIN)
        });
        let edge = if options.follow {
            safe.min(young)
        } else {
            safe
        };
        for event in merge.before(edge) {
            if out.send(Ok(TailItem::Event(event))).await.is_err() {
                return Ok(merge);
            }
        }
    }
    if !options.follow {
        for event in merge.drain() {
            let _ = out.send(Ok(TailItem::Event(event))).await;
        }
    }
    Ok(merge)
}

/// Reads the next page; with --follow for `patience` at most.
async fn read_page(
    reader: &mut Reader,
    options: &TailOptions,
    out: &Sender<Result<TailItem>>,
) -> Result<Page> {
    if !options.follow {
        return reader.page(out).await;
    }
    let page = reader.page_within(options.timing.patience, out).await?;
    if matches!(page, Page::Later) {
        let notice = TailNotice::LeftBehind {
            source: reader.source(),
            after: options.timing.patience,
        };
        let _ = out.send(Ok(TailItem::Notice(notice))).await;
    }
    Ok(page)
}

fn furthest_behind(readers: &[Reader], unfinished: &[usize]) -> Option<usize> {
    unfinished
        .iter()
        .copied()
        .min_by_key(|group| readers[*group].newest())
}
