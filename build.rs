//! Packs the Lambda's source into the binary, so that an installed `chatctl` can deploy from an
//! empty folder.
//!
//! The source is reached through the links in `templates/lambda`: Cargo leaves `lambda/` itself
//! out of a published package, because it is a package of its own. The lock file is the
//! workspace's, cut down to what the Lambda needs, so that an update of the deployer's
//! dependencies does not change the function.

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
    fs::write(
        &lock,
        closure(&fs::read_to_string(root.join("Cargo.lock"))?, "chat-lambda"),
    )?;
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
fn closure(lock: &str, package: &str) -> String {
    let mut blocks = lock.split("[[package]]\n");
    let head = blocks.next().unwrap_or_default();
    let packages: Vec<Package> = blocks.map(Package::parse).collect();
    let mut wanted = BTreeSet::new();
    let mut open = vec![package.to_owned()];
    while let Some(reference) = open.pop() {
        for (index, found) in packages
            .iter()
            .enumerate()
            .filter(|(_, p)| p.is(&reference))
        {
            if wanted.insert(index) {
                open.extend(found.dependencies.iter().cloned());
            }
        }
    }
    let body: String = wanted
        .into_iter()
        .map(|index| format!("[[package]]\n{}\n\n", packages[index].text.trim()))
        .collect();
    format!("{head}{}\n", body.trim_end())
}

struct Package {
    text: String,
    name: String,
    version: String,
    dependencies: Vec<String>,
}

impl Package {
    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        let dependencies = text
            .lines()
            .filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","))
            .map(str::to_owned)
            .collect();
        Self {
            text: text.to_owned(),
            name: value("name = "),
            version: value("version = "),
            dependencies,
        }
    }

    /// A dependency is `name`, or `name version` where several versions are in the file.
    fn is(&self, reference: &str) -> bool {
        match reference.split_once(' ') {
            Some((name, version)) => self.name == name && self.version == version,
            None => self.name == reference,
        }
    }
}
