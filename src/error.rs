//! What a command fails with: a kind, a sentence, its causes and hints.
//!
//! Every error that is shown to the user has this one form. The kind decides the exit code; the hints
//! say what to do next. SDK errors are turned into it in [`crate::aws`], never printed raw.

use std::fmt;
use std::path::{Path, PathBuf};

/// The short form that every fallible function of the deployer returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command ended early; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line or `chatctl.toml` is wrong. Exit code 64.
    Usage,
    /// The work was tried and failed. Exit code 1.
    Failed,
    /// A signal stopped it. Exit code 130 after Ctrl-C, else that of [`crate::signals`].
    Interrupted,
    /// The reader of stdout went away; nothing is reported. Exit code 0.
    BrokenPipe,
}

impl ErrorKind {
    /// The documented exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::Failed => 1,
            Self::Interrupted => 130,
            Self::BrokenPipe => 0,
        }
    }
}

/// One failure, ready to be shown: `message`, then `causes` from near to far, then `hints`.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    /// The same command fails again until something is changed.
    is_lasting: bool,
    /// The file and the line (from 1) that are wrong.
    place: Option<(PathBuf, usize)>,
}

impl Error {
    /// The work failed: `message` is one lower-case sentence without a full stop.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// What the user typed or wrote in a file cannot be used.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// The user asked to stop.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Interrupted, message)
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            is_lasting: false,
            place: None,
        }
    }

    /// Adds what lies behind it, with the whole chain of its sources.
    #[must_use]
    pub fn because(mut self, cause: impl std::error::Error) -> Self {
        let mut next: Option<&dyn std::error::Error> = Some(&cause);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds a cause that is already a sentence.
    #[must_use]
    pub fn because_of(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds what to do next; shown as `hint: …`.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same command fails again until something is changed.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.is_lasting = true;
        self
    }

    /// Whether the same command fails again until something is changed.
    pub fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// Names the file and the line (from 1) that are wrong. The message says them too.
    #[must_use]
    pub fn at(mut self, file: &Path, line: usize) -> Self {
        self.place = Some((file.to_owned(), line));
        self
    }

    /// The file and the line that are wrong.
    pub fn place(&self) -> Option<(&Path, usize)> {
        let (file, line) = self.place.as_ref()?;
        Some((file, *line))
    }

    /// The kind, which decides the exit code.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence that says what failed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What lies behind it, nearest first.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to do next.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(ErrorKind::BrokenPipe, "the reader of the output went away");
        }
        Self::failed(error.to_string())
    }
}
