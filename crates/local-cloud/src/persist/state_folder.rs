//! The files of a state folder: contents under names made of their digests, and one index.
//!
//! | file | what it is |
//! |---|---|
//! | `chatctl-local.json` | the index: version, account, region, and which file holds which section |
//! | `SECTION-DIGEST.json`, `items-DIGEST.sqlite` | a section |
//! | `NAME.new` | one that is being written |
//! | `lock` | held by the local cloud that uses the folder, with its process id in it |
//!
//! Only what an index named is ever removed, and no file is written through a link: a folder that somebody else
//! prepared cannot make us change or delete a file of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::lock::{LOCK, lock};
use crate::port_owner::SERVICE;
use crate::start_error::StartError;

/// The format's version, raised with every change that an older program would misread.
const VERSION: u64 = 2;
const INDEX: &str = "chatctl-local.json";

/// A state folder that is ours until this is dropped, or the process ends in any way.
#[derive(Debug)]
pub(super) struct StateFolder {
    folder: PathBuf,
    /// The index to be written.
    index: Index,
    /// The index on the disk.
    published: Option<Index>,
    /// Sections that are written under another name than the index gives them, until it is published.
    pending: BTreeMap<String, PathBuf>,
    _lock: File,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Index {
    service: String,
    version: u64,
    #[serde(flatten)]
    identity: BTreeMap<String, String>,
    sections: BTreeMap<String, String>,
}

impl StateFolder {
    /// Opens the folder, which is made if need be.
    pub(super) fn open(
        folder: &Path,
        identity: &BTreeMap<&'static str, String>,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError::State {
            folder: folder.to_owned(),
            source,
        };
        fs_err::create_dir_all(folder).map_err(failed)?;
        // Before the lock is made: a folder that holds other files stays as it is.
        check_files(folder)?;
        let lock = lock(folder)?;
        let published = read_index(&folder.join(INDEX))?;
        if let Some(found) = &published {
            check_identity(folder, found, identity)?;
        }
        let is_new = published.is_none();
        let fresh = || Index {
            service: SERVICE.to_owned(),
            version: VERSION,
            identity: identity
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
            sections: BTreeMap::new(),
        };
        let mut state_folder = Self {
            folder: folder.to_owned(),
            index: published.clone().unwrap_or_else(fresh),
            published,
            pending: BTreeMap::new(),
            _lock: lock,
        };
        if is_new {
            // At once: after a kill the folder shows that it is ours.
            state_folder.publish().map_err(failed)?;
        }
        Ok(state_folder)
    }

    /// The file that holds a section, and what is in it. A file that was changed or cut short is
    /// found out by the digest in its name.
    pub(super) fn file(&self, section: &str) -> Result<Option<(PathBuf, Vec<u8>)>, StartError> {
        let Some(name) = self.index.sections.get(section) else {
            return Ok(None);
        };
        let file = self.folder.join(name);
        let bytes = fs_err::read(&file).and_then(|bytes| match file_is(&file, &bytes) {
            true => Ok(bytes),
            false => Err(std::io::Error::other("it is not what was written")),
        });
        match bytes {
            Ok(bytes) => Ok(Some((file, bytes))),
            Err(source) => Err(StartError::Unreadable { file, source }),
        }
    }

    /// A section, and where it was read from.
    pub(super) fn read(&self, section: &str) -> Result<Option<(PathBuf, Value)>, StartError> {
        let Some((file, bytes)) = self.file(section)? else {
            return Ok(None);
        };
        match serde_json::from_slice(&bytes) {
            Ok(state) => Ok(Some((file, state))),
            Err(error) => Err(StartError::Unreadable {
                file,
                source: error.into(),
            }),
        }
    }

    /// Writes a section, if it differs from what is there.
    pub(super) fn put(&mut self, section: &str, ending: &str, bytes: &[u8]) -> std::io::Result<()> {
        let name = format!("{section}-{}.{ending}", digest(bytes));
        if self.index.sections.get(section) != Some(&name) {
            let beside = self.beside(section)?;
            let mut file = File::create_new(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            self.name(section, name, beside);
        }
        Ok(())
    }

    /// Where a file can be made that [`StateFolder::adopt`] takes in.
    pub(super) fn beside(&self, section: &str) -> std::io::Result<PathBuf> {
        let beside = self.folder.join(format!("{section}.new"));
        remove(&beside)?;
        Ok(beside)
    }

    /// Takes in a file that was written by another part.
    pub(super) fn adopt(
        &mut self,
        section: &str,
        ending: &str,
        file: &Path,
    ) -> std::io::Result<()> {
        let name = format!("{section}-{}.{ending}", digest(&fs_err::read(file)?));
        self.name(section, name, file.to_owned());
        Ok(())
    }

    fn name(&mut self, section: &str, name: String, file: PathBuf) {
        self.pending.insert(section.to_owned(), file);
        self.index.sections.insert(section.to_owned(), name);
    }

    /// Gives the files their names and writes the index: from here on the new state counts.
    pub(super) fn publish(&mut self) -> std::io::Result<()> {
        while let Some((section, file)) = self.pending.first_key_value() {
            let name = &self.index.sections[section];
            fs_err::rename(file, self.folder.join(name))?;
            self.pending.pop_first();
        }
        if self.published.as_ref() == Some(&self.index) {
            return Ok(());
        }
        let beside = self.beside(INDEX)?;
        let mut file = File::create_new(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(&self.index)?)?;
        file.sync_all()?;
        fs_err::rename(&beside, self.folder.join(INDEX))?;
        let former = self.published.replace(self.index.clone());
        self.tidy(former);
        Ok(())
    }

    /// Removes the files that the former index named and this one does not.
    fn tidy(&self, former: Option<Index>) {
        let named: BTreeSet<_> = self.index.sections.values().collect();
        let former = former.map(|index| index.sections).unwrap_or_default();
        for name in former.values().filter(|name| !named.contains(name)) {
            let _ = fs_err::remove_file(self.folder.join(name));
        }
    }
}

fn remove(file: &Path) -> std::io::Result<()> {
    match fs_err::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A folder with any other file in it is refused: it may be somebody's home folder. So is one without an index,
/// unless it is empty or a local cloud was killed before it wrote its first one.
fn check_files(folder: &Path) -> Result<(), StartError> {
    let names = names(folder).map_err(|source| StartError::State {
        folder: folder.to_owned(),
        source,
    })?;
    let foreign = |why| {
        Err(StartError::Foreign {
            folder: folder.to_owned(),
            why,
        })
    };
    if let Some(name) = names.iter().find(|name| !is_ours(name)) {
        return foreign(format!("it holds `{name}`, which no local cloud wrote"));
    }
    let first = format!("{INDEX}.new");
    let mut rest = names
        .iter()
        .filter(|name| **name != LOCK && **name != first);
    match rest.next() {
        Some(name) if !names.iter().any(|name| name == INDEX) => {
            foreign(format!("it holds `{name}`, but no `{INDEX}`"))
        }
        _ => Ok(()),
    }
}

fn check_identity(
    folder: &Path,
    found: &Index,
    identity: &BTreeMap<&'static str, String>,
) -> Result<(), StartError> {
    for (name, wanted) in identity {
        let kept = found.identity.get(*name);
        if kept != Some(wanted) {
            let kept = kept.map_or("nothing", String::as_str);
            return Err(StartError::Foreign {
                folder: folder.to_owned(),
                why: format!("its {name} is {kept}, and this one's is {wanted}"),
            });
        }
    }
    Ok(())
}

fn read_index(file: &Path) -> Result<Option<Index>, StartError> {
    let unreadable = |source| StartError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let text = match fs_err::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let value: Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))?;
    let version = value["version"].as_u64();
    if version != Some(VERSION) {
        return Err(StartError::Version {
            file: file.to_owned(),
            found: version,
            known: VERSION,
        });
    }
    let index: Index = serde_json::from_value(value).map_err(|error| unreadable(error.into()))?;
    match index.sections.iter().find(|entry| !is_name(entry)) {
        Some((section, name)) => Err(unreadable(std::io::Error::other(format!(
            "`{name}` is no file of the section {section}"
        )))),
        None => Ok(Some(index)),
    }
}

/// A path that leads out of the folder is not one.
fn is_name((section, name): &(&String, &String)) -> bool {
    name.strip_prefix(section.as_str())
        .is_some_and(|rest| rest.starts_with('-') && !rest.contains('/'))
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let entries = fs_err::read_dir(folder)?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Names that this file gives, also while writing.
fn is_ours(name: &str) -> bool {
    let is_digest = |text: &str| text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
    let is_section = || {
        let (section, rest) = name.split_once('-')?;
        let (digest, ending) = rest.split_once('.')?;
        let known = super::SECTIONS.contains(&section) || section == super::ITEMS;
        Some(known && is_digest(digest) && matches!(ending, "json" | "sqlite"))
    };
    name == INDEX
        || name == LOCK
        || name.strip_suffix(".new").is_some_and(|name| {
            name == INDEX || name == super::ITEMS || super::SECTIONS.contains(&name)
        })
        // SQLite's own files beside one that is being written.
        || ["-journal", "-wal", "-shm"]
            .iter()
            .any(|ending| name.strip_suffix(ending).is_some_and(is_ours))
        || is_section() == Some(true)
}

fn file_is(file: &Path, bytes: &[u8]) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    stem.ends_with(&format!("-{}", digest(bytes)))
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> Result<StateFolder, StartError> {
        StateFolder::open(
            folder,
            &BTreeMap::from([("region", "us-east-1".to_owned())]),
        )
    }

    fn text_of(state: &StateFolder, section: &str) -> Value {
        state.read(section).unwrap().unwrap().1
    }

    #[test]
    fn what_is_not_published_is_not_there_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open(folder.path()).unwrap();
        state.put("iam", "json", b"[1]").unwrap();
        state.put("logs", "json", b"[1]").unwrap();
        state.publish().unwrap();
        state.put("iam", "json", b"[2]").unwrap();
        fs_err::write(folder.path().join("chatctl-local.json.new"), "{\"serv").unwrap();
        drop(state);

        let mut state = open(folder.path()).unwrap();
        assert_eq!(text_of(&state, "iam"), serde_json::json!([1]));
        state.put("iam", "json", b"[3]").unwrap();
        state.publish().unwrap();
        assert_eq!(text_of(&state, "iam"), serde_json::json!([3]));
        // Three sections were written; two of them, the index and the lock are left.
        assert_eq!(names(folder.path()).unwrap().len(), 4);
    }

    #[test]
    fn a_second_user_is_told_who_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path()).unwrap();
        let me = std::process::id();
        assert!(
            matches!(open(folder.path()), Err(StartError::InUse { process_id, .. }) if process_id == Some(me))
        );
        drop(first);
        assert!(open(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_with_other_things_in_it_stays_untouched() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("diary.txt"), "dear me").unwrap();
        let said = open(folder.path()).unwrap_err().to_string();
        assert!(said.contains("`diary.txt`"), "{said}");
        assert_eq!(names(folder.path()).unwrap(), ["diary.txt"]);
    }

    #[test]
    fn no_file_is_written_through_a_link() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let victim = other.path().join("diary.txt");
        fs_err::write(&victim, "dear me").unwrap();
        let mut state = open(folder.path()).unwrap();
        let section = format!("iam-{}.json", digest(b"[1]"));
        for name in ["iam.new", "chatctl-local.json.new", &section] {
            std::os::unix::fs::symlink(&victim, folder.path().join(name)).unwrap();
        }
        state.put("iam", "json", b"[1]").unwrap();
        state.publish().unwrap();
        assert_eq!(fs_err::read_to_string(&victim).unwrap(), "dear me");
        assert_eq!(text_of(&state, "iam"), serde_json::json!([1]));
    }

    #[test]
    fn without_an_index_a_folder_is_not_taken_and_nothing_in_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let section = format!("iam-{}.json", digest(b"[1]"));
        fs_err::write(folder.path().join(&section), "[1]").unwrap();
        let said = open(folder.path()).unwrap_err().to_string();
        assert!(said.contains("but no `chatctl-local.json`"), "{said}");
        assert_eq!(names(folder.path()).unwrap(), [section]);
    }

    #[test]
    fn only_what_an_index_named_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let unlisted = format!("iam-{}.json", digest(b"[0]"));
        let mut state = open(folder.path()).unwrap();
        fs_err::write(folder.path().join(&unlisted), "[0]").unwrap();
        for text in [b"[1]", b"[2]"] {
            state.put("iam", "json", text).unwrap();
            state.publish().unwrap();
        }
        let left = names(folder.path()).unwrap();
        assert!(left.contains(&unlisted), "{left:?}");
        assert_eq!(
            left.len(),
            4,
            "index, lock, [2] and the unlisted one: {left:?}"
        );
    }

    #[test]
    fn an_index_cannot_name_a_file_outside_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let text =
            r#"{"service":"","version":2,"region":"us-east-1","sections":{"iam":"iam-/../../x"}}"#;
        fs_err::write(folder.path().join(INDEX), text).unwrap();
        assert!(open(folder.path()).is_err());
    }

    #[test]
    fn another_version_or_region_and_garbage_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(INDEX);
        let refused = |text: &str| {
            fs_err::write(&file, text).unwrap();
            let said = open(folder.path()).unwrap_err().to_string();
            assert_eq!(fs_err::read_to_string(&file).unwrap(), text);
            said
        };
        assert!(refused(r#"{"version":1}"#).contains("version 1"));
        assert!(refused(r#"{"x":2}"#).contains("no version"));
        assert!(refused("half a").contains(INDEX));
        let other = r#"{"service":"","version":2,"region":"eu-west-1","sections":{}}"#;
        assert!(refused(other).contains("its region is eu-west-1"));
        let missing =
            r#"{"service":"","version":2,"region":"us-east-1","sections":{"iam":"iam-00.json"}}"#;
        fs_err::write(&file, missing).unwrap();
        let said = open(folder.path()).unwrap().read("iam").unwrap_err();
        assert!(said.to_string().contains("iam-00.json"), "{said}");
    }
}
