//! Zips as Lambda takes them: always the same bytes for the same files, so that `CodeSha256` says
//! whether the code is ours.

use crate::error::{Error, Result};
use base64::Engine;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Read, Write};
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Lambda's limit for a direct upload.
const LIMIT: usize = 50 * 1024 * 1024;
/// The file that `provided` runtimes start.
pub(super) const BOOTSTRAP: &str = "bootstrap";

/// A file of a zip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path, with `/` between the parts.
    pub(super) name: String,
    /// What stands in it.
    pub(super) contents: Vec<u8>,
    /// It may be started.
    pub(super) is_executable: bool,
}

impl Entry {
    /// The program of a `provided` runtime.
    pub(super) fn program(contents: Vec<u8>) -> Self {
        Self {
            name: BOOTSTRAP.into(),
            is_executable: true,
            contents,
        }
    }
}

/// Packs the files, in this order.
pub(super) fn pack(files: &[Entry]) -> Result<Vec<u8>> {
    let zip = write(files)
        .map_err(|error| Error::failed("the function cannot be zipped").because(error))?;
    if zip.len() > LIMIT {
        return Err(
            Error::failed(format!("the zipped function has {} bytes", zip.len()))
                .because_of(format!("Lambda takes at most {LIMIT} in a direct upload")),
        );
    }
    Ok(zip)
}

fn write(files: &[Entry]) -> ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for file in files {
        let mode = if file.is_executable { 0o755 } else { 0o644 };
        writer.start_file(file.name.as_str(), options.unix_permissions(mode))?;
        writer.write_all(&file.contents)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The program inside a zip for a `provided` runtime.
pub(super) fn unpack_program(zip: &[u8]) -> ZipResult<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    let mut bytes = Vec::new();
    archive.by_name(BOOTSTRAP)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Base64 of the SHA-256, as Lambda reports it.
pub fn code_sha256(zip: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(zip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Vec<Entry> {
        vec![Entry::program(b"binary".to_vec())]
    }

    #[test]
    fn the_same_binary_gives_the_same_bytes() {
        assert_eq!(pack(&program()).unwrap(), pack(&program()).unwrap());
    }

    #[test]
    fn the_entry_is_an_executable_called_bootstrap() {
        let zip = pack(&program()).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(&zip)).unwrap();
        assert_eq!(archive.len(), 1);
        let entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name().unwrap(), "bootstrap");
        assert_eq!(entry.unix_mode(), Some(0o100_755));
        drop(entry);
        assert_eq!(unpack_program(&zip).unwrap(), b"binary");
    }
}
