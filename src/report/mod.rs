//! The only module that writes to a terminal: results to stdout, everything else to stderr.

pub mod any_api;
pub mod building;
mod chat;
mod colour;
mod completion;
pub mod deployer;
pub mod doctor;
pub mod documents;
mod escape;
mod failure;
mod github;
pub mod list;
mod live;
#[cfg(feature = "local")]
pub mod local;
pub mod logs;
pub mod markdown;
pub mod plan;
pub mod progress;
mod prompt;
pub mod rights;

pub use chat::ChatScreen;
pub use colour::Style;
pub use escape::escape;
pub use failure::FailureDocument;
pub use prompt::{AfterLine, Prompt, Prompted};

use crate::config::is_dumb_terminal;
use crate::error::{Error, ErrorKind, Result};
use clap::ValueEnum;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{IsTerminal, Write};

/// How results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON document, or JSON lines where results are streamed.
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much to write, and in which form.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportOptions {
    /// How results are written.
    pub output: OutputFormat,
    /// When to use colour.
    pub color: Color,
    /// Nothing but errors and results.
    pub quiet: bool,
    /// How often `-v` was given.
    pub verbose: u8,
    /// A GitHub Actions runner reads what is written.
    pub github: bool,
}

/// Where and how much to write. Cheap to copy; made once from the global flags.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    output: OutputFormat,
    quiet: bool,
    verbose: u8,
    github: bool,
}

impl Reporter {
    /// Sets the colour choice for the whole process and remembers the rest.
    pub fn new(options: ReportOptions) -> Self {
        match options.color {
            // Where CI is set, anstream would colour a dumb terminal as well.
            Color::Auto if !is_dumb_terminal() => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Auto | Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        Self {
            output: options.output,
            quiet: options.quiet,
            verbose: options.verbose,
            github: options.github,
        }
    }

    /// Results are JSON.
    pub fn is_json(&self) -> bool {
        self.output == OutputFormat::Json
    }

    /// Nothing but errors and results is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// How often `-v` was given.
    pub fn verbosity(&self) -> u8 {
        self.verbose
    }

    /// Progress may be drawn in place: stderr is a terminal that can move its cursor, and --quiet was
    /// not given.
    pub fn is_live(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal() && !is_dumb_terminal()
    }

    /// A prompt may be drawn in place, and answered.
    pub fn can_prompt(&self) -> bool {
        let is_shown = std::io::stdout().is_terminal();
        self.can_ask() && is_shown && !self.is_json() && !is_dumb_terminal()
    }

    /// A text as [`Reporter::result`] would write it to a terminal, for another way there.
    fn written(&self, text: &str) -> String {
        let text = self.safe(text);
        match anstream::stdout().current_choice() {
            anstream::ColorChoice::Never => anstream::adapter::strip_str(&text).to_string(),
            _ => text.into_owned(),
        }
    }

    /// The user can be asked: stdin and stderr are terminals.
    pub fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// A result for people, to stdout, with a line end.
    ///
    /// # Errors
    /// The reader went away.
    pub fn result(&self, text: &str) -> Result<()> {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{}", self.safe(text))?;
        Ok(out.flush()?)
    }

    /// A result for programs, to stdout: one indented JSON document.
    ///
    /// # Errors
    /// The reader went away.
    pub fn document(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| {
            Error::failed("the result cannot be written as JSON").because(error)
        })?;
        self.json(&text)
    }

    /// One JSON line of a stream, to stdout.
    ///
    /// # Errors
    /// The reader went away.
    pub fn line(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value).map_err(|error| {
            Error::failed("the result cannot be written as JSON").because(error)
        })?;
        self.json(&text)
    }

    /// Text to stdout as it is, with a line end: completions, pages, JSON.
    ///
    /// # Errors
    /// The reader went away.
    pub fn raw(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// The reader of stdout has closed it; a writer that waits for events would not notice.
    pub fn reader_is_gone(&self) -> bool {
        stdout_is(PollFlags::empty(), PollFlags::ERR)
    }

    /// A message about the progress, to stderr; not with `--quiet`.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// A detail, only with `-v`.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.say(&Style::Faint.paint(text));
        }
    }

    /// Something that may cause a failure later.
    pub fn warning(&self, text: &str) {
        if !self.quiet {
            self.say(&format!("{} {text}", Style::Warning.paint("warning:")));
        }
    }

    /// What to do next.
    pub fn hint(&self, text: &str) {
        if !self.quiet {
            self.say(&format!("{} {text}", Style::Hint.paint("hint:")));
        }
    }

    /// An error with its causes and hints; shown even with `--quiet`.
    pub fn error(&self, error: &Error) {
        if error.kind() == ErrorKind::BrokenPipe {
            return;
        }
        self.say(&format!(
            "{} {}",
            Style::Error.paint("error:"),
            error.message()
        ));
        for cause in error.causes() {
            self.say(&format!("  {} {cause}", Style::Faint.paint("because")));
        }
        for hint in error.hints() {
            self.say(&format!("{} {hint}", Style::Hint.paint("hint:")));
        }
        self.annotate(error);
    }

    /// Asks a yes-or-no question; no is the default.
    ///
    /// # Errors
    /// The user cannot be asked: a usage error that names `--yes`.
    pub fn ask(&self, question: &str) -> Result<bool> {
        if !self.can_ask() {
            return Err(Error::usage(format!(
                "{question} Nobody can be asked: this is not a terminal"
            ))
            .hint("pass --yes to go ahead without being asked"));
        }
        let mut err = anstream::stderr().lock();
        write!(err, "{} [y/N] ", escape::lines(question))?;
        err.flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok(matches!(
            answer.trim().to_ascii_lowercase().as_str(),
            "y" | "yes"
        ))
    }

    /// Errors of stderr are dropped: there is no other place to report them.
    fn say(&self, text: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{}", self.safe(text));
    }

    /// Text that neither a terminal nor a runner obeys.
    fn safe<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = escape::lines(text);
        if self.github {
            Cow::Owned(github::without_commands(&text).into_owned())
        } else {
            text
        }
    }

    fn json(&self, text: &str) -> Result<()> {
        let text = escape::json(text);
        if self.github {
            self.raw(&github::json_without_commands(&text))
        } else {
            self.raw(&text)
        }
    }
}

/// A short write to stdout will not have to wait for the reader.
fn stdout_takes_more() -> bool {
    stdout_is(PollFlags::OUT, PollFlags::OUT)
}

/// Whether stdout is in this state now, asked for with `events`.
fn stdout_is(events: PollFlags, state: PollFlags) -> bool {
    let out = std::io::stdout();
    let mut fds = [PollFd::new(&out, events)];
    let at_once = Timespec::default();
    poll(&mut fds, Some(&at_once)).is_ok() && fds[0].revents().contains(state)
}
