//! StartLiveTail: CloudWatch pushes events about a second after they came in.
//!
//! It costs money by the minute, shows a sample above 500 events a second, ends after three hours,
//! and its events carry no id, so that it cannot be joined with FilterLogEvents without a gap or a
//! repetition. It is therefore asked for, never chosen, and polling stays the default.
//!
//! The SDK puts `stream-` before the host, even before `127.0.0.1`, which no resolver knows. For
//! another endpoint than AWS the prefix is taken off again before the request is signed.

use super::event::{Event, Group, Notice, Said};
use super::fault::innermost;
use super::merge::Merge;
use super::{CHANNEL, Options, now};
use crate::error::{Error, Result};
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::http::HttpRequest;
use aws_sdk_cloudwatchlogs::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_cloudwatchlogs::config::{
    Builder as ConfigBuilder, ConfigBag, Intercept, RuntimeComponents,
    StalledStreamProtectionConfig,
};
use aws_sdk_cloudwatchlogs::error::BoxError;
use aws_sdk_cloudwatchlogs::operation::start_live_tail::StartLiveTailOutput;
use aws_sdk_cloudwatchlogs::types::{LiveTailSessionLogEvent, StartLiveTailResponseStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// A session that ends sooner did not really run.
const SHORT: Duration = Duration::from_secs(5);

/// What a live session costs. From the public price list of 2026; regions differ a little.
pub const PRICE: &str = "Live Tail costs about $0.01 a minute; 1,800 minutes a month are free";

/// Where the session reads.
#[derive(Debug, Clone)]
pub struct Live {
    /// The groups; their ARNs are made from `arn_prefix`.
    pub groups: Vec<Group>,
    /// `arn:aws:logs:{region}:{account}:log-group:`.
    pub arn_prefix: String,
    /// The endpoint is not AWS, so the host prefix must go.
    pub plain_host: bool,
}

/// Starts a live session and returns at once.
pub fn start(client: Client, live: Live, options: Options) -> mpsc::Receiver<Result<Said>> {
    let (out, said) = mpsc::channel(CHANNEL);
    tokio::spawn(async move {
        let answer = tokio::select! {
            answer = run(&client, live, &options, &out) => answer,
            () = out.closed() => Ok(()),
        };
        if let Err(error) = answer {
            let _ = out.send(Err(error)).await;
        }
    });
    said
}

/// One session after the other: AWS ends each after three hours.
async fn run(
    client: &Client,
    live: Live,
    options: &Options,
    out: &mpsc::Sender<Result<Said>>,
) -> Result<()> {
    let groups = existing(client, &live.groups, out).await?;
    if groups.is_empty() {
        return Err(Error::failed("none of the log groups exists yet")
            .hint("without --live, `chatctl logs --follow` waits for them"));
    }
    let _ = out.send(Ok(Said::CaughtUp)).await;
    let mut short = 0;
    loop {
        let began = Instant::now();
        let why = session(client, &live, &groups, options, out).await?;
        short = if began.elapsed() < SHORT {
            short + 1
        } else {
            0
        };
        if short > 3 {
            return Err(Error::failed("live tail keeps breaking off")
                .because_of(why)
                .hint("`chatctl logs --follow` without --live polls instead"));
        }
        let _ = out
            .send(Ok(Said::Notice(Notice::SessionRenewed { why })))
            .await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// StartLiveTail refuses all groups when one is missing.
async fn existing(
    client: &Client,
    groups: &[Group],
    out: &mpsc::Sender<Result<Said>>,
) -> Result<Vec<Group>> {
    let mut there = Vec::new();
    for group in groups {
        let Some(group) = named(group).await? else {
            continue;
        };
        let found = client
            .describe_log_groups()
            .log_group_name_prefix(group.name.as_ref())
            .send()
            .await
            .map_err(|error| crate::aws::explain("look for the log groups", error))?;
        let exists = found
            .log_groups()
            .iter()
            .any(|g| g.log_group_name() == Some(group.name.as_ref()));
        if exists {
            there.push(group);
        } else {
            let notice = Notice::Missing {
                source: group.source,
                group: Arc::clone(&group.name),
            };
            let _ = out.send(Ok(Said::Notice(notice))).await;
        }
    }
    Ok(there)
}

/// The group with its name; nothing when its API does not exist.
async fn named(group: &Group) -> Result<Option<Group>> {
    let Some(finder) = group.finder.as_ref().filter(|_| !group.is_known()) else {
        return Ok(Some(group.clone()));
    };
    Ok(finder.find().await?.map(|name| Group {
        name,
        ..group.clone()
    }))
}

/// Runs one session and says why it ended.
async fn session(
    client: &Client,
    live: &Live,
    groups: &[Group],
    options: &Options,
    out: &mpsc::Sender<Result<Said>>,
) -> Result<String> {
    let answer = open(client, live, groups, options).await?;
    let mut stream = answer.response_stream;
    let mut merge = Merge::new(0, &options.timing);
    let mut sampled = false;
    let why = loop {
        let due = merge
            .next_due()
            .unwrap_or_else(|| Instant::now() + options.timing.patience);
        tokio::select! {
            next = stream.recv() => match next {
                Ok(Some(StartLiveTailResponseStream::SessionUpdate(update))) => {
                    let full = update.session_metadata().is_some_and(|data| data.sampled());
                    if full && !sampled {
                        let _ = out.send(Ok(Said::Notice(Notice::Sampled))).await;
                    }
                    sampled = full;
                    let news = update.session_results.unwrap_or_default();
                    let events = news.into_iter().filter_map(|news| event(groups, news)).collect();
                    merge.push(events, Instant::now(), now());
                }
                Ok(Some(_)) => {}
                Ok(None) => break "CloudWatch closed it".to_owned(),
                Err(error) => break innermost(&error),
            },
            () = tokio::time::sleep_until(due) => {}
        }
        for event in merge.settled(Instant::now()) {
            let _ = out.send(Ok(Said::Event(event))).await;
        }
    };
    for event in merge.drain() {
        let _ = out.send(Ok(Said::Event(event))).await;
    }
    Ok(why)
}

async fn open(
    client: &Client,
    live: &Live,
    groups: &[Group],
    options: &Options,
) -> Result<StartLiveTailOutput> {
    let mut changes = ConfigBuilder::new()
        // Silence is normal here; the SDK would take it for a stalled download.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if live.plain_host {
        changes = changes.interceptor(PlainHost);
    }
    let arns: Vec<String> = groups
        .iter()
        .map(|group| format!("{}{}", live.arn_prefix, group.name))
        .collect();
    client
        .start_live_tail()
        .set_log_group_identifiers(Some(arns))
        .set_log_event_filter_pattern(options.pattern.clone())
        .customize()
        .config_override(changes)
        .send()
        .await
        .map_err(|error| {
            crate::aws::explain("start a live tail", error)
                .hint("`chatctl logs --follow` without --live polls instead")
        })
}

/// The identifier is a name, an ARN, or `account:name`.
fn event(groups: &[Group], event: LiveTailSessionLogEvent) -> Option<Event> {
    let identifier = event.log_group_identifier.unwrap_or_default();
    let group = groups.iter().find(|group| {
        identifier
            .strip_suffix(group.name.as_ref())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(':'))
    })?;
    Some(Event {
        id: None,
        source: group.source,
        group: Arc::clone(&group.name),
        stream: event.log_stream_name.unwrap_or_default().into(),
        timestamp: event.timestamp.unwrap_or_default(),
        ingested: event.ingestion_time.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        late: false,
    })
}

/// Takes the host prefix off again.
#[derive(Debug)]
struct PlainHost;

impl Intercept for PlainHost {
    fn name(&self) -> &'static str {
        "PlainHost"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> std::result::Result<(), BoxError> {
        let request: &mut HttpRequest = context.request_mut();
        let plain = without_prefix(request.uri());
        request.set_uri(plain)?;
        Ok(())
    }
}

fn without_prefix(uri: &str) -> String {
    ["://stream-", "://streaming-"]
        .iter()
        .find_map(|prefix| uri.contains(prefix).then(|| uri.replacen(prefix, "://", 1)))
        .unwrap_or_else(|| uri.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::LogSource;

    #[test]
    fn the_host_prefix_is_taken_off() {
        assert_eq!(
            without_prefix("http://stream-127.0.0.1:4510/x"),
            "http://127.0.0.1:4510/x"
        );
        assert_eq!(
            without_prefix("http://localhost:1/stream-"),
            "http://localhost:1/stream-"
        );
    }

    #[test]
    fn an_event_finds_its_group_by_name_arn_or_account() {
        let groups = [
            Group {
                source: LogSource::Access,
                name: "/x".into(),
                finder: None,
            },
            Group {
                source: LogSource::Function,
                name: "/aws/lambda/x".into(),
                finder: None,
            },
        ];
        for id in [
            "/aws/lambda/x",
            "123456789012:/aws/lambda/x",
            "arn:aws:logs:r:1:log-group:/aws/lambda/x",
        ] {
            let news = LiveTailSessionLogEvent::builder()
                .log_group_identifier(id)
                .message("m")
                .build();
            let found = event(&groups, news).unwrap();
            assert_eq!(found.source, LogSource::Function, "{id}");
        }
    }
}
