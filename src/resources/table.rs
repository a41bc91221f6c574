//! The DynamoDB table with the chat's members and names.
//!
//! DescribeTable, DescribeTimeToLive, ListTagsOfResource; CreateTable, UpdateTable,
//! UpdateTimeToLive, (Un)TagResource, DeleteTable.
//!
//! Surprises: creation and deletion take seconds, and only an active table takes a time to live. Of
//! a table that is being created or deleted neither the time to live nor the tags can be read
//! (ValidationException, ResourceNotFoundException), so whose it is cannot be told then: a read waits
//! until it is created. Two changes of its tags at once are refused as LimitExceededException.
//! UpdateTimeToLive is refused if nothing would change, so it is read first. A change of keys
//! means another table: it is replaced, and who is in the chat then has to say the name again.

use super::NeedsRights;
use super::observed::Observed;
use super::retry::{CONFLICT_LIMIT, SETTLE_LIMIT, gone, is_busy, message, retry_while};
use super::run_context::{RunContext, StepContext};
use crate::aws::{Failure, explain, is_conflict, is_missing};
use crate::engine::wait::Waits;
use crate::engine::{Edge, Fields, Id, Look, Ownership, Resource};
use crate::error::{Error, Result};
use crate::naming::ids;
use crate::naming::rights::{Right, on};
use crate::naming::tags::Tags;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TableDescription, TableStatus, Tag, TimeToLiveSpecification, TimeToLiveStatus,
};
use std::time::Duration;

/// The status of a table that is being deleted.
const DELETING: &str = "DELETING";

/// How long a read waits for a table that is being created.
const CREATION_LIMIT: Duration = Duration::from_secs(60);

/// A key of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableKey {
    /// Name of the attribute.
    pub name: String,
    /// `HASH` or `RANGE`.
    pub role: String,
    /// `S`, `N` or `B`.
    pub kind: String,
}

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// The keys, the partition key first.
    pub keys: Vec<TableKey>,
    /// How it is paid for.
    pub billing: String,
    /// The attribute that ends an item's life.
    pub ttl: Option<String>,
    /// `ACTIVE`, or what keeps it from being so.
    pub status: String,
    /// Its tags.
    pub tags: Tags,
    /// How many items it has; DynamoDB counts them every six hours.
    pub items: Option<i64>,
}

impl NeedsRights for Table {
    /// A replacement of the table needs the right of a teardown: a pipeline that deploys cannot lose
    /// data.
    const RIGHTS: &'static [Right] = &[
        Right::to_read("dynamodb:DescribeTable", on::table),
        Right::to_read("dynamodb:DescribeTimeToLive", on::table),
        Right::to_read("dynamodb:ListTagsOfResource", on::table),
        Right::to_write("dynamodb:CreateTable", on::table),
        Right::to_write("dynamodb:UpdateTable", on::table),
        Right::to_write("dynamodb:UpdateTimeToLive", on::table),
        Right::to_write("dynamodb:TagResource", on::table),
        Right::to_write("dynamodb:UntagResource", on::table),
        Right::to_delete("dynamodb:DeleteTable", on::table),
    ];
}

impl Resource for Table {
    type Context = RunContext;
    type Observed = Observed;

    fn id(&self) -> Id {
        Id::new(ids::TABLE)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new()
            .frozen("keySchema", in_words(&self.keys))
            .with("billingMode", self.billing.as_str())
            .with("timeToLive", self.ttl.clone());
        let fields = match self.status.as_str() {
            DELETING => fields.frozen("tableStatus", DELETING),
            status => fields.with("tableStatus", status),
        };
        self.tags.fields(fields)
    }

    fn outlives(&self) -> Vec<Edge> {
        vec![Edge::new(ids::FUNCTION, "a live function uses its table")]
    }

    /// One that is going is nobody's: its deletion is waited for, never asked for.
    fn ownership(&self, observed: &Observed) -> Ownership {
        if self.status == DELETING {
            return Ownership::Ours;
        }
        observed.run.names.ownership(&self.tags)
    }

    fn data(&self) -> Option<String> {
        Some(match self.items {
            None => "all its items".into(),
            Some(0) => "its items (none when DynamoDB last counted, every six hours)".into(),
            Some(1) => "about 1 item".to_owned(),
            Some(items) => format!("about {items} items"),
        })
    }

    async fn read(&self, observed: &Observed) -> Result<Option<Self>> {
        self.look(&observed.run).await
    }

    async fn apply(&self, found: Option<&Self>, step: &StepContext) -> Result<()> {
        if found.is_none() {
            self.create(step).await?;
        }
        self.active(step).await?;
        let run = step.run();
        let Some(found) = self.look(run).await? else {
            return Ok(());
        };
        if found.billing != self.billing {
            self.set_billing(step).await?;
        }
        if found.ttl != self.ttl {
            self.set_ttl(&found, step).await?;
        }
        self.tag(&found, step).await
    }

    async fn delete(&self, step: &StepContext) -> Result<()> {
        if self.status != DELETING {
            self.send_delete(step).await?;
        }
        let run = step.run();
        let look = || async { Ok(self.describe(run).await?.is_none().then_some(())) };
        step.until("the table to be gone", SETTLE_LIMIT, look).await
    }
}

impl Table {
    async fn send_delete(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let call = || {
            run.clients
                .dynamodb
                .delete_table()
                .table_name(&self.name)
                .send()
        };
        let answer = retry_while(step, "the table", SETTLE_LIMIT, is_conflict, call).await;
        gone(answer, &format!("delete the table {}", self.name))
    }

    async fn look(&self, run: &RunContext) -> Result<Option<Self>> {
        let Some(table) = self.created(run).await? else {
            return Ok(None);
        };
        if table.table_status() == Some(&TableStatus::Deleting) {
            return Ok(Some(Self {
                status: DELETING.into(),
                ..self.clone()
            }));
        }
        // Not before the table was seen: the tags of a missing one are "access denied".
        let parts = tokio::try_join!(self.read_ttl(run), self.read_tags(run));
        let (ttl, tags) = match parts {
            Ok(parts) => parts,
            // Deleted between the calls: DynamoDB words it as a lack of permissions.
            Err(_) if self.describe(run).await?.is_none() => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Self {
            name: self.name.clone(),
            keys: keys(&table),
            billing: billing(&table),
            status: status(&table),
            tags: self.tags.seen(tags),
            items: table.item_count(),
            ttl,
        }))
    }

    /// A table that is there already, or still going, is a conflict; both are waited out by
    /// looking.
    async fn create(&self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let action = format!("create the table {}", self.name);
        let look = || async {
            let there = self.describe(run).await?;
            if there.is_some_and(|table| table.table_status() != Some(&TableStatus::Deleting)) {
                return Ok(Some(()));
            }
            match self.send_create(run).await {
                Ok(()) => Ok(Some(())),
                Err(error) if is_conflict(&error) => Ok(None),
                Err(error) => Err(explain(&action, error)),
            }
        };
        step.until("the former table to be gone", SETTLE_LIMIT, look)
            .await
    }

    async fn send_create(
        &self,
        run: &RunContext,
    ) -> Result<(), crate::aws::Failure<aws_sdk_dynamodb::operation::create_table::CreateTableError>>
    {
        let attributes = self.keys.iter().map(|key| {
            AttributeDefinition::builder()
                .attribute_name(&key.name)
                .attribute_type(ScalarAttributeType::from(key.kind.as_str()))
                .build()
        });
        let keys = self.keys.iter().map(|key| {
            KeySchemaElement::builder()
                .attribute_name(&key.name)
                .key_type(KeyType::from(key.role.as_str()))
                .build()
        });
        let call = run
            .clients
            .dynamodb
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::from(self.billing.as_str()))
            .set_attribute_definitions(Some(attributes.flatten().collect()))
            .set_key_schema(Some(keys.flatten().collect()))
            .set_tags(Some(sdk_tags(self.tags.iter())));
        call.send().await.map(drop)
    }

    async fn active(&self, step: &StepContext) -> Result<()> {
        let look = || async {
            let table = self.describe(step.run()).await?;
            Ok(
                match table.as_ref().and_then(|table| table.table_status()) {
                    None | Some(TableStatus::Deleting) => Look::Missing,
                    Some(TableStatus::Active) => Look::Ready(()),
                    Some(_) => Look::NotYet,
                },
            )
        };
        let what = format!("the table {}", self.name);
        step.until_ready(&what, "to become active", SETTLE_LIMIT, look)
            .await
    }

    async fn set_billing(&self, step: &StepContext) -> Result<()> {
        let dynamodb = &step.run().clients.dynamodb;
        let call = || {
            dynamodb
                .update_table()
                .table_name(&self.name)
                .billing_mode(BillingMode::from(self.billing.as_str()))
                .send()
        };
        let answer = retry_while(step, "the table", CONFLICT_LIMIT, is_conflict, call).await;
        let action = format!("set how the table {} is paid for", self.name);
        answer.map_err(|e| explain(&action, e))?;
        self.active(step).await
    }

    /// DynamoDB knows one such attribute: another one is switched off first.
    async fn set_ttl(&self, found: &Self, step: &StepContext) -> Result<()> {
        if let Some(other) = &found.ttl {
            self.switch_ttl(other, false, step).await?;
        }
        match &self.ttl {
            Some(attribute) => self.switch_ttl(attribute, true, step).await,
            None => Ok(()),
        }
    }

    async fn switch_ttl(&self, attribute: &str, on: bool, step: &StepContext) -> Result<()> {
        let action = format!("set the time to live of the table {}", self.name);
        let wanted = TimeToLiveSpecification::builder()
            .attribute_name(attribute)
            .enabled(on)
            .build()
            .map_err(|error| Error::failed(format!("cannot {action}")).because(error))?;
        let dynamodb = &step.run().clients.dynamodb;
        let call = || {
            dynamodb
                .update_time_to_live()
                .table_name(&self.name)
                .time_to_live_specification(wanted.clone())
                .send()
        };
        let answer = retry_while(step, "the table", CONFLICT_LIMIT, is_conflict, call).await;
        match answer {
            Ok(_) => Ok(()),
            // An answer lost after the effect: the SDK's second try is refused, for it is done.
            Err(_) if self.read_ttl(step.run()).await?.as_deref() == on.then_some(attribute) => {
                Ok(())
            }
            Err(error) if message(&error).contains("modified multiple times") => {
                Err(explain(&action, error)
                    .hint("DynamoDB lets it be changed once in an hour; run it again later"))
            }
            Err(error) => Err(explain(&action, error)),
        }
    }

    async fn tag(&self, found: &Self, step: &StepContext) -> Result<()> {
        let run = step.run();
        let (dynamodb, arn) = (&run.clients.dynamodb, run.names.table_arn());
        let changes = self.tags.changes(&found.tags);
        let action = format!("tag the table {}", self.name);
        if !changes.set.is_empty() {
            let set = changes.set.iter().map(|(k, v)| (k.as_str(), v.as_str()));
            let tags = sdk_tags(set);
            let call = || {
                let call = dynamodb.tag_resource().resource_arn(&arn);
                call.set_tags(Some(tags.clone())).send()
            };
            let answer = retry_while(step, TAGS, CONFLICT_LIMIT, is_tag_lock, call).await;
            answer.map_err(|e| explain(&action, e))?;
        }
        if !changes.remove.is_empty() {
            let call = || {
                let call = dynamodb.untag_resource().resource_arn(&arn);
                call.set_tag_keys(Some(changes.remove.clone())).send()
            };
            let answer = retry_while(step, TAGS, CONFLICT_LIMIT, is_tag_lock, call).await;
            answer.map_err(|e| explain(&action, e))?;
        }
        Ok(())
    }

    /// The table, if it is there; one that is being created is waited for.
    async fn created(&self, run: &RunContext) -> Result<Option<TableDescription>> {
        let mut waits = Waits::until(CREATION_LIMIT);
        loop {
            let table = self.describe(run).await?;
            let status = table.as_ref().and_then(|table| table.table_status());
            if status != Some(&TableStatus::Creating) {
                return Ok(table);
            }
            if !waits.again().await {
                let seconds = CREATION_LIMIT.as_secs();
                return Err(Error::failed(format!(
                    "the table {} is still being created after {seconds} s",
                    self.name
                ))
                .hint("whose it is can be told when it is there; run the command again then"));
            }
        }
    }

    async fn describe(&self, run: &RunContext) -> Result<Option<TableDescription>> {
        let call = run.clients.dynamodb.describe_table().table_name(&self.name);
        match call.send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(explain(&format!("read the table {}", self.name), error)),
        }
    }

    async fn read_ttl(&self, run: &RunContext) -> Result<Option<String>> {
        let call = run
            .clients
            .dynamodb
            .describe_time_to_live()
            .table_name(&self.name);
        let ttl = match call.send().await {
            Ok(answer) => answer.time_to_live_description,
            Err(error) if is_missing(&error) => None,
            Err(error) => return Err(explain(&format!("read the table {}", self.name), error)),
        };
        let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
        let ttl = ttl.filter(|ttl| ttl.time_to_live_status().is_some_and(|s| on.contains(s)));
        Ok(ttl.and_then(|ttl| ttl.attribute_name))
    }

    async fn read_tags(&self, run: &RunContext) -> Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let call = run.clients.dynamodb.list_tags_of_resource();
            let call = call
                .resource_arn(run.names.table_arn())
                .set_next_token(token);
            let page = match call.send().await {
                Ok(page) => page,
                Err(error) if is_missing(&error) => return Ok(all),
                Err(error) => return Err(explain("read the table's tags", error)),
            };
            let tags = page.tags.unwrap_or_default();
            all.extend(tags.into_iter().map(|tag| (tag.key, tag.value)));
            token = page.next_token;
            if token.is_none() {
                return Ok(all);
            }
        }
    }
}

/// What a change of tags waits for while another one is under way.
const TAGS: &str = "another change of the table's tags";

/// A change of tags locks them for a second or two; it is no quota.
fn is_tag_lock<E: ProvideErrorMetadata>(error: &Failure<E>) -> bool {
    is_busy(error) || is_conflict(error) || message(error).contains("tags are being updated")
}

/// The table of this name if it is there and ours, for a stack that wants none.
///
/// # Errors
/// A read that fails.
pub async fn orphan(wanted: Table, observed: &Observed) -> Result<Option<Table>> {
    let found = wanted.look(&observed.run).await?;
    Ok(found.filter(|found| found.ownership(observed) == Ownership::Ours))
}

/// `pk:HASH:S sk:RANGE:S`
fn in_words(keys: &[TableKey]) -> String {
    let keys = keys.iter();
    let keys: Vec<_> = keys
        .map(|TableKey { name, role, kind }| format!("{name}:{role}:{kind}"))
        .collect();
    keys.join(" ")
}

fn keys(table: &TableDescription) -> Vec<TableKey> {
    let kind = |name: &str| {
        let mut all = table.attribute_definitions().iter();
        let one = all.find(|a| a.attribute_name() == name);
        one.map_or("?", |a| a.attribute_type().as_str())
    };
    let key = |key: &KeySchemaElement| TableKey {
        name: key.attribute_name().to_owned(),
        role: key.key_type().as_str().to_owned(),
        kind: kind(key.attribute_name()).to_owned(),
    };
    table.key_schema().iter().map(key).collect()
}

/// A table that was always provisioned has no summary.
fn billing(table: &TableDescription) -> String {
    let mode = table
        .billing_mode_summary()
        .and_then(|summary| summary.billing_mode());
    mode.unwrap_or(&BillingMode::Provisioned)
        .as_str()
        .to_owned()
}

/// `UPDATING` is as good as active: it serves.
fn status(table: &TableDescription) -> String {
    match table.table_status() {
        None | Some(TableStatus::Updating) => "ACTIVE".into(),
        Some(status) => status.as_str().into(),
    }
}

fn sdk_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Tag> {
    tags.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect()
}
