//! What Tab completes at the prompt of `chatctl chat`: commands, and the names of members.

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use std::sync::{Arc, Mutex, PoisonError};

const COMMANDS: [&str; 5] = ["/help", "/msg ", "/name ", "/quit", "/who"];
const PRIVATE: &str = "/msg ";

/// Knows the commands, and who is here.
pub(super) struct Completion {
    members: Arc<Mutex<Vec<String>>>,
}

impl Completion {
    /// The names may change at any time.
    pub(super) fn new(members: Arc<Mutex<Vec<String>>>) -> Self {
        Self { members }
    }

    /// Where what is completed begins, and what it could become.
    fn candidates(&self, line: &str) -> (usize, Vec<Pair>) {
        if let Some(name) = line.strip_prefix(PRIVATE) {
            return (
                PRIVATE.len(),
                self.names(name.trim_start_matches('"'), receiver),
            );
        }
        if line.starts_with('/') {
            let known = COMMANDS.iter().filter(|command| command.starts_with(line));
            return (
                0,
                known
                    .map(|command| pair(command, (*command).to_owned()))
                    .collect(),
            );
        }
        let start = line.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let ending = if start == 0 { ": " } else { " " };
        let mention = |name: &str| format!("{name}{ending}");
        (start, self.names(&line[start..], mention))
    }

    fn names(&self, typed: &str, written: impl Fn(&str) -> String) -> Vec<Pair> {
        if typed.is_empty() && !self.is_short() {
            return Vec::new();
        }
        let typed = typed.to_lowercase();
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = members
            .iter()
            .filter(|name| name.to_lowercase().starts_with(&typed));
        fitting.map(|name| pair(name, written(name))).collect()
    }

    /// Few enough to be listed for nothing typed.
    fn is_short(&self) -> bool {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        members.len() <= 50
    }
}

/// As `/msg` takes it.
fn receiver(name: &str) -> String {
    if name.contains(char::is_whitespace) {
        format!("\"{name}\" ")
    } else {
        format!("{name} ")
    }
}

fn pair(shown: &str, replacement: String) -> Pair {
    Pair {
        display: shown.trim_end().to_owned(),
        replacement,
    }
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(self.candidates(&line[..pos]))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Validator for Completion {}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> (usize, Vec<String>) {
        let members = ["Bea", "Bob", "Jo Ann"].map(str::to_owned).to_vec();
        let (start, pairs) = Completion::new(Arc::new(Mutex::new(members))).candidates(line);
        let replacements = pairs.into_iter().map(|pair| pair.replacement);
        (start, replacements.collect())
    }

    fn with(start: usize, replacements: &[&str]) -> (usize, Vec<String>) {
        let replacements = replacements.iter().map(|one| (*one).to_owned());
        (start, replacements.collect())
    }

    #[test]
    fn commands_complete_at_the_beginning_of_the_line() {
        assert_eq!(completed("/m"), with(0, &["/msg "]));
        assert_eq!(completed("/"), with(0, &COMMANDS));
        assert_eq!(completed("say /m"), with(4, &[]));
    }

    #[test]
    fn names_complete_after_msg_quoted_where_they_must_be() {
        assert_eq!(completed("/msg b"), with(5, &["Bea ", "Bob "]));
        assert_eq!(completed("/msg \"jo"), with(5, &["\"Jo Ann\" "]));
        assert_eq!(completed("/msg Bob hi"), with(5, &[]));
    }

    #[test]
    fn names_complete_in_a_message_and_address_somebody_at_its_beginning() {
        assert_eq!(completed("bo"), with(0, &["Bob: "]));
        assert_eq!(completed("ask Be"), with(4, &["Bea "]));
    }
}
