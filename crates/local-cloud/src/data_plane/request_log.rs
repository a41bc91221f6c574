//! Execution and access log lines of one request.
//!
//! Execution lines go to `/aws/apigateway/{api}/{stage}`, which API Gateway makes on first traffic;
//! `ERROR` keeps only the failures. One access line goes to the stage's own group, with every
//! `$context` variable filled in; one that WebSocket APIs do not have becomes `-`. Bodies are written only with
//! data trace, as on AWS.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::events::{RequestContext, domain_name};
use super::{Connection, Gateway};
use crate::services::apigatewayv2::LiveStage;

const LINE_LIMIT: usize = 1024;

/// Who made the request, as far as known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    pub(crate) connection_id: String,
    pub(crate) connected_at: Option<i64>,
    pub(crate) source_ip: String,
    pub(crate) user_agent: Option<String>,
    /// The principal's ARN, for signed requests.
    pub(crate) arn: Option<String>,
    /// The authorizer's context.
    pub(crate) authorizer: Option<Arc<Map<String, Value>>>,
}

impl From<&Connection> for Caller {
    fn from(connection: &Connection) -> Self {
        Self {
            connection_id: connection.id.clone(),
            connected_at: Some(connection.connected_at),
            source_ip: connection.source_ip.to_string(),
            user_agent: connection.user_agent.clone(),
            arn: None,
            authorizer: connection.authorizer().cloned(),
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

/// The log lines of one request, written at its end.
#[derive(Debug)]
pub(crate) struct RequestLog {
    gateway: Arc<Gateway>,
    stage: Arc<LiveStage>,
    context: RequestContext,
    caller: Caller,
    info: bool,
    errors: bool,
    traces: bool,
    lines: Vec<(i64, String)>,
}

impl RequestLog {
    /// Begins with the lines that every request has.
    pub(crate) fn begin(
        gateway: &Arc<Gateway>,
        stage: &Arc<LiveStage>,
        context: &RequestContext,
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
        let mut log = Self {
            gateway: Arc::clone(gateway),
            stage: Arc::clone(stage),
            context: context.clone(),
            caller,
            info: level == "INFO",
            errors: level == "INFO" || level == "ERROR",
            traces: level == "INFO" && traces == Some(true),
            lines: Vec::new(),
        };
        let id = context.request_id.clone();
        log.info(|| format!("Extended Request Id: {id}"));
        log.info(|| format!("Starting execution for request: {id}"));
        log.info(|| format!("WebSocket Request Route: [{}]", context.route_key));
        log
    }

    /// Takes over what the authorizer found out about the caller.
    pub(crate) fn authorized(&mut self, context: &RequestContext, caller: Caller) {
        self.context = context.clone();
        self.caller = caller;
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
        let nothing = self.stage.access_log.is_none() && self.lines.is_empty();
        if nothing || !self.gateway.account.logging_works() {
            return;
        }
        let name = format!("{}/{}", self.stage.api_id, self.stage.stage);
        let stream = stream_name(&name);
        if let Some(access) = &self.stage.access_log {
            let line = render(&access.format, |name| self.variable(entry, name));
            let line = vec![(self.gateway.shared.clock.now_ms(), line)];
            self.gateway.logs.put(&access.group, &stream, line);
        }
        if !self.lines.is_empty() {
            let group = format!("/aws/apigateway/{name}");
            self.gateway.logs.ensure_group(&group);
            self.gateway.logs.put(&group, &stream, self.lines);
        }
    }

    fn push(&mut self, line: String) {
        let line = cut(format!("({}) {line}", self.context.request_id));
        self.lines.push((self.gateway.shared.clock.now_ms(), line));
    }

    /// A `$context` variable. Each is made when a format names it: a line names few of them, and there are
    /// millions of lines.
    fn variable(&self, entry: &Entry, name: &str) -> Option<String> {
        let (context, caller) = (&self.context, &self.caller);
        let error = || entry.error.as_ref();
        match name {
            "requestId" | "extendedRequestId" => Some(context.request_id.clone()),
            "apiId" => Some(self.stage.api_id.clone()),
            "stage" => Some(self.stage.stage.clone()),
            "routeKey" => Some(context.route_key.clone()),
            "eventType" => Some(context.event_type.to_owned()),
            "status" => Some(entry.status.to_string()),
            "connectionId" => Some(caller.connection_id.clone()),
            "domainName" => Some(domain_name(&self.gateway.shared, &self.stage.api_id)),
            "requestTime" => Some(context.request_time()),
            "requestTimeEpoch" => Some(context.at_ms.to_string()),
            "messageId" => context.message_id.clone(),
            "connectedAt" => caller.connected_at.map(|at| at.to_string()),
            "integrationLatency" => entry.latency.map(millis),
            "identity.sourceIp" => Some(caller.source_ip.clone()),
            "identity.userAgent" => caller.user_agent.clone(),
            "identity.userArn" => caller.arn.clone(),
            "identity.accountId" => caller
                .arn
                .as_ref()
                .map(|_| self.gateway.shared.account_id.clone()),
            "error.message" => error().map(|error| error.0.to_owned()),
            "error.messageString" => error().map(|error| format!("\"{}\"", error.0)),
            "error.responseType" => error().map(|error| error.1.to_owned()),
            "authorizer.integrationLatency" => context
                .authorizer_latency_ms
                .map(|latency| latency.to_string()),
            _ => {
                let name = name.strip_prefix("authorizer.")?;
                let said = caller.authorizer.as_ref()?.get(name)?;
                said.as_str().map(str::to_owned)
            }
        }
    }
}

fn millis(took: Duration) -> String {
    took.as_millis().to_string()
}

/// API Gateway cuts an execution log line at 1,024 bytes; a character that does not fit is left out.
fn cut(mut line: String) -> String {
    if line.len() > LINE_LIMIT {
        let fits = |at: &usize| line.is_char_boundary(*at);
        let end = (0..=LINE_LIMIT).rev().find(fits).unwrap_or(0);
        line.truncate(end);
    }
    line
}

/// One stream for each API and stage; AWS has many, with names of the same form.
fn stream_name(of: &str) -> String {
    Sha256::digest(of)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Fills in `$context.…` and `${context.…}`; what is unknown or absent becomes `-`.
fn render(format: &str, value_of: impl Fn(&str) -> Option<String>) -> String {
    let mut line = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('$') {
        line.push_str(&rest[..at]);
        let Some((name, after)) = variable(&rest[at..]) else {
            line.push('$');
            rest = &rest[at + 1..];
            continue;
        };
        let value = value_of(name).filter(|value| !value.is_empty());
        line.push_str(value.as_deref().unwrap_or("-"));
        rest = after;
    }
    line + rest
}

/// The variable at the beginning, and what follows. A full stop after it belongs to the text.
fn variable(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix("${context.") {
        return inside.split_once('}');
    }
    let inside = text.strip_prefix("$context.")?;
    let end = inside
        .find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)))
        .unwrap_or(inside.len());
    let name = inside[..end].trim_end_matches(['.', '-']);
    (!name.is_empty()).then(|| (name, &inside[name.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_unknown_ones_are_a_dash() {
        let variables = |name: &str| match name {
            "requestId" => Some("r1".to_owned()),
            "status" => Some("200".to_owned()),
            _ => None,
        };
        let format = r#"{"id":"$context.requestId","s":$context.status,"x":"$context.integration.latency"}."#;
        assert_eq!(render(format, variables), r#"{"id":"r1","s":200,"x":"-"}."#);
        assert_eq!(render("$context.requestId.", variables), "r1.");
        let braces = "${context.requestId}-$context.status/$ $context.";
        assert_eq!(render(braces, variables), "r1-200/$ $context.");
    }

    #[test]
    fn a_line_is_cut_at_1024_bytes_and_never_within_a_character() {
        assert_eq!(cut("x".repeat(1025)).len(), 1024);
        assert_eq!(cut("x".repeat(1024)).len(), 1024);
        let line = cut(format!("{}ä", "x".repeat(1023)));
        assert_eq!(line.len(), 1023);
    }
}
