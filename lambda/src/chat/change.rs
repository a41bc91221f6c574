//! A change of the members that everybody hears of, and its text in the queue of the store.

use bytes::Bytes;
use serde_json::{Value, json};

use super::frames::Stamp;
use crate::clock::Millis;

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// These took a first name.
    Joined(Vec<String>),
    /// These left, or were found gone.
    Left(Vec<String>),
    /// One took another name.
    Renamed {
        /// Its name so far.
        from: String,
        /// Its name now.
        to: String,
    },
}

/// A change, and the message that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The connection that sent the message.
    pub connection: String,
    /// The id and the time of the message.
    pub stamp: Stamp,
    /// What has changed.
    pub what: What,
}

impl Change {
    /// The text in the queue.
    pub fn to_text(&self) -> String {
        let mut text = json!({
            "connection": self.connection, "id": self.stamp.id, "ts": self.stamp.at.0 });
        match &self.what {
            What::Joined(names) => text["joined"] = json!(names),
            What::Left(names) => text["left"] = json!(names),
            What::Renamed { from, to } => text["renamed"] = json!([from, to]),
        }
        text.to_string()
    }

    /// Reads it back. `None`: it was written by a function of another version.
    pub fn from_text(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let names = |key: &str| -> Option<Vec<String>> {
            let names = value[key].as_array()?.iter();
            names.map(|name| Some(name.as_str()?.to_owned())).collect()
        };
        let what = names("joined")
            .map(What::Joined)
            .or_else(|| names("left").map(What::Left))
            .or_else(|| {
                let [from, to] = names("renamed")?.try_into().ok()?;
                Some(What::Renamed { from, to })
            })?;
        Some(Self {
            connection: value["connection"].as_str()?.to_owned(),
            stamp: Stamp {
                id: value["id"].as_str()?.to_owned(),
                at: Millis(value["ts"].as_u64()?),
            },
            what,
        })
    }

    /// What clients are told.
    pub fn frames(&self) -> Vec<Bytes> {
        match &self.what {
            What::Joined(names) => self.stamp.joined(names),
            What::Left(names) => self.stamp.left(names),
            What::Renamed { from, to } => vec![self.stamp.renamed(from, to)],
        }
    }

    /// Whether the sender of the message has a name because of it.
    pub fn names_its_sender(&self) -> bool {
        !matches!(self.what, What::Left(_))
    }
}

/// Members who joined one after the other become one change, and so do those who left.
pub fn merged(changes: &[Change]) -> Vec<Change> {
    let mut merged: Vec<Change> = Vec::new();
    for change in changes {
        match (merged.last_mut().map(|last| &mut last.what), &change.what) {
            (Some(What::Joined(names)), What::Joined(more))
            | (Some(What::Left(names)), What::Left(more)) => names.extend_from_slice(more),
            _ => merged.push(change.clone()),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(id: &str, what: What) -> Change {
        let (connection, id) = ("c=".to_owned(), id.to_owned());
        let stamp = Stamp { id, at: Millis(7) };
        Change {
            connection,
            stamp,
            what,
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_change_is_read_back_as_it_was_written() {
        let (from, to) = ("Ann".to_owned(), "Bea \"B\"".to_owned());
        for what in [
            What::Joined(names(&["Ann", "Bea"])),
            What::Left(names(&["Ann"])),
            What::Renamed { from, to },
        ] {
            let change = change("m", what);
            assert_eq!(Change::from_text(&change.to_text()), Some(change));
        }
        assert_eq!(Change::from_text("{}"), None);
    }

    #[test]
    fn only_neighbours_of_one_kind_are_merged_so_the_order_stays() {
        let changes = [
            change("1", What::Joined(names(&["Ann"]))),
            change("2", What::Joined(names(&["Bea"]))),
            change("3", What::Left(names(&["Ann"]))),
            change("4", What::Joined(names(&["Ann"]))),
        ];
        let merged: Vec<_> = merged(&changes)
            .into_iter()
            .map(|c| (c.stamp.id, c.what))
            .collect();
        assert_eq!(
            merged,
            [
                ("1".to_owned(), What::Joined(names(&["Ann", "Bea"]))),
                ("3".to_owned(), What::Left(names(&["Ann"]))),
                ("4".to_owned(), What::Joined(names(&["Ann"]))),
            ]
        );
    }
}
