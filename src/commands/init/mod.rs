//! `chatctl init`: a configuration with every key explained, the files of a CI system, or the Lambda's source.
//!
//! It writes new files only, with one exception: `--lambda` sets
//! `function.source` in a configuration that does not set it, and leaves the rest as it is.

mod ci;

use super::{Context, write};
use crate::cli::{Global, Init, Wanted};
use crate::config::{Input, Settings};
use crate::error::{Error, Result};
use crate::package::source;
use crate::report::documents::InitDocument;
use ci::CiFiles;
use std::path::Path;
use std::process::ExitCode;

const CONFIGURATION: &str = include_str!("../../../templates/chatctl.toml");
const LAMBDA: &str = "lambda";

/// Writes what the flags select; without any, the configuration.
///
/// # Errors
/// A file is there already: then nothing is written.
pub(super) fn run(context: &Context, flags: &Init) -> Result<ExitCode> {
    check_values(&context.global)?;
    let path = context
        .global
        .config
        .clone()
        .unwrap_or_else(|| "chatctl.toml".into());
    let mut files = Vec::new();
    let mut changed = None;
    let ci = match flags.ci {
        Some(system) => Some(CiFiles::new(system, &std::env::current_dir()?)?),
        None => None,
    };
    if ci.is_none() || flags.lambda {
        match read_existing(&path, flags.lambda)? {
            Some(text) => changed = Some(with_source(&text, &path)?),
            None => files.push((
                name_of(&path),
                configuration(&context.global, flags.lambda).into_bytes(),
            )),
        }
    }
    if flags.lambda {
        refuse_lambda_folder()?;
        files.extend(lambda_source());
    }
    files.extend(ci.iter().flat_map(|ci| ci.files.clone()));
    write::new_files(Path::new(""), &files)?;
    let mut document = InitDocument::new(files.iter().map(|(path, _)| path.clone()));
    if let Some(text) = changed {
        fs_err::write(&path, text)?;
        document.changed.push(name_of(&path));
    }
    tell(context, flags, ci.as_ref(), &path);
    if context.reporter.is_json() {
        context.reporter.document(&document)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Flags go into the file, so they must be such as `deploy` takes.
fn check_values(global: &Global) -> Result<()> {
    let without_file = Input {
        config: None,
        env: None,
        ..global.input(&Wanted::default())
    };
    Settings::load(&without_file).map(drop)
}

/// The configuration's text if it is there and may be changed.
fn read_existing(path: &Path, may_change: bool) -> Result<Option<String>> {
    if may_change && path.is_file() {
        return Ok(Some(fs_err::read_to_string(path)?));
    }
    Ok(None)
}

/// `function.source = "lambda"`, all else as it is.
fn with_source(text: &str, path: &Path) -> Result<String> {
    let place = path.display();
    let mut document: toml_edit::DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| {
            Error::usage(format!("{place} is not TOML")).because(error)
        })?;
    let function = document.entry("function").or_insert(toml_edit::table());
    let Some(table) = function.as_table_like_mut() else {
        return Err(Error::usage(format!("{place}: function is not a table")));
    };
    if let Some(source) = table.get("source") {
        return Err(Error::failed(format!(
            "{place} sets function.source to {} already; nothing was written",
            source.to_string().trim()
        ))
        .hint("remove that line if the bundled source should take its place"));
    }
    table.insert("source", toml_edit::value(LAMBDA));
    Ok(document.to_string())
}

/// The template, with the values of the flags in place of its defaults.
fn configuration(global: &Global, lambda: bool) -> String {
    let mut text = CONFIGURATION.to_owned();
    let said = [
        ("name", &global.name),
        ("stage", &global.stage),
        ("region", &global.region),
        ("profile", &global.profile),
    ];
    for (key, value) in said {
        if let Some(value) = value {
            text = set(&text, key, value);
        }
    }
    if lambda {
        set(&text, "source", LAMBDA)
    } else {
        text
    }
}

/// Replaces the first commented line of `key`.
fn set(text: &str, key: &str, value: &str) -> String {
    let comment = format!("# {key} = ");
    let line = text
        .lines()
        .find(|line| line.starts_with(&comment))
        .unwrap_or_default();
    let value = toml_edit::Value::from(value);
    text.replacen(line, &format!("{key} = {value}"), 1)
}

fn refuse_lambda_folder() -> Result<()> {
    if Path::new(LAMBDA).exists() {
        return Err(
            Error::failed("a folder lambda is there already; nothing was written").hint(
                "move it away, or name it in chatctl.toml: source = \"lambda\" under [function]",
            ),
        );
    }
    Ok(())
}

fn lambda_source() -> impl Iterator<Item = (String, Vec<u8>)> {
    source::embedded()
        .iter()
        .map(|(name, contents)| (format!("{LAMBDA}/{name}"), contents.to_vec()))
}

fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn tell(context: &Context, flags: &Init, ci: Option<&CiFiles>, path: &Path) {
    let reporter = context.reporter;
    if ci.is_none() || flags.lambda {
        reporter.note(&format!("wrote {}", path.display()));
    }
    if flags.lambda {
        reporter.note("wrote lambda/, which deploy builds from now on");
    }
    if let Some(ci) = ci {
        tell_ci(context, ci);
    }
    // The name and the place stand in the file now.
    let written = Input {
        config: context.global.config.clone(),
        ..Input::default()
    };
    let flags = written.chat_flags();
    reporter.hint(&format!(
        "`{}` tries it on this machine, `{}` shows what AWS would get",
        flags.command("local"),
        flags.command("plan")
    ));
}

fn tell_ci(context: &Context, ci: &CiFiles) {
    let reporter = context.reporter;
    for (path, _) in &ci.files {
        reporter.note(&format!("wrote {path}"));
    }
    if !ci.in_repository {
        reporter.warning(
            "this folder is in no Git repository; CI systems look for these files at the root of one",
        );
    }
    if let Some((path, _)) = ci.files.first() {
        reporter.hint(&format!("the first lines of {path} say what to set up"));
    }
    ci.next.iter().for_each(|next| reporter.hint(next));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stands_in_the_configuration() {
        let global = Global {
            name: Some("team".into()),
            region: Some("eu-central-1".into()),
            ..Global::default()
        };
        let text = configuration(&global, true);
        let document: toml::Table = text.parse().unwrap();
        assert_eq!(document["name"].as_str(), Some("team"));
        assert_eq!(document["region"].as_str(), Some("eu-central-1"));
        assert_eq!(document["function"]["source"].as_str(), Some("lambda"));
        assert!(!document.contains_key("stage"));
    }

    #[test]
    fn the_source_is_added_to_a_configuration_and_nothing_else_changes() {
        let before = "# mine\nname = \"x\" # here\n\n[function]\nmemory = 512\n";
        let after = with_source(before, Path::new("chatctl.toml")).unwrap();
        assert_eq!(
            after,
            "# mine\nname = \"x\" # here\n\n[function]\nmemory = 512\nsource = \"lambda\"\n"
        );
        assert!(with_source(&after, Path::new("chatctl.toml")).is_err());
    }
}
