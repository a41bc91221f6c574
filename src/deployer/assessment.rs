//! What is there, and what would be done about it.

use crate::aws::Clients;
use crate::config::Settings;
use crate::engine::plan::{Action, Plan};
use crate::engine::read::read;
use crate::error::Result;
use crate::naming::ids;
use crate::package::SourceDigest;
use crate::resources::{Kind, Observed, RunContext};
use crate::stack::{Desired, Stack, orphans};
use std::sync::Arc;

/// What was found, what is wanted, and the plan that leads from one to the other.
#[derive(Debug)]
pub struct Assessment {
    /// The API and the account's role, as found.
    pub observed: Arc<Observed>,
    /// What is wanted; of a teardown, what is looked for.
    pub stack: Stack,
    /// What would be done.
    pub plan: Plan<Kind>,
}

impl Assessment {
    /// For a deploy: the plan makes what is there the wanted stack.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn for_deploy(
        settings: &Settings,
        run: RunContext,
        digest: &SourceDigest,
    ) -> Result<Self> {
        let observed = Observed::read(Arc::new(run)).await?;
        Self::converge(settings, digest, observed).await
    }

    /// The same after this one was carried out: nothing that was read before is believed, but for
    /// which API is ours.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn again(&self, settings: &Settings, digest: &SourceDigest) -> Result<Self> {
        let api = self.stack.outputs.api.get()?;
        let observed = Observed::read_around(Arc::clone(self.run()), Some(&api)).await?;
        Self::converge(settings, digest, observed).await
    }

    async fn converge(
        settings: &Settings,
        digest: &SourceDigest,
        observed: Observed,
    ) -> Result<Self> {
        let observed = Arc::new(observed);
        let desired = Desired {
            settings,
            digest: Some(digest),
            with_logging_role: false,
        };
        let stack = Stack::wanted(&desired, &observed);
        let (seen, orphans) = tokio::try_join!(
            read(&stack.resources, &observed),
            orphans(&observed, &stack, settings.function.keep_versions, false),
        )?;
        let plan = Plan::converge(seen, orphans, &observed)?;
        Ok(Self {
            observed,
            stack,
            plan,
        })
    }

    /// For a teardown: the plan deletes what is there.
    ///
    /// # Errors
    /// A read that fails.
    pub async fn for_teardown(settings: &Settings, clients: Clients) -> Result<Self> {
        let run = Arc::new(RunContext::new(clients, settings, false));
        let observed = Arc::new(Observed::read_for_teardown(run).await?);
        let desired = Desired {
            settings,
            digest: None,
            with_logging_role: true,
        };
        let stack = Stack::wanted(&desired, &observed);
        let (seen, orphans) = tokio::try_join!(
            read(&stack.resources, &observed),
            orphans(&observed, &stack, usize::MAX, true),
        )?;
        let plan = Plan::teardown(seen, orphans, &observed);
        Ok(Self {
            observed,
            stack,
            plan,
        })
    }

    /// The API calls the function itself, as former releases of chatctl had it, and the function is
    /// about to change: whatever is put there is live at once. What comes first is everything but
    /// that change: then the code that runs is a version, and the API calls it through the alias.
    pub fn way_to_the_alias(&self) -> Option<Plan<Kind>> {
        let observed = &self.observed;
        let is_former = observed.versions.live.is_none() && observed.gateway.stage.is_some();
        let function = self.plan.step(ids::FUNCTION)?;
        (is_former && function.action == Action::Update).then(|| self.plan.holding(ids::FUNCTION))
    }

    /// Nothing that belongs to somebody else is touched.
    ///
    /// # Errors
    /// Something with one of our names is not ours.
    pub fn require_ours(&self, settings: &Settings) -> Result<()> {
        let (plan, deploy) = (settings.command("plan"), settings.command("deploy"));
        self.plan.require_ours().map_err(|error| {
            error.hint("choose another --name or --stage").hint(format!(
                "or take it over: `{plan} --adopt` shows what would change, `{deploy} --adopt` does it"
            ))
        })
    }

    /// Clients and names.
    pub fn run(&self) -> &Arc<RunContext> {
        &self.observed.run
    }
}
