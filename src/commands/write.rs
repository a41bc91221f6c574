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

/// Writes a file that only its owner may read, in place of one that is there. Nobody sees it half
/// written.
///
/// # Errors
/// The disk refuses.
pub(super) fn private_file(path: &Path, contents: &[u8]) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let partial = format!(".chatctl-{}-{}", std::process::id(), fastrand::u64(..));
    let partial = folder.unwrap_or(Path::new(".")).join(partial);
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(contents)?;
        fs_err::rename(&partial, path)
    };
    write().map_err(|error| {
        let _ = std::fs::remove_file(&partial);
        Error::failed(format!("cannot write {}", path.display())).because(error)
    })
}
