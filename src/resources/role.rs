//! An IAM role with its trust, its inline policies and its attached ones.
//!
//! GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies; CreateRole,
//! UpdateAssumeRolePolicy, Put- and DeleteRolePolicy, Attach- and DetachRolePolicy, (Un)TagRole,
//! DeleteRole.
//!
//! Surprises: GetRole gives the trust document URL-encoded. A role cannot be deleted before its
//! policies are. A role that IAM shows is not yet one that Lambda can assume: that is waited for
//! where it is used.

use super::sdk::{CONFLICT_LIMIT, SETTLE_LIMIT, is_busy, settle};
use super::world::World;
use crate::aws::{Clients, explain, is_conflict, is_missing};
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::{Error, Result};
use crate::stack::policy::{GRANT_POLICY, normalised};
use crate::stack::tags::{FORMER, Tags};
use aws_sdk_iam::types::Tag;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The id of the function's role.
pub const FUNCTION_ROLE: &str = "role/function";
/// The id of the role through which API Gateway writes logs.
pub const LOGGING_ROLE: &str = "role/logging";

/// An IAM role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Which of the two.
    pub id: &'static str,
    /// Its name.
    pub name: String,
    /// Who may take it on.
    pub trust: Value,
    /// ARNs of the attached policies.
    pub attached: BTreeSet<String>,
    /// Inline policies by name, except the grant, which is a resource of its own.
    pub inline: BTreeMap<String, Value>,
    /// Its tags.
    pub tags: Tags,
}

impl Resource for Role {
    type World = World;

    fn id(&self) -> Id {
        Id::new(self.id)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new().with("trust", normalised(&self.trust));
        let fields = self.attached.iter().fold(fields, |fields, arn| {
            fields.with(format!("attached.{}", last_part(arn)), arn.as_str())
        });
        let fields = self.inline.iter().fold(fields, |fields, (name, document)| {
            fields.with(format!("policies.{name}"), normalised(document))
        });
        self.tags.fields(fields)
    }

    fn outlives(&self) -> Vec<Edge> {
        match self.id {
            LOGGING_ROLE => vec![Edge::new(
                "account-logging",
                "the account must not point at a role that is gone",
            )],
            _ => vec![Edge::new("function", "a live function needs its role")],
        }
    }

    fn ownership(&self, world: &World) -> Ownership {
        self.tags.ownership(&world.names.stack, &world.names.stage)
    }

    fn stays(&self, world: &World) -> Option<String> {
        (self.id == LOGGING_ROLE).then(|| world.account_role.keeps_role())?
    }

    async fn read(&self, world: &World) -> Result<Option<Self>> {
        let clients = &world.clients;
        let (role, attached, listed, known) = tokio::try_join!(
            get(clients, &self.name),
            attached(clients, &self.name),
            inline_names(clients, &self.name),
            documents(clients, &self.name, self.inline.keys()),
        )?;
        let Some((trust, tags)) = role else {
            return Ok(None);
        };
        let inline = listed
            .into_iter()
            .filter(|name| name != GRANT_POLICY)
            .map(|name| {
                let document = known.get(&name).cloned();
                (name, document.unwrap_or_else(|| Value::from("present")))
            });
        let mut tags = self.tags.seen(tags);
        if self.tags.get(FORMER).is_none() {
            tags = tags.without(FORMER);
        }
        Ok(Some(Self {
            inline: inline.collect(),
            trust,
            attached,
            tags,
            ..self.clone()
        }))
    }

    async fn apply(&self, found: Option<&Self>, job: &Job<World>) -> Result<()> {
        match found {
            Some(found) => self.mend(found, job).await,
            None => self.create(job).await,
        }
    }

    async fn delete(&self, job: &Job<World>) -> Result<()> {
        let clients = &job.world().clients;
        for name in inline_names(clients, &self.name).await? {
            delete_inline(job, &self.name, &name).await?;
        }
        for arn in attached(clients, &self.name).await? {
            self.detach(job, &arn).await?;
        }
        let call = || clients.iam.delete_role().role_name(&self.name).send();
        let settled = settle(job, "IAM", SETTLE_LIMIT, is_conflict, call).await;
        gone(settled, &format!("delete the role {}", self.name))
    }
}

impl Role {
    /// Made by somebody else in the meantime: theirs is mended if it is ours.
    async fn create(&self, job: &Job<World>) -> Result<()> {
        let iam = &job.world().clients.iam;
        let call = iam
            .create_role()
            .role_name(&self.name)
            .assume_role_policy_document(self.trust.to_string())
            .description("made by chatctl")
            .set_tags(Some(sdk_tags(&self.tags)));
        match call.send().await {
            Ok(_) => self.mend(&self.bare(), job).await,
            Err(error) if is_conflict(&error) => self.mend_existing(job).await,
            Err(error) => Err(explain(&format!("create the role {}", self.name), error)),
        }
    }

    async fn mend_existing(&self, job: &Job<World>) -> Result<()> {
        let look = || self.read(job.world());
        let found = job
            .until("the role to be visible", SETTLE_LIMIT, look)
            .await?;
        if let Ownership::Foreign(whose) = found.ownership(job.world()) {
            return Err(
                Error::failed(format!("the role {} is there and is not ours", self.name))
                    .because_of(whose),
            );
        }
        self.mend(&found, job).await
    }

    /// As it is right after CreateRole: no policies yet.
    fn bare(&self) -> Self {
        Self {
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            ..self.clone()
        }
    }

    async fn mend(&self, found: &Self, job: &Job<World>) -> Result<()> {
        if normalised(&self.trust) != normalised(&found.trust) {
            self.set_trust(job).await?;
        }
        for (name, document) in &self.inline {
            let same = |there: &Value| normalised(there) == normalised(document);
            if !found.inline.get(name).is_some_and(same) {
                put_inline(job, &self.name, name, document).await?;
            }
        }
        for arn in self.attached.difference(&found.attached) {
            self.attach(job, arn).await?;
        }
        for name in found
            .inline
            .keys()
            .filter(|n| !self.inline.contains_key(*n))
        {
            delete_inline(job, &self.name, name).await?;
        }
        for arn in found.attached.difference(&self.attached) {
            self.detach(job, arn).await?;
        }
        self.tag(found, job).await
    }

    async fn set_trust(&self, job: &Job<World>) -> Result<()> {
        let iam = &job.world().clients.iam;
        let call = || {
            iam.update_assume_role_policy()
                .role_name(&self.name)
                .policy_document(self.trust.to_string())
                .send()
        };
        let settled = settle(job, "IAM", CONFLICT_LIMIT, is_busy, call).await;
        let action = format!("set the trust of the role {}", self.name);
        settled.map(drop).map_err(|e| explain(&action, e))
    }

    async fn attach(&self, job: &Job<World>, arn: &str) -> Result<()> {
        let iam = &job.world().clients.iam;
        let call = || {
            iam.attach_role_policy()
                .role_name(&self.name)
                .policy_arn(arn)
                .send()
        };
        let settled = settle(job, "IAM", CONFLICT_LIMIT, is_busy, call).await;
        let action = format!("attach {} to the role {}", last_part(arn), self.name);
        settled.map(drop).map_err(|e| explain(&action, e))
    }

    async fn detach(&self, job: &Job<World>, arn: &str) -> Result<()> {
        let iam = &job.world().clients.iam;
        let call = || {
            iam.detach_role_policy()
                .role_name(&self.name)
                .policy_arn(arn)
                .send()
        };
        let settled = settle(job, "IAM", CONFLICT_LIMIT, is_busy, call).await;
        gone(
            settled,
            &format!("detach {} from the role {}", last_part(arn), self.name),
        )
    }

    async fn tag(&self, found: &Self, job: &Job<World>) -> Result<()> {
        let iam = &job.world().clients.iam;
        let changes = self.tags.changes(&found.tags);
        let action = format!("tag the role {}", self.name);
        if !changes.set.is_empty() {
            let set = changes.set.iter().filter_map(|(k, v)| sdk_tag(k, v));
            let call = iam
                .tag_role()
                .role_name(&self.name)
                .set_tags(Some(set.collect()));
            call.send().await.map_err(|e| explain(&action, e))?;
        }
        if !changes.remove.is_empty() {
            let call = iam.untag_role().role_name(&self.name);
            let call = call.set_tag_keys(Some(changes.remove));
            call.send().await.map_err(|e| explain(&action, e))?;
        }
        Ok(())
    }
}

/// Trust and tags of a role, if it is there.
pub(super) async fn get(
    clients: &Clients,
    name: &str,
) -> Result<Option<(Value, Vec<(String, String)>)>> {
    let role = match clients.iam.get_role().role_name(name).send().await {
        Ok(answer) => answer.role,
        Err(error) if is_missing(&error) => None,
        Err(error) => return Err(explain(&format!("read the role {name}"), error)),
    };
    Ok(role.map(|role| {
        let trust = document(role.assume_role_policy_document().unwrap_or_default());
        let tags = role
            .tags()
            .iter()
            .map(|tag| (tag.key.clone(), tag.value.clone()));
        (trust, tags.collect())
    }))
}

async fn attached(clients: &Clients, name: &str) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    let mut marker = None;
    loop {
        let call = clients.iam.list_attached_role_policies().role_name(name);
        let page = match call.set_marker(marker).send().await {
            Ok(page) => page,
            Err(error) if is_missing(&error) => return Ok(all),
            Err(error) => {
                return Err(explain(
                    &format!("list what is attached to the role {name}"),
                    error,
                ));
            }
        };
        let arns = page.attached_policies.unwrap_or_default();
        all.extend(arns.into_iter().filter_map(|policy| policy.policy_arn));
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(all);
        }
    }
}

async fn inline_names(clients: &Clients, name: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let call = clients.iam.list_role_policies().role_name(name);
        let page = match call.set_marker(marker).send().await {
            Ok(page) => page,
            Err(error) if is_missing(&error) => return Ok(all),
            Err(error) => {
                return Err(explain(
                    &format!("list the policies of the role {name}"),
                    error,
                ));
            }
        };
        all.extend(page.policy_names);
        marker = page.marker.filter(|_| page.is_truncated);
        if marker.is_none() {
            return Ok(all);
        }
    }
}

async fn documents(
    clients: &Clients,
    role: &str,
    names: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, Value>> {
    let mut all = BTreeMap::new();
    for name in names {
        if let Some(document) = inline(clients, role, name).await? {
            all.insert(name.clone(), document);
        }
    }
    Ok(all)
}

/// An inline policy of a role, if it is there.
pub(super) async fn inline(clients: &Clients, role: &str, name: &str) -> Result<Option<Value>> {
    let call = clients
        .iam
        .get_role_policy()
        .role_name(role)
        .policy_name(name);
    match call.send().await {
        Ok(answer) => Ok(Some(document(answer.policy_document()))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(explain(
            &format!("read the policy {name} of the role {role}"),
            error,
        )),
    }
}

/// Writes an inline policy; it is there or not, all the same.
pub(super) async fn put_inline(
    job: &Job<World>,
    role: &str,
    name: &str,
    document: &Value,
) -> Result<()> {
    let iam = &job.world().clients.iam;
    let call = || {
        iam.put_role_policy()
            .role_name(role)
            .policy_name(name)
            .policy_document(document.to_string())
            .send()
    };
    let settled = settle(job, "IAM", CONFLICT_LIMIT, is_busy, call).await;
    let action = format!("write the policy {name} of the role {role}");
    settled.map(drop).map_err(|e| explain(&action, e))
}

/// Deletes an inline policy; missing is success.
pub(super) async fn delete_inline(job: &Job<World>, role: &str, name: &str) -> Result<()> {
    let iam = &job.world().clients.iam;
    let call = || {
        iam.delete_role_policy()
            .role_name(role)
            .policy_name(name)
            .send()
    };
    let settled = settle(job, "IAM", CONFLICT_LIMIT, is_busy, call).await;
    gone(
        settled,
        &format!("delete the policy {name} of the role {role}"),
    )
}

/// A deletion that found nothing has done its work.
pub(super) fn gone<T, E>(
    answer: std::result::Result<T, crate::aws::Failure<E>>,
    action: &str,
) -> Result<()>
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Err(error) if !is_missing(&error) => Err(explain(action, error)),
        _ => Ok(()),
    }
}

/// IAM answers with documents in URL encoding. What is no JSON is kept as text, so that it shows as
/// a difference instead of hiding one.
fn document(text: &str) -> Value {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}

fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .filter_map(|(key, value)| sdk_tag(key, value))
        .collect()
}

fn sdk_tag(key: &str, value: &str) -> Option<Tag> {
    Tag::builder().key(key).value(value).build().ok()
}
