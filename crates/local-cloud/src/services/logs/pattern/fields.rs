//! Patterns for messages of fields: `[ip, user, status = 4* || status = 5*, ...]`.

use super::condition::{Condition, check_regexes, number};
use super::lexer::{Language, Token, Tokens, refused};
use crate::services::logs::invalid;
use crate::wire::ServiceError;

/// What the fields of a message must be.
#[derive(Debug, Clone)]
pub(super) struct FieldTests {
    /// Of the fields before the ellipsis, or of all of them.
    head: Vec<FieldTest>,
    /// Of the last fields, if there is an ellipsis.
    tail: Option<Vec<FieldTest>>,
}

/// One of these lists of conditions must hold, with all that is in it.
#[derive(Debug, Clone)]
struct FieldTest {
    either: Vec<Vec<Condition>>,
}

/// Parses what stands between the brackets. `[]` finds everything.
pub(super) fn parse(inside: &str) -> Result<FieldTests, ServiceError> {
    let mut tokens = Tokens::read(inside, Language::Fields)?;
    let mut tests = FieldTests {
        head: Vec::new(),
        tail: None,
    };
    if tokens.done() {
        tests.tail = Some(Vec::new());
        return Ok(tests);
    }
    let mut names = Vec::new();
    loop {
        let name = tests.read(&mut tokens)?;
        if names.contains(&name) {
            return Err(invalid(format!("Duplicate field '{name}'")));
        }
        names.push(name);
        if tokens.done() {
            break;
        }
        if !tokens.eat(",") {
            return Err(refused());
        }
    }
    check_regexes(tests.conditions())?;
    Ok(tests)
}

impl FieldTests {
    /// Reads one field or the ellipsis, and answers with its name.
    fn read(&mut self, tokens: &mut Tokens) -> Result<String, ServiceError> {
        if tokens.eat("...") {
            self.tail.get_or_insert_default();
            return Ok("...".to_owned());
        }
        // Uncertain: a field without a name, as in `[a, , b]`.
        let Some(Token::Word(name)) = tokens.next() else {
            return Err(refused());
        };
        let test = FieldTest::read(&name, tokens)?;
        self.tail.as_mut().unwrap_or(&mut self.head).push(test);
        Ok(name)
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let tests = self.head.iter().chain(self.tail.iter().flatten());
        tests.flat_map(|test| test.either.iter().flatten())
    }

    /// Without an ellipsis the last field takes all that is left of the message, as recorded.
    pub(super) fn matches(&self, message: &str) -> bool {
        let (most, tail) = match &self.tail {
            Some(tail) => (usize::MAX, tail.as_slice()),
            None => (self.head.len(), [].as_slice()),
        };
        let fields = split(message, most);
        let Some(skipped) = fields.len().checked_sub(self.head.len() + tail.len()) else {
            return false;
        };
        let mut tests = self.head.iter().chain(tail).enumerate();
        tests.all(|(index, test)| {
            let shift = if index < self.head.len() { 0 } else { skipped };
            test.holds(fields[index + shift])
        })
    }
}

impl FieldTest {
    /// The conditions of a field, which name no other: `status > 1 && status < 9`.
    fn read(name: &str, tokens: &mut Tokens) -> Result<Self, ServiceError> {
        let mut either = Vec::new();
        let Some(first) = Condition::read(tokens)? else {
            return Ok(Self { either });
        };
        either.push(vec![first]);
        loop {
            let or = tokens.eat("||");
            if !or && !tokens.eat("&&") {
                return Ok(Self { either });
            }
            if !tokens.eat_words(name) {
                return Err(refused());
            }
            let condition = Condition::read(tokens)?.ok_or_else(refused)?;
            match either.last_mut().filter(|_| !or) {
                Some(all) => all.push(condition),
                None => either.push(vec![condition]),
            }
        }
    }

    fn holds(&self, field: &str) -> bool {
        let one = |condition: &Condition| condition.holds(field, number(field));
        self.either.is_empty() || self.either.iter().any(|all| all.iter().all(one))
    }
}

/// At most so many fields: words, with `"…"` and `[…]` as one field each; the last has the rest.
fn split(message: &str, most: usize) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() {
        let (field, after) = first_field(rest);
        if fields.len() + 1 == most && !after.is_empty() {
            fields.push(rest);
            break;
        }
        fields.push(field);
        rest = after;
    }
    fields
}

/// The first field, and what follows it. A quote that nothing closes belongs to a word.
fn first_field(text: &str) -> (&str, &str) {
    let closing = match text.as_bytes()[0] {
        b'"' => Some('"'),
        b'[' => Some(']'),
        _ => None,
    };
    let quoted = closing.and_then(|closing| text[1..].split_once(closing));
    let (field, after) = quoted
        .unwrap_or_else(|| text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())));
    (field, after.trim_start())
}
