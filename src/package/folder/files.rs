//! Which files of a folder are the function.

use crate::error::{Error, Result};
use crate::package::SourceDigest;
use crate::package::archive::Entry;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Names what stays out of the zip, in the syntax of `.gitignore`.
const IGNORE_FILE: &str = ".chatctlignore";
/// What stays out of every zip, unless the ignore file takes it back in with a `!`.
const NEVER: [&str; 11] = [
    ".git",
    ".gitignore",
    IGNORE_FILE,
    "/chatctl.toml",
    ".env",
    ".env.*",
    ".DS_Store",
    "__pycache__",
    // What editors leave behind.
    "*~",
    ".*.sw?",
    r"\#*#",
];
/// Lambda's limit for the unzipped function, its layers included.
const LIMIT: usize = 250 * 1024 * 1024;

/// Files of a folder, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files(Vec<Entry>);

impl Files {
    /// What goes into the zip: everything but what the folder's `.chatctlignore` names.
    ///
    /// # Errors
    /// The folder cannot be read, or is larger than Lambda allows.
    pub fn zipped(folder: &Path) -> Result<Self> {
        let mut walk = WalkBuilder::new(folder);
        walk.standard_filters(false);
        Self::read(folder, &mut walk)
    }

    /// What a build command works on: the same without what Git ignores, because a build makes that, and
    /// without the packages that it fetches.
    ///
    /// # Errors
    /// The folder cannot be read, or is larger than Lambda allows.
    pub fn source(folder: &Path) -> Result<Self> {
        let mut walk = WalkBuilder::new(folder);
        walk.standard_filters(false)
            .git_ignore(true)
            .require_git(false)
            .parents(true);
        let mut files = Self::read(folder, &mut walk)?;
        files.0.retain(|file| !is_fetched(&file.name));
        Ok(files)
    }

    fn read(folder: &Path, walk: &mut WalkBuilder) -> Result<Self> {
        let ignored = ignored(folder)?;
        walk.follow_links(true)
            .filter_entry(move |entry| !is_ignored(entry, &ignored));
        let mut files = Vec::new();
        let mut size = 0;
        for entry in walk.build() {
            let entry = entry.map_err(|error| unreadable(folder).because(error))?;
            if entry.file_type().is_some_and(|kind| kind.is_file()) {
                let file = file(folder, &entry)?;
                size += file.contents.len();
                refuse_large(folder, size)?;
                files.push(file);
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self(files))
    }

    /// The digest of the files; `start` is whatever else decides.
    pub(in crate::package) fn digest(&self, start: &str) -> SourceDigest {
        SourceDigest::of_files(start, &self.names_and_contents())
    }

    /// Each file's path below the folder, and what stands in it; in order.
    fn names_and_contents(&self) -> Vec<(&str, &[u8])> {
        let all = self.0.iter();
        all.map(|file| (file.name.as_str(), file.contents.as_slice()))
            .collect()
    }

    /// The files, as a zip takes them.
    pub(in crate::package) fn into_entries(self) -> Vec<Entry> {
        self.0
    }
}

fn ignored(folder: &Path) -> Result<Gitignore> {
    let mut rules = GitignoreBuilder::new(folder);
    for line in NEVER {
        rules
            .add_line(None, line)
            .map_err(|error| unreadable(folder).because(error))?;
    }
    let own = folder.join(IGNORE_FILE);
    if own.is_file()
        && let Some(error) = rules.add(&own)
    {
        return Err(
            Error::usage(format!("{} cannot be understood", own.display()))
                .because(error)
                .hint("it has the syntax of .gitignore"),
        );
    }
    rules
        .build()
        .map_err(|error| unreadable(folder).because(error))
}

fn is_ignored(entry: &DirEntry, ignored: &Gitignore) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    entry.depth() > 0 && ignored.matched(entry.path(), is_folder).is_ignore()
}

fn is_fetched(name: &str) -> bool {
    name.split('/').any(|part| part == "node_modules")
}

fn file(folder: &Path, entry: &DirEntry) -> Result<Entry> {
    let path = entry.path();
    let name = path.strip_prefix(folder).unwrap_or(path).to_str();
    let name = name.ok_or_else(|| {
        Error::usage(format!("the name of {} is not UTF-8", path.display()))
            .hint("Lambda takes only such names")
    })?;
    let mode = fs_err::metadata(path)?.permissions().mode();
    Ok(Entry {
        name: name.to_owned(),
        contents: fs_err::read(path)?,
        is_executable: mode & 0o100 != 0,
    })
}

fn refuse_large(folder: &Path, size: usize) -> Result<()> {
    if size <= LIMIT {
        return Ok(());
    }
    Err(
        Error::failed(format!("the function in {} is too large", folder.display()))
            .because_of("Lambda takes at most 250 MB of files")
            .hint(format!(
                "{IGNORE_FILE} in that folder names what stays out of the zip, as .gitignore does"
            )),
    )
}

fn unreadable(folder: &Path) -> Error {
    Error::failed(format!(
        "the function's source in {} cannot be read",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        dir
    }

    fn names(files: &Files) -> Vec<&str> {
        files
            .names_and_contents()
            .iter()
            .map(|(name, _)| *name)
            .collect()
    }

    #[test]
    fn everything_is_zipped_but_what_the_ignore_file_and_common_sense_leave_out() {
        let dir = folder(&[
            ("index.mjs", "x"),
            (".env", "SECRET=1"),
            (".git/config", "x"),
            (".index.mjs.swp", "x"),
            ("index.mjs~", "x"),
            ("#index.mjs#", "x"),
            ("chatctl.toml", "x"),
            ("node_modules/a/index.js", "x"),
            ("node_modules/a/chatctl.toml", "x"),
            ("test/it.mjs", "x"),
            ("notes/a.txt", "x"),
            ("notes/kept.txt", "x"),
            (".chatctlignore", "/test\nnotes/*\n!notes/kept.txt\n"),
        ]);
        let wanted = [
            "index.mjs",
            "node_modules/a/chatctl.toml",
            "node_modules/a/index.js",
            "notes/kept.txt",
        ];
        assert_eq!(names(&Files::zipped(dir.path()).unwrap()), wanted);
    }

    #[test]
    fn what_a_build_makes_is_zipped_and_is_no_source() {
        let dir = folder(&[
            (".gitignore", "dist\n"),
            ("src/index.ts", "x"),
            ("dist/index.js", "x"),
            ("node_modules/a/index.js", "x"),
        ]);
        assert_eq!(names(&Files::source(dir.path()).unwrap()), ["src/index.ts"]);
        assert!(names(&Files::zipped(dir.path()).unwrap()).contains(&"dist/index.js"));
    }

    #[test]
    fn a_file_may_be_executable() {
        let dir = folder(&[("bootstrap", "#!/bin/sh"), ("data", "x")]);
        let path = dir.path().join("bootstrap");
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let entries = Files::zipped(dir.path()).unwrap().into_entries();
        let modes: Vec<_> = entries.iter().map(|file| file.is_executable).collect();
        assert_eq!(modes, [true, false]);
    }
}
