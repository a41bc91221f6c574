//! One StartLiveTail session on the wire.
//!
//! The SDK puts `stream-` before the host, even before `127.0.0.1`, which no resolver knows. For
//! another endpoint than AWS the prefix is taken off again before the request is signed.
//!
//! CloudWatch sends an update every second, even an empty one. So silence means that the connection
//! is dead, however open the socket looks.

use super::super::event::{Group, LogEvent};
use super::super::fault::{Fault, innermost, judge};
use super::super::{TailOptions, now};
use super::LiveOptions;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::http::HttpRequest;
use aws_sdk_cloudwatchlogs::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_cloudwatchlogs::config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::config::{
    Builder as ConfigBuilder, ConfigBag, Intercept, RuntimeComponents,
    StalledStreamProtectionConfig,
};
use aws_sdk_cloudwatchlogs::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::operation::start_live_tail::StartLiveTailOutput;
use aws_sdk_cloudwatchlogs::types::error::StartLiveTailResponseStreamError;
use aws_sdk_cloudwatchlogs::types::{LiveTailSessionLogEvent, StartLiveTailResponseStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Updates come every second; after so long without one the connection is dead.
const SILENT: Duration = Duration::from_secs(30);
/// An update that comes sooner was there already when it was asked for.
const AT_ONCE: Duration = Duration::from_millis(200);

/// The next update of a session.
pub(super) enum Update {
    Events {
        /// What came in.
        events: Vec<LogEvent>,
        /// More than these matched.
        sampled: bool,
        /// Up to when, on our clock, the session surely showed everything. An update that had to be
        /// waited for came after the waiting began. Of one that was there already nobody knows how old
        /// it is: this process may have been stopped, or its output is slow.
        covers: Option<i64>,
    },
    /// The session is over, and why.
    Over(String),
}

/// An open session.
pub(super) struct LiveSession {
    stream: StartLiveTailOutput,
    groups: Vec<Group>,
    /// When its silence means that it is dead.
    dead_at: Instant,
    /// Since when the next update is waited for, on both clocks.
    waiting: Option<(Instant, i64)>,
}

impl LiveSession {
    /// Opens a session for groups that exist.
    pub(super) async fn open(
        client: &Client,
        live: &LiveOptions,
        groups: Vec<Group>,
        options: &TailOptions,
    ) -> Result<Self, Fault> {
        let mut changes = ConfigBuilder::new()
            // The caller retries, with a notice.
            .retry_config(RetryConfig::disabled())
            // Silence between two events is normal here; the SDK would take it for a stalled download.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if live.plain_host {
            changes = changes.interceptor(PlainHost);
        }
        let arns: Vec<String> = groups
            .iter()
            .map(|group| format!("{}{}", live.arn_prefix, group.name))
            .collect();
        let stream = client
            .start_live_tail()
            .set_log_group_identifiers(Some(arns))
            .set_log_event_filter_pattern(options.pattern.clone())
            .customize()
            .config_override(changes)
            .send()
            .await
            .map_err(|error| judge(&error))?;
        Ok(Self {
            stream,
            groups,
            dead_at: Instant::now() + SILENT,
            waiting: None,
        })
    }

    /// The next update. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Update {
        loop {
            let waiting = *self.waiting.get_or_insert_with(|| (Instant::now(), now()));
            let next = self.stream.response_stream.recv();
            let Ok(next) = tokio::time::timeout_at(self.dead_at, next).await else {
                return Update::Over(format!("nothing came for {} s", SILENT.as_secs()));
            };
            self.dead_at = Instant::now() + SILENT;
            self.waiting = None;
            let update = match next {
                Ok(Some(StartLiveTailResponseStream::SessionUpdate(update))) => update,
                Ok(Some(_)) => continue,
                Ok(None) => return Update::Over("CloudWatch closed it".to_owned()),
                Err(error) => return Update::Over(reason(&error)),
            };
            let sampled = update.session_metadata().is_some_and(|data| data.sampled());
            let news = update.session_results.unwrap_or_default();
            let events = news
                .into_iter()
                .filter_map(|news| event(&self.groups, news))
                .collect();
            return Update::Events {
                events,
                sampled,
                covers: (waiting.0.elapsed() > AT_ONCE).then_some(waiting.1),
            };
        }
    }
}

/// Why the stream broke off: an exception of CloudWatch's, or the connection.
fn reason<R>(error: &SdkError<StartLiveTailResponseStreamError, R>) -> String
where
    R: std::fmt::Debug + 'static,
{
    let exception = error.as_service_error();
    let words = exception.and_then(ProvideErrorMetadata::message);
    words.map_or_else(|| innermost(error), str::to_owned)
}

/// The identifier is a name, an ARN, or `account:name`.
fn event(groups: &[Group], event: LiveTailSessionLogEvent) -> Option<LogEvent> {
    let identifier = event.log_group_identifier.unwrap_or_default();
    let group = groups.iter().find(|group| {
        identifier
            .strip_suffix(group.name.as_ref())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(':'))
    })?;
    Some(LogEvent {
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
    ) -> Result<(), BoxError> {
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
    use crate::tail::LogSource;

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
        let group = |source, name: &str| Group {
            source,
            name: name.into(),
            finder: None,
        };
        let groups = [
            group(LogSource::Access, "/x"),
            group(LogSource::Function, "/aws/lambda/x"),
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
