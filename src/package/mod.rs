//! From the Lambda's source to an [`Artifact`] that Lambda takes: a zip with a `bootstrap` in it.
//!
//! What was built once is kept by the digest of its source, so that an unchanged function costs
//! neither a compiler nor an upload.

mod archive;
mod compile;
mod elf;
pub mod source;
mod stale;
mod target;

pub use archive::code_sha256;
pub use source::SourceDigest;
pub use target::{BuildTarget, Profile};

use crate::config::Arch;
use crate::config::Settings;
use crate::error::{Error, Result};
use std::future::Future;
use std::path::{Path, PathBuf};

/// How often a build is repeated because its source changed meanwhile.
const AGAIN: usize = 3;

/// A built function, ready to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The zip: one entry, `bootstrap`, mode 0755; the same source gives the same bytes.
    pub zip: Vec<u8>,
    /// Base64 of the zip's SHA-256, as Lambda reports it in `CodeSha256`.
    pub code_sha256: String,
    /// The digest of the source that it was built from.
    pub source_digest: SourceDigest,
    /// The processor it runs on.
    pub arch: Arch,
}

/// What a build says of itself while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// It was built before; nothing is compiled.
    Kept,
    /// The compiler starts.
    Begun {
        /// The Rust target.
        triple: &'a str,
    },
    /// One more crate is compiled.
    Compiled {
        /// How many so far.
        crates: usize,
        /// The last one's name.
        last: &'a str,
    },
    /// It is built, checked and zipped.
    Done {
        /// Size of the zip.
        bytes: usize,
    },
}

/// Who listens to a build.
pub type Progress<'a> = &'a (dyn Fn(&Step<'_>) + Send + Sync);

/// How the deployer comes by the function's code.
pub trait Build: Sync {
    /// The digest of what would be built.
    ///
    /// # Errors
    /// The source cannot be read.
    fn digest(&self, settings: &Settings) -> Result<SourceDigest>;

    /// The built code.
    ///
    /// # Errors
    /// It cannot be built.
    fn build(
        &self,
        settings: &Settings,
        progress: Progress<'_>,
    ) -> impl Future<Output = Result<Artifact>> + Send;
}

/// Builds the source with this machine's Cargo.
#[derive(Debug, Clone, Copy)]
pub struct CargoBuild;

impl Build for CargoBuild {
    fn digest(&self, settings: &Settings) -> Result<SourceDigest> {
        digest(settings)
    }

    async fn build(&self, settings: &Settings, progress: Progress<'_>) -> Result<Artifact> {
        build(settings, progress).await
    }
}

/// The digest of everything that decides what the function is: source files, lock file, target
/// and profile. Reads files only.
///
/// # Errors
/// The source cannot be read.
pub fn digest(settings: &Settings) -> Result<SourceDigest> {
    source::Source::of(settings)?.digest(&BuildTarget::of(settings)?)
}

/// Builds the function, or takes it from the cache.
///
/// # Errors
/// No Rust toolchain, a missing target, or a source that does not compile: then the compiler's
/// own words are the cause.
pub async fn build(settings: &Settings, progress: Progress<'_>) -> Result<Artifact> {
    let source = source::Source::of(settings)?;
    let target = BuildTarget::of(settings)?;
    let mut digest = source.digest(&target)?;
    let cache = crate::config::cache_dir()?;
    let place = |digest: &SourceDigest| cache.join("functions").join(format!("{digest}.zip"));
    if let Some(zip) = read_kept(&place(&digest), &target) {
        progress(&Step::Kept);
        return Ok(artifact(zip, digest, &target));
    }
    progress(&Step::Begun {
        triple: &target.triple,
    });
    let mut bootstrap = compile::compile(&source, &target, &cache, progress).await?;
    // A save in the middle of a build, or a lock file that Cargo has just brought up to date: what was
    // built may be a mixture, and would be kept under a name that is not its own.
    for _ in 0..AGAIN {
        let now = source.digest(&target)?;
        if now == digest {
            break;
        }
        digest = now;
        bootstrap = compile::compile(&source, &target, &cache, progress).await?;
    }
    elf::check(&bootstrap, &target)?;
    let zip = archive::pack(&bootstrap)?;
    if source.digest(&target)? == digest {
        keep(&place(&digest), &zip)?;
    }
    progress(&Step::Done { bytes: zip.len() });
    Ok(artifact(zip, digest, &target))
}

fn artifact(zip: Vec<u8>, source_digest: SourceDigest, target: &BuildTarget) -> Artifact {
    Artifact {
        code_sha256: code_sha256(&zip),
        zip,
        source_digest,
        arch: target.arch,
    }
}

/// A kept zip that is not whole (a full disk, a half copy) is built again.
fn read_kept(path: &Path, target: &BuildTarget) -> Option<Vec<u8>> {
    let zip = fs_err::read(path).ok()?;
    let bootstrap = archive::unpack(&zip).ok()?;
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
