//! The Lambda's source: the bundled one, or a folder of the user's own.

use crate::error::{Error, Result};
use crate::package::{BuildTarget, Profile, SourceDigest};
use std::path::{Path, PathBuf};

static EMBEDDED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/lambda_source.rs"));

/// Folders and files of a source that do not change the function.
const NOT_CODE: [&str; 6] = [
    "target",
    "tests",
    "benches",
    "examples",
    "fuzz",
    "proptest-regressions",
];

/// Where the source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In this binary.
    Bundled,
    /// In a folder of the user's.
    Folder(PathBuf),
}

/// The bundled source: path inside its folder, and contents.
pub fn embedded() -> &'static [(&'static str, &'static [u8])] {
    EMBEDDED
}

impl Source {
    /// The digest of the source, built for `target`.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn digest(&self, target: &BuildTarget) -> Result<SourceDigest> {
        let profile = match target.profile {
            Profile::Release => "release",
            Profile::Quick => "quick",
        };
        let start = format!("{}{profile}", target.triple);
        Ok(SourceDigest::of_files(&start, &self.code()?))
    }

    /// A folder that Cargo can build in: the user's own, or the bundled source written out below
    /// `cache`.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub(super) fn folder(&self, cache: &Path) -> Result<PathBuf> {
        match self {
            Self::Folder(folder) => Ok(folder.clone()),
            Self::Bundled => write_out(&cache.join("source")),
        }
    }

    fn code(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut files = match self {
            Self::Bundled => EMBEDDED
                .iter()
                .filter(|(name, _)| is_code(Path::new(name)))
                .map(|(name, contents)| ((*name).to_owned(), contents.to_vec()))
                .collect(),
            Self::Folder(folder) => {
                let mut files = Vec::new();
                read_code(folder, folder, &mut files)?;
                files
            }
        };
        files.sort();
        Ok(files)
    }
}

/// Only what differs is written, so that Cargo sees an unchanged source as unchanged.
fn write_out(folder: &Path) -> Result<PathBuf> {
    let write = || -> std::io::Result<()> {
        for (name, contents) in EMBEDDED {
            let path = folder.join(name);
            if fs_err::read(&path).is_ok_and(|found| found == *contents) {
                continue;
            }
            fs_err::create_dir_all(path.parent().unwrap_or(folder))?;
            let partial = path.with_extension(format!("{}.partial", std::process::id()));
            fs_err::write(&partial, contents)?;
            fs_err::rename(&partial, &path)?;
        }
        Ok(())
    };
    write().map_err(|error| {
        Error::failed("the bundled Lambda source cannot be written out")
            .because(error)
            .hint("CHATCTL_CACHE_DIR moves the cache to another folder")
    })?;
    Ok(folder.to_owned())
}

fn read_code(folder: &Path, base: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let relative = path.strip_prefix(base).unwrap_or(&path);
        if !is_code(relative) {
            continue;
        }
        if path.is_dir() {
            read_code(&path, base, files)?;
        } else {
            files.push((
                relative.to_string_lossy().into_owned(),
                fs_err::read(&path)?,
            ));
        }
    }
    Ok(())
}

/// Whether a file of the source, by its path inside the folder, decides what the function is.
/// Documents, tests, builds and what editors leave behind do not.
pub fn is_code(path: &Path) -> bool {
    let first = path
        .components()
        .next()
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.')
        && !is_editors(&name)
        && path.extension().is_none_or(|extension| extension != "md")
        && first.is_some_and(|first| !NOT_CODE.contains(&first.as_str()))
}

/// Backups and locks of Emacs and Vim, temporary files of JetBrains' editors: names that nobody gives.
fn is_editors(name: &str) -> bool {
    name.ends_with('~')
        || (name.starts_with('#') && name.ends_with('#'))
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Arch;

    fn target(triple: &str, profile: Profile) -> BuildTarget {
        BuildTarget {
            arch: Arch::Arm64,
            triple: triple.into(),
            profile,
        }
    }

    #[test]
    fn the_bundled_source_is_a_whole_crate() {
        let names: Vec<_> = embedded().iter().map(|(name, _)| *name).collect();
        for wanted in ["Cargo.lock", "Cargo.toml", "src/main.rs"] {
            assert!(
                names.contains(&wanted),
                "{wanted} is missing from {names:?}"
            );
        }
    }

    #[test]
    fn the_bundled_lock_file_holds_the_lambda_and_not_the_deployer() {
        let (_, lock) = embedded()
            .iter()
            .find(|(name, _)| *name == "Cargo.lock")
            .unwrap();
        let lock = std::str::from_utf8(lock).unwrap();
        assert!(lock.contains("name = \"chat-lambda\""));
        assert!(!lock.contains("name = \"aws-sdk-apigatewayv2\""));
    }

    #[test]
    fn target_profile_and_every_code_file_change_the_digest_but_documents_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("Cargo.toml", "[package]");
        write("src/main.rs", "fn main() {}");
        let source = Source::Folder(dir.path().to_owned());
        let digest = |t: &BuildTarget| source.digest(t).unwrap();
        let release = target("aarch64-unknown-linux-musl", Profile::Release);
        let first = digest(&release);
        assert_ne!(
            first,
            digest(&target("x86_64-unknown-linux-musl", Profile::Release))
        );
        assert_ne!(
            first,
            digest(&target("aarch64-unknown-linux-musl", Profile::Quick))
        );
        write("README.md", "text");
        write("tests/it.rs", "text");
        write("target/debug/x", "text");
        write("src/main.rs~", "text");
        write("src/.main.rs.swp", "text");
        write("src/#main.rs#", "text");
        assert_eq!(first, digest(&release));
        write("src/main.rs", "fn main() { }");
        assert_ne!(first, digest(&release));
    }
}
