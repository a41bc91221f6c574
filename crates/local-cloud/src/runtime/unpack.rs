//! Unpacks a function's zip once for each code version; environments share the folder.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::FunctionSpec;

/// The folder with the unpacked code: what `/var/task` is on AWS.
///
/// Modes come from the zip alone: a zip made without them has no executable `bootstrap`, and fails
/// at the first invocation as it does on AWS.
pub(super) async fn unpack(state_dir: &Path, spec: &FunctionSpec) -> Result<PathBuf, String> {
    let name: String = spec.code.sha256.replace('/', "_").replace(['+', '='], "-");
    let folder = state_dir.join("code").join(name);
    if folder.exists() {
        return Ok(folder);
    }
    let zip = spec.code.zip.clone();
    let unpacking = tokio::task::spawn_blocking(move || unpack_to(&zip, &folder).map(|()| folder));
    match unpacking.await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Beside the folder first, so that a second environment never sees half of it.
fn unpack_to(zip: &[u8], folder: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let beside = folder.with_extension(format!("part{:08x}", fastrand::u32(..)));
    fs_err::create_dir_all(&beside)?;
    zip::ZipArchive::new(Cursor::new(zip))?.extract(&beside)?;
    if fs_err::rename(&beside, folder).is_err() && !folder.exists() {
        return Err(format!("cannot move the unpacked code to {}", folder.display()).into());
    }
    if beside.exists() {
        fs_err::remove_dir_all(&beside)?;
    }
    Ok(())
}
