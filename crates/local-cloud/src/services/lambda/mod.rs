//! Lambda: functions, their permissions, tags and concurrency, and how they are invoked.
//!
//! As on AWS: a new function is Pending and refuses every call for a moment; every update takes a moment too,
//! during which further updates are refused with 409 while invocations go on with the old code; a role that is too
//! new cannot be assumed; `bootstrap` is checked when the function first runs, not when it is uploaded; and a
//! function's policy stays when the API that it names is deleted.

mod aliases;
mod code;
mod configuration;
mod create;
mod invoke;
mod name;
mod policy;
mod runtime;
mod settings;
mod shape;
mod update;
mod versions;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::persist::Persistent;
use crate::runtime::Environments;
use crate::services::iam::{Iam, Principal};
use crate::shared::Shared;
use crate::wire::{Request, Response, ServiceError, has_tags};
use aliases::Alias;
pub(crate) use code::Package;
use configuration::Configuration;
pub(crate) use invoke::{InvokeRefusal, invoke_for_gateway};
use name::Name;
use policy::Permission;

/// Every function, by name.
#[derive(Debug)]
pub(crate) struct Functions {
    shared: Arc<Shared>,
    iam: Arc<Iam>,
    environments: Arc<Environments>,
    all: Mutex<BTreeMap<String, Function>>,
    /// Invocations that run at this moment, for the account's limit.
    running: AtomicUsize,
}

/// One function.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Function {
    latest: Revision,
    /// What invocations use while an update is in progress.
    before_update: Option<Box<Revision>>,
    /// Pending until then, by the local cloud's clock.
    active_at: i64,
    /// `LastUpdateStatus: InProgress` until then.
    updated_at: i64,
    /// The latest update cannot be carried out: `LastUpdateStatus` ends as `Failed`, and the revision before
    /// it goes on serving.
    #[serde(default)]
    update_fails: bool,
    versions: BTreeMap<u64, Revision>,
    #[serde(default)]
    aliases: BTreeMap<String, Alias>,
    next_version: u64,
    statements: Vec<Permission>,
    tags: BTreeMap<String, String>,
    reserved: Option<u32>,
    /// Invocations that run at this moment.
    #[serde(skip)]
    running: Arc<AtomicUsize>,
}

/// Code and configuration at one moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Revision {
    configuration: Configuration,
    code: Package,
    last_modified: String,
    revision_id: String,
    /// The id once the change is done: creating and updating a function changes it twice.
    #[serde(default)]
    settled_id: Option<String>,
    /// A version is Pending until then, by the local cloud's clock.
    #[serde(default)]
    active_at: i64,
}

/// What an operation answers: a status and a body.
type LambdaResult = Result<(u16, Value), ServiceError>;

impl Functions {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        iam: &Arc<Iam>,
        environments: &Arc<Environments>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            iam: Arc::clone(iam),
            environments: Arc::clone(environments),
            all: Mutex::default(),
            running: AtomicUsize::new(0),
        }
    }

    /// Answers a request.
    pub(crate) async fn serve(self: &Arc<Self>, request: Request) -> Response {
        let id = request.request_id.clone();
        let answer = match admit(self, &request) {
            Err(error) => Err(error),
            Ok(()) if request.operation == "Invoke" => return invoke::serve(self, request).await,
            Ok(()) => dispatch(self, &request),
        };
        match answer {
            Ok((status, body)) => Response::rest(status, &body),
            Err(error) => error.rest(),
        }
        .identified(&id)
    }
}

fn dispatch(functions: &Functions, request: &Request) -> LambdaResult {
    match request.operation.as_str() {
        "CreateFunction" => create::create(functions, request),
        "GetFunction" => shape::get_function(functions, request),
        "GetFunctionConfiguration" => shape::get_configuration(functions, request),
        "ListFunctions" => shape::list_functions(functions, request),
        "ListVersionsByFunction" => shape::list_versions(functions, request),
        "UpdateFunctionCode" => update::code(functions, request),
        "UpdateFunctionConfiguration" => update::configuration(functions, request),
        "PublishVersion" => versions::publish(functions, request),
        "CreateAlias" => aliases::create(functions, request),
        "GetAlias" => aliases::get(functions, request),
        "UpdateAlias" => aliases::update(functions, request),
        "DeleteAlias" => aliases::delete(functions, request),
        "ListAliases" => aliases::list(functions, request),
        "DeleteFunction" => update::delete(functions, request),
        "AddPermission" => policy::add(functions, request),
        "RemovePermission" => policy::remove(functions, request),
        "GetPolicy" => policy::get(functions, request),
        "TagResource" => settings::tag(functions, request),
        "UntagResource" => settings::untag(functions, request),
        "ListTags" => settings::list_tags(functions, request),
        "PutFunctionConcurrency" => settings::put_concurrency(functions, request),
        "GetFunctionConcurrency" => settings::get_concurrency(functions, request),
        "DeleteFunctionConcurrency" => settings::delete_concurrency(functions, request),
        "GetAccountSettings" => Ok(settings::account(functions)),
        other => Err(ServiceError::not_here("lambda", other)),
    }
}

/// Refuses what a role session has no right to.
fn admit(functions: &Functions, request: &Request) -> Result<(), ServiceError> {
    let principal = functions.iam.admit(request)?;
    if principal == Principal::Root {
        return Ok(());
    }
    let operation = request.operation.as_str();
    let action = match operation {
        "Invoke" => "lambda:InvokeFunction".to_owned(),
        other => format!("lambda:{other}"),
    };
    // A new function is named in the body, and so is the role that it gets.
    let body = match operation {
        "CreateFunction" | "UpdateFunctionConfiguration" => request.json()?,
        _ => serde_json::Map::new(),
    };
    let member = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let named = request.segments().get(2).cloned();
    let named = named.or_else(|| member("FunctionName"));
    let qualifier = request.param("Qualifier");
    let resource = named.and_then(|name| Name::parse(&functions.shared, &name, qualifier).ok());
    let resource = resource.map(|name| name.arn(&functions.shared));
    let resource = resource.unwrap_or_else(|| "*".to_owned());
    let authorize = |action: &str| functions.iam.authorize(&principal, action, &resource, &[]);
    let allowed = authorize(&action).and_then(|()| match has_tags(body.get("Tags")) {
        true => authorize("lambda:TagResource"),
        false => Ok(()),
    });
    let passed = || match member("Role") {
        Some(role) => functions
            .iam
            .may_pass(&principal, &role, "lambda.amazonaws.com"),
        None => Ok(()),
    };
    allowed.and_then(|()| passed()).map_err(|mut error| {
        error.status = 403;
        error
    })
}

impl Functions {
    /// The unqualified ARN of a function.
    fn arn(&self, name: &str) -> String {
        name::function_arn(&self.shared, name)
    }

    fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Function>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads or changes one function.
    fn with<T>(
        &self,
        name: &Name,
        look: impl FnOnce(&mut Function) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        match self.lock().get_mut(&name.function) {
            Some(function) => look(function),
            None => Err(not_found(&self.shared, name)),
        }
    }

    /// The uploaded zip of a version, which `GetFunction`'s location leads to.
    pub(crate) fn zip(&self, name: &str, version: Option<&str>) -> Option<bytes::Bytes> {
        let all = self.lock();
        let function = all.get(name)?;
        match version {
            None | Some("$LATEST") => Some(function.latest.code.zip()),
            Some(number) => Some(function.versions.get(&number.parse().ok()?)?.code.zip()),
        }
    }
}

impl Persistent for Functions {
    fn snapshot(&self) -> Value {
        serde_json::to_value(&*self.lock()).unwrap_or_default()
    }

    fn restore(&self, snapshot: Value) -> Result<(), serde_json::Error> {
        let mut all: BTreeMap<String, Function> = serde_json::from_value(snapshot)?;
        for function in all.values_mut() {
            // The clock may have been turned far ahead before the restart.
            (function.active_at, function.updated_at) = (0, 0);
            let versions = function.versions.values_mut();
            versions.for_each(|version| version.active_at = 0);
        }
        *self.lock() = all;
        Ok(())
    }
}

impl Function {
    fn running(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.running)
    }

    fn is_pending(&self, now: i64) -> bool {
        now < self.active_at
    }

    fn is_updating(&self, now: i64) -> bool {
        now < self.updated_at
    }

    /// What an invocation runs now.
    fn effective(&self, now: i64) -> &Revision {
        match &self.before_update {
            Some(before) if self.is_updating(now) || self.update_fails => before,
            _ => &self.latest,
        }
    }

    /// The revision of a version: `$LATEST` or a number.
    fn at(&self, version: &str, now: i64) -> Option<&Revision> {
        match version {
            "$LATEST" => Some(self.effective(now)),
            number => self.versions.get(&number.parse().ok()?),
        }
    }

    /// Refuses changes to a function that is not ready for one.
    fn settled(&self, now: i64, arn: &str) -> Result<(), ServiceError> {
        if self.is_pending(now) {
            return Err(conflict(
                "The operation cannot be performed at this time. The function is currently in the following state: Pending",
            ));
        }
        if self.is_updating(now) {
            return Err(conflict(format!(
                "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
            )));
        }
        Ok(())
    }

    /// Optimistic locking: the revision that the caller names must be the present one.
    fn check_revision(&self, now: i64, revision: Option<&str>) -> Result<(), ServiceError> {
        match revision {
            Some(revision) if revision != self.revision_id(now) => {
                Err(outdated("GetFunction/GetAlias"))
            }
            _ => Ok(()),
        }
    }

    /// Begins an update to this revision: the present one goes on serving until it is done.
    ///
    /// Uncertain: which updates AWS accepts and then fails is not documented. Here it is one of a function
    /// whose role Lambda cannot assume any more. As on AWS another update is the cure.
    fn begin_update(&mut self, functions: &Functions, mut next: Revision) {
        let shared = &functions.shared;
        let present = self.effective(functions.now_ms()).clone();
        self.before_update = Some(Box::new(present));
        self.updated_at = shared.propagated_at();
        let role = &next.configuration.role;
        self.update_fails = !functions.iam.assumable(role, "lambda.amazonaws.com");
        next.last_modified = timestamp(shared);
        next.revision_id = revision_id();
        next.settled_id = Some(revision_id());
        self.latest = next;
    }

    /// Tags, concurrency and policies belong to no revision, but a change of them makes another `RevisionId`.
    fn touch(&mut self) {
        self.latest.settled_id = Some(revision_id());
    }

    fn policy_changed(&mut self, qualifier: Option<&str>) {
        if !self.touch_alias(qualifier) {
            self.touch();
        }
    }

    /// The present `RevisionId` of `$LATEST`.
    fn revision_id(&self, now: i64) -> &str {
        let settled = !self.is_pending(now) && !self.is_updating(now);
        let id = self.latest.settled_id.as_ref().filter(|_| settled);
        id.unwrap_or(&self.latest.revision_id)
    }
}

/// `2026-09-25T00:22:22.506+0000`: Lambda's own way to write a moment.
fn timestamp(shared: &Shared) -> String {
    shared
        .clock
        .now()
        .strftime("%Y-%m-%dT%H:%M:%S%.3f+0000")
        .to_string()
}

fn revision_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn user_error(status: u16, code: &'static str, message: impl Into<String>) -> ServiceError {
    ServiceError::new(status, code, message).with("Type", "User")
}

fn invalid(message: impl Into<String>) -> ServiceError {
    user_error(400, "InvalidParameterValueException", message)
}

fn conflict(message: impl Into<String>) -> ServiceError {
    user_error(409, "ResourceConflictException", message)
}

/// The caller's `RevisionId` is not the present one.
fn outdated(call: &str) -> ServiceError {
    let words = format!(
        "The Revision Id provided does not match the latest Revision Id. Call the {call} API to retrieve the latest Revision Id"
    );
    user_error(412, "PreconditionFailedException", words)
}

fn missing(message: impl Into<String>) -> ServiceError {
    let message = message.into();
    user_error(404, "ResourceNotFoundException", message.clone()).with("Message", message)
}

fn not_found(shared: &Shared, name: &Name) -> ServiceError {
    missing(format!("Function not found: {}", name.arn(shared)))
}

/// AWS's validation message for a member that does not fit its model; `rule` begins with "Member must".
fn validation(member: &str, value: &str, rule: &str) -> ServiceError {
    refused_value(member, &format!("'{value}'"), rule)
}

/// The same for a member that is not there.
fn null(member: &str) -> ServiceError {
    refused_value(member, "null", "Member must not be null")
}

fn refused_value(member: &str, value: &str, rule: &str) -> ServiceError {
    let words = format!(
        "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {rule}"
    );
    ServiceError::new(400, "ValidationException", words)
}

/// The body as a shape of Lambda's model.
fn body<T: serde::de::DeserializeOwned>(request: &Request) -> Result<T, ServiceError> {
    let text: &[u8] = if request.body.is_empty() {
        b"{}"
    } else {
        &request.body
    };
    serde_json::from_slice(text).map_err(|error| {
        ServiceError::new(
            400,
            "SerializationException",
            format!("Could not read the request: {error}"),
        )
    })
}
