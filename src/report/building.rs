//! Progress of a build: a spinner on a terminal, two plain lines elsewhere.

use super::live::Spinner;
use super::{Reporter, Style};
use crate::package::Step;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Shows one build; nothing if nothing has to be built.
#[derive(Debug)]
pub struct Building {
    reporter: Reporter,
    began: Instant,
    spinner: Mutex<Option<Spinner>>,
}

impl Building {
    /// Shows nothing yet.
    pub fn new(reporter: Reporter) -> Self {
        Self {
            reporter,
            began: Instant::now(),
            spinner: Mutex::new(None),
        }
    }

    /// Shows a step of the build.
    pub fn step(&self, step: &Step<'_>) {
        match step {
            Step::Kept => self.reporter.detail("  function: built already"),
            Step::Begun { what } => self.begin(what),
            Step::Compiled { crates, last } => {
                self.say(&format!(
                    "building the function: {crates} crates done, last {last}"
                ));
            }
            Step::Done { bytes } => self.end(*bytes),
        }
    }

    fn begin(&self, text: &str) {
        if self.reporter.is_live() {
            *self.spinner() = Some(Spinner::new(text));
        } else {
            self.reporter.note(&format!("  {text}"));
        }
    }

    fn say(&self, text: &str) {
        if let Some(spinner) = &*self.spinner() {
            spinner.say(text);
        }
    }

    fn end(&self, bytes: usize) {
        self.spinner().take();
        let seconds = self.began.elapsed().as_secs_f64();
        let size = bytes as f64 / 1_000_000.0;
        let text = format!("built the function: {size:.2} MB zipped ({seconds:.1} s)");
        self.reporter
            .note(&format!("  {}", Style::Good.paint(&text)));
    }

    fn spinner(&self) -> std::sync::MutexGuard<'_, Option<Spinner>> {
        self.spinner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
