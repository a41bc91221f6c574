//! The conversation of `chatctl chat` on a terminal, in a file, or as JSON lines.

use super::escape;
use super::prompt::Prompt;
use super::{Reporter, Style};
use crate::chat_client::{Frame, Screen, Words};
use crate::error::Result;
use serde_json::json;

/// Shows the conversation; the text of others is escaped first.
pub struct ChatScreen {
    reporter: Reporter,
    prompt: Option<Prompt>,
}

impl ChatScreen {
    /// With a prompt, messages come in above it.
    pub fn new(reporter: Reporter, prompt: Option<Prompt>) -> Self {
        Self { reporter, prompt }
    }

    fn result(&self, text: &str) -> Result<()> {
        self.above(|| self.reporter.result(text))
    }

    fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.prompt {
            Some(prompt) => prompt.above(write),
            None => write(),
        }
    }
}

impl Screen for ChatScreen {
    fn frame(&mut self, frame: &Frame, me: Option<&str>) -> Result<()> {
        if self.reporter.is_json() {
            return self.reporter.line(&frame.raw);
        }
        if let (Some(prompt), Some(me)) = (&self.prompt, me) {
            prompt.label(&format!("{}> ", escape(me)));
        }
        frame
            .words()
            .iter()
            .try_for_each(|words| self.result(&readable(words)))
    }

    fn members(&mut self, names: &[String]) -> Result<()> {
        if self.reporter.is_json() {
            return self.reporter.line(&json!({ "members": names }));
        }
        let shown: Vec<_> = names.iter().map(|name| escape(name)).collect();
        let list = if shown.is_empty() {
            "nobody yet".to_owned()
        } else {
            shown.join(", ")
        };
        self.result(&format!(
            "{} {list}",
            Style::Faint.paint(&format!("members ({}):", names.len()))
        ))
    }

    fn said(&mut self, me: &str, text: &str) -> Result<()> {
        if self.reporter.is_json() {
            return Ok(());
        }
        self.result(&readable(&Words::Spoken {
            private: false,
            from: me.to_owned(),
            text: text.to_owned(),
        }))
    }

    fn whispered(&mut self, to: &str, text: &str) -> Result<()> {
        if self.reporter.is_json() {
            return Ok(());
        }
        let tag = Style::Warning.paint(&format!("[private to {}]", escape(to)));
        self.result(&format!("{tag} {}", escape(text)))
    }

    fn note(&mut self, text: &str) {
        self.above(|| {
            self.reporter
                .note(&Style::Faint.paint(&format!("-- {text}")));
        });
    }
}

fn readable(words: &Words) -> String {
    match words {
        Words::System(text) => Style::Faint.paint(&format!("* {}", escape(text))),
        Words::Refused(text) => format!("{} {}", Style::Error.paint("!"), escape(text)),
        Words::Spoken {
            private,
            from,
            text,
        } => {
            let tag = if *private {
                Style::Warning.paint("[private] ")
            } else {
                String::new()
            };
            format!(
                "{tag}{} {}",
                Style::Strong.paint(&format!("{}:", escape(from))),
                escape(text)
            )
        }
    }
}
