//! Finds out why no line comes, by looking as the doctor does.

use crate::aws::Clients;
use crate::cli::Logs;
use crate::commands::any_api::{self, AnyApi};
use crate::config::Settings;
use crate::doctor::expected::expected;
use crate::doctor::{Finding, Verdict, look, silence};
use crate::error::Error;
use crate::naming::Names;
use crate::report::Reporter;
use crate::report::logs::silence as report;
use crate::tail::now;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// After so long without an event, a follow explains why, once.
const SILENCE: Duration = Duration::from_secs(10);

/// Whose logs are read.
#[derive(Debug, Clone)]
pub(super) enum LogsOf {
    /// The chat's.
    Chat(Box<Settings>),
    /// Those of any API.
    Api(Box<AnyApi>),
}

/// Explains why no line comes.
#[derive(Debug, Clone)]
pub(super) struct SilenceExplainer {
    clients: Clients,
    logs_of: LogsOf,
    /// The flag by which lines may have been left out, if one was given.
    narrowed: Option<String>,
    /// When the last event came.
    heard: Arc<Mutex<Instant>>,
}

impl SilenceExplainer {
    pub(super) fn new(clients: Clients, logs_of: LogsOf, args: &Logs) -> Self {
        let given = [
            ("--filter", args.filter.as_ref()),
            ("--request", args.request.as_ref()),
            ("--connection", args.connection.as_ref()),
            ("--grep", args.grep.as_ref()),
        ];
        let narrowed = given
            .into_iter()
            .find_map(|(flag, value)| value.map(|value| format!("{flag} {value}")))
            .or_else(|| args.errors.then(|| "--errors".to_owned()));
        Self {
            clients,
            logs_of,
            narrowed,
            heard: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// An event came.
    pub(super) fn heard(&self) {
        *self.last() = Instant::now();
    }

    fn last(&self) -> MutexGuard<'_, Instant> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// While following: after some silence, the reasons. Otherwise never.
    pub(super) fn why_after_a_while(
        &self,
        follow: bool,
    ) -> impl Future<Output = Vec<Finding>> + use<> {
        let this = self.clone();
        async move {
            if !follow {
                std::future::pending::<()>().await;
            }
            loop {
                let end = *this.last() + SILENCE;
                if Instant::now() >= end {
                    return this.reasons().await;
                }
                tokio::time::sleep_until(end).await;
            }
        }
    }

    /// At the end of a read of the past that showed nothing of the `seen` events.
    pub(super) async fn explain(&self, reporter: &Reporter, seen: u64) {
        match &self.narrowed {
            Some(narrowed) => report::nothing_matches(reporter, narrowed, seen),
            None => report::nothing_there(reporter, &self.reasons().await),
        }
    }

    /// Shows the reasons while the stream continues. Once an event came, only what is broken is shown:
    /// a chat that is not in use is normal.
    pub(super) fn say(&self, reporter: &Reporter, reasons: &[Finding], seen: u64) {
        let is_broken = |reason: &Finding| reason.verdict == Verdict::Failure;
        if seen == 0 || reasons.iter().any(is_broken) {
            report::still_silent(reporter, reasons, self.narrowed.as_deref(), SILENCE);
        }
    }

    async fn reasons(&self) -> Vec<Finding> {
        match &self.logs_of {
            LogsOf::Chat(settings) => self.of_chat(settings).await,
            LogsOf::Api(api) => match api.read_one_stage().await {
                Ok(facts) => crate::any_api::silence::reasons(&facts),
                Err(error) => vec![unread(&error)],
            },
        }
    }

    async fn of_chat(&self, settings: &Settings) -> Vec<Finding> {
        let names = Names::new(settings, &self.clients.place);
        let facts = look::all(&self.clients, expected(settings, &names)).await;
        let mut reasons = silence::reasons(&facts, now());
        if facts.nothing_there() {
            reasons.extend(any_api::instead(&self.clients, settings, "logs").await);
        }
        reasons
    }
}

/// The API could not be read again.
fn unread(error: &Error) -> Finding {
    let why = error.causes().join(": ");
    Finding::failure("api", error.message(), why, error.hints().join("; "))
}
