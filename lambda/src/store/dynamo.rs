//! The table.
//!
//! | `pk` | `sk` | more |
//! |---|---|---|
//! | `M#0` … `M#7` | connection id | `shown` `fold` `since` `win` `cnt` `strikes` `struck` `expires` |
//! | `N#` and the key of the name | `N` | `conn` `shown` `expires` |
//! | `S#`, the key of the sender's name, `#` and the id of a message | `S` | `expires`: it was sent |
//! | `Q` | `Q` | the queue of what is to be announced: see `queue` |
//!
//! A member has a row of its own and, once named, the lock on its name. Both change in one
//! transaction, so a name never has two owners and a member never has half a name. Rows spread over
//! eight partitions by a hash of the connection id, because one partition takes about a thousand
//! writes a second.
//!
//! What surprises: DynamoDB deletes expired rows days late, so every read looks at `expires` too; a
//! page of a query may be empty and still not be the last; reads are consistent only when asked.

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::item::{is_live, listed, member, number, string, text};
use super::wire::{Dynamo, Fault, token};
use super::{Claim, Claimed, Lease, Listed, Store, StoreError, queue};
use crate::chat::{Member, RATE_WINDOW_MS, SENT_MEMORY_SECS};
use crate::clock::Millis;
use crate::names::Name;

/// Partitions of the member rows. Changing it loses sight of the rows that are there.
const SHARDS: u64 = 8;

/// The store that the function uses.
#[derive(Debug)]
pub struct Table {
    dynamo: Dynamo,
    name: String,
}

impl Table {
    /// The table of this name.
    pub fn new(dynamo: Dynamo, name: String) -> Self {
        Self { dynamo, name }
    }

    fn get(&self, key: &Value) -> Value {
        json!({ "TableName": self.name, "Key": key, "ConsistentRead": true })
    }

    /// Counts a message, in a new window or in the one that is open.
    async fn count(
        &self,
        connection: &str,
        at: Millis,
        expires: u64,
        fresh: bool,
    ) -> Result<Value, Fault> {
        let (update, condition) = if fresh {
            (
                "SET win = :now, cnt = :one, expires = :exp",
                "attribute_not_exists(win) OR win <= :floor",
            )
        } else {
            ("SET cnt = cnt + :one", "win > :floor")
        };
        let floor = at.0.saturating_sub(RATE_WINDOW_MS);
        let mut values = json!({ ":one": number(1), ":floor": number(floor) });
        if fresh {
            values[":now"] = number(at.0);
            values[":exp"] = number(expires);
        }
        let update = json!({
            "TableName": self.name,
            "Key": member_key(connection),
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        });
        self.dynamo.call("UpdateItem", update).await
    }

    async fn shard(&self, shard: u64, now: Millis) -> Result<Vec<Listed>, StoreError> {
        let mut query = json!({
            "TableName": self.name,
            "ConsistentRead": true,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": "attribute_exists(shown) AND expires > :now",
            "ProjectionExpression": "sk, shown, since",
            "ExpressionAttributeValues": { ":pk": string(&format!("M#{shard}")), ":now": number(now.secs()) },
        });
        let mut found = Vec::new();
        loop {
            let mut page = self.dynamo.call("Query", query.clone()).await?;
            found.extend(
                page["Items"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(listed),
            );
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(found),
                key => query["ExclusiveStartKey"] = key,
            }
        }
    }

    fn claim_request(&self, claim: &Claim<'_>) -> Value {
        let mut actions = vec![self.lock(claim), self.bear(claim)];
        if let Some(old) = claim.old.filter(|old| old.key != claim.name.key) {
            actions.push(self.unlock(claim.connection, &old.key));
        }
        json!({ "TransactItems": actions, "ClientRequestToken": token() })
    }

    /// The name, if nobody has it.
    fn lock(&self, claim: &Claim<'_>) -> Value {
        let mut item = lock_key(&claim.name.key);
        item["conn"] = string(claim.connection);
        item["shown"] = string(&claim.name.shown);
        item["expires"] = number(claim.expires);
        json!({ "Put": {
            "TableName": self.name,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk) OR conn = :me OR expires <= :now",
            "ExpressionAttributeValues": {
                ":me": string(claim.connection), ":now": number(claim.now.secs()) },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }})
    }

    /// The member's own row, if its name is still what it was.
    fn bear(&self, claim: &Claim<'_>) -> Value {
        let mut values = json!({
            ":shown": string(&claim.name.shown),
            ":fold": string(&claim.name.key),
            ":since": number(claim.now.0),
            ":exp": number(claim.expires),
        });
        let condition = match claim.old {
            Some(old) => {
                values[":old"] = string(&old.key);
                "fold = :old"
            }
            None => "attribute_not_exists(fold)",
        };
        json!({ "Update": {
            "TableName": self.name,
            "Key": member_key(claim.connection),
            "UpdateExpression":
                "SET shown = :shown, fold = :fold, since = if_not_exists(since, :since), expires = :exp",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }})
    }

    /// Frees a name, unless it is another's by now.
    fn unlock(&self, connection: &str, key: &str) -> Value {
        json!({ "Delete": {
            "TableName": self.name,
            "Key": lock_key(key),
            "ConditionExpression": "attribute_not_exists(pk) OR conn = :me",
            "ExpressionAttributeValues": { ":me": string(connection) },
        }})
    }

    async fn row(&self, connection: &str) -> Result<Value, StoreError> {
        let mut answer = self
            .dynamo
            .call("GetItem", self.get(&member_key(connection)))
            .await?;
        Ok(answer["Item"].take())
    }

    async fn delete_row(
        &self,
        connection: &str,
        now: Millis,
    ) -> Result<Option<String>, StoreError> {
        let delete = json!({
            "TableName": self.name, "Key": member_key(connection), "ReturnValues": "ALL_OLD" });
        let old = self.dynamo.call("DeleteItem", delete).await?;
        let row = &old["Attributes"];
        Ok(text(row, "shown").filter(|_| is_live(row, now)))
    }

    async fn delete_lock(&self, connection: &str, key: &str) -> Result<(), StoreError> {
        let delete = self.unlock(connection, key)["Delete"].take();
        match self.dynamo.call("DeleteItem", delete).await {
            Ok(_) | Err(Fault::Condition) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Row and lock in one transaction, as long as the row bears this name. `None`: it does not.
    async fn delete_both(&self, connection: &str, name: &Name) -> Result<Option<bool>, StoreError> {
        let row = json!({ "Delete": {
            "TableName": self.name,
            "Key": member_key(connection),
            "ConditionExpression": "fold = :fold",
            "ExpressionAttributeValues": { ":fold": string(&name.key) },
        }});
        let request = json!({
            "TransactItems": [row, self.unlock(connection, &name.key)],
            "ClientRequestToken": token(),
        });
        match self.dynamo.call("TransactWriteItems", request).await {
            Ok(_) => Ok(Some(true)),
            Err(Fault::Cancelled(reasons)) if reasons.first().is_some_and(|r| r.condition) => {
                Ok(None)
            }
            Err(Fault::Cancelled(_)) => Ok(Some(false)),
            Err(fault) => Err(fault.into()),
        }
    }
}

impl Store for Table {
    async fn touch(
        &self,
        connection: &str,
        now: Millis,
        expires: u64,
    ) -> Result<Member, StoreError> {
        // Two messages at once may both see the window end; whoever is second joins the new one.
        for fresh in [true, false, true, false] {
            match self.count(connection, now, expires, fresh).await {
                Ok(answer) => return Ok(member(&answer["Attributes"])),
                Err(Fault::Condition) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Err(StoreError(
            "DynamoDB: the rate window keeps changing".into(),
        ))
    }

    async fn strike(&self, connection: &str, strikes: u64, now: Millis) -> Result<(), StoreError> {
        let update = json!({
            "TableName": self.name,
            "Key": member_key(connection),
            "UpdateExpression": "SET strikes = :n, struck = :now",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": { ":n": number(strikes), ":now": number(now.0) },
        });
        match self.dynamo.call("UpdateItem", update).await {
            Ok(_) | Err(Fault::Condition) => Ok(()),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn name_of(&self, connection: &str) -> Result<Option<Name>, StoreError> {
        let answer = self
            .dynamo
            .call("GetItem", self.get(&member_key(connection)))
            .await?;
        Ok(member(&answer["Item"]).name)
    }

    async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, StoreError> {
        let request = self.claim_request(claim);
        let reasons = match self.dynamo.call("TransactWriteItems", request).await {
            Ok(_) => return Ok(Claimed::Yes),
            Err(Fault::Cancelled(reasons)) => reasons,
            Err(fault) => return Err(fault.into()),
        };
        let failed = |i: usize| reasons.get(i).filter(|reason| reason.condition);
        if failed(1).is_some() || failed(2).is_some() {
            return Ok(Claimed::Changed);
        }
        let Some(lock) = failed(0) else {
            return Err(Fault::Cancelled(reasons).into());
        };
        let owner = match text(&lock.item, "conn") {
            Some(owner) => Some(owner),
            None => self.find(&claim.name.key, claim.now).await?,
        };
        Ok(owner.map_or(Claimed::Changed, |owner| Claimed::Taken { owner }))
    }

    async fn members(&self, now: Millis) -> Result<Vec<Listed>, StoreError> {
        let shards = try_join_all((0..SHARDS).map(|shard| self.shard(shard, now))).await?;
        let mut members: Vec<Listed> = shards.into_iter().flatten().collect();
        members.sort_by(|a, b| (a.since, &a.connection).cmp(&(b.since, &b.connection)));
        Ok(members)
    }

    async fn was_sent(&self, key: &str, now: Millis) -> Result<bool, StoreError> {
        let get = self.get(&sent_key(key));
        let answer = self.dynamo.call("GetItem", get).await?;
        Ok(is_live(&answer["Item"], now))
    }

    async fn remember_sent(&self, key: &str, now: Millis) -> Result<(), StoreError> {
        let mut item = sent_key(key);
        item["expires"] = number(now.secs() + SENT_MEMORY_SECS);
        let put = json!({ "TableName": self.name, "Item": item });
        self.dynamo.call("PutItem", put).await?;
        Ok(())
    }

    async fn hand_in(&self, text: &str, lease: &Lease) -> Result<Option<Vec<String>>, StoreError> {
        queue::hand_in(&self.dynamo, &self.name, text, lease).await
    }

    async fn announced(
        &self,
        done: usize,
        lease: &Lease,
    ) -> Result<Option<Vec<String>>, StoreError> {
        queue::announced(&self.dynamo, &self.name, done, lease).await
    }

    async fn find(&self, key: &str, now: Millis) -> Result<Option<String>, StoreError> {
        let answer = self
            .dynamo
            .call("GetItem", self.get(&lock_key(key)))
            .await?;
        let lock = &answer["Item"];
        Ok(text(lock, "conn").filter(|_| is_live(lock, now)))
    }

    async fn forget(
        &self,
        connection: &str,
        key: Option<&str>,
        now: Millis,
    ) -> Result<Option<String>, StoreError> {
        // The name may change between looking and deleting; then look again.
        for _ in 0..4 {
            let row = self.row(connection).await?;
            let Some(name) = member(&row).name else {
                if let Some(key) = key {
                    self.delete_lock(connection, key).await?;
                }
                return self.delete_row(connection, now).await;
            };
            match self.delete_both(connection, &name).await? {
                Some(true) => return Ok(Some(name.shown).filter(|_| is_live(&row, now))),
                // Expired, and the name is another's: only the row is ours to delete.
                Some(false) => return self.delete_row(connection, now).await,
                None => {}
            }
        }
        Err(StoreError("DynamoDB: the name keeps changing".into()))
    }
}

fn member_key(connection: &str) -> Value {
    json!({ "pk": string(&format!("M#{}", shard_of(connection))), "sk": string(connection) })
}

fn lock_key(key: &str) -> Value {
    json!({ "pk": string(&format!("N#{key}")), "sk": string("N") })
}

fn sent_key(key: &str) -> Value {
    json!({ "pk": string(&format!("S#{key}")), "sk": string("S") })
}

/// FNV-1a: short, and the same in every build and on every processor, which the rows depend on.
fn shard_of(connection: &str) -> u64 {
    let hash = connection
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    (hash ^ (hash >> 32)) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_spread_evenly_and_stay_where_they_are() {
        let mut shards = [0u32; SHARDS as usize];
        for n in 0..8000 {
            shards[shard_of(&format!("gbgBH8-ydQ{n:04}Zq==")) as usize] += 1;
        }
        assert!(
            shards.iter().all(|count| (800..1200).contains(count)),
            "{shards:?}"
        );
        assert_eq!(
            shard_of("gbgBH8-ydQAYKEjZQA=="),
            shard_of("gbgBH8-ydQAYKEjZQA==")
        );
    }
}
