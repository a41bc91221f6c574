//! The live view: what runs and for how long, what waits for what and why, how much is done.
//! The only user of indicatif.

use super::progress::spelled;
use super::{Style, escape, plan};
use crate::engine::Id;
use crate::engine::event::{Event, EventKind, Upcoming};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// So many waiting steps are named; the rest are counted.
const NAMED_WAITERS: usize = 3;

/// Draws in place on stderr.
#[derive(Debug)]
pub(super) struct LiveView {
    screen: MultiProgress,
    colours: bool,
    /// The counts, then the waiting steps that are named.
    foot: Vec<ProgressBar>,
    running: HashMap<Id, Running>,
    waiting: Vec<Upcoming>,
    ended: HashSet<Id>,
    total: usize,
    began: Instant,
}

#[derive(Debug)]
struct Running {
    bar: ProgressBar,
    step: Upcoming,
    note: String,
    began: Instant,
}

impl LiveView {
    pub(super) fn new() -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let foot = (0..=NAMED_WAITERS).map(|_| screen.add(line())).collect();
        Self {
            screen,
            colours: Style::is_wanted_on_stderr(),
            foot,
            running: HashMap::new(),
            waiting: Vec::new(),
            ended: HashSet::new(),
            total: 0,
            began: Instant::now(),
        }
    }

    /// Takes in an event; `line` is what stays of it above the view.
    pub(super) fn event(&mut self, event: &Event, line: Option<&str>) {
        match &event.kind {
            EventKind::Began { steps } => {
                self.total = steps.len();
                self.waiting.clone_from(steps);
            }
            EventKind::Started { id } => self.start(id),
            EventKind::Note { id, text } => {
                if let Some(running) = self.running.get_mut(id) {
                    running.note.clone_from(text);
                }
            }
            EventKind::Named { id, name } => {
                if let Some(running) = self.running.get_mut(id) {
                    running.step.name.clone_from(name);
                }
            }
            EventKind::Finished { id, .. }
            | EventKind::Failed { id, .. }
            | EventKind::Skipped { id, .. } => {
                self.end(id);
            }
            EventKind::Stopping { .. } => {}
        }
        if let Some(line) = line {
            // There is no other place to report a failing terminal.
            let _ = self.screen.println(self.coloured(line));
        }
        self.draw();
    }

    fn start(&mut self, id: &Id) {
        let Some(at) = self.waiting.iter().position(|step| step.id == *id) else {
            return;
        };
        let running = Running {
            bar: self.screen.insert_before(&self.foot[0], line()),
            step: self.waiting.remove(at),
            note: String::new(),
            began: Instant::now(),
        };
        self.running.insert(id.clone(), running);
    }

    fn end(&mut self, id: &Id) {
        self.waiting.retain(|step| step.id != *id);
        self.ended.insert(id.clone());
        if let Some(running) = self.running.remove(id) {
            running.bar.finish_and_clear();
            self.screen.remove(&running.bar);
        }
    }

    /// Draws the running steps and the foot anew.
    pub(super) fn draw(&self) {
        let frame = usize::try_from(self.began.elapsed().as_millis() / 100).unwrap_or(0);
        for running in self.running.values() {
            running.bar.set_message(self.coloured(&running.text(frame)));
        }
        let mut lines = self.foot_lines().into_iter();
        for bar in &self.foot {
            bar.set_message(self.coloured(&lines.next().unwrap_or_default()));
        }
    }

    /// indicatif writes to the terminal by itself, and knows nothing of --color.
    fn coloured(&self, text: &str) -> String {
        match self.colours {
            true => text.to_owned(),
            false => anstream::adapter::strip_str(text).to_string(),
        }
    }

    fn foot_lines(&self) -> Vec<String> {
        let took = spelled(self.began.elapsed());
        let counts = format!(
            "{} of {} done · {} running · {} waiting · {took}",
            self.ended.len(),
            self.total,
            self.running.len(),
            self.waiting.len(),
        );
        let mut lines = vec![format!("  {}", Style::Strong.paint(&counts))];
        let waiters = self
            .waiting
            .iter()
            .filter_map(|step| self.why_waiting(step));
        lines.extend(waiters.take(NAMED_WAITERS));
        lines
    }

    /// The first thing that it still waits for, and why.
    fn why_waiting(&self, step: &Upcoming) -> Option<String> {
        let mut open = step.after.iter().filter(|(id, _)| !self.ended.contains(id));
        let (on, why) = open.next()?;
        let more = match open.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!(
            "    {} waits for {on}{more}: {why}",
            escape(step.id.as_str())
        );
        Some(Style::Faint.paint(&text))
    }

    /// Takes the view off the screen.
    pub(super) fn clear(&self) {
        self.foot.iter().for_each(ProgressBar::finish_and_clear);
        let _ = self.screen.clear();
    }
}

impl Running {
    fn text(&self, frame: usize) -> String {
        const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
        let spinner = plan::style(self.step.action).paint(FRAMES[frame % FRAMES.len()]);
        let took = spelled(self.began.elapsed());
        let id = escape(self.step.id.as_str());
        let what = format!("{} {id}", self.step.action.doing());
        let note = match self.note.as_str() {
            "" => String::new(),
            note => Style::Faint.paint(&format!(" · {}", escape(note))),
        };
        format!("  {spinner} {what} {took}{note}")
    }
}

/// A bar that is only its message, cut to the terminal's width.
fn line() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}");
    let bar = ProgressBar::new_spinner();
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// One line that says what is being done, with a spinner.
#[derive(Debug)]
pub(super) struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    pub(super) fn new(text: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template("  {spinner} {wide_msg} {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Self { bar }
    }

    pub(super) fn say(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
