//! The zip that Lambda takes: one entry, `bootstrap`, executable, always the same bytes for the
//! same binary, so that `CodeSha256` says whether the code is ours.

use crate::error::{Error, Result};
use base64::Engine;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// Lambda's limit for a direct upload.
const LIMIT: usize = 50 * 1024 * 1024;

/// Packs the binary.
pub(super) fn pack(bootstrap: &[u8]) -> Result<Vec<u8>> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let write = || -> zip::result::ZipResult<Vec<u8>> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("bootstrap", options)?;
        writer.write_all(bootstrap)?;
        Ok(writer.finish()?.into_inner())
    };
    let zip =
        write().map_err(|error| Error::failed("the function cannot be zipped").because(error))?;
    if zip.len() > LIMIT {
        return Err(
            Error::failed(format!("the zipped function has {} bytes", zip.len()))
                .because_of(format!("Lambda takes at most {LIMIT} in a direct upload")),
        );
    }
    Ok(zip)
}

/// The binary inside a zip that [`pack`] made.
pub(super) fn unpack(zip: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    let mut bytes = Vec::new();
    archive.by_name("bootstrap")?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Base64 of the SHA-256, as Lambda reports it.
pub fn code_sha256(zip: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(zip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_binary_gives_the_same_bytes() {
        assert_eq!(pack(b"binary").unwrap(), pack(b"binary").unwrap());
    }

    #[test]
    fn the_entry_is_an_executable_called_bootstrap() {
        let zip = pack(b"binary").unwrap();
        let mut archive = ZipArchive::new(Cursor::new(&zip)).unwrap();
        assert_eq!(archive.len(), 1);
        let entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name().unwrap(), "bootstrap");
        assert_eq!(entry.unix_mode(), Some(0o100_755));
        drop(entry);
        assert_eq!(unpack(&zip).unwrap(), b"binary");
    }
}
