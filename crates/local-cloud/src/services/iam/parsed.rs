//! Parsed policies by their text.
//!
//! The same few are evaluated for every message and every post to a connection; parsing them each time took a
//! noticeable part of a post.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::policy::Document;

/// With more texts than this the cache is cleared.
const MOST: usize = 256;

/// What each text was parsed to; `None` for one that is not a policy.
#[derive(Debug, Default)]
pub(super) struct ParsedPolicies {
    parsed: Mutex<HashMap<String, Option<Document>>>,
}

impl ParsedPolicies {
    /// The policy of this text.
    pub(super) fn get(&self, text: &str) -> Option<Document> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed.get(text) {
            return known.clone();
        }
        if parsed.len() >= MOST {
            parsed.clear();
        }
        let document = Document::parse(text);
        parsed.insert(text.to_owned(), document.clone());
        document
    }
}
