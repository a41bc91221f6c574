//! Makes Cargo compile the user's own packages anew, whatever the times of their files say.
//!
//! Cargo decides by times whether a package has changed, and knows a package by its place within its
//! workspace. So a file that is moved back to its place with its old time is no change to it; and a
//! second copy of a source, in another folder, is the same package: with files older than the last build
//! of the first copy it would get the first copy's program. When Cargo is started here, the source's
//! digest is one that was never built. What lies around of the user's packages is stale by then, and only
//! what comes from a registry is worth keeping.

use crate::package::BuildTarget;
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    /// Nothing for a package of this machine.
    source: Option<String>,
}

/// Forgets what was built of the packages that `metadata`, a `cargo metadata`, finds on this machine.
/// A manifest that Cargo cannot read is for the build to complain about.
pub(super) async fn forget(mut metadata: Command, output: &Path, target: &BuildTarget) {
    let said = metadata
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    let Ok(said) = said else { return };
    let Ok(found) = serde_json::from_slice::<Metadata>(&said.stdout) else {
        return;
    };
    let own: Vec<_> = found
        .packages
        .iter()
        .filter(|package| package.source.is_none())
        .map(|package| format!("{}-", package.name))
        .collect();
    // Build scripts are built for this machine, beside the target's folder.
    for base in [output.join(&target.triple), output.to_owned()] {
        for profile in ["debug", "release"] {
            remove(&base.join(profile).join(".fingerprint"), &own);
        }
    }
}

/// Removes the folders below `fingerprints` that begin with one of the names. One too many costs only
/// time.
fn remove(fingerprints: &Path, names: &[String]) {
    let Ok(entries) = fs_err::read_dir(fingerprints) else {
        return;
    };
    for entry in entries.flatten() {
        let found = entry.file_name();
        let found = found.to_string_lossy();
        if names.iter().any(|name| found.starts_with(name.as_str())) {
            let _ = fs_err::remove_dir_all(entry.path());
        }
    }
}
