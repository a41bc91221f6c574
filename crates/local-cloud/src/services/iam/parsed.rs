//! Parsed policies by their text.
//!
//! The same few are asked for every message and every post to a connection, and to read them anew each time
//! showed in what a post costs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::policy::Document;

/// More texts than this are forgotten all at once.
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
