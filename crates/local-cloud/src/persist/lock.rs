//! The lock of a state folder: a file with the process id of the local cloud that uses it.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::start_error::StartError;

/// The file's name.
pub(super) const LOCK: &str = "lock";

/// Two local clouds must not write into one folder. The system releases the lock when the process
/// that holds it ends.
pub(super) fn lock(folder: &Path) -> Result<File, StartError> {
    let failed = |source| StartError::State {
        folder: folder.to_owned(),
        source,
    };
    let mut file = open_lock(&folder.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(StartError::InUse {
                folder: folder.to_owned(),
                process_id: holder.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let write = |file: &mut File| {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    write(&mut file).map_err(failed)?;
    Ok(file)
}

/// Whoever can write into the folder could make `lock` a link to another file, which would be overwritten.
fn open_lock(file: &Path) -> std::io::Result<File> {
    let no_link = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(no_link.bits().cast_signed())
        .open(file);
    match opened {
        Ok(file) if holds_a_process_id(&file)? => Ok(file),
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Err(error)
        }
        _ => Err(std::io::Error::other(format!(
            "`{LOCK}` is not the file that a local cloud makes; it was not changed"
        ))),
    }
}

/// Or nothing yet. A hard link to another file holds something else.
fn holds_a_process_id(mut file: &File) -> std::io::Result<bool> {
    let mut head = [0; 16];
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let count = file.read(&mut head)?;
    file.rewind()?;
    let text = head[..count].trim_ascii();
    Ok(count < head.len() && text.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that somebody else prepared, and what must still be in them.
    fn refused(folder: &Path, victim: &Path) -> String {
        let said = lock(folder).unwrap_err();
        let source = std::error::Error::source(&said).map(ToString::to_string);
        assert_eq!(fs_err::read_to_string(victim).unwrap(), "dear me");
        format!("{said}: {}", source.unwrap_or_default())
    }

    #[test]
    fn a_lock_that_is_a_link_leaves_its_target_alone() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (link, victim) = (folder.path().join(LOCK), other.path().join("diary.txt"));
        fs_err::write(&victim, "dear me").unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        let said = refused(folder.path(), &victim);
        assert!(said.contains("`lock` is not the file"), "{said}");
        fs_err::remove_file(&link).unwrap();
        fs_err::hard_link(&victim, &link).unwrap();
        let said = refused(folder.path(), &victim);
        assert!(said.contains("`lock` is not the file"), "{said}");
    }
}
