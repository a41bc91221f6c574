//! A CloudWatch log group with its retention.
//!
//! DescribeLogGroups, ListTagsForResource; CreateLogGroup, Put- and DeleteRetentionPolicy,
//! (Un)TagResource, DeleteLogGroup.
//!
//! Surprises: a group is made beforehand, because one that Lambda or API Gateway makes by itself
//! keeps its events for ever and outlives the stack. A live writer brings a deleted group back: it
//! is deleted after its writers, and looked at again. Tags want the ARN without `:*`.

use super::role::gone;
use super::sdk::{CONFLICT_LIMIT, SETTLE_LIMIT, is_busy, settle};
use super::world::World;
use crate::aws::{explain, is_conflict, is_missing};
use crate::engine::{Edge, Fields, Id, Job, Ownership, Resource};
use crate::error::Result;
use crate::stack::names::{API_UNKNOWN, EXECUTION_GROUPS};
use crate::stack::tags::Tags;
use aws_sdk_cloudwatchlogs::types::LogGroup as Found;
use serde_json::Value;

/// The id of the function's log group.
pub const FUNCTION_GROUP: &str = "log-group/function";
/// The id of the access log's group.
pub const ACCESS_GROUP: &str = "log-group/access";
/// The id of the execution log's group.
pub const EXECUTION_GROUP: &str = "log-group/execution";

/// A log group.
#[derive(Debug, Clone, PartialEq)]
pub struct LogGroup {
    /// Which.
    pub id: Id,
    /// Its name; with `{api}` in it until the API's id is known.
    pub name: String,
    /// Days; nothing means for ever.
    pub retention: Option<i32>,
    /// Its tags.
    pub tags: Tags,
}

impl Resource for LogGroup {
    type World = World;

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
        match self.id.as_str() {
            EXECUTION_GROUP => vec![Edge::new("api", "its name has the API's id in it")],
            _ => Vec::new(),
        }
    }

    fn outlives(&self) -> Vec<Edge> {
        match self.id.as_str() {
            FUNCTION_GROUP => vec![Edge::new("function", "a live function writes to its log")],
            _ => vec![Edge::new("api*", "a live API writes to its log")],
        }
    }

    /// An execution group of our own API is ours whatever its tags: API Gateway may have made it
    /// anew.
    fn ownership(&self, world: &World) -> Ownership {
        let gateway = world.gateway();
        let of_our_api = gateway.api_id().is_some_and(|api| {
            self.name == world.names.execution_group(&api)
                && gateway.ownership(&world.names) == Ownership::Ours
        });
        if of_our_api {
            return Ownership::Ours;
        }
        self.tags.ownership(&world.names.stack, &world.names.stage)
    }

    async fn read(&self, world: &World) -> Result<Option<Self>> {
        let name = self.name_now(world);
        if name.contains(API_UNKNOWN) {
            return Ok(None);
        }
        let arn = world.names.group_arn(&name);
        let (groups, at_once) = tokio::try_join!(groups(world, &name), tags(world, &arn))?;
        let Some(group) = groups
            .into_iter()
            .find(|g| g.log_group_name() == Some(&name))
        else {
            return Ok(None);
        };
        // Made between the two calls, by another deploy: its tags are there by now.
        let tags = match at_once {
            Some(tags) => tags,
            None => tags(world, &arn).await?.unwrap_or_default(),
        };
        Ok(Some(Self {
            id: self.id.clone(),
            retention: group.retention_in_days(),
            tags: self.tags.seen(tags),
            name,
        }))
    }

    async fn apply(&self, found: Option<&Self>, job: &Job<World>) -> Result<()> {
        let world = job.world();
        let name = self.name_now(world);
        job.named(&name);
        let bare = Self {
            name: name.clone(),
            retention: None,
            ..self.clone()
        };
        let found = match found {
            Some(found) => found.clone(),
            None if self.create(&name, world).await? => bare,
            None => self.read(world).await?.unwrap_or(bare),
        };
        if found.retention != self.retention {
            self.set_retention(&name, job).await?;
        }
        self.tag(&found, world).await
    }

    async fn delete(&self, job: &Job<World>) -> Result<()> {
        let logs = &job.world().clients.logs;
        let call = || logs.delete_log_group().log_group_name(&self.name).send();
        let settled = settle(job, "CloudWatch Logs", SETTLE_LIMIT, is_busy, call).await;
        gone(settled, &format!("delete the log group {}", self.name))
    }
}

impl LogGroup {
    fn name_now(&self, world: &World) -> String {
        match world.api() {
            Some(api) => self.name.replace(API_UNKNOWN, &api),
            None => self.name.clone(),
        }
    }

    /// Says whether this very call made it.
    async fn create(&self, name: &str, world: &World) -> Result<bool> {
        let call = world.clients.logs.create_log_group().log_group_name(name);
        match call.set_tags(Some(self.tags.to_map())).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_conflict(&error) => Ok(false),
            Err(error) => Err(explain(&format!("create the log group {name}"), error)),
        }
    }

    async fn set_retention(&self, name: &str, job: &Job<World>) -> Result<()> {
        let logs = &job.world().clients.logs;
        let action = format!("set the retention of the log group {name}");
        let Some(days) = self.retention else {
            let call = logs.delete_retention_policy().log_group_name(name);
            return call.send().await.map(drop).map_err(|e| explain(&action, e));
        };
        let call = || {
            logs.put_retention_policy()
                .log_group_name(name)
                .retention_in_days(days)
                .send()
        };
        let settled = settle(job, "CloudWatch Logs", CONFLICT_LIMIT, is_busy, call).await;
        settled.map(drop).map_err(|e| explain(&action, e))
    }

    async fn tag(&self, found: &Self, world: &World) -> Result<()> {
        let logs = &world.clients.logs;
        let arn = world.names.group_arn(&found.name);
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

/// Execution groups with our tags whose API is gone: an API that was deleted behind our back, or by
/// a run that was killed before it came to the group.
pub(super) async fn orphans(world: &World) -> Result<Vec<LogGroup>> {
    let live = world.api().map(|api| world.names.execution_group(&api));
    let ending = format!("/{}", world.names.stage);
    let mut ours = Vec::new();
    for group in groups(world, EXECUTION_GROUPS).await? {
        let name = group.log_group_name().unwrap_or_default().to_owned();
        if !name.ends_with(&ending) || Some(&name) == live.as_ref() {
            continue;
        }
        let found = tags(world, &world.names.group_arn(&name)).await?;
        let found = found.unwrap_or_default();
        let api = name
            .trim_start_matches(EXECUTION_GROUPS)
            .trim_end_matches(&ending);
        let orphan = LogGroup {
            id: Id::new(format!("{EXECUTION_GROUP}/{api}")),
            retention: group.retention_in_days(),
            tags: Tags::default().seen(found),
            name,
        };
        if orphan.ownership(world) == Ownership::Ours {
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
pub async fn sweep(world: &World, names: &[String]) -> Result<Vec<String>> {
    let mut swept = Vec::new();
    for name in names {
        let there = groups(world, name).await?;
        if !there
            .iter()
            .any(|group| group.log_group_name() == Some(name))
        {
            continue;
        }
        let call = world.clients.logs.delete_log_group().log_group_name(name);
        gone(call.send().await, &format!("delete the log group {name}"))?;
        swept.push(name.clone());
    }
    Ok(swept)
}

async fn groups(world: &World, prefix: &str) -> Result<Vec<Found>> {
    let mut all = Vec::new();
    let mut token = None;
    loop {
        let call = world.clients.logs.describe_log_groups();
        let call = call.log_group_name_prefix(prefix).set_next_token(token);
        let page = call
            .send()
            .await
            .map_err(|e| explain("list the log groups", e))?;
        all.extend(page.log_groups.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return Ok(all);
        }
    }
}

/// The tags of a group, if it is there.
async fn tags(world: &World, arn: &str) -> Result<Option<Vec<(String, String)>>> {
    let call = world
        .clients
        .logs
        .list_tags_for_resource()
        .resource_arn(arn);
    match call.send().await {
        Ok(answer) => Ok(Some(answer.tags.unwrap_or_default().into_iter().collect())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(explain("read the tags of a log group", error)),
    }
}
