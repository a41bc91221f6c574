//! Parses what the user types: a line is a message to everybody, `/word` is a command.

/// One line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Say to all.
    Public(String),
    /// Say to one.
    Private {
        /// The receiver's name.
        to: String,
        /// The text.
        text: String,
    },
    /// Take this name.
    Name(String),
    /// Who is here?
    Members,
    /// What can I type?
    Help,
    /// Leave.
    Quit,
    /// An empty line.
    Nothing,
    /// Not understood; says why.
    Wrong(String),
}

/// What `/help` shows.
pub const HELP: &str = "\
Type a line to say it to everybody; Tab completes commands and names. Or:
  /msg NAME TEXT    say it to one member; quote a name with spaces: /msg \"Jo Ann\" hi
  /name NAME        take a name, or another one
  /who              who is here
  /quit             leave (also Ctrl-D)
A line that begins with // is said with one / less. Pasted lines are one message.
A message that was not sent is kept: Enter on an empty line sends it again.";

impl Typed {
    /// Understands a line.
    pub fn parse(line: &str) -> Self {
        let line = line.trim();
        if let Some(said) = line.strip_prefix("//") {
            return Self::Public(format!("/{said}"));
        }
        let Some(command) = line.strip_prefix('/') else {
            return if line.is_empty() {
                Self::Nothing
            } else {
                Self::Public(line.to_owned())
            };
        };
        let (word, rest) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        let rest = rest.trim();
        match word {
            "msg" | "m" => private(rest),
            "name" | "nick" if rest.is_empty() => Self::Wrong("say which: /name NAME".into()),
            "name" | "nick" => Self::Name(unquoted(rest).to_owned()),
            "members" | "who" => Self::Members,
            "help" | "?" => Self::Help,
            "quit" | "exit" => Self::Quit,
            _ => Self::Wrong(format!("there is no /{word}; /help shows what there is")),
        }
    }
}

fn private(rest: &str) -> Typed {
    let (to, text) = match rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some(quoted) => quoted,
        None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
    };
    let text = text.trim();
    if to.is_empty() || text.is_empty() {
        return Typed::Wrong("say to whom and what: /msg NAME TEXT".into());
    }
    Typed::Private {
        to: to.to_owned(),
        text: text.to_owned(),
    }
}

fn unquoted(name: &str) -> &str {
    name.strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_to_all() {
        assert_eq!(Typed::parse(" hi all "), Typed::Public("hi all".into()));
        assert_eq!(
            Typed::parse("//etc/passwd"),
            Typed::Public("/etc/passwd".into())
        );
        assert_eq!(Typed::parse("  "), Typed::Nothing);
    }

    #[test]
    fn a_private_message_names_its_receiver() {
        let private = |to: &str, text: &str| Typed::Private {
            to: to.into(),
            text: text.into(),
        };
        assert_eq!(
            Typed::parse("/msg Bob hi there"),
            private("Bob", "hi there")
        );
        assert_eq!(Typed::parse("/msg \"Jo Ann\" hi"), private("Jo Ann", "hi"));
        for wrong in ["/msg", "/msg Bob", "/msg \"\" hi", "/msg \"Jo Ann\""] {
            assert!(matches!(Typed::parse(wrong), Typed::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn the_other_words_are_understood() {
        assert_eq!(
            Typed::parse("/name \"Jo Ann\""),
            Typed::Name("Jo Ann".into())
        );
        assert_eq!(Typed::parse("/members"), Typed::Members);
        assert_eq!(Typed::parse("/quit"), Typed::Quit);
        assert_eq!(
            Typed::parse("/name"),
            Typed::Wrong("say which: /name NAME".into())
        );
        assert!(matches!(Typed::parse("/nmae x"), Typed::Wrong(_)));
    }
}
