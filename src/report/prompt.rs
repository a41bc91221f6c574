//! A line to type on at the bottom of a terminal, while messages come in above it.
//!
//! The terminal stays in its usual mode but for two things: keys arrive one by one, and are not
//! echoed. Ctrl-C remains a signal. The former mode comes back when the prompt is dropped.

use super::editor::{Editor, Typing, columns};
use crate::error::Result;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Erases the line and goes to its beginning.
const CLEAR: &str = "\r\u{1b}[2K";

/// What the user does at the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompted {
    /// A finished line.
    Line(String),
    /// No more lines.
    End,
}

/// The prompt; dropping it gives the terminal back.
pub struct Prompt {
    state: Arc<Mutex<State>>,
    former: Termios,
}

struct State {
    editor: Editor,
    label: String,
    live: bool,
}

impl Prompt {
    /// Takes over the terminal; `heard` gets every line, on a thread of its own, until it returns
    /// false.
    ///
    /// # Errors
    /// stdin is not a terminal.
    pub fn open(heard: impl FnMut(Prompted) -> bool + Send + 'static) -> Result<Self> {
        let former = tcgetattr(std::io::stdin()).map_err(std::io::Error::from)?;
        let mut mode = former.clone();
        mode.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &mode).map_err(std::io::Error::from)?;
        let state = State {
            editor: Editor::default(),
            label: "> ".into(),
            live: true,
        };
        state.draw();
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        // A plain thread: the process must be able to end while it waits for a key.
        std::thread::spawn(move || listen(&shared, heard));
        Ok(Self { state, former })
    }

    /// Does `write` above the prompt.
    pub fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        let state = lock(&self.state);
        put(CLEAR);
        let out = write();
        state.draw();
        out
    }

    /// What stands before the typed text, such as one's name.
    pub fn label(&self, label: &str) {
        let mut state = lock(&self.state);
        if state.label != label {
            label.clone_into(&mut state.label);
            state.draw();
        }
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        lock(&self.state).live = false;
        put(CLEAR);
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.former);
    }
}

impl State {
    fn draw(&self) {
        let width =
            tcgetwinsize(std::io::stderr()).map_or(80, |size| usize::from(size.ws_col.max(20)));
        let room = width.saturating_sub(columns(&self.label) + 1);
        put(&format!("{CLEAR}{}{}", self.label, self.editor.view(room)));
    }
}

fn listen(state: &Mutex<State>, mut heard: impl FnMut(Prompted) -> bool) {
    let mut bytes = [0; 1024];
    loop {
        let count = std::io::stdin().read(&mut bytes).unwrap_or(0);
        let typings = {
            let mut state = lock(state);
            if !state.live {
                return;
            }
            let typings = state.editor.feed(&bytes[..count]);
            state.draw();
            typings
        };
        for typing in typings {
            let (prompted, last) = match typing {
                Typing::Line(line) => (Prompted::Line(line), false),
                Typing::End => (Prompted::End, true),
            };
            if !heard(prompted) || last {
                return;
            }
        }
        if count == 0 {
            heard(Prompted::End);
            return;
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}
