//! What a value of a JSON message, or a field of a space-delimited one, is compared with.
//!
//! A word that reads as a number is one; between quotes it is a text. A number is equal to a number by value
//! and to a text by its digits: `= 1` finds 1, 1.0 and "1", but not "1.0". `<` and `>` take numbers only.
//! Recorded: radkawar/stackd testdata/aws/logs/filters.json.

use std::cmp::Ordering;

use regex::Regex;

use super::lexer::{Token, Tokens, bad_characters, refused};
use crate::services::logs::invalid;
use crate::wire::ServiceError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone)]
enum Literal {
    Number {
        value: f64,
        digits: String,
    },
    /// `*` at its beginning, its end or between stands for anything.
    Text(String),
    Regex(Regex),
}

/// A comparison and what follows it: `>= 400`.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    comparison: Comparison,
    literal: Literal,
}

const REGEXES: usize = 2;

const COMPARISONS: [(&str, Comparison); 6] = [
    ("=", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::LessEqual),
    (">", Comparison::Greater),
    (">=", Comparison::GreaterEqual),
];

impl Condition {
    /// The condition that is next, if a comparison is.
    pub(super) fn read(tokens: &mut Tokens) -> Result<Option<Self>, ServiceError> {
        let found = COMPARISONS.into_iter().find(|(sign, _)| tokens.eat(sign));
        let Some((_, comparison)) = found else {
            return Ok(None);
        };
        let literal = match tokens.next() {
            // As recorded: only IS NULL finds null.
            Some(Token::Word(word)) if word == "null" => return Err(refused()),
            Some(Token::Word(word)) => match number(&word) {
                Some(value) => Literal::Number {
                    value,
                    digits: word,
                },
                None if comparison.orders() => return Err(bad_characters(&word)),
                None => Literal::Text(word),
            },
            Some(Token::Quoted(text)) if comparison.orders() => {
                return Err(bad_characters(&format!("\"{text}\"")));
            }
            Some(Token::Quoted(text)) => Literal::Text(text),
            Some(Token::Regex(text)) if !comparison.orders() => Literal::Regex(compile(&text)?),
            _ => return Err(refused()),
        };
        Ok(Some(Self {
            comparison,
            literal,
        }))
    }

    /// Whether it holds for a value that reads so, and that is this number if it is one.
    pub(super) fn holds(&self, text: &str, number: Option<f64>) -> bool {
        let ordering = match (&self.literal, number) {
            (Literal::Number { value, .. }, Some(number)) => number.partial_cmp(value),
            (literal, _) => return self.comparison.holds_for_text(literal.is(text)),
        };
        ordering.is_some_and(|ordering| self.comparison.holds_for(ordering))
    }
}

impl Comparison {
    fn orders(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    fn holds_for_text(self, equal: bool) -> bool {
        match self {
            Self::Equal => equal,
            Self::NotEqual => !equal,
            _ => false,
        }
    }

    fn holds_for(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
        }
    }
}

impl Literal {
    fn is(&self, text: &str) -> bool {
        match self {
            Self::Number { digits, .. } => digits == text,
            Self::Text(pattern) => wildcard(pattern, text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Refuses more regular expressions than one pattern may have.
pub(super) fn check_regexes<'a>(
    conditions: impl Iterator<Item = &'a Condition>,
) -> Result<(), ServiceError> {
    let regexes = conditions.filter(|condition| matches!(condition.literal, Literal::Regex(_)));
    if regexes.count() > REGEXES {
        return Err(invalid(format!(
            "Your input has exceeded the maximum of {REGEXES} regular expressions per filter pattern."
        )));
    }
    Ok(())
}

/// What a word is as a number, if it is one. Rust would also take `inf` and `NaN`.
pub(super) fn number(word: &str) -> Option<f64> {
    let fine = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    fine.then(|| word.parse().ok()).flatten()
}

pub(super) fn compile(text: &str) -> Result<Regex, ServiceError> {
    Regex::new(text).map_err(|_| invalid("Failed to compile regular expression."))
}

/// AWS takes the first place where the text between two `*` is found and does not go back: `*1.1` does not
/// match 1.1.1. (So it is in the tests that the public project json_filter runs against AWS.)
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
        last = Some(piece);
    }
    rest.is_empty() || last == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_takes_the_first_place_that_fits() {
        for (pattern, text) in [
            ("*", ""),
            ("4*", "404"),
            ("*.html*", "/a.html?b"),
            ("1*3", "123"),
        ] {
            assert!(wildcard(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("4*", "14"),
            ("*1.1", "1.1.1"),
            ("a*c", "abcd"),
            ("a?c", "abc"),
        ] {
            assert!(!wildcard(pattern, text), "{pattern} {text}");
        }
    }
}
