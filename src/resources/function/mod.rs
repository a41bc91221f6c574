//! The Lambda function: code and configuration.
//!
//! GetFunction; CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration, (Un)TagResource,
//! DeleteFunction.
//!
//! Surprises: Lambda grants the role the use of the key that encrypts the environment when the function
//! is made, and the grant names the role's unique id. Where the role was deleted and made again under
//! the same name, every invocation fails ("KMS access was denied") and nothing else shows it, so the
//! id is kept in a tag, and such a function is made again. A fresh role "cannot be assumed" for seconds. While one update is in progress every
//! other one is refused, so code and configuration wait for each other. Setting the environment
//! replaces all of it. The code is told by two tags: the digest of its source, and the
//! `CodeSha256` that Lambda had then; a live `CodeSha256` that differs is code that somebody else
//! put there.

mod configuration;
mod found;

pub use configuration::Configuration;

use super::NeedsRights;
use super::observed::Observed;
use super::outputs::{ApiId, RoleId};
use super::retry::{
    CONFLICT_LIMIT, IAM_LIMIT, SETTLE_LIMIT, gone, is_busy, message, retry_while, upload,
};
use super::role::{self, last_part};
use super::run_context::{RunContext, StepContext};
use crate::aws::{Failure, explain, is_conflict, is_missing, is_throttled};
use crate::engine::diff::diff;
use crate::engine::{Edge, Fields, Id, Look, Output, Ownership, Resource};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::naming::rights::{PASSED_TO_LAMBDA, Right, on};
use crate::naming::tags::{CODE, DIGEST, ROLE_ID, Tags};
use crate::package::Artifact;
use aws_sdk_lambda::operation::create_function::CreateFunctionError;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, FunctionCode, FunctionConfiguration, LastUpdateStatus, Runtime, State, TagsError,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use found::found;

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The digest of the code's source, or what is known of strange code.
    pub code: String,
    /// How it runs.
    pub configuration: Configuration,
    /// `Active`, or what keeps it from being so.
    pub state: String,
    /// Its tags, without those that tell the code and the role.
    pub tags: Tags,
    /// The role that the function was granted the use of its key with.
    pub granted_role: Option<GrantedRole>,
    /// Reserved concurrency, if it is 0: then nobody can call the function. Any other value is the
    /// user's own affair.
    pub reserved_concurrency: Option<i32>,
    /// The unique id of the function's role.
    pub role_id: Output<RoleId>,
    /// The built code, for a step that uploads it.
    pub artifact: Output<Artifact>,
    /// The API, if the environment names it.
    pub api: Option<Output<ApiId>>,
}

/// The unique id of the role that a function was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantedRole {
    /// The role that is there has it.
    Present(String),
    /// The role will be made anew.
    New,
    /// The function's tag says so.
    Recorded(String),
}

impl GrantedRole {
    /// What is wanted, with the role as it is known when the plan is made.
    pub fn wanted(role: &Output<RoleId>) -> Self {
        role.known().map_or(Self::New, |id| Self::Present(id.0))
    }

    /// Only another role than the recorded one forces a replacement: of a function without a record
    /// nothing is known.
    fn field(&self, fields: Fields) -> Fields {
        match self {
            Self::Present(id) => fields.with("roleId", id.as_str()),
            Self::New => fields.frozen("roleId", "of a new role"),
            Self::Recorded(id) => fields.frozen("roleId", id.as_str()),
        }
    }
}

impl NeedsRights for Function {
    /// GetFunction shows the tags only to those who have `ListTags`.
    const RIGHTS: &'static [Right] = &[
        Right::to_read("lambda:GetFunction", on::function),
        Right::to_read("lambda:ListTags", on::function),
        Right::to_write("lambda:CreateFunction", on::function),
        Right::to_write("lambda:UpdateFunctionCode", on::function),
        Right::to_write("lambda:UpdateFunctionConfiguration", on::function),
        Right::to_write("lambda:DeleteFunctionConcurrency", on::function),
        Right::to_write("lambda:TagResource", on::function),
        Right::to_write("lambda:UntagResource", on::function),
        Right::to_write("iam:PassRole", on::function_role).only_if(PASSED_TO_LAMBDA),
        Right::to_write_and_delete("lambda:DeleteFunction", on::function),
    ];
}

impl Resource for Function {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(ids::FUNCTION)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new().with("code", self.code.as_str());
        let fields = self.configuration.fields(fields);
        let fields = fields.with("reservedConcurrency", self.reserved_concurrency);
        let fields = match &self.granted_role {
            Some(role) => role.field(fields),
            None => fields,
        };
        let fields = match self.state.as_str() {
            state @ ("Failed" | "Deleting") => fields.frozen("state", state),
            state => fields.with("state", state),
        };
        self.tags.fields(fields)
    }

    fn needs(&self) -> Vec<Edge> {
        let mut all = vec![
            self.role_id.edge("Lambda assumes the role"),
            Edge::new(
                ids::FUNCTION_GROUP,
                "else Lambda makes the group, without retention",
            ),
        ];
        let api = self.api.as_ref();
        all.extend(api.map(|api| api.edge("its environment names the API")));
        all
    }

    fn outlives(&self) -> Vec<Edge> {
        vec![Edge::new(ids::EVERY_API, "a live API calls the function")]
    }

    fn ownership(&self, observed: &Observed) -> Ownership {
        observed.run.names.ownership(&self.tags)
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let function = observed.function.as_ref();
        Ok(function.and_then(|answer| found(self, answer)))
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        match found {
            Some(found) => self.mend(found, step).await,
            None => self.create(step).await,
        }
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let call = || {
            run.clients
                .lambda
                .delete_function()
                .function_name(&self.name)
                .send()
        };
        let answer = retry_while(step, "the function", SETTLE_LIMIT, is_conflict, call).await;
        gone(answer, &format!("delete the function {}", self.name))?;
        let look = || async { Ok(get(run, &self.name).await?.is_none().then_some(())) };
        step.until("the function to be gone", SETTLE_LIMIT, look)
            .await
    }
}

impl Function {
    async fn look(&self, run: &RunContext) -> Result<Option<Self>> {
        let answer = get(run, &self.name).await?;
        Ok(answer.and_then(|answer| found(self, &answer)))
    }

    /// The function that is there has to be deleted for this one.
    pub(super) fn is_replaced(&self, observed: &Observed) -> bool {
        let there = observed.function.as_ref();
        let there = there.and_then(|answer| found(self, answer));
        let differs = there.map(|there| diff(&self.fields(), &there.fields()));
        differs.is_some_and(|all| all.iter().any(|one| one.replaces))
    }

    /// The digest of the source that this code was built from, or what is known of strange code.
    pub(super) fn code_of(&self, answer: &GetFunctionOutput) -> String {
        found(self, answer)
            .map(|found| found.code)
            .unwrap_or_default()
    }

    async fn create(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let artifact = self.artifact.get()?;
        let tags = self
            .tags
            .clone()
            .with(DIGEST, artifact.source_digest.as_str())
            .with(CODE, artifact.code_sha256.as_str())
            .with(ROLE_ID, &*self.role_id.get()?);
        let zip = Blob::new(artifact.zip.clone());
        let environment = self.configuration.sdk_environment(self.api.as_ref())?;
        let call = || {
            run.clients
                .lambda
                .create_function()
                .function_name(&self.name)
                .role(&self.configuration.role)
                .runtime(Runtime::from(self.configuration.runtime.as_str()))
                .handler(&self.configuration.handler)
                .architectures(Architecture::from(self.configuration.architecture.as_str()))
                .memory_size(self.configuration.memory)
                .timeout(self.configuration.timeout)
                .environment(environment.clone())
                .set_tags(Some(tags.to_map()))
                .code(FunctionCode::builder().zip_file(zip.clone()).build())
                .customize()
                .config_override(upload(&run.clients))
                .send()
        };
        let attempt = || async {
            match call().await {
                Ok(_) => Ok(Look::Ready(true)),
                Err(error) if is_fresh_role(&error) => self.role_there(run).await,
                Err(error) if is_conflict(&error) => Ok(Look::Ready(false)),
                Err(error) => Err(explain(
                    &format!("create the function {}", self.name),
                    error,
                )),
            }
        };
        let role = format!("the role {}", last_part(&self.configuration.role));
        match step
            .until_ready(
                &role,
                "to be one that Lambda can assume",
                IAM_LIMIT,
                attempt,
            )
            .await?
        {
            true => self.changed(step).await,
            false => self.mend_existing(step).await,
        }
    }

    /// Made by somebody else in the meantime, or by us with the answer lost.
    async fn mend_existing(&self, step: &StepContext) -> Result<()> {
        self.idle(step).await?;
        let Some(found) = self.look(step.run()).await? else {
            return Err(
                Error::failed(format!("the function {} came and went", self.name))
                    .hint("somebody else is changing this stack; run it again when they are done"),
            );
        };
        if let Ownership::Foreign(whose) = step.run().names.ownership(&found.tags) {
            let there = format!("the function {} is there and is not ours", self.name);
            return Err(Error::failed(there).because_of(whose));
        }
        self.mend(&found, step).await
    }

    async fn mend(&self, found: &Self, step: &StepContext) -> Result<()> {
        self.idle(step).await?;
        let code = self.code != found.code
            || self.configuration.architecture != found.configuration.architecture;
        if code {
            self.upload(step).await?;
        }
        if self
            .configuration
            .differs_beside_architecture(&found.configuration)
        {
            self.configure(step).await?;
        }
        if found.reserved_concurrency.is_some() {
            self.release_concurrency(step).await?;
        }
        self.tag(found, code, step).await
    }

    async fn upload(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let zip = Blob::new(self.artifact.get()?.zip);
        step.note("uploading the code");
        let call = || {
            run.clients
                .lambda
                .update_function_code()
                .function_name(&self.name)
                .architectures(Architecture::from(self.configuration.architecture.as_str()))
                .zip_file(zip.clone())
                .customize()
                .config_override(upload(&run.clients))
                .send()
        };
        let answer = retry_while(step, "another update", CONFLICT_LIMIT, is_updating, call).await;
        let action = format!("upload the code of the function {}", self.name);
        answer.map_err(|e| explain(&action, e))?;
        self.changed(step).await
    }

    async fn configure(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let environment = self.configuration.sdk_environment(self.api.as_ref())?;
        let call = || {
            run.clients
                .lambda
                .update_function_configuration()
                .function_name(&self.name)
                .role(&self.configuration.role)
                .runtime(Runtime::from(self.configuration.runtime.as_str()))
                .handler(&self.configuration.handler)
                .memory_size(self.configuration.memory)
                .timeout(self.configuration.timeout)
                .environment(environment.clone())
                .send()
        };
        let answer = retry_while(
            step,
            "another update or a fresh role",
            IAM_LIMIT,
            is_transient,
            call,
        );
        let action = format!("configure the function {}", self.name);
        answer.await.map_err(|e| explain(&action, e))?;
        self.changed(step).await
    }

    /// The tags that tell the code are written last: a run that is cut off before leaves old ones,
    /// and the next plan sees that the code is not what they say.
    async fn tag(&self, found: &Self, code: bool, step: &StepContext) -> Result<()> {
        let run = step.run();
        let mut changes = self.tags.changes(&found.tags);
        if code {
            // A build may change its own source, such as a lock file: the digest is the one after it.
            let artifact = self.artifact.get()?;
            let digest = artifact.source_digest.to_string();
            changes.set.insert(DIGEST.into(), digest);
            changes.set.insert(CODE.into(), artifact.code_sha256);
        }
        if found.granted_role.is_none() {
            changes.set.insert(ROLE_ID.into(), self.role_id.get()?.0);
        }
        let (lambda, arn) = (&run.clients.lambda, run.names.function_arn());
        let action = format!("tag the function {}", self.name);
        if !changes.set.is_empty() {
            let call = lambda
                .tag_resource()
                .resource(&arn)
                .set_tags(Some(changes.set));
            call.send().await.map_err(|e| explain(&action, e))?;
        }
        if !changes.remove.is_empty() {
            let call = lambda.untag_resource().resource(&arn);
            let call = call.set_tag_keys(Some(changes.remove));
            call.send().await.map_err(|e| explain(&action, e))?;
        }
        Ok(())
    }

    /// Waits until no update is under way. How a former update ended does not matter: what it left
    /// behind still runs, and another update is the cure.
    async fn idle(&self, step: &StepContext) -> Result<()> {
        self.settled(step).await.map(drop)
    }

    /// Waits until our own change has come into effect.
    async fn changed(&self, step: &StepContext) -> Result<()> {
        let now = self.settled(step).await?;
        if now.last_update_status() == Some(&LastUpdateStatus::Failed) {
            let why = now.last_update_status_reason();
            return Err(self.broken("was not updated", why.unwrap_or("no reason given")));
        }
        Ok(())
    }

    async fn settled(&self, step: &StepContext) -> Result<FunctionConfiguration> {
        let look = || async {
            let answer = get(step.run(), &self.name).await?;
            let Some(now) = answer.and_then(|answer| answer.configuration) else {
                return Ok(Look::Missing);
            };
            let updating = now.last_update_status() == Some(&LastUpdateStatus::InProgress);
            match now.state() {
                Some(State::Failed) => {
                    let why = now.state_reason().unwrap_or("no reason given");
                    Err(self.broken("did not become active", why))
                }
                Some(State::Deleting) => Ok(Look::Missing),
                Some(State::Pending) => Ok(Look::NotYet),
                _ if updating => Ok(Look::NotYet),
                _ => Ok(Look::Ready(now)),
            }
        };
        let what = format!("the function {}", self.name);
        step.until_ready(&what, "to become active", SETTLE_LIMIT, look)
            .await
    }

    /// A role that cannot be assumed is fresh, or somebody deleted it.
    async fn role_there<T>(&self, run: &RunContext) -> Result<Look<T>> {
        let role = role::get(&run.clients, last_part(&self.configuration.role)).await?;
        Ok(role.map_or(Look::Missing, |_| Look::NotYet))
    }

    async fn release_concurrency(&self, step: &StepContext) -> Result<()> {
        let lambda = &step.run().clients.lambda;
        let call = || {
            let call = lambda.delete_function_concurrency();
            call.function_name(&self.name).send()
        };
        let answer = retry_while(step, "another update", CONFLICT_LIMIT, is_updating, call).await;
        gone(
            answer,
            "take the reserved concurrency of 0 off the function",
        )
    }

    fn broken(&self, how: &str, why: &str) -> Error {
        Error::failed(format!("the function {} {how}", self.name)).because_of(why)
    }
}

/// The function with this name, if it is there.
///
/// # Errors
/// It, or its tags, cannot be read.
pub(super) async fn get(run: &RunContext, name: &str) -> Result<Option<GetFunctionOutput>> {
    let call = run.clients.lambda.get_function().function_name(name);
    match call.send().await {
        Ok(answer) => match answer.tags_error() {
            Some(error) => Err(untold(name, error)),
            None => Ok(Some(answer)),
        },
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(explain(&format!("read the function {name}"), error)),
    }
}

/// Without its tags nobody knows whose the function is.
fn untold(name: &str, error: &TagsError) -> Error {
    Error::failed(format!("cannot read the tags of the function {name}"))
        .because_of(format!("{}: {}", error.error_code(), error.message()))
        .hint("the caller needs lambda:ListTags on the function")
}

/// The texts with which Lambda refuses a role that IAM has not yet made known everywhere.
fn is_fresh_role_text<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    let words = message(error);
    [
        "cannot be assumed by Lambda",
        "execution role does not have permissions",
        "KMS key is invalid",
    ]
    .iter()
    .any(|text| words.contains(text))
}

fn is_fresh_role(error: &Failure<CreateFunctionError>) -> bool {
    is_fresh_role_text(error) || is_throttled(error)
}

pub(super) fn is_updating<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    is_conflict(error) || is_busy(error)
}

fn is_transient<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    is_updating(error) || is_fresh_role_text(error)
}
