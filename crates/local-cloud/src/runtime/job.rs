//! The invocation that an environment works on, and how it can fail.

use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::InvocationResult;
use super::log_writer::{LogWriter, Report};
use super::process::{StartFailure, exit_reason};
use super::protocol::AnswerStatus;

/// The job that is being worked on.
pub(super) struct Running {
    pub(super) request_id: String,
    pub(super) wants_log: bool,
    pub(super) reply: Option<oneshot::Sender<InvocationResult>>,
    pub(super) outcome: Option<InvocationResult>,
    pub(super) error_type: Option<String>,
}

/// How the work on a job ended.
pub(super) enum End {
    Done,
    Broken(Failed),
    Stopped,
}

/// An init or an invocation that failed.
pub(super) struct Failed {
    pub(super) status: &'static str,
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) payload: Option<Bytes>,
}

impl Running {
    pub(super) fn verdict(&self, id: &str) -> AnswerStatus {
        match (id == self.request_id, &self.outcome) {
            (false, _) => AnswerStatus::UnknownRequest,
            (true, Some(_)) => AnswerStatus::AnsweredAlready,
            (true, None) => AnswerStatus::Accepted,
        }
    }

    pub(super) fn accept(&mut self, outcome: InvocationResult, error_type: Option<String>) {
        self.error_type = error_type;
        if let Some(reply) = self.reply.take_if(|_| !self.wants_log) {
            let _ = reply.send(outcome.clone());
        }
        self.outcome = Some(outcome);
    }

    /// A handler's error is not a failed invocation, except for the types that Lambda itself gives.
    pub(super) fn reported_status(&self) -> Option<&'static str> {
        self.error_type.as_ref().map(|_| "error")
    }

    pub(super) fn conclude(self, owed: Option<InvocationResult>, stream: &LogWriter) {
        let Some(reply) = self.reply else { return };
        if let Some(mut outcome) = self.outcome.or(owed) {
            outcome.log = stream.tail();
            let _ = reply.send(outcome);
        }
    }
}

impl Failed {
    pub(super) fn error(kind: &str, message: String) -> Self {
        Self {
            status: "error",
            kind: kind.to_owned(),
            message,
            payload: None,
        }
    }

    pub(super) fn entrypoint(failure: &StartFailure) -> Self {
        Self::error("Runtime.InvalidEntrypoint", failure.message())
    }

    pub(super) fn exit(status: Option<ExitStatus>) -> Self {
        Self::error("Runtime.ExitError", exit_reason(status))
    }

    /// The message is that of a killed process. Uncertain: older reports have the type `Runtime.ExitError`, those
    /// since 2025 this one, in the answer and in REPORT.
    pub(super) fn out_of_memory() -> Self {
        let words = "Runtime exited with error: signal: killed";
        Self::error("Runtime.OutOfMemory", words.to_owned())
    }

    /// Uncertain: AWS's message for an environment whose extension failed is not known; the types are AWS's.
    pub(super) fn extension(kind: &str, why: &str) -> Self {
        Self::error(kind, format!("extension failed: {why}"))
    }

    /// With the error that the runtime reported, if it did.
    pub(super) fn init_exit(
        status: Option<ExitStatus>,
        reported: Option<(Option<String>, Bytes)>,
    ) -> Self {
        let mut failed = Self::exit(status);
        if let Some((kind, body)) = reported {
            failed.kind = kind.unwrap_or(failed.kind);
            failed.payload = Some(body);
        }
        failed
    }

    pub(super) fn timeout(limit: Duration) -> Self {
        let message = format!("Task timed out after {:.2} seconds", limit.as_secs_f64());
        Self {
            status: "timeout",
            kind: "Sandbox.Timedout".to_owned(),
            message,
            payload: None,
        }
    }

    pub(super) fn report(&self) -> Report {
        let error_type = (self.status == "error").then(|| self.kind.clone());
        Report {
            status: Some(self.status),
            error_type,
            ..Report::default()
        }
    }

    pub(super) fn outcome(self, request_id: &str) -> InvocationResult {
        match self.payload {
            Some(payload) => InvocationResult {
                payload,
                failed: true,
                log: String::new(),
            },
            None => {
                let message = format!("RequestId: {request_id} Error: {}", self.message);
                InvocationResult::failed(&self.kind, &message)
            }
        }
    }
}
