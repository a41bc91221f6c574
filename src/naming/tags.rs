//! Tags: the proof that a thing is ours, and the user's own labels on it.
//!
//! Tags that other people or their tools put on our resources are none of our business. To tell
//! them from a tag that the user took out of `chatctl.toml`, the keys of the user's tags are
//! recorded in a tag themselves.

use crate::engine::{Fields, Id, Ownership};
use std::collections::{BTreeMap, HashMap};

/// Which chat a thing belongs to.
pub const STACK: &str = "chatctl:stack";
/// Which stage of it.
pub const STAGE: &str = "chatctl:stage";
/// Which part of it.
pub const ID: &str = "chatctl:id";
/// On what every stack of the region shares.
pub const SHARED: &str = "chatctl:shared";
/// The digest of the source that the function's code was built from.
pub const DIGEST: &str = "chatctl:digest";
/// The `CodeSha256` that Lambda had when the digest was recorded.
pub const CODE: &str = "chatctl:code";
/// The unique id of the role that the function was made with. A role that is deleted and made again
/// keeps its ARN and gets another id.
pub const ROLE_ID: &str = "chatctl:role-id";
/// The account's logging role before ours.
pub const FORMER: &str = "chatctl:former";
/// The keys of the user's own tags.
const KEYS: &str = "chatctl:keys";

/// AWS's limit of a tag's value.
const LONGEST_VALUE: usize = 256;

/// A role's ARN as a tag's value: IAM takes a comma in the name of a role and none in a tag. No ARN
/// of a role holds a space.
pub fn role_tag(arn: &str) -> String {
    arn.replace(',', " ")
}

/// The ARN in a tag's value.
pub fn tagged_role(value: &str) -> String {
    value.replace(' ', ",")
}

/// The managed tags of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

/// What has to be done to have the wanted tags.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TagChanges {
    /// To set.
    pub set: HashMap<String, String>,
    /// To take off.
    pub remove: Vec<String>,
}

impl Tags {
    /// The tags of a part of a stack, with the user's.
    pub fn of_part(stack: &str, stage: &str, id: &Id, users: &BTreeMap<String, String>) -> Self {
        let mut all = users.clone();
        if !users.is_empty() {
            all.insert(KEYS.into(), record(users));
        }
        all.insert(STACK.into(), stack.into());
        all.insert(STAGE.into(), stage.into());
        all.insert(ID.into(), id.to_string());
        Self(all)
    }

    /// The tags of something that all stacks share.
    pub fn shared(id: &Id) -> Self {
        let pairs = [(SHARED, "true"), (ID, id.as_str())];
        Self(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
    }

    /// One more tag.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// Without a tag that is managed as a field of its own.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.0.remove(key);
        self
    }

    /// What counts of the tags that a resource really has: ours, the user's, and what was once
    /// the user's.
    #[must_use]
    pub fn seen<I, K, V>(&self, found: I) -> Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<String>,
    {
        let found: BTreeMap<String, String> = found
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let recorded = found.get(KEYS).cloned().unwrap_or_default();
        let managed = |key: &String| {
            key.starts_with("chatctl:")
                || self.0.contains_key(key)
                || recorded.split('/').any(|k| k == key)
        };
        Self(found.into_iter().filter(|(key, _)| managed(key)).collect())
    }

    /// A tag's value.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Every tag, for a create call.
    pub fn to_map(&self) -> HashMap<String, String> {
        self.0.clone().into_iter().collect()
    }

    /// Key by key, for services that want a list.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// One field for each tag.
    pub fn fields(&self, fields: Fields) -> Fields {
        self.iter().fold(fields, |fields, (key, value)| {
            fields.with(format!("tags.{key}"), value)
        })
    }

    /// What makes `found` these tags.
    pub fn changes(&self, found: &Self) -> TagChanges {
        let differs = |(key, value): &(&String, &String)| found.0.get(*key) != Some(*value);
        let set = self.0.iter().filter(differs);
        let gone = found.0.keys().filter(|key| !self.0.contains_key(*key));
        TagChanges {
            set: set.map(|(k, v)| (k.clone(), v.clone())).collect(),
            remove: gone.cloned().collect(),
        }
    }

    /// Whose a resource with these tags is.
    pub(super) fn ownership(&self, stack: &str, stage: &str) -> Ownership {
        if self.get(SHARED).is_some() {
            return Ownership::Ours;
        }
        match (self.get(STACK), self.get(STAGE)) {
            (Some(a), Some(b)) if a == stack && b == stage => Ownership::Ours,
            (Some(a), Some(b)) => {
                Ownership::Foreign(format!("it belongs to the chat {a:?}, stage {b:?}"))
            }
            _ => Ownership::Foreign("it was not made by chatctl (no chatctl tags)".into()),
        }
    }
}

/// `/` cannot be mistaken: a key that has one is simply not recognised later. What does not fit
/// into a tag is not recorded; such a tag stays on the resource when the user takes it out.
fn record(users: &BTreeMap<String, String>) -> String {
    let mut all = String::new();
    for key in users.keys() {
        if all.len() + key.len() < LONGEST_VALUE {
            if !all.is_empty() {
                all.push('/');
            }
            all.push_str(key);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(users: &[(&str, &str)]) -> Tags {
        let users = users.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        Tags::of_part("chat", "production", &Id::new("table"), &users.collect())
    }

    #[test]
    fn tags_of_other_people_are_not_seen() {
        let ours = wanted(&[]);
        let found = ours.clone().with("cost-bot", "42").to_map();
        assert_eq!(ours.seen(found), ours);
    }

    #[test]
    fn a_tag_that_the_user_took_out_is_taken_off() {
        let before = wanted(&[("team", "a")]);
        let now = wanted(&[]);
        let seen = now.seen(before.to_map());
        let mut changes = now.changes(&seen);
        changes.remove.sort();
        assert_eq!(changes.remove, [KEYS, "team"]);
        assert!(changes.set.is_empty());
    }

    #[test]
    fn a_changed_value_is_set() {
        let now = wanted(&[("team", "b")]);
        let seen = now.seen(wanted(&[("team", "a")]).to_map());
        assert_eq!(
            now.changes(&seen).set,
            HashMap::from([("team".into(), "b".into())])
        );
    }

    #[test]
    fn another_stage_is_foreign() {
        let tags = wanted(&[]);
        assert_eq!(tags.ownership("chat", "production"), Ownership::Ours);
        assert!(matches!(
            tags.ownership("chat", "test"),
            Ownership::Foreign(_)
        ));
        assert!(matches!(
            Tags::default().ownership("chat", "test"),
            Ownership::Foreign(_)
        ));
    }
}
