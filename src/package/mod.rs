//! From the function's source to an [`Artifact`] that Lambda takes: a zip.
//!
//! | part | what it does |
//! |---|---|
//! | `rust` | a Rust package, the bundled chat among them: Cargo builds it, and what it built is kept |
//! | `folder` | any other source: its own build command, and the files that go into the zip |
//! | `archive` | writes and reads zips |
//! | `contents` | whether a zip has what its runtime looks for |
//! | `digest` | what is known of a source without building it |

mod archive;
mod contents;
mod digest;
mod elf;
mod folder;
mod processes;
mod rust;
mod target;

pub use archive::code_sha256;
pub use digest::SourceDigest;
pub use folder::Files;
pub use rust::source;
pub use target::{BuildTarget, Profile};

use crate::config::{Arch, FunctionCode, Settings};
use crate::error::{Error, Result};
use rust::source::Source;
use std::future::Future;
use std::path::Path;

/// How often a build is repeated because its source changed meanwhile.
const AGAIN: usize = 3;

/// A built function, ready to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The zip; the same files give the same bytes.
    pub zip: Vec<u8>,
    /// Base64 of the zip's SHA-256, as Lambda reports it in `CodeSha256`.
    pub code_sha256: String,
    /// The digest of the source that it was built from.
    pub source_digest: SourceDigest,
    /// The processor it runs on.
    pub arch: Arch,
}

impl Artifact {
    fn new(zip: Vec<u8>, source_digest: SourceDigest, arch: Arch) -> Self {
        Self {
            code_sha256: code_sha256(&zip),
            zip,
            source_digest,
            arch,
        }
    }
}

/// What a build says of itself while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// It was built before; nothing is compiled.
    Kept,
    /// The compiler or the build command starts.
    Begun {
        /// What it does.
        what: &'a str,
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

/// Builds on this machine.
#[derive(Debug, Clone, Copy)]
pub struct HostBuild;

impl Build for HostBuild {
    fn digest(&self, settings: &Settings) -> Result<SourceDigest> {
        digest(settings)
    }

    async fn build(&self, settings: &Settings, progress: Progress<'_>) -> Result<Artifact> {
        build(settings, progress).await
    }
}

/// The digest of everything that decides what the function's code is. Reads files only.
///
/// # Errors
/// The source cannot be read.
pub fn digest(settings: &Settings) -> Result<SourceDigest> {
    match &settings.function.code {
        FunctionCode::Bundled => Source::Bundled.digest(&BuildTarget::of(settings)?),
        FunctionCode::Cargo(folder) => {
            Source::Folder(folder.clone()).digest(&BuildTarget::of(settings)?)
        }
        FunctionCode::Folder {
            folder,
            build: None,
        } => Ok(Files::zipped(folder)?.digest("")),
        FunctionCode::Zip { file, built: None } => Ok(digest_of_zip(&read_zip(file)?)),
        FunctionCode::Folder {
            folder,
            build: Some(command),
        }
        | FunctionCode::Zip {
            built: Some((folder, command)),
            ..
        } => folder::digest_of_source(folder, command),
    }
}

/// Builds the function, or takes it from the cache.
///
/// # Errors
/// It cannot be built: then the compiler's or the command's own words are the cause. Or what was built
/// lacks what its runtime looks for.
pub async fn build(settings: &Settings, progress: Progress<'_>) -> Result<Artifact> {
    let (zip, digest) = match &settings.function.code {
        FunctionCode::Bundled => return rust::build(&Source::Bundled, settings, progress).await,
        FunctionCode::Cargo(folder) => {
            return rust::build(&Source::Folder(folder.clone()), settings, progress).await;
        }
        FunctionCode::Folder {
            folder,
            build: None,
        } => {
            // Read once: a save in between must not give the zip another file's digest.
            let files = Files::zipped(folder)?;
            let digest = files.digest("");
            (archive::pack(&files.into_entries())?, digest)
        }
        FunctionCode::Folder {
            folder,
            build: Some(command),
        } => {
            let digest = folder::build(folder, command, progress).await?;
            let files = Files::zipped(folder)?;
            (archive::pack(&files.into_entries())?, digest)
        }
        FunctionCode::Zip { file, built: None } => {
            let zip = read_zip(file)?;
            let digest = digest_of_zip(&zip);
            (zip, digest)
        }
        FunctionCode::Zip {
            file,
            built: Some((folder, command)),
        } => {
            let digest = folder::build(folder, command, progress).await?;
            (read_zip(file)?, digest)
        }
    };
    contents::check(&zip, &settings.function, settings.arch())?;
    progress(&Step::Done { bytes: zip.len() });
    Ok(Artifact::new(zip, digest, settings.arch()))
}

fn digest_of_zip(zip: &[u8]) -> SourceDigest {
    SourceDigest::of_files("", &[("zip", zip)])
}

fn read_zip(file: &Path) -> Result<Vec<u8>> {
    fs_err::read(file).map_err(|error| {
        Error::failed("the function's zip cannot be read")
            .because(error)
            .hint("function.zip names it; function.build may name the command that makes it")
    })
}
