//! The few styles that chatctl uses, by meaning.

use anstyle::{AnsiColor, Color, Style as Ansi};

/// A style by meaning. Streams strip it where colour is not wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Something failed, or is deleted.
    Error,
    /// Something may cause a failure later, or changes.
    Warning,
    /// What to do next.
    Hint,
    /// Something worked, or is created.
    Good,
    /// Less important.
    Faint,
    /// A URL, a name, a heading.
    Strong,
}

impl Style {
    /// The text in this style.
    pub fn paint(self, text: &str) -> String {
        let ansi = self.ansi();
        format!("{ansi}{text}{ansi:#}")
    }

    /// Whether stderr takes colours; needed only by what writes past `anstream`.
    pub fn is_wanted_on_stderr() -> bool {
        anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
    }

    fn ansi(self) -> Ansi {
        let colour = |c: AnsiColor| Ansi::new().fg_color(Some(Color::Ansi(c)));
        match self {
            Self::Error => colour(AnsiColor::Red).bold(),
            Self::Warning => colour(AnsiColor::Yellow),
            Self::Hint => colour(AnsiColor::Cyan),
            Self::Good => colour(AnsiColor::Green),
            Self::Faint => Ansi::new().dimmed(),
            Self::Strong => Ansi::new().bold(),
        }
    }
}
