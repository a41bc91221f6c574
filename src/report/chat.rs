//! The conversation of `chatctl chat` on a terminal, in a file, or as JSON lines.

use super::escape;
use super::prompt::Prompt;
use super::{Reporter, Style};
use crate::chat_client::{Frame, Screen, Words};
use crate::error::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Shows the conversation; the text of others is escaped first.
pub struct ChatScreen {
    reporter: Reporter,
    prompt: Option<Prompt>,
}

impl ChatScreen {
    /// With a prompt, messages come in above it, with the time.
    pub fn new(reporter: Reporter, prompt: Option<Prompt>) -> Self {
        Self { reporter, prompt }
    }

    /// `at`: milliseconds since 1970, or now.
    fn result(&self, text: &str, at: Option<i64>) -> Result<()> {
        let Some(prompt) = &self.prompt else {
            return self.reporter.result(text);
        };
        let line = format!("{} {text}", Style::Faint.paint(&clock(at)));
        prompt.print(self.reporter.written(&line));
        Ok(())
    }
}

impl Screen for ChatScreen {
    fn frame(&mut self, frame: &Frame, me: Option<&str>) -> Result<()> {
        if self.reporter.is_json() {
            return self.reporter.line(&frame.raw);
        }
        self.label(frame, me);
        let at = frame.known.ts.as_ref().and_then(Value::as_i64);
        frame
            .words()
            .iter()
            .try_for_each(|words| self.result(&readable(words), at))
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
        let title = Style::Faint.paint(&format!("members ({}):", names.len()));
        self.result(&format!("{title} {list}"), None)
    }

    fn present(&mut self, names: &[String]) {
        if let Some(prompt) = &self.prompt {
            prompt.members(names);
        }
    }

    fn said(&mut self, me: &str, text: &str) -> Result<()> {
        if self.reporter.is_json() {
            return Ok(());
        }
        let words = Words::Spoken {
            private: false,
            from: me.to_owned(),
            text: text.to_owned(),
        };
        self.result(&readable(&words), None)
    }

    fn whispered(&mut self, to: &str, text: &str) -> Result<()> {
        if self.reporter.is_json() {
            return Ok(());
        }
        let tag = Style::Warning.paint(&format!("[private to {}]", escape(to)));
        self.result(&format!("{tag} {}", escape(text)), None)
    }

    fn note(&mut self, text: &str) {
        let text = Style::Faint.paint(&format!("-- {text}"));
        match &self.prompt {
            Some(prompt) if !self.reporter.is_quiet() => prompt.print(self.reporter.written(&text)),
            Some(_) => {}
            None => self.reporter.note(&text),
        }
    }
}

impl ChatScreen {
    /// The prompt waits for it after `/name`: a refusal means that the name stays.
    fn label(&self, frame: &Frame, me: Option<&str>) {
        let Some(prompt) = &self.prompt else { return };
        if me.is_some() || frame.is_refusal() {
            prompt.label(&escape(me.unwrap_or_default()));
        }
    }
}

/// The hour and the minute here.
fn clock(millis: Option<i64>) -> String {
    let at = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let here = at
        .unwrap_or_else(Timestamp::now)
        .to_zoned(TimeZone::system());
    here.strftime("%H:%M").to_string()
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
