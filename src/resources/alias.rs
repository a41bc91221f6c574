//! The function's alias `live`: the version that the API calls.
//!
//! ListAliases (see `versions`); PublishVersion, GetFunctionConfiguration, CreateAlias, UpdateAlias,
//! and Invoke by the proof. It goes with the function.
//!
//! `$LATEST` is where a deploy puts code and configuration, and nobody meets it. This step publishes it
//! as a version, proves that version, and then moves the alias in one call.
//!
//! Surprises: PublishVersion answers with the last version when nothing changed since, so it may be
//! repeated. It publishes whatever `$LATEST` is at that moment: the call names the hash of the code that
//! it means. A fresh version is `Pending` for a moment.

use super::NeedsRights;
use super::function::{self, Function, is_updating};
use super::observed::Observed;
use super::outputs::{ApiId, LiveVersion, Outputs};
use super::retry::{CONFLICT_LIMIT, SETTLE_LIMIT, is_busy, retry_while};
use super::run_context::{RunContext, StepContext};
use super::versions::{Before, Live, Published, Versions, description};
use crate::aws::{explain, is_conflict, is_missing};
use crate::engine::{Edge, Fields, Id, Look, Output, Ownership, Resource, deleted};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::naming::names::LIVE;
use crate::naming::rights::{Right, Task, on};
use crate::prove::{Candidate, prove_candidate};
use aws_sdk_lambda::types::{AliasRoutingConfiguration, State};
use std::collections::HashMap;

/// The alias that the API calls.
#[derive(Debug, Clone)]
pub struct Alias {
    /// The function.
    pub function: Box<Function>,
    /// What it points to.
    pub target: Target,
    /// How the version came to be live, as found.
    pub before: Option<Before>,
    /// It leaves a version that shall not come back by itself.
    pub is_rollback: bool,
    /// Versions that get a part of the calls; none is wanted.
    pub weights: Option<String>,
    /// The version that is live in the end.
    pub live_version: Output<LiveVersion>,
    /// The API whose connections the proof uses.
    pub api: Output<ApiId>,
    /// Clients meet the present version, so a new one can be tried by a probe among them.
    pub is_running: bool,
}

/// The version that the alias points to.
#[derive(Debug, Clone)]
pub enum Target {
    /// One that is published.
    Published(Published),
    /// One that is published first, and will probably have this number.
    New(Option<u64>),
    /// Nothing that is published, such as `$LATEST`.
    Other(String),
}

impl Target {
    /// What a function's alias has to point to: the live version, or the newest, if it is what the
    /// function is to be.
    fn wanted(function: &Function, versions: &Versions) -> Self {
        let candidates = [versions.live_version(), versions.newest()];
        let mut as_wanted = candidates.into_iter().flatten();
        match as_wanted.find(|one| one.is(function)) {
            Some(found) => Self::Published(found.clone()),
            // Lambda counts on, and never gives a number twice.
            None => Self::New(versions.newest().map(|one| one.number + 1)),
        }
    }

    fn found(live: &Live, versions: &Versions) -> Self {
        match versions.live_version() {
            Some(found) => Self::Published(found.clone()),
            None => Self::Other(live.version.clone()),
        }
    }

    /// Its number; of a new one the one that it will probably get.
    pub fn version(&self) -> Option<String> {
        match self {
            Self::Published(one) => Some(one.number.to_string()),
            Self::New(number) => number.map(|number| number.to_string()),
            Self::Other(version) => Some(version.clone()),
        }
    }
}

impl Alias {
    /// The alias that is wanted for this function.
    pub fn wanted(function: &Function, outputs: &Outputs, observed: &Observed) -> Self {
        // A function that is made again has none of the versions that are there.
        let none = Versions::default();
        let versions = match function.is_replaced(observed) {
            true => &none,
            false => &observed.versions,
        };
        Self {
            function: Box::new(function.clone()),
            target: Target::wanted(function, versions),
            before: None,
            is_rollback: false,
            weights: None,
            live_version: outputs.live_version.clone(),
            api: outputs.api.clone(),
            is_running: versions.live.is_some() && observed.gateway.stage.is_some(),
        }
    }

    /// The same alias, pointing to this version, as a rollback wants it.
    #[must_use]
    pub fn rolled_back(self, to: &Published) -> Self {
        Self {
            target: Target::Published(to.clone()),
            is_rollback: true,
            ..self
        }
    }

    /// As found, if it is there.
    pub fn found(&self, observed: &Observed) -> Option<Self> {
        let live = observed.versions.live.as_ref()?;
        Some(Self {
            target: Target::found(live, &observed.versions),
            before: live.before,
            weights: live.weights.clone(),
            ..self.clone()
        })
    }

    /// Which version it points to, in words.
    pub fn version_in_words(&self) -> String {
        match self.target.version() {
            Some(version) => format!("version {version}"),
            None => "the version before".to_owned(),
        }
    }

    /// A version has to be published for it.
    pub fn is_new(&self) -> bool {
        matches!(self.target, Target::New(_))
    }
}

impl NeedsRights for Alias {
    const RIGHTS: &'static [Right] = &[
        Right::to_read("lambda:ListAliases", on::function),
        Right::to_read("lambda:ListVersionsByFunction", on::function),
        Right::for_tasks(
            &[Task::Deploy, Task::Status],
            "lambda:GetAlias",
            on::function,
        ),
        Right::to_write("lambda:PublishVersion", on::function),
        Right::to_write("lambda:GetFunctionConfiguration", on::versions),
        Right::to_write("lambda:CreateAlias", on::function),
        Right::to_write("lambda:UpdateAlias", on::function),
        Right::to_write("lambda:InvokeFunction", on::versions),
    ];
}

impl Resource for Alias {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(ids::ALIAS)
    }

    fn name(&self) -> String {
        match self.target.version() {
            Some(version) => format!("{LIVE} (version {version})"),
            None => LIVE.to_owned(),
        }
    }

    fn fields(&self) -> Fields {
        let version = self.target.version();
        let fields = Fields::new().with("version", version.unwrap_or_else(|| "a new one".into()));
        let fields = match &self.target {
            Target::Published(one) => fields
                .with("code", one.code.as_str())
                .hidden("configuration", one.configuration.clone()),
            Target::New(_) => fields
                .with("code", self.function.code.as_str())
                .hidden("configuration", self.function.configuration.as_value()),
            Target::Other(_) => fields,
        };
        fields.with("routingConfig", self.weights.clone())
    }

    fn needs(&self) -> Vec<Edge> {
        let mut all = vec![Edge::new(
            ids::FUNCTION,
            "it points to a version of the function",
        )];
        if self.is_running {
            all.extend([
                Edge::new(ids::FUNCTION_ROLE, "the version is proved with its role"),
                Edge::new(ids::TABLE, "the version is proved with its table"),
                Edge::new(ids::GRANT, "the version has to push its answer"),
            ]);
        }
        all
    }

    fn parent(&self) -> Option<Id> {
        Some(Id::new(ids::FUNCTION))
    }

    fn ownership(&self, observed: &Observed) -> Ownership {
        let live = observed.versions.live.as_ref();
        live.map_or(Ownership::Ours, Live::ownership)
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        Ok(self.found(observed))
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        let version = match &self.target {
            Target::Published(one) => one.number.to_string(),
            Target::New(_) | Target::Other(_) => self.publish(step).await?,
        };
        step.named(&format!("{LIVE} (version {version})"));
        let former = found.and_then(|found| found.target.version());
        if former.as_deref() != Some(&version) {
            self.prove(&version, step).await?;
        }
        let before = self.before(&version, found);
        match found {
            Some(_) => update(step, &self.function.name, &version, before).await,
            None => create(step, &self.function.name, &version, before).await,
        }?;
        self.live_version.set(LiveVersion(version));
        Ok(())
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        let call = step.run().clients.lambda.delete_alias();
        let call = call.function_name(&self.function.name).name(LIVE);
        match call.send().await {
            Err(error) if !is_missing(&error) => Err(explain("delete the function's alias", error)),
            _ => Ok(()),
        }
    }
}

impl Alias {
    /// Publishes `$LATEST`, and waits until the version can be called.
    async fn publish(&self, step: &StepContext) -> Result<String> {
        let run = step.run();
        step.note("publishing a version");
        let name = &self.function.name;
        let latest = function::get(run, name).await?;
        let latest = latest.ok_or_else(|| deleted(&format!("the function {name}")))?;
        let code = self.function.code_of(&latest);
        let sha = latest.configuration().and_then(|now| now.code_sha256());
        let says = description(&code, &run.names.place().caller_arn);
        let call = || {
            let call = run.clients.lambda.publish_version();
            call.function_name(name)
                .set_code_sha256(sha.map(str::to_owned))
                .description(&says)
                .send()
        };
        let answer = retry_while(step, "another update", CONFLICT_LIMIT, is_updating, call).await;
        let made = answer.map_err(|e| explain("publish a version of the function", e))?;
        let version = made.version.unwrap_or_default();
        self.active(&version, step).await?;
        Ok(version)
    }

    async fn active(&self, version: &str, step: &StepContext) -> Result<()> {
        let lambda = &step.run().clients.lambda;
        let look = || async {
            let call = lambda.get_function_configuration();
            let call = call.function_name(&self.function.name).qualifier(version);
            match call.send().await {
                Ok(now) => match now.state() {
                    Some(State::Pending) => Ok(Look::NotYet),
                    Some(State::Failed) => Err(self.broken(version, now.state_reason())),
                    _ => Ok(Look::Ready(())),
                },
                Err(error) if is_missing(&error) => Ok(Look::Missing),
                Err(error) => Err(explain("read the new version", error)),
            }
        };
        let what = format!("version {version}");
        step.until_ready(&what, "to become active", SETTLE_LIMIT, look)
            .await
    }

    fn broken(&self, version: &str, why: Option<&str>) -> Error {
        let name = &self.function.name;
        Error::failed(format!(
            "version {version} of the function {name} did not become active"
        ))
        .because_of(why.unwrap_or("no reason given"))
    }

    /// Tries the version before anybody meets it.
    async fn prove(&self, version: &str, step: &StepContext) -> Result<()> {
        let run = step.run();
        let Some(proof) = &run.proof else {
            return Ok(());
        };
        step.note(format!("proving version {version}"));
        let (names, api) = (&run.names, self.api.known());
        let api = api.as_deref().unwrap_or_default();
        let url = self.is_running.then(|| names.socket_url(api));
        let candidate = Candidate {
            lambda: &run.clients.lambda,
            function: &names.function,
            domain: &names.domain(api),
            stage: &names.stage,
            url: url.as_deref(),
            client: proof,
            version,
            api,
        };
        prove_candidate(&candidate, |text| step.note(text)).await
    }

    /// How `version` comes to be live.
    fn before(&self, version: &str, found: Option<&Self>) -> Before {
        let Some(found) = found else {
            return Before::Nothing;
        };
        let former = found.target.version().filter(|former| former != version);
        match former.and_then(|former| former.parse().ok()) {
            Some(former) if self.is_rollback => Before::RolledBack(former),
            Some(former) => Before::Replaced(former),
            None => found.before.unwrap_or(Before::Nothing),
        }
    }

    /// Points the alias back to the version that was found, if `from` is still live. The API calls it
    /// from the next message on.
    ///
    /// # Errors
    /// The alias cannot be read or moved.
    pub async fn put_back(&self, run: &RunContext, from: &str) -> Result<bool> {
        let lambda = &run.clients.lambda;
        let name = &self.function.name;
        let call = lambda.get_alias().function_name(name).name(LIVE);
        let now = call.send().await;
        let now = now.map_err(|e| explain("read the function's alias", e))?;
        let Some(to) = self
            .target
            .version()
            .filter(|_| now.function_version() == Some(from))
        else {
            return Ok(false);
        };
        let call = lambda.update_alias().function_name(name).name(LIVE);
        let call = call
            .function_version(to)
            .set_description(self.before.map(Before::describe))
            .set_revision_id(now.revision_id);
        let answer = call.send().await;
        answer.map_err(|e| explain("point the alias back", e))?;
        Ok(true)
    }
}

async fn create(step: &StepContext, function: &str, version: &str, before: Before) -> Result<()> {
    let call = || {
        let call = step.run().clients.lambda.create_alias();
        call.function_name(function)
            .name(LIVE)
            .function_version(version)
            .description(before.describe())
            .send()
    };
    match retry_while(step, "another update", CONFLICT_LIMIT, is_busy, call).await {
        Ok(_) => Ok(()),
        // Made by another deploy, or by us with the answer lost.
        Err(error) if is_conflict(&error) => update(step, function, version, before).await,
        Err(error) => Err(explain("make the function's alias", error)),
    }
}

/// One call, and the API calls the version from the next message on.
async fn update(step: &StepContext, function: &str, version: &str, before: Before) -> Result<()> {
    let call = || {
        let call = step.run().clients.lambda.update_alias();
        call.function_name(function)
            .name(LIVE)
            .function_version(version)
            .description(before.describe())
            .routing_config(no_weights())
            .send()
    };
    let answer = retry_while(step, "another update", CONFLICT_LIMIT, is_busy, call).await;
    let moved = answer.map_err(|e| explain("point the function's alias to the version", e));
    moved.map(drop)
}

/// Lambda keeps the weights that there are unless it gets others.
fn no_weights() -> AliasRoutingConfiguration {
    AliasRoutingConfiguration::builder()
        .set_additional_version_weights(Some(HashMap::new()))
        .build()
}
