//! Reads one group page by page with FilterLogEvents, and retries transient failures.
//!
//! The SDK's own retries are switched off: it would try three times within two seconds, where a
//! tail can wait much longer, and it would hide the throttling that the pacer has to know of.

use super::cursor::Cursor;
use super::event::{Group, LogEvent, TailItem, TailNotice};
use super::fault::{Fault, judge};
use super::pace::Pacer;
use super::retry::Retry;
use super::{TailOptions, Timing, now};
use crate::error::{Error, Result};
use crate::tail::LogSource;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsOutput;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// How long a read of the past retries; with --follow it retries for ever.
const GIVE_UP: Duration = Duration::from_secs(60);
/// How often the API of a missing group is looked up.
const LOOK_AGAIN: Duration = Duration::from_secs(4);
/// Most events in one page.
const PAGE: usize = 10_000;
/// Failures in a row before a notice.
const SAID_AFTER: u32 = 4;
/// How often a sweep is begun again because a token came twice, before that is an error.
const REPEATED: u32 = 3;
/// Least time between two notices of throttling.
const THROTTLED_EVERY: Duration = Duration::from_secs(60);

/// One page, or why there is none.
#[derive(Debug)]
pub(crate) enum Page {
    /// New events; `more`: this sweep continues.
    Events { events: Vec<LogEvent>, more: bool },
    /// The group does not exist; this sweep is over.
    Missing,
    /// No permission to read the group; this sweep is over.
    Denied,
    /// No answer within the limit; the next call continues the sweep.
    Later,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Missing,
    Denied,
    Unreachable,
}

/// Reads one group.
pub(crate) struct Reader {
    client: Client,
    group: Group,
    pattern: Option<String>,
    until: Option<i64>,
    pacer: Arc<Pacer>,
    cursor: Cursor,
    /// Where the running sweep began, and the token of its next page.
    sweep: Option<(i64, Option<String>)>,
    /// The tokens of the running sweep, and how many sweeps in a row met one of theirs again.
    tokens: HashSet<String>,
    repeated: u32,
    retry: Retry,
    standing: Standing,
    /// Whether to retry for ever.
    patient: bool,
    throttled_said: Option<Instant>,
    /// When the name was last looked up.
    looked: Option<Instant>,
    since: i64,
    timing: Timing,
}

impl Reader {
    pub(crate) fn new(
        client: &Client,
        group: Group,
        options: &TailOptions,
        pacer: Arc<Pacer>,
    ) -> Self {
        // This tail repeats by itself. Said here, because an override at each call costs as much as the call.
        let once = client.config().to_builder();
        let once = once.retry_config(RetryConfig::disabled()).build();
        Self {
            client: Client::from_conf(once),
            group,
            pattern: options.pattern.clone(),
            until: options.until,
            pacer,
            cursor: Cursor::new(options.since, &options.timing),
            sweep: None,
            tokens: HashSet::new(),
            repeated: 0,
            retry: Retry::new(&options.timing),
            standing: Standing::Good,
            patient: options.follow,
            throttled_said: None,
            looked: None,
            since: options.since,
            timing: options.timing,
        }
    }

    /// Time of the newest event so far.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.cursor.newest()
    }

    /// Which log it reads.
    pub(crate) fn source(&self) -> LogSource {
        self.group.source
    }

    /// Whether a sweep began and is not over.
    pub(crate) fn is_midway(&self) -> bool {
        self.sweep.is_some()
    }

    /// The next page of the running sweep, or the first of a new one.
    pub(crate) async fn page(&mut self, out: &Sender<Result<TailItem>>) -> Result<Page> {
        self.page_within(Duration::MAX, out).await
    }

    /// The same, but failures are retried only until the limit.
    pub(crate) async fn page_within(
        &mut self,
        limit: Duration,
        out: &Sender<Result<TailItem>>,
    ) -> Result<Page> {
        if !self.find_name(out).await {
            return Ok(match self.standing {
                Standing::Denied => Page::Denied,
                _ => Page::Missing,
            });
        }
        let begun = Instant::now();
        let mut failures: u32 = 0;
        loop {
            let (from, token) = match self.sweep.clone() {
                Some(sweep) => sweep,
                None => self.begin(),
            };
            self.sweep = Some((from, token.clone()));
            self.pacer.turn().await;
            match self.call(from, token.clone()).await {
                Ok(answer) => {
                    self.pacer.answered();
                    self.stand(Standing::Good, "", out).await;
                    if self.makes_progress(&answer)? {
                        return Ok(self.accept(from, answer, out).await);
                    }
                }
                Err(Fault::Missing) => {
                    self.sweep = None;
                    self.stand(Standing::Missing, "", out).await;
                    return Ok(Page::Missing);
                }
                Err(Fault::Denied(said)) => {
                    self.sweep = None;
                    self.stand(Standing::Denied, &said, out).await;
                    return Ok(Page::Denied);
                }
                Err(Fault::Wrong(said)) => return Err(self.wrong(said)),
                Err(Fault::Throttled) => {
                    let rate = self.pacer.refused();
                    self.say_throttled(rate, out).await;
                }
                // Without the token the sweep begins again; the event ids keep what was read from
                // being shown twice.
                Err(Fault::Token) => self.restart(from),
                Err(Fault::Passing(said)) => {
                    if failures >= SAID_AFTER {
                        self.stand(Standing::Unreachable, &said, out).await;
                    }
                    if !self.patient && begun.elapsed() > GIVE_UP {
                        return Err(self.unreachable(said));
                    }
                }
            }
            failures += 1;
            if begun.elapsed() > limit {
                return Ok(Page::Later);
            }
            if !self.patient && begun.elapsed() > GIVE_UP * 2 {
                return Err(self.unreachable("throttled all the time".into()));
            }
            tokio::time::sleep(self.retry.pause(failures)).await;
        }
    }

    /// Looks up the name if it is not known, or if the group does not exist (any more). True if there
    /// is a name to read.
    async fn find_name(&mut self, out: &Sender<Result<TailItem>>) -> bool {
        let known = self.group.is_known();
        let Some(finder) = self.group.finder.clone() else {
            return known;
        };
        let recently = self.looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN);
        if recently || (known && self.standing != Standing::Missing) {
            return known;
        }
        self.looked = Some(Instant::now());
        match finder.find().await {
            Ok(Some(name)) if name != self.group.name => {
                self.group.name = name;
                self.cursor = Cursor::new(self.since, &self.timing);
                true
            }
            Ok(Some(_)) => true,
            Ok(None) if known => true,
            Ok(None) => {
                self.stand(Standing::Missing, "", out).await;
                false
            }
            Err(error) if known => {
                tracing::debug!(%error, "the API could not be looked for");
                true
            }
            Err(error) => {
                let said = error.to_string();
                self.stand(Standing::Denied, &said, out).await;
                false
            }
        }
    }

    fn begin(&mut self) -> (i64, Option<String>) {
        self.tokens.clear();
        (self.cursor.begin(now()), None)
    }

    fn restart(&mut self, from: i64) {
        self.tokens.clear();
        self.sweep = Some((from, None));
    }

    /// Whether the page's token is a new one; an empty page with a token is not the end. One that came
    /// in this sweep before would lead in a circle, so the sweep is begun again, a few times.
    fn makes_progress(&mut self, answer: &FilterLogEventsOutput) -> Result<bool> {
        let Some(next) = &answer.next_token else {
            self.repeated = 0;
            return Ok(true);
        };
        if self.tokens.insert(next.clone()) {
            return Ok(true);
        }
        self.repeated += 1;
        if self.repeated > REPEATED {
            return Err(self.unreachable(
                "CloudWatch Logs answers with the same page token again and again".into(),
            ));
        }
        if let Some((from, _)) = self.sweep {
            self.restart(from);
        }
        Ok(false)
    }

    async fn call(
        &mut self,
        from: i64,
        token: Option<String>,
    ) -> std::result::Result<FilterLogEventsOutput, Fault> {
        let call = self
            .client
            .filter_log_events()
            .log_group_name(self.group.name.as_ref())
            .start_time(from.max(0))
            .set_end_time(self.until)
            .set_filter_pattern(self.pattern.clone())
            .set_next_token(token)
            .send();
        let (limit, asked) = (self.retry.limit(), Instant::now());
        let Ok(answer) = tokio::time::timeout(limit, call).await else {
            self.retry.gave_up();
            return Err(Fault::Passing(format!(
                "no answer within {} s",
                limit.as_secs_f64()
            )));
        };
        self.retry.answered(asked.elapsed());
        answer.map_err(|error| judge(&error))
    }

    async fn accept(
        &mut self,
        from: i64,
        answer: FilterLogEventsOutput,
        out: &Sender<Result<TailItem>>,
    ) -> Page {
        let next = answer.next_token;
        let more = next.is_some();
        let page: Vec<_> = answer
            .events
            .unwrap_or_default()
            .into_iter()
            .map(|event| self.event(event))
            .collect();
        let go_on = cut_off(&page, from).filter(|_| !more);
        let events = self.cursor.take_new(page);
        if more {
            self.sweep = Some((from, next));
        } else if let Some(from) = go_on {
            self.sweep = Some((from, None));
            return Page::Events { events, more: true };
        } else {
            self.sweep = None;
            self.cursor.finish(now());
        }
        if self.cursor.take_crowded() && self.patient {
            let notice = TailNotice::Crowded {
                source: self.group.source,
                group: Arc::clone(&self.group.name),
            };
            let _ = out.send(Ok(TailItem::Notice(notice))).await;
        }
        Page::Events { events, more }
    }

    fn event(&self, event: FilteredLogEvent) -> LogEvent {
        LogEvent {
            id: event.event_id,
            source: self.group.source,
            group: Arc::clone(&self.group.name),
            stream: event.log_stream_name.unwrap_or_default().into(),
            timestamp: event.timestamp.unwrap_or_default(),
            ingested: event.ingestion_time.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
            late: false,
        }
    }

    /// Sends a notice once for each change.
    async fn stand(&mut self, standing: Standing, said: &str, out: &Sender<Result<TailItem>>) {
        if self.standing == standing {
            return;
        }
        self.standing = standing;
        let (source, group) = (self.group.source, Arc::clone(&self.group.name));
        let said = said.to_owned();
        let notice = match standing {
            Standing::Good => TailNotice::Back { source, group },
            Standing::Missing => TailNotice::Missing { source, group },
            Standing::Denied => TailNotice::Denied {
                source,
                group,
                said,
            },
            Standing::Unreachable => TailNotice::Unreachable {
                source,
                group,
                said,
            },
        };
        let _ = out.send(Ok(TailItem::Notice(notice))).await;
    }

    async fn say_throttled(&mut self, rate: f64, out: &Sender<Result<TailItem>>) {
        let recently = self
            .throttled_said
            .is_some_and(|said| said.elapsed() < THROTTLED_EVERY);
        if recently {
            return;
        }
        self.throttled_said = Some(Instant::now());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate between 1 and 500"
        )]
        let rate = rate.ceil() as u32;
        let _ = out
            .send(Ok(TailItem::Notice(TailNotice::Throttled { rate })))
            .await;
    }

    fn wrong(&self, said: String) -> Error {
        let error = Error::usage("CloudWatch Logs does not accept this question").because_of(said);
        match &self.pattern {
            Some(pattern) => error.hint(format!(
                "--filter takes a CloudWatch filter pattern; `{pattern}` may need double quotes \
                 around words with other characters than letters and digits. --grep takes a regular expression"
            )),
            None => error,
        }
    }

    fn unreachable(&self, said: String) -> Error {
        Error::failed(format!("cannot read the log group {}", self.group.name)).because_of(said)
    }
}

/// AWS gives a token with every page that is not the last. Other implementations are known to cut a
/// long answer off without one; then the rest begins at the page's last millisecond.
fn cut_off(page: &[LogEvent], from: i64) -> Option<i64> {
    let newest = page.iter().map(|event| event.timestamp).max()?;
    (page.len() >= PAGE && newest > from).then_some(newest)
}
