//! How a command that failed ends: text on stderr, and with `--output json` a document on stdout too.

use super::Reporter;
use crate::error::{Error, ErrorKind, Result};
use serde::Serialize;

/// The document of a command that failed. Its one key is in no other document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailureDocument<'a> {
    /// Why it failed.
    failure: Failure<'a>,
}

/// A failure.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    /// What kind of failure it is.
    kind: Kind,
    /// What failed: one sentence.
    message: &'a str,
    /// What lies behind it, nearest first.
    causes: &'a [String],
    /// What to do next.
    hints: &'a [String],
    /// What the command exits with.
    exit_code: u8,
    /// The file and line that are wrong, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
}

/// Why the command failed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
enum Kind {
    /// The command line or a file is wrong.
    Usage,
    /// The work was tried and failed.
    Failed,
    /// A signal stopped it.
    Interrupted,
}

/// A line of a file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct Place {
    /// Its path.
    file: String,
    /// Counted from 1.
    line: usize,
}

impl<'a> FailureDocument<'a> {
    /// `None` if the reader of stdout went away: there is nobody to tell.
    fn new(error: &'a Error, exit_code: u8) -> Option<Self> {
        let kind = match error.kind() {
            ErrorKind::Usage => Kind::Usage,
            ErrorKind::Failed => Kind::Failed,
            ErrorKind::Interrupted => Kind::Interrupted,
            ErrorKind::BrokenPipe => return None,
        };
        let place = error.place().map(|(file, line)| Place {
            file: file.to_string_lossy().into_owned(),
            line,
        });
        let failure = Failure {
            kind,
            message: error.message(),
            causes: error.causes(),
            hints: error.hints(),
            exit_code,
            place,
        };
        Some(Self { failure })
    }
}

impl Reporter {
    /// The error that ends the command.
    pub fn failure(&self, error: &Error, exit_code: u8) {
        self.error(error);
        self.failure_document(error, exit_code);
    }

    /// The document alone, where stderr has the text already. One line, so that it also ends a stream of
    /// lines.
    pub fn failure_document(&self, error: &Error, exit_code: u8) {
        if self.is_json()
            && let Some(document) = FailureDocument::new(error, exit_code)
        {
            // A reader that went away changes neither the failure nor its exit code.
            let _: Result<()> = self.line(&document);
        }
    }

    /// Like [`Self::failure`], but without the document if stdout is full: a signal must end a process
    /// that waits to write.
    pub fn failure_without_waiting(&self, error: &Error, exit_code: u8) {
        self.error(error);
        if super::stdout_takes_more() {
            self.failure_document(error, exit_code);
        }
    }
}
