//! The lines that Lambda itself writes into a function's log: INIT_START, START, END, REPORT.
//!
//! As text, or as the JSON of `LoggingConfig.LogFormat: JSON`. A line ends with a newline, as on AWS.
//! Lines are written with the rights of the function's role: without `logs:PutLogEvents` none are
//! written, and a missing group is made only with `logs:CreateLogGroup`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;

use super::{Environments, FunctionSpec, lock, log_levels, managed};
use crate::services::iam::Iam;
use crate::services::iam::Principal;
use crate::services::logs::Logs;
use crate::shared::Shared;

/// The most that `LogType: Tail` returns.
const TAIL: usize = 4096;

/// `LoggingConfig.LogFormat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object a line.
    Json,
}

/// The log stream of one environment.
#[derive(Debug)]
pub(super) struct LogWriter {
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    logs: Arc<Logs>,
    spec: Arc<FunctionSpec>,
    principal: Principal,
    name: String,
    tail: Mutex<String>,
}

/// The figures of one invocation.
#[derive(Debug, Clone, Default)]
pub(super) struct Report {
    pub(super) duration: Duration,
    pub(super) init: Option<Duration>,
    pub(super) memory_mb: u64,
    /// `timeout` or `error`.
    pub(super) status: Option<&'static str>,
    pub(super) error_type: Option<String>,
}

impl LogWriter {
    pub(super) fn new(
        environments: &Environments,
        spec: Arc<FunctionSpec>,
        principal: Principal,
    ) -> Self {
        let day = environments.shared.clock.now().strftime("%Y/%m/%d");
        let name = format!("{day}/[{}]{:032x}", spec.version, fastrand::u128(..));
        Self {
            shared: Arc::clone(&environments.shared),
            iam: Arc::clone(&environments.iam),
            logs: Arc::clone(&environments.logs),
            spec,
            principal,
            name,
            tail: Mutex::default(),
        }
    }

    /// `YYYY/MM/DD/[$LATEST]<32 hex>`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Clears the tail: an invocation begins.
    pub(super) fn begin_tail(&self) {
        lock(&self.tail).clear();
    }

    /// The last 4 KB of this invocation's lines.
    pub(super) fn tail(&self) -> String {
        lock(&self.tail).clone()
    }

    /// Writes lines of the function, as far as its log level keeps them.
    pub(super) fn write(&self, mut lines: Vec<String>) {
        if self.spec.log_format == LogFormat::Json {
            let least = self.spec.log_level.as_deref();
            lines.retain(|line| log_levels::keeps(least, &log_levels::of_line(line)));
        }
        self.put(lines);
    }

    /// Writes lines at this moment.
    pub(super) fn put(&self, lines: Vec<String>) {
        let mut tail = lock(&self.tail);
        lines.iter().for_each(|line| tail.push_str(line));
        let excess = tail.len().saturating_sub(TAIL);
        if excess > 0 {
            let cut = (excess..=tail.len())
                .find(|at| tail.is_char_boundary(*at))
                .unwrap_or(excess);
            tail.drain(..cut);
        }
        drop(tail);
        if self.may_write() {
            let now = self.shared.clock.now_ms();
            let lines = lines.into_iter().map(|line| (now, line)).collect();
            self.logs.put(&self.spec.log_group, &self.name, lines);
        }
    }

    fn may_write(&self) -> bool {
        let allows =
            |action, resource: &str| self.iam.allows(&self.principal, action, resource, &[]);
        let group = format!(
            "arn:aws:logs:{}:{}:log-group:{}",
            self.shared.region, self.shared.account_id, self.spec.log_group
        );
        if !self.logs.has_group(&self.spec.log_group) {
            if !allows("logs:CreateLogGroup", &group) {
                return false;
            }
            self.logs.ensure_group(&self.spec.log_group);
        }
        let stream = format!("{group}:log-stream:{}", self.name);
        allows("logs:PutLogEvents", &stream)
    }

    pub(super) fn init_start(&self) {
        let version = managed::shown_version(&self.spec.runtime);
        let arn = format!(
            "arn:aws:lambda:{}::runtime:{}",
            self.shared.region,
            "0".repeat(64)
        );
        let record = json!({
            "initializationType": "on-demand", "phase": "init", "runtimeVersion": version,
            "runtimeVersionArn": arn, "functionName": self.spec.name,
            "functionVersion": self.spec.version,
        });
        let text = format!("INIT_START Runtime Version: {version}\tRuntime Version ARN: {arn}\n");
        self.platform(("platform.initStart", "INFO"), &record, text);
    }

    pub(super) fn start(&self, request_id: &str) {
        let record = json!({
            "requestId": request_id, "functionArn": self.spec.function_arn,
            "version": self.spec.version,
        });
        let text = format!(
            "START RequestId: {request_id} Version: {}\n",
            self.spec.version
        );
        self.platform(("platform.start", "INFO"), &record, text);
    }

    /// A failed init: once for the init phase, once more when the invocation tried again.
    pub(super) fn init_report(&self, took: Duration, phase: &str, failure: &Report) {
        let status = failure.status.unwrap_or("error");
        let mut text = format!(
            "INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}\tStatus: {status}",
            millis(took)
        );
        if let Some(kind) = &failure.error_type {
            text.push_str(&format!("\tError Type: {kind}"));
        }
        text.push('\n');
        let record = json!({
            "initializationType": "on-demand", "phase": phase, "status": status,
            "errorType": failure.error_type, "metrics": { "durationMs": millis(took) },
        });
        self.platform(("platform.initReport", "WARN"), &record, text);
    }

    /// END and REPORT.
    pub(super) fn end(&self, request_id: &str, report: &Report) {
        let init = report.init.unwrap_or_default();
        // Since August 2025 the time of a cold start is billed too.
        let billed = (millis(report.duration) + millis(init)).ceil();
        if self.spec.log_format == LogFormat::Json {
            // AWS gives reports of what failed a higher level.
            let level = if report.status.is_none() {
                "INFO"
            } else {
                "WARN"
            };
            if log_levels::keeps(self.spec.system_level.as_deref(), level) {
                self.put(vec![self.json_report(request_id, report, billed)]);
            }
            return;
        }
        let mut text = format!(
            "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {billed:.0} ms\tMemory Size: {} MB\tMax Memory Used: {} MB\t",
            millis(report.duration),
            self.spec.memory,
            report.memory_mb,
        );
        if report.init.is_some() {
            text.push_str(&format!("Init Duration: {:.2} ms\t", millis(init)));
        }
        if let Some(status) = report.status {
            text.push_str(&format!("Status: {status}"));
            if let Some(kind) = report.error_type.as_ref().filter(|_| status == "error") {
                text.push_str(&format!("\tError Type: {kind}"));
            }
        }
        text.push('\n');
        self.put(vec![format!("END RequestId: {request_id}\n"), text]);
    }

    fn json_report(&self, request_id: &str, report: &Report, billed: f64) -> String {
        let mut metrics = json!({
            "durationMs": millis(report.duration), "billedDurationMs": billed,
            "memorySizeMB": self.spec.memory, "maxMemoryUsedMB": report.memory_mb,
        });
        if let Some(init) = report.init {
            metrics["initDurationMs"] = json!(millis(init));
        }
        let mut record = json!({
            "requestId": request_id, "metrics": metrics,
            "status": report.status.unwrap_or("success"),
        });
        if let Some(kind) = &report.error_type {
            record["errorType"] = json!(kind);
        }
        self.json("platform.report", &record)
    }

    fn platform(&self, (kind, level): (&str, &str), record: &serde_json::Value, text: String) {
        match self.spec.log_format {
            LogFormat::Text => self.put(vec![text]),
            LogFormat::Json if log_levels::keeps(self.spec.system_level.as_deref(), level) => {
                self.put(vec![self.json(kind, record)]);
            }
            LogFormat::Json => {}
        }
    }

    fn json(&self, kind: &str, record: &serde_json::Value) -> String {
        let time = self
            .shared
            .clock
            .now()
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string();
        format!(
            "{}\n",
            json!({ "time": time, "type": kind, "record": record })
        )
    }
}

/// With two decimals, as AWS shows it.
pub(super) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}
