//! Execution and access log lines of one request.
//!
//! Execution lines go to `/aws/apigateway/{api}/{stage}`, which API Gateway makes on first traffic;
//! `ERROR` keeps only the failures. One access line goes to the stage's own group, with every
//! `$context` variable filled in; one that WebSocket APIs do not have shows as `-`. Bodies are
//! written only with data trace, as on AWS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::super::Cloud;
use super::super::apigatewayv2::LiveStage;
use super::super::events::{Context, domain_name};
use super::Connection;

/// API Gateway cuts execution log lines here.
const LINE_LIMIT: usize = 1024;

/// Who made the request, as far as it is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) connection_id: String,
    pub(crate) connected_at: Option<i64>,
    pub(crate) source_ip: String,
    pub(crate) user_agent: Option<String>,
    /// The principal's ARN, for signed requests.
    pub(crate) arn: Option<String>,
}

impl From<&Connection> for Caller {
    fn from(connection: &Connection) -> Self {
        Self {
            connection_id: connection.id.clone(),
            connected_at: Some(connection.connected_at),
            source_ip: connection.source_ip.to_string(),
            user_agent: connection.user_agent.clone(),
            arn: None,
        }
    }
}

/// How the request ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) status: u16,
    /// `$context.error.message` and `$context.error.responseType`.
    pub(crate) error: Option<(&'static str, &'static str)>,
    /// Only if an integration was called.
    pub(crate) latency: Option<Duration>,
}

/// Collects the lines of one request and writes them at its end.
#[derive(Debug)]
pub(crate) struct Journal {
    cloud: Arc<Cloud>,
    stage: Arc<LiveStage>,
    context: Context,
    caller: Caller,
    info: bool,
    errors: bool,
    traces: bool,
    lines: Vec<(i64, String)>,
}

impl Journal {
    /// Begins with the lines that every request has.
    pub(crate) fn begin(
        cloud: &Arc<Cloud>,
        stage: &Arc<LiveStage>,
        context: &Context,
        caller: Caller,
    ) -> Self {
        let own = stage.route_settings.get(&context.route_key);
        let level = own
            .and_then(|own| own.logging_level.as_deref())
            .or(stage.default_settings.logging_level.as_deref())
            .unwrap_or("OFF");
        let traces = own
            .and_then(|own| own.data_trace)
            .or(stage.default_settings.data_trace);
        let mut journal = Self {
            cloud: Arc::clone(cloud),
            stage: Arc::clone(stage),
            context: context.clone(),
            caller,
            info: level == "INFO",
            errors: level == "INFO" || level == "ERROR",
            traces: level == "INFO" && traces == Some(true),
            lines: Vec::new(),
        };
        let id = context.request_id.clone();
        journal.info(|| format!("Extended Request Id: {id}"));
        journal.info(|| format!("Starting execution for request: {id}"));
        journal.info(|| format!("WebSocket Request Route: [{}]", context.route_key));
        journal
    }

    /// A line that `INFO` shows.
    pub(crate) fn info(&mut self, line: impl FnOnce() -> String) {
        if self.info {
            self.push(line());
        }
    }

    /// A line that `ERROR` shows too.
    pub(crate) fn error(&mut self, line: impl FnOnce() -> String) {
        if self.errors {
            self.push(line());
        }
    }

    /// A line with a payload in it: only with data trace.
    pub(crate) fn trace(&mut self, line: impl FnOnce() -> String) {
        if self.traces {
            self.push(line());
        }
    }

    /// Writes everything.
    pub(crate) fn finish(self, entry: &Entry) {
        if !self.cloud.account.logging_works(&self.cloud) {
            return;
        }
        let name = format!("{}/{}", self.stage.api_id, self.stage.stage);
        let stream = stream_name(&name);
        if let Some(access) = &self.stage.access_log {
            let line = render(&access.format, &self.variables(entry));
            let line = vec![(self.cloud.clock.now_ms(), line)];
            self.cloud
                .logs
                .put(&self.cloud, &access.group, &stream, line);
        }
        if !self.lines.is_empty() {
            let group = format!("/aws/apigateway/{name}");
            self.cloud.logs.ensure_group(&self.cloud, &group);
            self.cloud
                .logs
                .put(&self.cloud, &group, &stream, self.lines);
        }
    }

    fn push(&mut self, line: String) {
        let mut line = format!("({}) {line}", self.context.request_id);
        if line.len() > LINE_LIMIT {
            let end = (0..=LINE_LIMIT)
                .rev()
                .find(|at| line.is_char_boundary(*at))
                .unwrap_or(0);
            line.truncate(end);
        }
        self.lines.push((self.cloud.clock.now_ms(), line));
    }

    fn variables(&self, entry: &Entry) -> BTreeMap<&'static str, String> {
        let (context, caller) = (&self.context, &self.caller);
        let mut all = BTreeMap::from([
            ("requestId", context.request_id.clone()),
            ("extendedRequestId", context.request_id.clone()),
            ("apiId", self.stage.api_id.clone()),
            ("stage", self.stage.stage.clone()),
            ("routeKey", context.route_key.clone()),
            ("eventType", context.event_type.to_owned()),
            ("status", entry.status.to_string()),
            ("connectionId", caller.connection_id.clone()),
            ("domainName", domain_name(&self.cloud, &self.stage.api_id)),
            ("requestTime", context.request_time()),
            ("requestTimeEpoch", context.at_ms.to_string()),
            ("identity.sourceIp", caller.source_ip.clone()),
        ]);
        let mut maybe = |name, value: Option<String>| {
            value.map(|value| all.insert(name, value));
        };
        maybe("messageId", context.message_id.clone());
        maybe("connectedAt", caller.connected_at.map(|at| at.to_string()));
        maybe("identity.userAgent", caller.user_agent.clone());
        maybe("identity.userArn", caller.arn.clone());
        maybe(
            "integrationLatency",
            entry.latency.map(|took| took.as_millis().to_string()),
        );
        maybe("error.message", entry.error.map(|error| error.0.to_owned()));
        maybe(
            "error.messageString",
            entry.error.map(|error| format!("\"{}\"", error.0)),
        );
        maybe(
            "error.responseType",
            entry.error.map(|error| error.1.to_owned()),
        );
        all
    }
}

/// One stream for each API and stage; AWS spreads over many, with names just as opaque.
fn stream_name(of: &str) -> String {
    Sha256::digest(of)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Fills in `$context.…`; what is unknown or absent becomes `-`.
fn render(format: &str, variables: &BTreeMap<&'static str, String>) -> String {
    let mut pieces = format.split("$context.");
    let mut line = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'))
            .unwrap_or(piece.len());
        let name = piece[..end].trim_end_matches('.');
        let value = variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty());
        line.push_str(value.unwrap_or("-"));
        line.push_str(&piece[name.len()..]);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_unknown_ones_are_a_dash() {
        let variables =
            BTreeMap::from([("requestId", "r1".to_owned()), ("status", "200".to_owned())]);
        let format = r#"{"id":"$context.requestId","s":$context.status,"x":"$context.integration.latency"}."#;
        assert_eq!(
            render(format, &variables),
            r#"{"id":"r1","s":200,"x":"-"}."#
        );
        assert_eq!(render("$context.requestId.", &variables), "r1.");
    }
}
