//! An IAM role with its trust, its inline policies and its attached ones.
//!
//! GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies; CreateRole,
//! UpdateAssumeRolePolicy, Put- and DeleteRolePolicy, Attach- and DetachRolePolicy, (Un)TagRole,
//! DeleteRole.
//!
//! Surprises: GetRole gives the trust document URL-encoded. A role cannot be deleted before its
//! policies are. A role that IAM shows is not yet one that Lambda can assume: that is waited for
//! where it is used.

use super::NeedsRights;
use super::observed::Observed;
use super::outputs::RoleId;
use super::retry::{CONFLICT_LIMIT, SETTLE_LIMIT, gone, is_busy, listed, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{Clients, explain, is_conflict, is_missing};
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::naming::policy::{GRANT_POLICY, normalised};
use crate::naming::rights::{POLICY_FOR_LOGS, Right, on};
use crate::naming::tags::{FORMER, Tags};
use aws_sdk_iam::types::{AttachedPolicy, Tag};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

/// An IAM role.
#[derive(Debug, Clone)]
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
    /// Its unique id.
    pub role_id: Output<RoleId>,
}

/// What GetRole says of a role.
#[derive(Debug, Clone)]
pub struct FoundRole {
    /// Its unique id.
    pub id: String,
    /// Its trust policy.
    pub trust: Value,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

impl NeedsRights for Role {
    /// `DeleteRolePolicy` and `DetachRolePolicy` also take off what somebody put on a role by hand.
    const RIGHTS: &'static [Right] = &[
        Right::to_read("iam:GetRole", on::roles),
        Right::to_read("iam:ListAttachedRolePolicies", on::roles),
        Right::to_read("iam:ListRolePolicies", on::roles),
        Right::to_read("iam:GetRolePolicy", on::function_role),
        Right::to_write("iam:CreateRole", on::roles),
        Right::to_write("iam:UpdateAssumeRolePolicy", on::roles),
        Right::to_write("iam:TagRole", on::roles),
        Right::to_write("iam:UntagRole", on::roles),
        Right::to_write("iam:PutRolePolicy", on::function_role),
        Right::to_write("iam:AttachRolePolicy", on::logging_role).only_if(POLICY_FOR_LOGS),
        Right::to_write_and_delete("iam:DeleteRolePolicy", on::roles),
        Right::to_write_and_delete("iam:DetachRolePolicy", on::roles),
        Right::to_delete("iam:DeleteRole", on::roles),
    ];
}

impl Resource for Role {
    type Context = RunContext;
    type Observed = Observed;

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
            ids::LOGGING_ROLE => vec![Edge::new(
                ids::ACCOUNT_LOGGING,
                "the account must not point at a role that is gone",
            )],
            _ => vec![Edge::new(ids::FUNCTION, "a live function needs its role")],
        }
    }

    fn ownership(&self, observed: &Observed) -> Ownership {
        observed.run.names.ownership(&self.tags)
    }

    fn stays(&self, observed: &Observed) -> Option<String> {
        (self.id == ids::LOGGING_ROLE).then(|| observed.account_role.keeps_role())?
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        let clients = &observed.run.clients;
        if self.id == ids::FUNCTION_ROLE {
            let known = async { Ok(observed.function_role.clone()) };
            return self.look(clients, known).await;
        }
        self.look(clients, get(clients, &self.name)).await
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        match found {
            Some(found) => self.mend(found, step).await,
            None => self.create(step).await,
        }
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        let clients = &step.run().clients;
        for name in inline_names(clients, &self.name).await? {
            delete_inline(step, &self.name, &name).await?;
        }
        for arn in attached(clients, &self.name).await? {
            self.detach(step, &arn).await?;
        }
        let call = || clients.iam.delete_role().role_name(&self.name).send();
        let passes = |error: &_| is_conflict(error) || is_busy(error);
        let answer = retry_while(step, "IAM", SETTLE_LIMIT, passes, call).await;
        gone(answer, &format!("delete the role {}", self.name))
    }
}

impl Role {
    async fn look(
        &self,
        clients: &Clients,
        role: impl Future<Output = Result<Option<FoundRole>>>,
    ) -> Result<Option<Self>> {
        let (role, attached, listed, known) = tokio::try_join!(
            role,
            attached(clients, &self.name),
            inline_names(clients, &self.name),
            documents(clients, &self.name, self.inline.keys()),
        )?;
        let Some(FoundRole { id, trust, tags }) = role else {
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
            role_id: Output::new(self.id, Some(RoleId(id))),
            trust,
            attached,
            tags,
            ..self.clone()
        }))
    }

    /// Made by somebody else in the meantime: theirs is mended if it is ours.
    async fn create(&self, step: &StepContext) -> Result<()> {
        let iam = &step.run().clients.iam;
        let call = || {
            iam.create_role()
                .role_name(&self.name)
                .assume_role_policy_document(self.trust.to_string())
                .description("made by chatctl")
                .set_tags(Some(sdk_tags(&self.tags)))
                .send()
        };
        match retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await {
            Ok(made) => {
                if let Some(role) = made.role {
                    self.role_id.set(RoleId(role.role_id));
                }
                self.mend(&self.bare(), step).await
            }
            Err(error) if is_conflict(&error) => self.mend_existing(step).await,
            Err(error) => Err(explain(&format!("create the role {}", self.name), error)),
        }
    }

    async fn mend_existing(&self, step: &StepContext) -> Result<()> {
        let clients = &step.run().clients;
        let look = || self.look(clients, get(clients, &self.name));
        let found = step
            .until("the role to be visible", SETTLE_LIMIT, look)
            .await?;
        if let Ownership::Foreign(whose) = step.run().names.ownership(&found.tags) {
            return Err(
                Error::failed(format!("the role {} is there and is not ours", self.name))
                    .because_of(whose),
            );
        }
        self.role_id.set(found.role_id.get()?);
        self.mend(&found, step).await
    }

    /// As it is right after CreateRole: no policies yet.
    fn bare(&self) -> Self {
        Self {
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
            ..self.clone()
        }
    }

    async fn mend(&self, found: &Self, step: &StepContext) -> Result<()> {
        if normalised(&self.trust) != normalised(&found.trust) {
            self.set_trust(step).await?;
        }
        for (name, document) in &self.inline {
            let same = |there: &Value| normalised(there) == normalised(document);
            if !found.inline.get(name).is_some_and(same) {
                put_inline(step, &self.name, name, document).await?;
            }
        }
        for arn in self.attached.difference(&found.attached) {
            self.attach(step, arn).await?;
        }
        for name in found
            .inline
            .keys()
            .filter(|n| !self.inline.contains_key(*n))
        {
            delete_inline(step, &self.name, name).await?;
        }
        for arn in found.attached.difference(&self.attached) {
            self.detach(step, arn).await?;
        }
        self.tag(found, step).await
    }

    async fn set_trust(&self, step: &StepContext) -> Result<()> {
        let iam = &step.run().clients.iam;
        let call = || {
            iam.update_assume_role_policy()
                .role_name(&self.name)
                .policy_document(self.trust.to_string())
                .send()
        };
        let answer = retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await;
        let action = format!("set the trust of the role {}", self.name);
        answer.map(drop).map_err(|e| explain(&action, e))
    }

    async fn attach(&self, step: &StepContext, arn: &str) -> Result<()> {
        let iam = &step.run().clients.iam;
        let call = || {
            iam.attach_role_policy()
                .role_name(&self.name)
                .policy_arn(arn)
                .send()
        };
        let answer = retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await;
        let action = format!("attach {} to the role {}", last_part(arn), self.name);
        answer.map(drop).map_err(|e| explain(&action, e))
    }

    async fn detach(&self, step: &StepContext, arn: &str) -> Result<()> {
        let iam = &step.run().clients.iam;
        let call = || {
            iam.detach_role_policy()
                .role_name(&self.name)
                .policy_arn(arn)
                .send()
        };
        let answer = retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await;
        gone(
            answer,
            &format!("detach {} from the role {}", last_part(arn), self.name),
        )
    }

    async fn tag(&self, found: &Self, step: &StepContext) -> Result<()> {
        let iam = &step.run().clients.iam;
        let changes = self.tags.changes(&found.tags);
        let action = format!("tag the role {}", self.name);
        if !changes.set.is_empty() {
            let set = changes.set.iter().filter_map(|(k, v)| sdk_tag(k, v));
            let call = iam.tag_role().role_name(&self.name);
            let call = call.set_tags(Some(set.collect()));
            let call = || call.clone().send();
            let answer = retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await;
            answer.map_err(|e| explain(&action, e))?;
        }
        if !changes.remove.is_empty() {
            let call = iam.untag_role().role_name(&self.name);
            let call = call.set_tag_keys(Some(changes.remove));
            let call = || call.clone().send();
            let answer = retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await;
            answer.map_err(|e| explain(&action, e))?;
        }
        Ok(())
    }
}

/// A role, if it is there.
pub(super) async fn get(clients: &Clients, name: &str) -> Result<Option<FoundRole>> {
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
        FoundRole {
            tags: tags.collect(),
            id: role.role_id.clone(),
            trust,
        }
    }))
}

async fn attached(clients: &Clients, name: &str) -> Result<BTreeSet<String>> {
    let call = clients.iam.list_attached_role_policies().role_name(name);
    let found = call.into_paginator().items().send().collect().await;
    let all: Vec<AttachedPolicy> =
        listed(found, &format!("list what is attached to the role {name}"))?;
    Ok(all.into_iter().filter_map(|one| one.policy_arn).collect())
}

async fn inline_names(clients: &Clients, name: &str) -> Result<Vec<String>> {
    let call = clients.iam.list_role_policies().role_name(name);
    let found = call.into_paginator().items().send().collect().await;
    listed(found, &format!("list the policies of the role {name}"))
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
    step: &StepContext,
    role: &str,
    name: &str,
    document: &Value,
) -> Result<()> {
    let iam = &step.run().clients.iam;
    let call = || {
        iam.put_role_policy()
            .role_name(role)
            .policy_name(name)
            .policy_document(document.to_string())
            .send()
    };
    let answer = retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await;
    let action = format!("write the policy {name} of the role {role}");
    answer.map(drop).map_err(|e| explain(&action, e))
}

/// Deletes an inline policy; missing is success.
pub(super) async fn delete_inline(step: &StepContext, role: &str, name: &str) -> Result<()> {
    let iam = &step.run().clients.iam;
    let call = || {
        iam.delete_role_policy()
            .role_name(role)
            .policy_name(name)
            .send()
    };
    let answer = retry_while(step, "IAM", CONFLICT_LIMIT, is_busy, call).await;
    gone(
        answer,
        &format!("delete the policy {name} of the role {role}"),
    )
}

/// IAM answers with documents in URL encoding. What is no JSON is kept as text, so that it shows as
/// a difference instead of hiding one.
fn document(text: &str) -> Value {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}

/// The name in a role's or a policy's ARN.
pub(super) fn last_part(arn: &str) -> &str {
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
