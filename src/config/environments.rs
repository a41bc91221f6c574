//! The environments of `chatctl.toml`: what stands in `[env.NAME]` goes over the common part, key by
//! key.
//!
//! An environment is a stack of its own: one that sets neither its name nor its stage has its own name
//! as the stage.

use super::file::{FileConfig, line_of_key};
use super::nearest::nearest;
use crate::error::{Error, Result};
use serde::Deserialize;
use std::path::Path;
use toml::{Table, Value};

/// What makes a stack another one.
#[derive(PartialEq)]
struct Identity(Vec<Option<String>>);

/// The values of the file for the environment `chosen`, or those of the common part.
///
/// # Errors
/// There is no such environment, or two of them are one stack.
pub(super) fn values(
    text: &str,
    path: &Path,
    mut common: FileConfig,
    chosen: Option<&str>,
) -> Result<FileConfig> {
    let environments = std::mem::take(&mut common.env);
    let names: Vec<&str> = environments.keys().map(String::as_str).collect();
    if let Some(name) = chosen.filter(|name| !names.contains(name)) {
        return Err(unknown(name, &names, path));
    }
    let mut known: Vec<(Identity, &str)> = Vec::new();
    let mut values = common;
    for (name, own) in &environments {
        refuse_nested(name, own, text, path)?;
        let of_environment = overlaid(text, name, own)?;
        let identity = identity(&of_environment);
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == identity) {
            return Err(one_stack(other, name, text, path));
        }
        known.push((identity, name));
        if chosen == Some(name) {
            values = of_environment;
        }
    }
    Ok(values)
}

fn overlaid(text: &str, name: &str, own: &FileConfig) -> Result<FileConfig> {
    let unreadable = |error| Error::usage(format!("[env.{name}] cannot be read")).because(error);
    let mut common: Table = text.parse().map_err(unreadable)?;
    let environments = common.remove("env");
    let own_table = environments
        .as_ref()
        .and_then(|all| all.get(name)?.as_table());
    merge(&mut common, own_table.cloned().unwrap_or_default());
    let mut values = FileConfig::deserialize(Value::Table(common)).map_err(unreadable)?;
    if own.name.is_none() && own.stage.is_none() {
        values.stage = Some(name.to_owned());
    }
    Ok(values)
}

/// Tables are laid over each other key by key; any other value replaces the former.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

fn identity(values: &FileConfig) -> Identity {
    let FileConfig {
        name,
        stage,
        region,
        profile,
        account,
        ..
    } = values;
    Identity(
        [name, stage, region, profile, account]
            .map(Clone::clone)
            .into(),
    )
}

fn unknown(name: &str, names: &[&str], path: &Path) -> Error {
    let file = match path.as_os_str().is_empty() {
        true => "no chatctl.toml is here, so there".to_owned(),
        false => format!("{}: there", path.display()),
    };
    let error = Error::usage(format!("{file} is no environment {name:?}"));
    let error = match nearest(name, names) {
        Some(near) => error.hint(format!("did you mean `--env {near}`?")),
        None => error,
    };
    match names {
        [] => error.hint(format!("a table [env.{name}] in chatctl.toml makes it")),
        names => error.hint(format!("there are: {}", names.join(", "))),
    }
}

fn refuse_nested(name: &str, own: &FileConfig, text: &str, path: &Path) -> Result<()> {
    if own.env.is_empty() {
        return Ok(());
    }
    let key = ["env", name, "env"].map(str::to_owned);
    let message = "an environment has no environments of its own";
    Err(at(text, path, &key, message))
}

fn one_stack(one: &str, other: &str, text: &str, path: &Path) -> Error {
    let message = format!(
        "[env.{one}] and [env.{other}] are one stack: their name, stage, region and account are the same"
    );
    let key = ["env".to_owned(), other.to_owned()];
    at(text, path, &key, &message)
        .hint("give one of them another `stage`, `name`, `region` or `account`")
}

fn at(text: &str, path: &Path, key: &[String], message: &str) -> Error {
    let line = line_of_key(text, key).unwrap_or(1);
    Error::usage(format!("{}:{line}: {message}", path.display())).at(path, line)
}
