//! StartLiveTail: CloudWatch pushes events about a second after they came in.
//!
//! It is billed by the minute and shows a sample above 500 events a second, so it is used only on
//! request, and polling stays the default. A session ends after three hours, or when the
//! connection breaks; then the next one is opened first, and what came in between is read with
//! FilterLogEvents (`gap`). Where the two overlap nothing is shown twice (`recent`).
//!
//! StartLiveTail rejects the request when one group is missing. So only existing groups are
//! requested, and when another one appears the session is opened again with it.

mod gap;
mod groups;
mod recent;
mod session;

use super::event::{Group, LiveNotice, LogEvent, TailItem, TailNotice};
use super::fault::Fault;
use super::merge::Merge;
use super::pace::Pacer;
use super::{CHANNEL, TailOptions, millis, now};
use crate::config::ChatFlags;
use crate::error::{Error, Result};
use aws_sdk_cloudwatchlogs::Client;
use gap::Gap;
use groups::Groups;
use recent::Recent;
use session::{LiveSession, Update};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A session that ends sooner counts as failed.
const SHORT: Duration = Duration::from_secs(5);
/// After so many of them in a row no other one is opened.
const TOO_MANY: u32 = 5;
/// How often the first session is retried.
const FIRST_TRIES: u32 = 3;
/// How often missing groups are looked for.
const LOOK: Duration = Duration::from_secs(5);
/// The longest pause between two tries to open a session.
const LONGEST: Duration = Duration::from_secs(30);

/// What a live session costs. From the public price list of 2026; regions differ a little.
pub const PRICE: &str = "Live Tail costs about $0.01 a minute; 1,800 minutes a month are free";

/// Where the session reads.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// The groups; their ARNs are made from `arn_prefix`.
    pub groups: Vec<Group>,
    /// `arn:aws:logs:{region}:{account}:log-group:`.
    pub arn_prefix: String,
    /// The endpoint is not AWS, so the host prefix must go.
    pub plain_host: bool,
    /// The flags that lead the command in a hint to the same chat.
    pub flags: ChatFlags,
}

impl LiveOptions {
    fn polling(&self) -> String {
        format!(
            "`{}` without --live polls instead",
            self.flags.command("logs --follow")
        )
    }
}

/// Starts a live session and returns at once.
pub fn start(
    client: Client,
    live: LiveOptions,
    options: TailOptions,
    pacer: Arc<Pacer>,
) -> mpsc::Receiver<Result<TailItem>> {
    let (out, said) = mpsc::channel(CHANNEL);
    tokio::spawn(async move {
        let tail = Tail::new(client, live, options, pacer, out.clone());
        let answer = tokio::select! {
            answer = tail.run() => answer,
            () = out.closed() => Ok(()),
        };
        if let Err(error) = answer {
            let _ = out.send(Err(error)).await;
        }
    });
    said
}

struct Tail {
    client: Client,
    live: LiveOptions,
    options: TailOptions,
    pacer: Arc<Pacer>,
    out: mpsc::Sender<Result<TailItem>>,
    merge: Merge,
    recent: Recent,
    /// Up to when, on our clock, a session showed everything.
    covered: i64,
    gap: Option<Gap>,
    /// Since when only a sample comes.
    sampled: Option<Instant>,
}

impl Tail {
    fn new(
        client: Client,
        live: LiveOptions,
        options: TailOptions,
        pacer: Arc<Pacer>,
        out: mpsc::Sender<Result<TailItem>>,
    ) -> Self {
        Self {
            merge: Merge::new(0, &options.timing),
            recent: Recent::default(),
            covered: now(),
            gap: None,
            sampled: None,
            client,
            live,
            options,
            pacer,
            out,
        }
    }

    /// One session after the other.
    async fn run(mut self) -> Result<()> {
        let mut groups = Groups::new(
            self.client.clone(),
            self.live.groups.clone(),
            self.out.clone(),
        );
        self.say(TailItem::CaughtUp).await;
        let started = self.covered;
        let (mut short, mut why) = (0, None);
        loop {
            let new = groups.wait_for_any(why.is_some()).await?;
            let Some(session) = self.open(&groups, why.is_some()).await? else {
                continue;
            };
            if let Some(why) = why.take() {
                self.say(TailItem::Notice(TailNotice::Live(LiveNotice::Renewed {
                    why,
                })))
                .await;
                self.gap = Some(self.gap(&groups, &new, started));
            }
            let began = Instant::now();
            let ended = self.pump(session, &mut groups).await?;
            short = if began.elapsed() < SHORT && !ended.by_us {
                short + 1
            } else {
                0
            };
            if short >= TOO_MANY {
                return Err(Error::failed("live tail keeps breaking off")
                    .because_of(ended.why)
                    .hint(self.live.polling()));
            }
            why = Some(ended.why);
            tokio::time::sleep(LONGEST.min(Duration::from_millis(200) * 4u32.pow(short))).await;
        }
    }

    /// What has to be read: of the groups that existed, what the last session may have missed; of the
    /// new ones, everything since the start.
    fn gap(&self, groups: &Groups, new: &[Group], started: i64) -> Gap {
        let covered = self.covered - millis(self.options.timing.overlap);
        // A gap that was not read yet is part of this one.
        let from = self
            .gap
            .as_ref()
            .map_or(covered, |gap| gap.from().min(covered));
        Gap::new(groups.there(), new, from.max(started), started)
    }

    /// Opens a session. `None` if a group was deleted meanwhile. Transient failures are retried for
    /// ever, but not for the first session: then the user should see the error soon.
    async fn open(&self, groups: &Groups, again: bool) -> Result<Option<LiveSession>> {
        let mut failures = 0;
        loop {
            let there = groups.there().to_vec();
            let tried = LiveSession::open(&self.client, &self.live, there, &self.options).await;
            let said = match tried {
                Ok(session) => return Ok(Some(session)),
                Err(Fault::Missing) => return Ok(None),
                Err(Fault::Throttled) => "too many calls, or too many sessions".to_owned(),
                Err(Fault::Passing(said)) => said,
                Err(Fault::Denied(said) | Fault::Wrong(said)) => {
                    return Err(refused(said, &self.live));
                }
                Err(Fault::Token) => {
                    return Err(refused("a token was refused".to_owned(), &self.live));
                }
            };
            if !again && failures >= FIRST_TRIES {
                return Err(refused(said, &self.live));
            }
            if again && failures == 0 {
                self.say(TailItem::Notice(TailNotice::Live(LiveNotice::Down {
                    said,
                })))
                .await;
            }
            failures += 1;
            tokio::time::sleep(LONGEST.min(Duration::from_millis(500) * 2u32.pow(failures.min(6))))
                .await;
        }
    }

    /// Shows what the session brings until it ends.
    async fn pump(&mut self, mut session: LiveSession, groups: &mut Groups) -> Result<Ended> {
        let mut look = tokio::time::interval_at(Instant::now() + LOOK, LOOK);
        let ended = loop {
            let far = Instant::now() + self.options.timing.patience;
            let due = self.merge.next_due().unwrap_or(far);
            let gap_due = self.gap.as_ref().map_or(far, Gap::due);
            tokio::select! {
                update = session.next() => match update {
                    Update::Events { events, sampled, covers } => {
                        self.take(events, sampled, covers).await;
                    }
                    Update::Over(why) => break Ended { why, by_us: false },
                },
                () = tokio::time::sleep_until(due) => {}
                () = tokio::time::sleep_until(gap_due) => self.look_back().await?,
                _ = look.tick() => if let Some(why) = groups.has_appeared().await {
                    break Ended { why, by_us: true };
                },
            }
            for event in self.merge.settled(Instant::now()) {
                self.say(TailItem::Event(event)).await;
            }
        };
        for event in self.merge.drain() {
            self.say(TailItem::Event(event)).await;
        }
        Ok(ended)
    }

    async fn take(&mut self, mut events: Vec<LogEvent>, sampled: bool, covers: Option<i64>) {
        self.say_sampled(sampled).await;
        events.retain(|event| self.recent.is_new_of_session(event));
        self.merge.push(events, Instant::now(), now());
        self.covered = covers.unwrap_or(self.covered).max(self.covered);
        if self.gap.is_none() {
            let overlap = millis(self.options.timing.overlap);
            self.recent.forget_before(self.covered - overlap);
        }
    }

    /// Reads what came while there was no session.
    async fn look_back(&mut self) -> Result<()> {
        let Some(mut gap) = self.gap.take() else {
            return Ok(());
        };
        let found = gap
            .look(&self.client, &self.options, &self.pacer, &self.out)
            .await?;
        let new = self.recent.new_of_look(found);
        self.merge.push(new, Instant::now(), now());
        self.gap = gap.is_open().then_some(gap);
        Ok(())
    }

    async fn say_sampled(&mut self, sampled: bool) {
        match (self.sampled, sampled) {
            (None, true) => {
                self.sampled = Some(Instant::now());
                self.say(TailItem::Notice(TailNotice::Live(LiveNotice::Sampled)))
                    .await;
            }
            (Some(since), false) => {
                self.sampled = None;
                let after = since.elapsed();
                self.say(TailItem::Notice(TailNotice::Live(
                    LiveNotice::SampledNoMore { after },
                )))
                .await;
            }
            _ => {}
        }
    }

    /// A closed channel ends the whole tail elsewhere.
    async fn say(&self, said: TailItem) {
        let _ = self.out.send(Ok(said)).await;
    }
}

/// Why a session ended, and whether we ended it.
struct Ended {
    why: String,
    by_us: bool,
}

fn refused(said: String, live: &LiveOptions) -> Error {
    Error::failed("cannot start a live tail")
        .because_of(said)
        .hint(live.polling())
}
