//! The last part of whatever makes a version live: the chat is proved through its whole path, and if
//! it does not answer, the version before is live again.

use super::Assessment;
use super::ui::{Notice, Ui};
use crate::config::Settings;
use crate::engine::Stop;
use crate::engine::plan::{Action, Plan};
use crate::error::{Error, ErrorKind, Result};
use crate::naming::ids;
use crate::prove::{self, Client, Proof};
use crate::resources::alias::Alias;
use crate::resources::{Kind, Outputs, RunContext};
use std::time::Duration;

/// After a change of the API, old and new behaviour can alternate for more than a minute.
const API_SETTLES_WITHIN: Duration = Duration::from_secs(120);
/// A version that answered a probe already has no reason to take long.
const ALIAS_SETTLES_WITHIN: Duration = Duration::from_secs(20);

/// A plan that was carried out.
pub(super) struct Done<'a> {
    pub(super) settings: &'a Settings,
    pub(super) run: &'a RunContext,
    pub(super) outputs: &'a Outputs,
    pub(super) plan: &'a Plan<Kind>,
}

impl<'a> Done<'a> {
    pub(super) fn of(assessment: &'a Assessment, settings: &'a Settings) -> Self {
        Self {
            run: assessment.run(),
            outputs: &assessment.stack.outputs,
            plan: &assessment.plan,
            settings,
        }
    }

    /// Proves the chat through its whole path.
    ///
    /// # Errors
    /// It does not answer; a version that was made live is not live any more then.
    pub(super) async fn prove(&self, ui: &impl Ui, stop: &Stop) -> Result<Proof> {
        match self.answers(ui, stop).await {
            Err(error) if error.kind() == ErrorKind::Failed => Err(self.put_back(error).await),
            other => other,
        }
    }

    async fn answers(&self, ui: &impl Ui, stop: &Stop) -> Result<Proof> {
        let url = self.run.names.socket_url(&self.outputs.api.get()?);
        let client = Client::of(self.settings, &self.run.clients);
        let flags = self.settings.chat_flags();
        let note = |text: &str| ui.notice(Notice::NotLiveYet(text));
        let limit = match self.moved() {
            Some(_) if self.only_the_function() => ALIAS_SETTLES_WITHIN,
            _ => API_SETTLES_WITHIN,
        };
        tokio::select! {
            proof = prove::prove_within(limit, &url, &client, &flags, note) => proof,
            _ = stop.beyond(0) => Err(Error::interrupted("stopped before the chat was proved")
                .hint(format!(
                    "everything is deployed; `{}` run again says so",
                    self.settings.command("deploy")
                ))),
        }
    }

    /// Nothing of the API was changed.
    fn only_the_function(&self) -> bool {
        let of_the_function = [ids::FUNCTION, ids::ALIAS];
        self.plan.changes().all(|step| {
            let id = step.id.as_str();
            of_the_function.contains(&id) || id.starts_with(ids::VERSION)
        })
    }

    /// The alias as it was, if it pointed to another version.
    fn moved(&self) -> Option<&Alias> {
        let step = self.plan.step(ids::ALIAS)?;
        match &step.found {
            Some(Kind::Alias(former)) if step.action == Action::Update => Some(former),
            _ => None,
        }
    }

    async fn put_back(&self, error: Error) -> Error {
        let (Some(former), Some(live)) = (self.moved(), self.outputs.live_version.known()) else {
            return error;
        };
        let rollback = self.settings.command("rollback");
        match former.put_back(self.run, &live).await {
            Ok(true) => {
                let went_back = Error::failed(format!(
                    "version {} did not answer through the API: {} is live again",
                    live.0,
                    former.version_in_words(),
                ));
                let told = went_back.because_of(error.message());
                let told = error.causes().iter().fold(told, Error::because_of);
                error.hints().iter().fold(told, Error::hint)
            }
            Ok(false) => error.hint("another deploy made another version live meanwhile"),
            Err(trouble) => error
                .because_of(format!("the alias could not be pointed back: {trouble}"))
                .hint(format!("`{rollback}` points it back")),
        }
    }
}
