//! A CloudWatch log group with its retention.
//!
//! DescribeLogGroups, ListTagsForResource; CreateLogGroup, PutRetentionPolicy,
//! (Un)TagResource, DeleteLogGroup.
//!
//! Surprises: a group is made beforehand, because one that Lambda or API Gateway makes by itself
//! keeps its events for ever and outlives the stack. A live writer brings a deleted group back: it
//! is deleted after its writers, and looked at again. Tags want the ARN without `:*`.

use super::NeedsRights;
use super::observed::Observed;
use super::outputs::ApiId;
use super::retry::{CONFLICT_LIMIT, SETTLE_LIMIT, gone, is_busy, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{Failure, code, explain, is_conflict, is_missing, is_throttled};
use crate::engine::{Edge, Fields, Id, Output, Ownership, Resource};
use crate::error::Result;
use crate::naming::ids;
use crate::naming::names::{API_UNKNOWN, EXECUTION_GROUPS};
use crate::naming::rights::{Right, on};
use crate::naming::tags::Tags;
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::types::LogGroup as Found;
use serde_json::Value;

/// A log group.
#[derive(Debug, Clone)]
pub struct LogGroup {
    /// Which.
    pub id: Id,
    /// Its name; with `{api}` in it until the API's id is known.
    pub name: String,
    /// Days; nothing means for ever, which is never wanted.
    pub retention: Option<i32>,
    /// Its tags.
    pub tags: Tags,
    /// How large its events are, as found.
    pub bytes: Option<i64>,
    /// The API's id, if the name has it in it.
    pub api: Option<Output<ApiId>>,
}

impl NeedsRights for LogGroup {
    /// A deploy deletes the execution groups of APIs that are gone.
    const RIGHTS: &'static [Right] = &[
        Right::to_read("logs:DescribeLogGroups", on::anything),
        Right::to_read("logs:ListTagsForResource", on::log_group_tags),
        Right::to_write("logs:CreateLogGroup", on::log_groups),
        Right::to_write("logs:PutRetentionPolicy", on::log_groups),
        Right::to_write("logs:TagResource", on::log_group_tags),
        Right::to_write("logs:UntagResource", on::log_group_tags),
        Right::to_write("logs:DeleteLogGroup", on::execution_groups),
        Right::to_delete("logs:DeleteLogGroup", on::log_groups),
    ];
}

impl Resource for LogGroup {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        self.id.clone()
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn fields(&self) -> Fields {
        let retention = self.retention.map_or(Value::Null, Value::from);
        self.tags
            .fields(Fields::new().with("retentionInDays", retention))
    }

    fn needs(&self) -> Vec<Edge> {
        let api = self.api.iter();
        api.map(|api| api.edge("its name has the API's id in it"))
            .collect()
    }

    fn outlives(&self) -> Vec<Edge> {
        match self.id.as_str() {
            ids::FUNCTION_GROUP => vec![Edge::new(
                ids::FUNCTION,
                "a live function writes to its log",
            )],
            _ => vec![Edge::new(ids::EVERY_API, "a live API writes to its log")],
        }
    }

    /// An execution group of our own API is ours whatever its tags: API Gateway may have made it
    /// anew.
    fn ownership(&self, observed: &Observed) -> Ownership {
        let (gateway, names) = (&observed.gateway, &observed.run.names);
        let of_our_api = gateway.api_id().is_some_and(|api| {
            self.name == names.execution_group(&api) && gateway.ownership(names) == Ownership::Ours
        });
        if of_our_api {
            return Ownership::Ours;
        }
        names.ownership(&self.tags)
    }

    fn data(&self) -> Option<String> {
        let bytes = self.bytes.filter(|bytes| *bytes > 0)?;
        Some(match bytes {
            ..=999 => format!("{bytes} bytes of log"),
            1_000..=999_999 => format!("{} kB of log", bytes / 1_000),
            _ => format!("{} MB of log", bytes / 1_000_000),
        })
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        self.look(&observed.run).await
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        let run = step.run();
        let name = self.name_now();
        step.named(&name);
        let bare = Self {
            name: name.clone(),
            retention: None,
            ..self.clone()
        };
        let found = match found {
            Some(found) => found.clone(),
            None if self.create(&name, step).await? => bare,
            None => self.look(run).await?.unwrap_or(bare),
        };
        if found.retention != self.retention {
            self.set_retention(&name, step).await?;
        }
        self.tag(&found, run).await
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        let logs = &step.run().clients.logs;
        let call = || logs.delete_log_group().log_group_name(&self.name).send();
        let answer = retry_while(step, "CloudWatch Logs", SETTLE_LIMIT, is_busy, call).await;
        gone(answer, &format!("delete the log group {}", self.name))
    }
}

impl LogGroup {
    async fn look(&self, run: &RunContext) -> Result<Option<Self>> {
        let name = self.name_now();
        if name.contains(API_UNKNOWN) {
            return Ok(None);
        }
        let arn = run.names.group_arn(&name);
        let (groups, at_once) = tokio::try_join!(groups(run, &name), tags(run, &arn))?;
        let Some(group) = groups
            .into_iter()
            .find(|g| g.log_group_name() == Some(&name))
        else {
            return Ok(None);
        };
        // Made between the two calls, by another deploy: its tags are there by now.
        let tags = match at_once {
            Some(tags) => tags,
            None => tags(run, &arn).await?.unwrap_or_default(),
        };
        Ok(Some(Self {
            retention: group.retention_in_days(),
            bytes: group.stored_bytes(),
            tags: self.tags.seen(tags),
            name,
            ..self.clone()
        }))
    }

    fn name_now(&self) -> String {
        match self.api.as_ref().and_then(Output::known) {
            Some(api) => self.name.replace(API_UNKNOWN, &api),
            None => self.name.clone(),
        }
    }

    /// Says whether this very call made it.
    async fn create(&self, name: &str, step: &StepContext) -> Result<bool> {
        let logs = &step.run().clients.logs;
        let call = || {
            let call = logs.create_log_group().log_group_name(name);
            call.set_tags(Some(self.tags.to_map())).send()
        };
        let waiting_for = "another change of the log group";
        match retry_while(step, waiting_for, CONFLICT_LIMIT, is_aborted, call).await {
            Ok(_) => Ok(true),
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(explain(&format!("create the log group {name}"), error)),
        }
    }

    async fn set_retention(&self, name: &str, step: &StepContext) -> Result<()> {
        let logs = &step.run().clients.logs;
        let action = format!("set the retention of the log group {name}");
        let Some(days) = self.retention else {
            return Ok(());
        };
        let call = || {
            logs.put_retention_policy()
                .log_group_name(name)
                .retention_in_days(days)
                .send()
        };
        let answer = retry_while(step, "CloudWatch Logs", CONFLICT_LIMIT, is_busy, call).await;
        answer.map(drop).map_err(|e| explain(&action, e))
    }

    async fn tag(&self, found: &Self, run: &RunContext) -> Result<()> {
        let logs = &run.clients.logs;
        let arn = run.names.group_arn(&found.name);
        let changes = self.tags.changes(&found.tags);
        let action = format!("tag the log group {}", found.name);
        if !changes.set.is_empty() {
            let call = logs.tag_resource().resource_arn(&arn);
            let call = call.set_tags(Some(changes.set));
            call.send().await.map_err(|e| explain(&action, e))?;
        }
        if !changes.remove.is_empty() {
            let call = logs.untag_resource().resource_arn(&arn);
            let call = call.set_tag_keys(Some(changes.remove));
            call.send().await.map_err(|e| explain(&action, e))?;
        }
        Ok(())
    }
}

/// Two writers at once: CloudWatch Logs drops one of them, which says nothing about what is there.
fn is_aborted<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    code(error) == Some("OperationAbortedException") || is_throttled(error)
}

/// Execution groups with our tags whose API is gone: an API that was deleted behind our back, or by
/// a run that was killed before it came to the group.
///
/// # Errors
/// A read that fails.
pub async fn orphans(observed: &Observed) -> Result<Vec<LogGroup>> {
    let run = &*observed.run;
    let live = observed.gateway.api_id();
    let live = live.map(|api| run.names.execution_group(&api));
    let ending = format!("/{}", run.names.stage);
    let mut ours = Vec::new();
    for group in groups(run, EXECUTION_GROUPS).await? {
        let name = group.log_group_name().unwrap_or_default().to_owned();
        if !name.ends_with(&ending) || Some(&name) == live.as_ref() {
            continue;
        }
        let found = tags(run, &run.names.group_arn(&name)).await?;
        let found = found.unwrap_or_default();
        let api = name
            .trim_start_matches(EXECUTION_GROUPS)
            .trim_end_matches(&ending);
        let orphan = LogGroup {
            id: Id::new(format!("{}/{api}", ids::EXECUTION_GROUP)),
            retention: group.retention_in_days(),
            bytes: group.stored_bytes(),
            tags: Tags::default().seen(found),
            api: None,
            name,
        };
        if orphan.ownership(observed) == Ownership::Ours {
            ours.push(orphan);
        }
    }
    Ok(ours)
}

/// Deletes those of `names` that are there again: groups that this very run deleted, and that a late
/// writer brought back. Says which.
///
/// # Errors
/// A reading or a deletion that fails.
pub async fn delete_again(run: &RunContext, names: &[String]) -> Result<Vec<String>> {
    let mut deleted = Vec::new();
    for name in names {
        let there = groups(run, name).await?;
        if !there
            .iter()
            .any(|group| group.log_group_name() == Some(name))
        {
            continue;
        }
        let call = run.clients.logs.delete_log_group().log_group_name(name);
        gone(call.send().await, &format!("delete the log group {name}"))?;
        deleted.push(name.clone());
    }
    Ok(deleted)
}

async fn groups(run: &RunContext, prefix: &str) -> Result<Vec<Found>> {
    let call = run.clients.logs.describe_log_groups();
    let pages = call.log_group_name_prefix(prefix).into_paginator();
    let all = pages.items().send().collect::<Result<Vec<_>, _>>().await;
    all.map_err(|e| explain("list the log groups", e))
}

/// The tags of a group, if it is there.
async fn tags(run: &RunContext, arn: &str) -> Result<Option<Vec<(String, String)>>> {
    let call = run.clients.logs.list_tags_for_resource().resource_arn(arn);
    match call.send().await {
        Ok(answer) => Ok(Some(answer.tags.unwrap_or_default().into_iter().collect())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(explain("read the tags of a log group", error)),
    }
}
