//! Which of the groups exist. StartLiveTail takes no others.

use super::super::event::{Group, LiveNotice, TailItem, TailNotice};
use super::LOOK;
use crate::aws::explain;
use crate::error::Result;
use aws_sdk_cloudwatchlogs::Client;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

pub(super) struct Groups {
    client: Client,
    wanted: Vec<Group>,
    there: Vec<Group>,
    /// Missing groups for which a notice was sent.
    said: Vec<Arc<str>>,
    out: Sender<Result<TailItem>>,
}

impl Groups {
    pub(super) fn new(client: Client, wanted: Vec<Group>, out: Sender<Result<TailItem>>) -> Self {
        Self {
            client,
            wanted,
            there: Vec::new(),
            said: Vec::new(),
            out,
        }
    }

    /// The groups that were there at the last look.
    pub(super) fn there(&self) -> &[Group] {
        &self.there
    }

    /// Looks until a group exists, and returns the new ones. There is one notice for each missing
    /// group. After the first session, `again`, a look that fails is repeated.
    pub(super) async fn wait_for_any(&mut self, again: bool) -> Result<Vec<Group>> {
        let before = std::mem::take(&mut self.there);
        let mut failed = false;
        loop {
            match self.look().await {
                Ok(()) if !self.there.is_empty() => break,
                Ok(()) => {}
                Err(error) if again => {
                    if !failed {
                        let said = error.causes().join(": ");
                        self.say(TailNotice::Live(LiveNotice::Down { said })).await;
                    }
                    failed = true;
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(LOOK).await;
        }
        let is_new = |group: &&Group| !before.iter().any(|known| known.name == group.name);
        Ok(self.there.iter().filter(is_new).cloned().collect())
    }

    /// Whether a group that was missing is there now: a sentence about it. A look that fails is
    /// repeated soon enough.
    pub(super) async fn has_appeared(&self) -> Option<String> {
        for group in &self.wanted {
            let is_it = |there: &Group| match group.finder {
                // Its name is found, and may be another one by now.
                Some(_) => there.source == group.source,
                None => there.name == group.name,
            };
            let known = self.there.iter().any(is_it);
            if !known && matches!(self.find(group).await, Ok(Ok(_))) {
                let name = group.source.name();
                return Some(format!("the {name} log group is there now"));
            }
        }
        None
    }

    async fn look(&mut self) -> Result<()> {
        self.there.clear();
        for group in self.wanted.clone() {
            match self.find(&group).await? {
                Ok(group) => {
                    self.said.retain(|name| *name != group.name);
                    self.there.push(group);
                }
                Err(group) => self.say_missing(&group).await,
            }
        }
        Ok(())
    }

    async fn say_missing(&mut self, group: &Group) {
        if self.said.contains(&group.name) {
            return;
        }
        self.said.push(Arc::clone(&group.name));
        self.say(TailNotice::Missing {
            source: group.source,
            group: Arc::clone(&group.name),
        })
        .await;
    }

    async fn say(&self, notice: TailNotice) {
        let _ = self.out.send(Ok(TailItem::Notice(notice))).await;
    }

    /// The group with its name if it exists; without, if it does not.
    async fn find(&self, group: &Group) -> Result<std::result::Result<Group, Group>> {
        let mut group = group.clone();
        if let Some(finder) = &group.finder {
            match finder.find().await? {
                Some(name) => group.name = name,
                None => return Ok(Err(group)),
            }
        }
        let found = self
            .client
            .describe_log_groups()
            .log_group_name_prefix(group.name.as_ref())
            .send()
            .await
            .map_err(|error| explain("look for the log groups", error))?;
        let exists = found
            .log_groups()
            .iter()
            .any(|found| found.log_group_name() == Some(group.name.as_ref()));
        Ok(if exists { Ok(group) } else { Err(group) })
    }
}
