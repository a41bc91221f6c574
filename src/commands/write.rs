//! Files that chatctl makes for its user: all of them or none, and never over one that is there.

use crate::error::{Error, Result};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes `files` (path below `folder`, contents).
///
/// # Errors
/// One of them is there already: then nothing is written. Or the disk refuses.
pub(super) fn new_files(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
    let paths: Vec<PathBuf> = files.iter().map(|(name, _)| folder.join(name)).collect();
    refuse_existing(&paths)?;
    paths
        .iter()
        .zip(files)
        .try_for_each(|(path, (_, contents))| new_file(path, contents))
}

/// Looks whether any of them is there, so that nothing is written by halves.
///
/// # Errors
/// One is.
pub(super) fn refuse_existing(paths: &[PathBuf]) -> Result<()> {
    let Some(there) = paths.iter().find(|path| path.symlink_metadata().is_ok()) else {
        return Ok(());
    };
    Err(Error::failed(format!(
        "{} is there already; nothing was written",
        there.display()
    ))
    .hint("move it away, or run this in another folder"))
}

fn new_file(path: &Path, contents: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        fs_err::create_dir_all(folder)?;
        let mut file = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)?;
        file.write_all(contents)
    };
    write()
        .map_err(|error| Error::failed(format!("cannot write {}", path.display())).because(error))
}
