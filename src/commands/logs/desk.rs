//! Where events are written down, one after the other, until somebody says stop.

use super::quiet::Quiet;
use crate::cli::Logs;
use crate::commands::Context;
use crate::error::Result;
use crate::report::Reporter;
use crate::report::logs::{JsonLine, LogView, notice};
use crate::tail::select::{Line, Selection, Wishes};
use crate::tail::{Notice, Said};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

/// How often we look whether anybody still reads.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Desk {
    reporter: Reporter,
    view: LogView,
    selection: Selection,
    follow: bool,
    quiet: Quiet,
    denied: bool,
}

impl Desk {
    pub(super) fn new(
        context: &Context,
        args: &Logs,
        wishes: Wishes,
        follow: bool,
        quiet: Quiet,
    ) -> Self {
        Self {
            reporter: context.reporter,
            view: LogView::for_stdout(args.utc, context.reporter.verbosity() > 0),
            selection: Selection::new(wishes, follow),
            follow,
            quiet,
            denied: false,
        }
    }

    pub(super) async fn serve(
        mut self,
        mut stream: Receiver<Result<Said>>,
        mut interrupt: oneshot::Receiver<()>,
    ) -> Result<ExitCode> {
        let mut look = tokio::time::interval(LOOK);
        let mut why = std::pin::pin!(self.quiet.why_after_a_while(self.follow));
        let mut explained = false;
        loop {
            tokio::select! {
                biased;
                _ = &mut interrupt => return Ok(ExitCode::from(130)),
                said = stream.recv() => match said {
                    Some(said) => self.take(said?)?,
                    None => break,
                },
                _ = look.tick() => if self.reporter.reader_is_gone() {
                    return Ok(ExitCode::SUCCESS);
                },
                reasons = &mut why, if !explained => {
                    explained = true;
                    self.quiet.say(&self.reporter, &reasons, self.selection.seen());
                }
            }
        }
        let rest = self.selection.end();
        self.write(rest)?;
        if self.selection.shown() == 0 {
            self.quiet
                .explain(&self.reporter, self.selection.seen())
                .await;
        }
        Ok(if self.denied {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    fn take(&mut self, said: Said) -> Result<()> {
        match said {
            Said::Event(event) => {
                self.quiet.heard();
                let lines = self.selection.next(event);
                self.write(lines)
            }
            Said::CaughtUp => {
                let lines = self.selection.caught_up();
                self.write(lines)
            }
            Said::Notice(what) => {
                self.denied |= matches!(what, Notice::Denied { .. });
                let (warning, text) = notice(&what, self.follow);
                if warning {
                    self.reporter.warning(&text);
                } else {
                    self.reporter.note(&text);
                }
                Ok(())
            }
        }
    }

    fn write(&self, lines: Vec<Line>) -> Result<()> {
        for (event, facts) in lines {
            if self.reporter.is_json() {
                self.reporter.line(&JsonLine::new(&event, &facts))?;
            } else if let Some(text) = self.view.text(&event, &facts) {
                self.reporter.result(&text)?;
            }
        }
        Ok(())
    }
}
