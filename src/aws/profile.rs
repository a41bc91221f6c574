//! What the SDK does not do with a profile: to refuse one that does not exist, and to read its
//! `ca_bundle`.

use crate::config::nearest;
use crate::error::{Error, Result};
use crate::network;
use aws_config::profile::{ProfileSet, load};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

/// Looks for the profile in the AWS configuration files.
///
/// # Errors
/// There is no such profile, or the files cannot be read.
pub(super) async fn require(name: &str) -> Result<()> {
    let found = read(None).await?;
    // `default` need not be written down.
    if name == "default" || found.get_profile(name).is_some() {
        return Ok(());
    }
    let mut known: Vec<&str> = found.profiles().collect();
    known.sort_unstable();
    Err(unknown(name, &known))
}

/// Trusts what the `ca_bundle` of the profile in use says: of this one, or of the one that `AWS_PROFILE`
/// names, or of `default`. WebSockets trust it too.
///
/// # Errors
/// The AWS configuration files cannot be read.
pub async fn trust_its_bundle(name: Option<&str>) -> Result<()> {
    let found = read(name).await?;
    if let Some(path) = found.get("ca_bundle").filter(|path| !path.is_empty()) {
        network::trust_bundle_of_profile(found.selected_profile(), path.into());
    }
    Ok(())
}

async fn read(selected: Option<&str>) -> Result<ProfileSet> {
    let (fs, env, files) = (Fs::real(), Env::real(), EnvConfigFiles::default());
    let selected = selected.map(|name| name.to_owned().into());
    let found = load(&fs, &env, &files, selected).await;
    found
        .map_err(|error| Error::failed("the AWS configuration files cannot be read").because(error))
}

fn unknown(name: &str, known: &[&str]) -> Error {
    let error = Error::usage(format!(
        "there is no profile {name:?} in the AWS configuration files"
    ));
    match (nearest(name, known), known) {
        (Some(near), _) => error.hint(format!("did you mean {near:?}?")),
        (None, []) => error
            .hint("`aws configure` or `aws login` makes one; --profile and AWS_PROFILE choose it"),
        (None, known) => error.hint(format!("there are: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn an_unknown_profile_is_named_with_the_ones_there_are() {
        let said = unknown("wrok", &["default", "work"]);
        assert!(said.message().contains("\"wrok\""));
        assert_eq!(said.hints(), ["did you mean \"work\"?"]);
        let said = unknown("xyz", &["default", "work"]);
        assert_eq!(said.hints(), ["there are: default, work"]);
    }
}
