//! The log groups of an API, for the tail.

use super::ApiFacts;
use crate::tail::{Group, LogSource};

/// The groups of the sources asked for; none means all.
pub fn wanted(facts: &ApiFacts, sources: &[LogSource]) -> Vec<Group> {
    let asked = |source| sources.is_empty() || sources.contains(&source);
    let groups = facts.groups.iter().filter(|group| asked(group.source));
    groups
        .map(|group| Group {
            source: group.source,
            name: group.name.as_str().into(),
            finder: None,
        })
        .collect()
}
