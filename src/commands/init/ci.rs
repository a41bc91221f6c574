//! The files of a CI system: where they go in the repository, and what is to be done next.

use crate::cli::CiSystem;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Each template with its path from the repository's root.
const GITHUB: [(&str, &str); 3] = [
    (
        ".github/workflows/deploy-chat.yml",
        include_str!("../../../templates/ci/github/deploy-chat.yml"),
    ),
    (
        ".github/workflows/preview-chat.yml",
        include_str!("../../../templates/ci/github/preview-chat.yml"),
    ),
    (
        ".github/actions/install-chatctl/action.yml",
        include_str!("../../../templates/ci/github/install-chatctl.yml"),
    ),
];

const GITLAB: [(&str, &str); 1] = [(
    ".gitlab/chat.yml",
    include_str!("../../../templates/ci/gitlab/chat.yml"),
)];

/// Written only where there is none: most projects have one of their own.
const GITLAB_MAIN: (&str, &str) = (
    ".gitlab-ci.yml",
    include_str!("../../../templates/ci/gitlab/include.yml"),
);

/// Stands in the templates for the folder that chatctl runs in.
const DIRECTORY: &str = "@DIRECTORY@";

/// The files of a CI system for the chat in this folder.
#[derive(Debug)]
pub(super) struct CiFiles {
    /// Path from this folder, and contents.
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// This folder is in a Git repository.
    pub(super) in_repository: bool,
    /// What to do next.
    pub(super) next: Vec<String>,
}

impl CiFiles {
    /// The files for the chat in `folder`.
    ///
    /// # Errors
    /// A workflow cannot name the folder.
    pub(super) fn new(system: CiSystem, folder: &Path) -> Result<Self> {
        let root = repository(folder);
        let below = root
            .as_deref()
            .and_then(|root| folder.strip_prefix(root).ok())
            .unwrap_or(Path::new(""));
        let directory = directory(below)?;
        let up: PathBuf = below.components().map(|_| "..").collect();
        let (mut templates, next) = match system {
            CiSystem::Github => (GITHUB.to_vec(), github_next()),
            CiSystem::Gitlab => (GITLAB.to_vec(), Vec::new()),
        };
        let mut next: Vec<String> = next;
        if system == CiSystem::Gitlab {
            if folder.join(&up).join(GITLAB_MAIN.0).exists() {
                next.push("add to .gitlab-ci.yml: include: [{ local: /.gitlab/chat.yml }]".into());
            } else {
                templates.push(GITLAB_MAIN);
            }
        }
        let files = templates.into_iter().map(|(path, text)| {
            let path = up.join(path).to_string_lossy().into_owned();
            (path, text.replace(DIRECTORY, &directory).into_bytes())
        });
        Ok(Self {
            files: files.collect(),
            in_repository: root.is_some(),
            next,
        })
    }
}

fn github_next() -> Vec<String> {
    let role =
        "`chatctl policy status --role github --repo OWNER/NAME --github-environment chat-plan`";
    vec![format!("{role} prints the first of the three roles")]
}

/// The nearest folder above that has a `.git`, which is a file in a work tree.
fn repository(folder: &Path) -> Option<PathBuf> {
    let mut above = folder.ancestors();
    let root = above.find(|folder| folder.join(".git").exists())?;
    Some(root.to_owned())
}

/// The folder as YAML, the shell and GitHub's expressions all read it.
fn directory(below: &Path) -> Result<String> {
    let text = below.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./ ".contains(c);
    if !text.chars().all(is_plain) {
        return Err(Error::failed(format!(
            "a workflow cannot name the folder {text:?}; nothing was written"
        ))
        .hint("a path of letters, digits, spaces and _ - . / works"));
    }
    Ok(match text.as_ref() {
        "" => ".".into(),
        path => format!("'./{path}'"),
    })
}
