//! Packs the Lambda's source into the binary, so that an installed `chatctl` can deploy from an
//! empty folder.
//!
//! The source is reached through the links in `templates/lambda`: Cargo leaves `lambda/` itself
//! out of a published package, because it is a package of its own. It has its own lock file there
//! (`just lambda-lock` makes it): a part of the workspace's would name what only other members use, and
//! Cargo refuses that with `--locked`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let links = root.join("templates/lambda");
    println!("cargo:rerun-if-changed=templates/lambda");
    println!("cargo:rerun-if-changed=lambda");

    let mut files = BTreeMap::new();
    collect(&links, &links, &mut files)?;
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
