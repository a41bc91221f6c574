//! What is known of a source without building it.

use sha2::{Digest, Sha256};
use std::fmt;

/// Hex SHA-256 over everything that decides what the function is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct SourceDigest(String);

impl SourceDigest {
    /// The digest of these files, names and contents; `start` is whatever else decides.
    pub(super) fn of_files<N: AsRef<str>, C: AsRef<[u8]>>(start: &str, files: &[(N, C)]) -> Self {
        let mut hash = Sha256::new();
        hash.update(start);
        for (name, contents) in files {
            for part in [name.as_ref().as_bytes(), contents.as_ref()] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        let hash = hash.finalize();
        Self(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digest as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
