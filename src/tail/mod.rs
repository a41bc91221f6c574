//! Many log groups, one ordered stream, each event once.
//!
//! CloudWatch Logs has no cursor that survives late events: a line can become visible seconds after
//! it was written, behind lines that were already read, and a page can be empty while more follow.
//! So every group is read again and again over an overlapping span (`cursor`), the ids already
//! seen are remembered as long as they can come again (`seen`), and what is new waits until every
//! other group was read past it (`merge`).
//!
//! ```text
//! group ─ reader (pages, retries) ─ cursor (what is new) ─┐
//! group ─ reader ────────────────── cursor ───────────────┼─▶ merge ─▶ TailItem::{Event, Notice, …}
//! group ─ reader ────────────────── cursor ───────────────┘
//! ```
//!
//! `cursor`, `seen`, `merge` and `correlator` are pure: time is an argument. `past` reads what already
//! happened, `follow` goes on from there, `live` uses StartLiveTail instead. Nothing here writes
//! to a terminal.

pub mod classify;
pub mod correlator;
mod cursor;
mod event;
mod fault;
mod follow;
pub mod groups;
pub mod live;
mod merge;
pub mod pace;
mod past;
mod reader;
mod retry;
mod seen;
pub mod select;
mod source;
pub mod when;

pub use event::{Group, LiveNotice, LogEvent, TailItem, TailNotice};
pub use pace::Pacer;
pub use source::LogSource;

use crate::error::Result;
use crate::naming::rights::{Right, Task, on};
use aws_sdk_cloudwatchlogs::Client;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The rights to read the logs. The execution log's group carries the API's id, so the API is looked
/// up, and a live tail refuses groups that are not there.
pub const RIGHTS: &[Right] = &[
    Right::for_tasks(&[Task::Logs], "apigateway:GET", on::apis),
    Right::for_tasks(&[Task::Logs], "logs:DescribeLogGroups", on::anything),
    Right::for_tasks(&[Task::Logs], "logs:FilterLogEvents", on::log_groups),
    Right::for_tasks(&[Task::Logs], "logs:StartLiveTail", on::log_groups),
];

/// Capacity of the channel to the output: a slow terminal slows the reading down instead of filling
/// the memory.
const CHANNEL: usize = 4096;

/// What to read, and with which delays.
#[derive(Debug, Clone)]
pub struct TailOptions {
    /// From when, epoch milliseconds.
    pub since: i64,
    /// Until when, epoch milliseconds; without it: now, and with `follow` for ever.
    pub until: Option<i64>,
    /// Whether to continue with new events after the past.
    pub follow: bool,
    /// A CloudWatch filter pattern, applied by AWS.
    pub pattern: Option<String>,
    /// Delays and look-back times.
    pub timing: Timing,
}

/// Delays, limits and look-back times. They trade API calls against latency; none of them can lose an
/// event.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// An event may come this long after its own time and is still found.
    pub overlap: Duration,
    /// How often the whole overlap is read again. Reads in between look back less far.
    pub deep_every: Duration,
    /// How far the reads in between look back.
    pub glance: Duration,
    /// An event is released when every group was read this long after its arrival: whatever becomes
    /// visible within this time is in order.
    pub settle: Duration,
    /// How long a group that does not answer can hold the others back. After that they continue
    /// without it, with a notice.
    pub patience: Duration,
    /// Pause between two reads while events arrive.
    pub busy_pause: Duration,
    /// Pause between two reads when none arrived for a while.
    pub idle_pause: Duration,
    /// How long a call may take at first, much less than `patience`: a call that hangs must not make
    /// the others go on without its group.
    pub answer: Duration,
    /// Pause after the first failure; it doubles with each further one.
    pub retry_pause: Duration,
}

impl Timing {
    /// For AWS: Lambda's lines become visible 1.5 to 9 s after they were written, calls are scarce.
    pub const AWS: Self = Self {
        overlap: Duration::from_secs(90),
        deep_every: Duration::from_secs(15),
        glance: Duration::from_secs(15),
        settle: Duration::from_secs(2),
        patience: Duration::from_secs(30),
        busy_pause: Duration::from_secs(1),
        idle_pause: Duration::from_secs(5),
        answer: Duration::from_secs(5),
        retry_pause: Duration::from_millis(200),
    };

    /// For a cloud on this machine: the same spans, shorter waits.
    pub const NEAR: Self = Self {
        deep_every: Duration::from_secs(4),
        settle: Duration::from_millis(250),
        busy_pause: Duration::from_millis(150),
        idle_pause: Duration::from_millis(1_500),
        ..Self::AWS
    };
}

/// Starts reading and returns at once; events come out of the channel in order. Dropping the
/// receiver ends the reading.
pub fn start(
    client: Client,
    groups: Vec<Group>,
    options: TailOptions,
    pacer: Arc<Pacer>,
) -> mpsc::Receiver<Result<TailItem>> {
    let (out, said) = mpsc::channel(CHANNEL);
    tokio::spawn(async move {
        let answer = tokio::select! {
            answer = run(client, groups, options, pacer, &out) => answer,
            () = out.closed() => Ok(()),
        };
        if let Err(error) = answer {
            // Nobody listening any more is the normal way to end.
            let _ = out.send(Err(error)).await;
        }
    });
    said
}

async fn run(
    client: Client,
    groups: Vec<Group>,
    options: TailOptions,
    pacer: Arc<Pacer>,
    out: &mpsc::Sender<Result<TailItem>>,
) -> Result<()> {
    let mut readers: Vec<_> = groups
        .into_iter()
        .map(|group| reader::Reader::new(&client, group, &options, Arc::clone(&pacer)))
        .collect();
    let merge = past::read(&mut readers, &options, out).await?;
    if options.follow {
        return follow::run(readers, merge, options.timing, out).await;
    }
    let _ = out.send(Ok(TailItem::CaughtUp)).await;
    Ok(())
}

/// Now, as CloudWatch counts: epoch milliseconds.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

pub(crate) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
