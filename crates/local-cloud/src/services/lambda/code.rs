//! An uploaded zip: only its size and its format are checked at upload.

use std::io::Cursor;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::{invalid, user_error};
use crate::runtime::Code;
use crate::wire::ServiceError;

/// 50 MB.
const ZIPPED_LIMIT: usize = 52_428_800;
/// 250 MB.
const UNZIPPED_LIMIT: u64 = 262_144_000;

/// A zip that was accepted.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    code: Arc<Code>,
}

impl Package {
    /// From the `ZipFile` member.
    pub(super) fn from_base64(text: &str) -> Result<Self, ServiceError> {
        let zip = BASE64_STANDARD.decode(text).map_err(|_| unreadable())?;
        if zip.len() > ZIPPED_LIMIT {
            let words = format!("Zipped size must be smaller than {ZIPPED_LIMIT} bytes");
            return Err(user_error(413, "RequestEntityTooLargeException", words));
        }
        let mut archive = zip::ZipArchive::new(Cursor::new(&zip)).map_err(|_| unreadable())?;
        if archive.is_empty() {
            return Err(invalid("Uploaded file must be a non-empty zip"));
        }
        let mut unzipped = 0;
        for index in 0..archive.len() {
            unzipped += archive
                .by_index_raw(index)
                .map_err(|_| unreadable())?
                .size();
        }
        if unzipped > UNZIPPED_LIMIT {
            return Err(invalid(format!(
                "Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes"
            )));
        }
        Ok(Self::new(zip.into()))
    }

    fn new(zip: Bytes) -> Self {
        let sha256 = BASE64_STANDARD.encode(Sha256::digest(&zip));
        Self {
            code: Arc::new(Code { zip, sha256 }),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.code.zip.len()
    }

    /// `CodeSha256`.
    pub(super) fn sha256(&self) -> &str {
        &self.code.sha256
    }

    pub(super) fn zip(&self) -> Bytes {
        self.code.zip.clone()
    }

    pub(super) fn code(&self) -> Arc<Code> {
        Arc::clone(&self.code)
    }
}

fn unreadable() -> ServiceError {
    invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

impl Serialize for Package {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.code.zip))
    }
}

impl<'de> Deserialize<'de> for Package {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let zip = BASE64_STANDARD
            .decode(text)
            .map_err(serde::de::Error::custom)?;
        Ok(Self::new(zip.into()))
    }
}
