//! `chatctl init`: a configuration with every key explained, a small function of another kind, the files of a CI
//! system, or the Lambda's source.
//!
//! It writes new files only, with one exception: `--lambda` sets
//! `function.source` in a configuration that does not set it, and leaves the rest as it is.

mod ci;
mod templates;

use super::{Context, write};
use crate::cli::{Global, Init, InitTemplate, Wanted};
use crate::config::{Input, Settings};
use crate::error::{Error, Result};
use crate::package::source;
use crate::report::documents::InitDocument;
use ci::CiFiles;
use std::path::Path;
use std::process::ExitCode;
use templates::{FUNCTION, Template};

const CONFIGURATION: &str = include_str!("../../../templates/chatctl.toml");
const LAMBDA: &str = "lambda";

/// What is to be done, before anything is.
#[derive(Debug, Default)]
struct Todo {
    /// New files: path from this folder, and contents.
    files: Vec<(String, Vec<u8>)>,
    /// The configuration that is there, as it will be.
    changed: Option<String>,
    /// What is said when it is done.
    told: Vec<String>,
}

/// Writes what the flags select; without any, the configuration.
///
/// # Errors
/// A file is there already: then nothing is written.
pub(super) fn run(context: &Context, flags: &Init) -> Result<ExitCode> {
    let global = &context.global;
    check_values(global)?;
    let usual = || "chatctl.toml".into();
    let path = global.config.clone().unwrap_or_else(usual);
    let here = std::env::current_dir()?;
    let ci = flags.ci.map(|system| CiFiles::new(system, &here));
    let ci = ci.transpose()?;
    let mut todo = match (flags.template, &ci) {
        (Some(kind), _) => of_template(kind, global, &path)?,
        (None, Some(_)) if !flags.lambda => Todo::default(),
        (None, _) => plain(global, flags.lambda, &path)?,
    };
    todo.files.extend(ci.iter().flat_map(|ci| ci.files.clone()));
    write::new_files(Path::new(""), &todo.files)?;
    let mut document = InitDocument::new(todo.files.iter().map(|(path, _)| path.clone()));
    if let Some(text) = &todo.changed {
        fs_err::write(&path, text)?;
        document.changed.push(name_of(&path));
    }
    tell(context, &todo.told, ci.as_ref());
    if context.reporter.is_json() {
        context.reporter.document(&document)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration with every key, and the bundled source if it is wanted.
fn plain(global: &Global, lambda: bool, path: &Path) -> Result<Todo> {
    let mut todo = Todo::default();
    match read_existing(path, lambda)? {
        Some(text) => todo.changed = Some(with_source(&text, path)?),
        None => {
            let text = configuration(global, lambda);
            todo.files.push((name_of(path), text.into_bytes()));
        }
    }
    todo.told.push(wrote(path));
    if lambda {
        refuse_folder(Path::new(LAMBDA))?;
        todo.files.extend(lambda_source());
        todo.told.push(wrote_source(Path::new(LAMBDA)));
    }
    Ok(todo)
}

/// A configuration, and the function beside it.
fn of_template(kind: InitTemplate, global: &Global, path: &Path) -> Result<Todo> {
    let (text, source, files) = match Template::of(kind) {
        None => (
            configuration(global, true),
            LAMBDA,
            lambda_source().collect(),
        ),
        Some(template) => (template.configuration(global)?, FUNCTION, template.files()),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let source = folder.join(source);
    refuse_folder(&source)?;
    let beside = |(name, contents)| (name_of(&folder.join::<String>(name)), contents);
    let files = files.into_iter().map(beside);
    let configuration = (name_of(path), text.into_bytes());
    Ok(Todo {
        files: std::iter::once(configuration).chain(files).collect(),
        told: vec![wrote(path), wrote_source(&source)],
        changed: None,
    })
}

fn wrote(path: &Path) -> String {
    format!("wrote {}", path.display())
}

fn wrote_source(folder: &Path) -> String {
    format!(
        "wrote {}/, the function that deploy takes from now on",
        folder.display()
    )
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
    for (key, value) in templates::said(global) {
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

/// A folder with other files would be deployed with them.
fn refuse_folder(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Err(Error::failed(format!(
        "a folder {} is there already; nothing was written",
        folder.display()
    ))
    .hint(format!(
        "move it away, or name it in chatctl.toml: source = \"{name}\" under [function]"
    )))
}

fn lambda_source() -> impl Iterator<Item = (String, Vec<u8>)> {
    source::embedded()
        .iter()
        .map(|(name, contents)| (format!("{LAMBDA}/{name}"), contents.to_vec()))
}

fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn tell(context: &Context, told: &[String], ci: Option<&CiFiles>) {
    let reporter = context.reporter;
    told.iter().for_each(|line| reporter.note(line));
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
