//! Writes the events one after the other, until the stream ends or a signal comes.

use super::silence_explainer::SilenceExplainer;
use crate::cli::Logs;
use crate::commands::Context;
use crate::config::ChatFlags;
use crate::error::{Error, Result};
use crate::report::Reporter;
use crate::report::logs::{JsonLine, LogView, notice};
use crate::signals::Handler;
use crate::tail::select::{Line, LogFilter, Selection};
use crate::tail::{TailItem, TailNotice};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// How often it checks whether stdout still has a reader.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct LogOutput {
    reporter: Reporter,
    view: LogView,
    selection: Selection,
    follow: bool,
    silence: SilenceExplainer,
    flags: ChatFlags,
    /// What could not be read: the command fails at its end.
    denied: Option<String>,
}

impl LogOutput {
    pub(super) fn new(
        context: &Context,
        args: &Logs,
        filter: LogFilter,
        silence: SilenceExplainer,
        flags: ChatFlags,
    ) -> Self {
        let follow = args.follow || args.live;
        Self {
            reporter: context.reporter,
            view: LogView::for_stdout(args.utc, context.reporter.verbosity() > 0),
            selection: Selection::new(filter, follow),
            follow,
            silence,
            flags,
            denied: None,
        }
    }

    /// The same; with the function's name in front of its lines.
    pub(super) fn naming_functions(mut self, wanted: bool) -> Self {
        self.view = self.view.naming_functions(wanted);
        self
    }

    pub(super) async fn write_all(
        mut self,
        mut stream: Receiver<Result<TailItem>>,
        signals: &Handler,
    ) -> Result<ExitCode> {
        let mut look = tokio::time::interval(LOOK);
        let mut why = std::pin::pin!(self.silence.why_after_a_while(self.follow));
        let mut explained = false;
        loop {
            tokio::select! {
                biased;
                signal = signals.stopped() => return Ok(ExitCode::from(signal.exit_code())),
                item = stream.recv() => match item {
                    Some(item) => self.take(item?)?,
                    None => break,
                },
                _ = look.tick() => if self.reporter.reader_is_gone() {
                    return Ok(ExitCode::SUCCESS);
                },
                reasons = &mut why, if !explained => {
                    explained = true;
                    self.silence.say(&self.reporter, &reasons, self.selection.seen());
                }
            }
        }
        self.end().await
    }

    /// The past was read to its end.
    async fn end(mut self) -> Result<ExitCode> {
        let rest = self.selection.end();
        self.write(rest)?;
        if self.selection.shown() == 0 {
            let seen = self.selection.seen();
            self.silence.explain(&self.reporter, seen).await;
        }
        let Some(denied) = self.denied else {
            return Ok(ExitCode::SUCCESS);
        };
        let error = Error::failed(denied);
        let exit_code = error.kind().exit_code();
        self.reporter.failure_document(&error, exit_code);
        Ok(ExitCode::from(exit_code))
    }

    fn take(&mut self, item: TailItem) -> Result<()> {
        match item {
            TailItem::Event(event) => {
                self.silence.heard();
                let lines = self.selection.next(event);
                self.write(lines)
            }
            TailItem::CaughtUp => {
                let lines = self.selection.caught_up();
                self.write(lines)
            }
            TailItem::Notice(what) => {
                let notice = notice(&what, self.follow, &self.flags);
                if matches!(what, TailNotice::Denied { .. }) {
                    self.denied.get_or_insert_with(|| notice.text.clone());
                }
                match notice.is_warning {
                    true => self.reporter.warning(&notice.text),
                    false => self.reporter.note(&notice.text),
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
