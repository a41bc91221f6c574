//! What every step of a run may use and none changes: clients, names, tags.

use crate::aws::{Clients, SlowCalls};
use crate::config::Settings;
use crate::engine::{self, Id};
use crate::naming::Names;
use crate::naming::tags::Tags;
use crate::prove;
use std::collections::BTreeMap;

/// What a running step gets.
pub type StepContext = engine::StepContext<RunContext>;

/// Clients, names and tags of one run.
#[derive(Debug)]
pub struct RunContext {
    /// One client for each service.
    pub clients: Clients,
    /// Every name.
    pub names: Names,
    /// Resources that are not ours but have our names are taken over.
    pub adopt: bool,
    /// How a version is proved before it becomes live; nothing if it is not.
    pub proof: Option<prove::Client>,
    /// Where slow calls are told while resources are read, each in a task of its own.
    pub(super) slow_calls: SlowCalls,
    users_tags: BTreeMap<String, String>,
}

impl RunContext {
    /// The context of a run with these settings, which proves nothing.
    pub fn new(clients: Clients, settings: &Settings, adopt: bool) -> Self {
        Self {
            proof: None,
            names: Names::new(settings, &clients.place),
            slow_calls: SlowCalls::of_this_task(),
            users_tags: settings.tags.clone(),
            clients,
            adopt,
        }
    }

    /// The same, but a version is proved before it becomes live, unless the user does not want that.
    #[must_use]
    pub fn proving(self, settings: &Settings, no_prove: bool) -> Self {
        Self {
            proof: (!no_prove).then(|| prove::Client::of(settings, &self.clients)),
            ..self
        }
    }

    /// The tags of a part of this stack.
    pub fn tags(&self, id: &str) -> Tags {
        let (stack, stage) = (&self.names.stack, &self.names.stage);
        Tags::of_part(stack, stage, &Id::new(id), &self.users_tags)
    }
}
