//! A Rust package becomes a function: Cargo compiles it, and what was built once is kept by the digest
//! of its source, so that an unchanged function costs neither a compiler nor an upload.

mod compile;
pub mod source;
mod stale;

use super::target::BuildTarget;
use super::{AGAIN, Artifact, Progress, SourceDigest, Step, archive, elf};
use crate::config::Settings;
use crate::error::{Error, Result};
use source::Source;
use std::path::{Path, PathBuf};

/// Builds the function, or takes it from the cache.
///
/// # Errors
/// No Rust toolchain, a missing target, or a source that does not compile: then the compiler's
/// own words are the cause.
pub(super) async fn build(
    source: &Source,
    settings: &Settings,
    progress: Progress<'_>,
) -> Result<Artifact> {
    let target = BuildTarget::of(settings)?;
    let mut digest = source.digest(&target)?;
    let cache = crate::config::cache_dir()?;
    let place = |digest: &SourceDigest| cache.join("functions").join(format!("{digest}.zip"));
    if let Some(zip) = read_kept(&place(&digest), &target) {
        progress(&Step::Kept);
        return Ok(Artifact::new(zip, digest, target.arch));
    }
    progress(&Step::Begun {
        what: &format!("building the function for {}", target.triple),
    });
    let mut bootstrap = compile::compile(source, &target, &cache, progress).await?;
    // A save in the middle of a build, or a lock file that Cargo has just brought up to date: what was
    // built may be a mixture, and would be kept under a name that is not its own.
    for _ in 0..AGAIN {
        let now = source.digest(&target)?;
        if now == digest {
            break;
        }
        digest = now;
        bootstrap = compile::compile(source, &target, &cache, progress).await?;
    }
    elf::check(&bootstrap, &target)?;
    let zip = archive::pack(&[archive::Entry::program(bootstrap)])?;
    if source.digest(&target)? == digest {
        keep(&place(&digest), &zip)?;
    }
    progress(&Step::Done { bytes: zip.len() });
    Ok(Artifact::new(zip, digest, target.arch))
}

/// A kept zip that is not whole (a full disk, a half copy) is built again.
fn read_kept(path: &Path, target: &BuildTarget) -> Option<Vec<u8>> {
    let zip = fs_err::read(path).ok()?;
    let bootstrap = archive::unpack_program(&zip).ok()?;
    elf::check(&bootstrap, target).ok()?;
    Some(zip)
}

/// Written beside and renamed, so that two builds at once cannot mix their bytes.
fn keep(path: &PathBuf, zip: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        fs_err::create_dir_all(folder)?;
        let partial = folder.join(format!(".{}.{}", std::process::id(), fastrand::u64(..)));
        fs_err::write(&partial, zip)?;
        fs_err::rename(&partial, path)
    };
    write().map_err(|error| {
        Error::failed("the built function cannot be kept")
            .because(error)
            .hint("CHATCTL_CACHE_DIR moves the cache to another folder")
    })
}
