//! Packs the Lambda's source into the binary, so that an installed `chatctl` can deploy from an
//! empty folder.
//!
//! The source is reached through the links in `templates/lambda`: Cargo leaves `lambda/` itself
//! out of a published package, because it is a package of its own. The lock file is the
//! workspace's, cut down to what the Lambda needs, so that an update of the deployer's
//! dependencies does not change the function.

use cargo_lock::{Lockfile, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let links = root.join("templates/lambda");
    println!("cargo:rerun-if-changed=templates/lambda");
    println!("cargo:rerun-if-changed=lambda");
    println!("cargo:rerun-if-changed=Cargo.lock");

    let mut files = BTreeMap::new();
    collect(&links, &links, &mut files)?;
    let lock = out.join("lambda.lock");
    let whole = Lockfile::load(root.join("Cargo.lock")).map_err(io::Error::other)?;
    fs::write(&lock, closure(whole, "chat-lambda").to_string())?;
    files.insert("Cargo.lock".to_owned(), lock);
    let manifest = out.join("lambda.toml");
    let member = fs::read_to_string(links.join("Cargo.toml.in"))?;
    fs::write(&manifest, standalone(&member))?;
    files.insert("Cargo.toml".to_owned(), manifest);

    let entries: String = files
        .iter()
        .map(|(name, path)| {
            format!(
                "    ({name:?}, include_bytes!({:?})),\n",
                path.display().to_string()
            )
        })
        .collect();
    fs::write(out.join("lambda_source.rs"), format!("&[\n{entries}]\n"))
}

/// Every file below `folder`, by its path inside the Lambda's own folder.
fn collect(folder: &Path, base: &Path, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let real = fs::canonicalize(&path)?;
        if real.is_dir() {
            collect(&path, base, files)?;
            continue;
        }
        let name = path
            .strip_prefix(base)
            .expect("it is below")
            .to_string_lossy()
            .replace('\\', "/");
        files.insert(name.trim_end_matches(".in").to_owned(), real);
    }
    Ok(())
}

/// Here the Lambda is a member of our workspace. Written out it stands alone, also inside a folder
/// that is somebody else's workspace.
fn standalone(manifest: &str) -> String {
    format!("{}\n\n[workspace]\n", manifest.trim_end())
}

/// The part of a lock file that `package` needs.
fn closure(mut lock: Lockfile, package: &str) -> Lockfile {
    let mut needed = BTreeSet::new();
    let mut open: Vec<&Package> = lock
        .packages
        .iter()
        .filter(|found| found.name.as_str() == package)
        .collect();
    while let Some(next) = open.pop() {
        if needed.insert((next.name.clone(), next.version.clone())) {
            let is_needed = |found: &&Package| next.dependencies.iter().any(|d| d.matches(found));
            open.extend(lock.packages.iter().filter(is_needed));
        }
    }
    lock.packages
        .retain(|found| needed.contains(&(found.name.clone(), found.version.clone())));
    lock
}
