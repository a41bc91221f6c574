//! GitHub Actions: workflow commands in the log, the summary and the outputs of the step.
//!
//! The runner obeys every line on stdout and stderr that begins with `::`, and every `##[` (actions/runner,
//! `ActionCommand.cs`), so what comes from elsewhere must not be able to say that.

use super::{Reporter, escape};
use crate::config::GitHubActions;
use crate::error::{Error, Result};
use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

impl Reporter {
    /// Appends to the summary of the step; nothing outside of GitHub Actions.
    ///
    /// # Errors
    /// The runner's file cannot be written.
    pub fn summary(&self, markdown: impl FnOnce() -> String) -> Result<()> {
        match self.runner().and_then(|runner| runner.summary) {
            Some(file) => append(&file, &format!("{}\n", markdown())),
            None => Ok(()),
        }
    }

    /// Sets the outputs of the step; nothing outside of GitHub Actions.
    ///
    /// # Errors
    /// The runner's file cannot be written.
    pub fn outputs(&self, values: &[(&str, &str)]) -> Result<()> {
        let Some(file) = self.runner().and_then(|runner| runner.output) else {
            return Ok(());
        };
        let all: String = values
            .iter()
            .map(|(name, value)| output(name, value))
            .collect();
        append(&file, &all)
    }

    /// Folds the lines that follow under this title, until the value is dropped.
    pub(super) fn group(&self, title: &str) -> Group {
        let group = Group(*self, self.github && !self.is_json() && !self.is_quiet());
        group.say(&command("group", &[], title));
        group
    }

    /// The error as an annotation, at the file and line that it names.
    pub(super) fn annotate(&self, error: &Error) {
        if let Some(runner) = self.runner() {
            self.workflow_command(&annotation(error, &runner));
        }
    }

    fn runner(&self) -> Option<GitHubActions> {
        self.github.then(GitHubActions::of_environment).flatten()
    }

    fn workflow_command(&self, line: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{line}");
    }
}

/// An open group of lines.
pub(super) struct Group(Reporter, bool);

impl Group {
    fn say(&self, line: &str) {
        if self.1 {
            self.0.workflow_command(line);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.say("::endgroup::");
    }
}

/// The text, such that no line of it is a command to the runner.
pub(super) fn without_commands(text: &str) -> Cow<'_, str> {
    // Styles are stripped by the stream, so a command may stand behind one.
    let plain = anstream::adapter::strip_str(text).to_string();
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    if !plain.split('\n').any(is_command) {
        return Cow::Borrowed(text);
    }
    let lines = plain.split('\n').map(|line| {
        let line = line.replace("##[", r"\x23#[");
        match line.trim_start().strip_prefix("::") {
            Some(rest) => format!(r"\x3a:{rest}"),
            None => line,
        }
    });
    Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
}

/// The same for JSON, where it means the same.
pub(super) fn json_without_commands(text: &str) -> String {
    text.replace("##[", r"\u0023#[")
}

fn annotation(error: &Error, runner: &GitHubActions) -> String {
    let causes = error
        .causes()
        .iter()
        .map(|cause| format!("because {cause}"));
    let hints = error.hints().iter().map(|hint| format!("hint: {hint}"));
    let lines: Vec<_> = std::iter::once(error.message().to_owned())
        .chain(causes)
        .chain(hints)
        .collect();
    let mut properties = vec![("title", "chatctl".to_owned())];
    if let Some((file, line)) = error.place() {
        properties.push(("file", in_repository(file, runner).display().to_string()));
        properties.push(("line", line.to_string()));
    }
    command("error", &properties, &lines.join("\n"))
}

/// GitHub finds a file by its path from the repository's root.
fn in_repository(file: &Path, runner: &GitHubActions) -> PathBuf {
    let root = runner
        .workspace
        .as_ref()
        .and_then(|root| fs_err::canonicalize(root).ok());
    let below = fs_err::canonicalize(file).ok().zip(root);
    let below = below.and_then(|(file, root)| Some(file.strip_prefix(root).ok()?.to_owned()));
    below.unwrap_or_else(|| file.to_owned())
}

/// `::name key=value,key=value::data`, with everything escaped that would end a part early.
fn command(name: &str, properties: &[(&str, String)], data: &str) -> String {
    let properties: Vec<_> = properties
        .iter()
        .map(|(key, value)| format!("{key}={}", property(value)))
        .collect();
    let space = if properties.is_empty() { "" } else { " " };
    format!("::{name}{space}{}::{}", properties.join(","), message(data))
}

fn message(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    let text = escape::lines(&text).replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// `name<<DELIMITER`, the value and the delimiter: one that nobody can know beforehand.
fn output(name: &str, value: &str) -> String {
    let end = format!("chatctl-{:032x}", fastrand::u128(..));
    format!("{name}<<{end}\n{value}\n{end}\n")
}

fn append(file: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut options = fs_err::OpenOptions::new();
        options
            .append(true)
            .create(true)
            .open(file)?
            .write_all(text.as_bytes())
    };
    write().map_err(|error| {
        Error::failed("the result cannot be handed to GitHub Actions").because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_command_to_the_runner() {
        for hostile in [
            "::error::x",
            "fine\n  \t::set-env name=A::b",
            "\u{1b}[2m::stop-commands::x\u{1b}[0m",
            "a ##[error]b",
        ] {
            let safe = without_commands(hostile);
            let plain = anstream::adapter::strip_str(&safe).to_string();
            let obeyed = plain
                .lines()
                .any(|line| line.trim_start().starts_with("::"));
            assert!(!obeyed && !plain.contains("##["), "{plain:?}");
        }
        let harmless = "a::b\n c :: d # #[x]";
        assert!(matches!(without_commands(harmless), Cow::Borrowed(_)));
        let json = json_without_commands(r###"{"a":"##[x]"}"###);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["a"], "##[x]");
    }

    #[test]
    fn an_annotation_cannot_be_left_by_its_text() {
        let error = Error::usage("50% a\n::warning::b")
            .because_of("x\r\ny")
            .hint("do, this: z")
            .at(Path::new("a,b:c%.toml"), 3);
        let line = annotation(&error, &GitHubActions::default());
        assert_eq!(
            line,
            "::error title=chatctl,file=a%2Cb%3Ac%25.toml,line=3::50%25 a%0A::warning::b%0A\
             because x\\x0d%0Ay%0Ahint: do, this: z"
        );
    }

    #[test]
    fn an_output_ends_where_nobody_could_foresee() {
        let text = output("url", "a\nchatctl-0\nb");
        let (head, rest) = text.split_once('\n').unwrap();
        let end = head.strip_prefix("url<<").unwrap();
        assert_eq!(rest, format!("a\nchatctl-0\nb\n{end}\n"));
        assert_ne!(text, output("url", "a\nchatctl-0\nb"));
    }
}
