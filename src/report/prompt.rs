//! A line to type on at the bottom of a terminal, while messages come in above it.
//!
//! rustyline edits the line on a thread of its own. What is shown goes through its printer, on another
//! thread: the printer waits while a list of completions is open, and the conversation must not. Ctrl-C
//! remains a signal. The former mode of the terminal comes back when the prompt is dropped, for the line
//! may still be open then.

use super::completion::Completion;
use super::escape;
use crate::error::{Error, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter};
use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Erases the line, and ends what rustyline asked the terminal for: pastes in brackets.
const LEAVE: &str = "\r\u{1b}[J\u{1b}[?2004l";
/// So long a new name may take until the prompt opens without it.
const LABEL_LIMIT: Duration = Duration::from_secs(2);
/// So long what was said last may take to be shown.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(1);

type LineEditor = Editor<Completion, DefaultHistory>;

/// What the user does at the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompted {
    /// A finished line, or several that were pasted.
    Line(String),
    /// No more lines.
    End,
}

/// What the prompt does after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterLine {
    /// Opens the next one.
    Continue,
    /// The same, as soon as the label has changed or stays as it is.
    AwaitLabel,
    /// Nothing more.
    Stop,
}

/// The prompt; dropping it gives the terminal back.
pub struct Prompt {
    shared: Arc<Shared>,
    print: Option<Sender<String>>,
    printed: Receiver<()>,
    former: Termios,
}

#[derive(Default)]
struct Shared {
    label: Mutex<Label>,
    changed: Condvar,
    members: Arc<Mutex<Vec<String>>>,
}

/// What stands before the typed text, such as one's name.
#[derive(Default)]
struct Label {
    text: String,
    is_awaited: bool,
}

impl Prompt {
    /// Takes over the terminal; `heard` gets every line, on a thread of its own. `first` is what it
    /// would return before the first line.
    ///
    /// # Errors
    /// stdin or stdout is not a terminal.
    pub fn open(
        first: AfterLine,
        heard: impl FnMut(Prompted) -> AfterLine + Send + 'static,
    ) -> Result<Self> {
        let former = tcgetattr(std::io::stdin()).map_err(std::io::Error::from)?;
        let shared = Arc::new(Shared::default());
        let mut editor = editor(Arc::clone(&shared.members)).map_err(unusable)?;
        let printer = editor.create_external_printer().map_err(unusable)?;
        let (print, texts) = channel();
        let (done, printed) = channel();
        std::thread::spawn(move || {
            print_all(printer, &texts);
            let _ = done.send(());
        });
        let for_lines = Arc::clone(&shared);
        // A plain thread: the process must be able to end while it waits for a key.
        std::thread::spawn(move || listen(editor, &for_lines, first, heard));
        Ok(Self {
            shared,
            print: Some(print),
            printed,
            former,
        })
    }

    /// Shows a text above the prompt.
    pub fn print(&self, text: String) {
        if let Some(print) = &self.print {
            let _ = print.send(text);
        }
    }

    /// What stands before the typed text from the next line on; the same again if it stays.
    pub fn label(&self, text: &str) {
        let mut label = lock(&self.shared.label);
        text.clone_into(&mut label.text);
        label.is_awaited = false;
        self.shared.changed.notify_all();
    }

    /// Whose names complete.
    pub fn members(&self, names: &[String]) {
        // A name that a terminal would obey must not get into the line that is edited.
        let safe = names.iter().filter(|name| escape(name) == **name);
        *lock(&self.shared.members) = safe.cloned().collect();
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        self.print = None;
        let _ = self.printed.recv_timeout(LAST_WORDS_LIMIT);
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(LEAVE.as_bytes());
        let _ = out.flush();
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.former);
    }
}

impl Shared {
    /// The label for the next line.
    fn next_label(&self, after: AfterLine) -> String {
        let mut label = lock(&self.label);
        if after == AfterLine::AwaitLabel {
            label.is_awaited = true;
            let waited = self
                .changed
                .wait_timeout_while(label, LABEL_LIMIT, |label| label.is_awaited);
            (label, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        format!("{}> ", label.text)
    }
}

fn editor(members: Arc<Mutex<Vec<String>>>) -> rustyline::Result<LineEditor> {
    let config = Config::builder()
        .auto_add_history(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .completion_prompt_limit(usize::MAX)
        .enable_signals(true)
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(Completion::new(members)));
    Ok(editor)
}

fn unusable(error: ReadlineError) -> Error {
    Error::failed("the terminal cannot be used").because(error)
}

fn print_all(mut printer: impl ExternalPrinter, texts: &Receiver<String>) {
    while let Ok(mut text) = texts.recv() {
        text.push('\n');
        if printer.print(text).is_err() {
            return;
        }
    }
}

fn listen(
    mut editor: LineEditor,
    shared: &Shared,
    first: AfterLine,
    mut heard: impl FnMut(Prompted) -> AfterLine,
) {
    let mut after = first;
    while after != AfterLine::Stop {
        let label = shared.next_label(after);
        after = match editor.readline(label.as_str()) {
            Ok(line) => heard(Prompted::Line(line)),
            Err(_) => {
                heard(Prompted::End);
                AfterLine::Stop
            }
        };
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
